// What one client shares with the daemon: submission ring, completion ring, touch ring, lease table and the
// client's own counters, in one region that both map for reading and writing. Everything in it that the
// client can write is read by the daemon through untrusted.h.
//
// Words that different sides write lie on different cache lines.
#pragma once

#include "abi/uakv.h"
#include "ipc/histogram.h"
#include "ipc/limits.h"

#include <cstddef>
#include <cstdint>

namespace uakv {

enum class Opcode : std::uint8_t {
    grant = 1,     // a slot for a block of `length` bytes
    commit = 2,    // publish slot (segment, slot) as `key`
    abort = 3,     // the slot goes back
    remove = 4,    // drop `key`
    check = 5,     // this client found `key` corrupt: verify, and drop it if so
    stats = 6,     // write SessionLayout::statistics afresh
    claim = 7,     // single flight: a slot of `length` bytes to compute `key` in, or word that it is stored
    cancel = 8,    // end the request whose user_data is `target`, if it still waits
    pin = 9,       // keep `key` for ttl_ms; 0: no longer; UAKV_PIN_FOREVER
    clear = 10,    // drop all blocks of `space`
    load = 11,     // bring `key` into memory, within timeout_us
    prefetch = 12, // the same as a hint: answered at once
    flush = 13,    // answer when all blocks of `space` that are committed are on stable storage
};

// Submission::flags
constexpr std::uint8_t submission_has_parent = 1;
constexpr std::uint8_t submission_as_stored = 2; // load: a frame will do (ipc/codec); the client decodes it
constexpr std::uint8_t submission_anew = 4;      // claim: a block that lies on disk alone could not be loaded
constexpr std::uint8_t submission_ordered = 8;   // commit, of a device session: once `stream` has reached `target`

struct Submission {
    Opcode opcode;
    std::uint8_t flags;
    std::uint16_t stream; // of a device session (device_session.h)
    std::uint32_t space;
    std::uint64_t user_data; // comes back in the completion, unread
    uakv_key key;
    uakv_key parent;
    std::uint32_t segment;
    std::uint32_t slot;
    std::uint64_t length;
    std::uint64_t checksum;
    std::uint32_t ttl_ms;
    std::uint32_t timeout_us; // load: how long the client waits
    std::uint64_t target;
    std::uint64_t reserved2;
};
static_assert(sizeof(Submission) == 128 && offsetof(Submission, key) == 16 && offsetof(Submission, segment) == 80 &&
              offsetof(Submission, checksum) == 96 && offsetof(Submission, timeout_us) == 108 &&
              offsetof(Submission, target) == 112);

// Exactly one for each submission. With `capacity` not zero it carries a slot that is granted from here on:
// the one asked for, or one ahead of the next reserve.
struct Completion {
    std::uint64_t user_data;
    std::int32_t status;
    std::uint32_t value; // remove, pin: 1 when there was a block; prefetch: 1 when it is on its way
    std::uint32_t segment;
    std::uint32_t slot;
    std::uint64_t offset;
    std::uint64_t capacity;
    std::uint64_t reserved[3];
};
static_assert(sizeof(Completion) == 64 && offsetof(Completion, segment) == 16 && offsetof(Completion, capacity) == 32);

// Heads and tails count up for ever; the place is the count modulo the size of the ring.
struct SessionHeader {
    std::uint64_t magic;
    std::uint32_t layout_version;
    // daemon: not 0 from when it no longer looks at the lease words. Nobody writes this line before, so every reader
    // keeps it in its cache.
    std::uint32_t leases_void;
    std::uint32_t reserved0[12];

    alignas(64) std::uint32_t submission_tail; // client
    std::uint32_t completion_head;             // client
    std::uint32_t completion_waiters;          // client: threads that sleep on completion_tail
    std::uint32_t bell_wanted;                 // client: ring the bell too, once something is completed

    alignas(64) std::uint32_t submission_head; // daemon
    std::uint32_t need_wakeup;                 // daemon: it does not look at this ring; ring the doorbell

    alignas(64) std::uint32_t completion_tail; // daemon; a futex

    // Hits touch this line and no other shared one but their lease word.
    alignas(64) std::uint64_t touch_tail; // client: also the number of hits
    std::uint64_t bytes_hit;              // client
    std::uint64_t misses;                 // client
    std::uint64_t misses_expired;         // client: of them, those that found a block whose time was over
    std::uint32_t leases_high;            // client: no lease word at or beyond this one was ever used
};
static_assert(sizeof(SessionHeader) == 320 && offsetof(SessionHeader, leases_void) == 12 &&
              offsetof(SessionHeader, submission_tail) == 64 && offsetof(SessionHeader, submission_head) == 128 &&
              offsetof(SessionHeader, completion_tail) == 192 && offsetof(SessionHeader, touch_tail) == 256 &&
              offsetof(SessionHeader, leases_high) == 288);

// Which calls a client times. Retrieves are so short that only one in `retrieves_per_sample` is.
// `load` is a retrieve that had to wait for the disk.
enum class TimedCall : std::uint32_t { retrieve, store, reserve, commit, flight, remove, load };
constexpr std::size_t timed_calls = 7;
constexpr std::uint64_t retrieves_per_sample = 64;

constexpr std::uint64_t session_magic = 0x31534E5345564B55; // "UKVESNS1"
#ifndef UAKV_SESSION_LAYOUT_VERSION                         // tests build another one, too
#define UAKV_SESSION_LAYOUT_VERSION 4
#endif
constexpr std::uint32_t session_layout_version = UAKV_SESSION_LAYOUT_VERSION;

// The numbers of uakv_stats, as the daemon writes them into the region on Opcode::stats.
struct SessionStatistics {
    std::uint32_t sequence; // odd while they are being written
    std::uint32_t reserved;
    uakv_statistics values;
};

struct SessionLayout {
    SessionHeader header;
    alignas(1024) std::uint64_t kept[limits::kept_slots_max]; // kept_slots.h
    alignas(limits::page_bytes) SessionStatistics statistics;
    alignas(limits::page_bytes) Histogram latencies[timed_calls]; // client; by TimedCall
    alignas(limits::page_bytes) Submission submissions[limits::submissions];
    Completion completions[limits::completions];
    std::uint32_t touches[limits::touches];    // entry + 1; 0: nothing
    std::uint64_t leases[limits::lease_words]; // lease_table.h
};
static_assert(offsetof(SessionLayout, kept) == 1024 && offsetof(SessionLayout, statistics) == limits::page_bytes);
static_assert(offsetof(SessionLayout, latencies) == 2 * limits::page_bytes);
static_assert(offsetof(SessionLayout, submissions) == 5 * limits::page_bytes);
static_assert(offsetof(SessionLayout, leases) == 5 * limits::page_bytes + 128 * 256 + 64 * 512 + 4 * 4096);
static_assert(sizeof(SessionLayout) % limits::page_bytes == 0);

} // namespace uakv
