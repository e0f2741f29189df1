// What the daemon notes for the one that comes after it: a region of its own, which no client ever gets. Together with
// the index, the segments and the regions of its sessions it is all that a new daemon needs to go on.
//
//   0                header, one page
//   lost_offset      in that page: spaces of which blocks were lost that no flush has told of, a bit each
//   leaving_offset   in that page: spaces of which blocks have left memory that are being written to disk, a bit each
//   sessions_offset  numbers of the sessions that there are, u32 each; 0: a free place
//   segments_offset  the size class of each segment, u32 each: class + 1; 0: it has none
//   spaces_offset    SpaceDescription of each space, by number
//   slots_offset     for each segment as many slot records as it has pages, so that every class has room
//
// Written by one thread, and read by nobody before that is dead. So no two words need to change together, but each
// step is one word, in an order in which what is there can be believed after any of them: see docs/hot-restart.md.
#pragma once

#include "ipc/index_layout.h"
#include "ipc/wire.h"

#include <cstddef>
#include <cstdint>

namespace uakv {

constexpr std::uint64_t state_magic = 0x31544154534B5655; // "UVKSTAT1"
// What may differ between two minor layouts of one major stands in docs/hot-restart.md.
#ifndef UAKV_STATE_LAYOUT_MAJOR // tests build others, too
#define UAKV_STATE_LAYOUT_MAJOR 1
#endif
#ifndef UAKV_STATE_LAYOUT_MINOR
#define UAKV_STATE_LAYOUT_MINOR 1
#endif
constexpr std::uint32_t state_layout_major = UAKV_STATE_LAYOUT_MAJOR; // another one: a cold start
constexpr std::uint32_t state_layout_minor = UAKV_STATE_LAYOUT_MINOR;

struct StateHeader {
    std::uint64_t magic; // written last of all
    std::uint32_t layout_major;
    std::uint32_t layout_minor; // of the daemon that wrote here last
    std::uint64_t epoch;        // of the index that it belongs to
    std::uint64_t segment_bytes;
    std::uint32_t segment_capacity;
    std::uint32_t segments; // in use: their descriptors are kept
    std::uint32_t spaces;   // there are
    std::uint32_t starts;   // since the last one that was healthy, or had a clean end
    std::uint32_t clean;    // 1: the daemon has ended in order, and nothing is left to be compared
    std::uint32_t reserved[3];
};
static_assert(sizeof(StateHeader) == 64 && offsetof(StateHeader, layout_major) == 8 &&
              offsetof(StateHeader, epoch) == 16 && offsetof(StateHeader, segment_bytes) == 24 &&
              offsetof(StateHeader, segment_capacity) == 32 && offsetof(StateHeader, segments) == 36 &&
              offsetof(StateHeader, spaces) == 40 && offsetof(StateHeader, starts) == 44 &&
              offsetof(StateHeader, clean) == 48);

// Who has a slot:
//
//   0                  nobody
//   1 to 2^28          the block of entry word - 1, live or in limbo
//   bit 31 and number  the client of the session of this number; 0: the daemon itself, which reads from disk into it
using OwnerWord = std::uint32_t;
constexpr OwnerWord owner_nobody = 0;
constexpr OwnerWord owner_client_bit = 1U << 31;
constexpr OwnerWord owner_daemon = owner_client_bit;
constexpr OwnerWord owner_of_entry(EntryId entry) {
    return entry + 1;
}
constexpr OwnerWord owner_of_client(std::uint32_t session) {
    return owner_client_bit | session;
}
constexpr bool is_granted(OwnerWord owner) {
    return (owner & owner_client_bit) != 0;
}
constexpr std::uint32_t session_of_owner(OwnerWord owner) {
    return owner & ~owner_client_bit;
}
constexpr EntryId entry_of_owner(OwnerWord owner) {
    return owner - 1;
}
static_assert(limits::entries_max < owner_client_bit);

struct SlotRecord {
    OwnerWord owner;
    std::uint32_t used;            // when the block was used last: coarse_ms() / used_tick_ms, as much of it as fits
    std::uint64_t pinned_until_ms; // boot_ms(); 0: not pinned; UINT64_MAX: for ever
};
static_assert(sizeof(SlotRecord) == 16 && offsetof(SlotRecord, used) == 4 &&
              offsetof(SlotRecord, pinned_until_ms) == 8);

constexpr std::uint64_t used_tick_ms = 4;

namespace state_layout {
constexpr std::uint32_t minor_with_losses = 1; // lost_offset and leaving_offset
constexpr std::uint64_t space_bits_bytes = limits::spaces_max / 8;
constexpr std::uint64_t lost_offset = sizeof(StateHeader);
constexpr std::uint64_t leaving_offset = lost_offset + space_bits_bytes;
static_assert(lost_offset == 64 && leaving_offset == 192 && leaving_offset + space_bits_bytes <= limits::page_bytes);
constexpr std::uint32_t sessions_max = 4096;
constexpr std::uint64_t sessions_offset = limits::page_bytes;
constexpr std::uint64_t segments_offset = sessions_offset + sessions_max * sizeof(std::uint32_t);
constexpr std::uint64_t spaces_offset = segments_offset + limits::segments_max * sizeof(std::uint32_t);
constexpr std::uint64_t slots_offset = spaces_offset + limits::spaces_max * sizeof(SpaceDescription);
static_assert(sessions_offset == 4096 && segments_offset == 20480 && spaces_offset == 28672 && slots_offset == 290816);
static_assert(slots_offset % limits::page_bytes == 0 && sessions_max >= 2 * limits::clients_max);

constexpr std::uint64_t records_bytes(std::uint64_t segment_bytes) {
    return segment_bytes / limits::page_bytes * sizeof(SlotRecord);
}
static_assert(records_bytes(limits::segment_bytes_min) % limits::page_bytes == 0);

constexpr std::uint64_t bytes(std::uint32_t segment_capacity, std::uint64_t segment_bytes) {
    return slots_offset + segment_capacity * records_bytes(segment_bytes);
}
} // namespace state_layout

} // namespace uakv
