// The index of a tenant, as readers see it: written by the daemon alone, mapped read-only by clients.
//
//   0                header, one page
//   buckets_offset   buckets, a power of two of them, one cache line each
//   entries_offset   entries, two cache lines each; allocated in steps as they are first used
//
// A block is found by linear probing from its home bucket. A bucket holds up to seven references (tag and
// entry number) and a count of the references that wanted to be in it but lie further on: a probe ends at
// the first bucket where that count is zero. A reference, once written, never moves, so a reader without
// any lock cannot miss a block that is stored while it looks.
#pragma once

#include "abi/uakv.h"
#include "ipc/atomic.h"
#include "ipc/limits.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace uakv {

constexpr std::uint64_t index_magic = 0x3158444E49564B55; // "UKVINDX1"
#ifndef UAKV_INDEX_LAYOUT_VERSION                         // tests build another one, too
#define UAKV_INDEX_LAYOUT_VERSION 3
#endif
constexpr std::uint32_t index_layout_version = UAKV_INDEX_LAYOUT_VERSION;

using EntryId = std::uint32_t;
using SegmentId = std::uint32_t;
using SpaceId = std::uint32_t;
using LeaseStamp = std::uint32_t; // what the lease clock shows, modulo 2^lease_stamp_bits
// Odd while the entry is free or being written, even (and not zero) while it is live; only ever grows.
using Generation = std::uint64_t;

// A hit reads the first cache line of it and no more.
struct IndexHeader {
    std::uint64_t magic;
    std::uint32_t layout_version;
    std::uint32_t entry_capacity;
    std::uint64_t epoch; // drawn at random when the index was made: tells one daemon's index from another's
    std::uint64_t hash_seed;
    std::uint64_t bucket_count;
    std::uint64_t segment_bytes;
    std::uint32_t segment_capacity;
    std::uint32_t lease_clock; // what a lease word is stamped with; moves on while memory is short (lease_table.h)
    std::uint64_t buckets_offset;
    std::uint64_t entries_offset;
};
static_assert(sizeof(IndexHeader) == 72 && offsetof(IndexHeader, bucket_count) == 32 &&
              offsetof(IndexHeader, segment_bytes) == 40 && offsetof(IndexHeader, lease_clock) == 52 &&
              offsetof(IndexHeader, buckets_offset) == 56);

struct alignas(limits::cache_line_bytes) IndexBucket {
    std::uint64_t references[limits::bucket_slots]; // tag << 32 | (entry + 1); 0: free
    std::uint32_t passed;                           // how many references passed over this bucket
    std::uint32_t reserved;
};
static_assert(sizeof(IndexBucket) == 64 && offsetof(IndexBucket, passed) == 56);

enum EntryFlags : std::uint16_t {
    entry_expires = 1, // expires_ms counts
    entry_has_parent = 2,
    entry_cold = 4, // not in memory: there is no slot, segment and offset mean nothing. Such an entry is never leased
    entry_on_disk = 8, // the disk has it too, or has it alone
    entry_encoded = 16 // the slot holds a frame of stored_bytes (ipc/codec), not the block itself
};

// The first cache line is all that a hit reads; the second is for expiry, verification and restart.
struct alignas(2 * limits::cache_line_bytes) IndexEntry {
    std::uint64_t generation;
    uakv_key key;
    std::uint64_t home;   // EntryHome, read and written as one word
    std::uint64_t offset; // in the segment
    std::uint64_t length; // of the block in bytes

    std::uint64_t checksum;   // XXH3-64 of the block
    std::uint64_t expires_ms; // boot_ms() from which on the block counts as gone
    uakv_key parent;
    std::uint64_t stored_bytes; // with entry_encoded
    std::uint64_t reserved;
};
static_assert(sizeof(IndexEntry) == 128 && offsetof(IndexEntry, key) == 8 && offsetof(IndexEntry, home) == 40 &&
              offsetof(IndexEntry, offset) == 48 && offsetof(IndexEntry, checksum) == 64 &&
              offsetof(IndexEntry, parent) == 80 && offsetof(IndexEntry, stored_bytes) == 112);

struct EntryHome {
    std::uint16_t space = 0;
    std::uint16_t flags = 0;
    std::uint32_t segment = 0;
};
static_assert(sizeof(EntryHome) == 8 && limits::spaces_max <= UINT16_MAX);

inline EntryHome home_of(const IndexEntry &entry) {
    return std::bit_cast<EntryHome>(load_relaxed(entry.home));
}

constexpr bool is_live(Generation generation) {
    return generation != 0 && (generation & 1) == 0;
}

// Where a hash leads: its low bits choose the bucket, its high half is the tag.
constexpr std::uint64_t bucket_of(std::uint64_t hash, std::uint64_t bucket_count) {
    return hash & (bucket_count - 1);
}
constexpr std::uint32_t tag_of(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> 32);
}
constexpr std::uint64_t make_reference(std::uint32_t tag, EntryId entry) {
    return static_cast<std::uint64_t>(tag) << 32 | (entry + 1ULL);
}
constexpr std::uint32_t tag_of_reference(std::uint64_t reference) {
    return static_cast<std::uint32_t>(reference >> 32);
}
constexpr EntryId entry_of_reference(std::uint64_t reference) {
    return static_cast<EntryId>(reference) - 1;
}

// Compares word by word: an entry may be rewritten while a reader looks at it, and then the generation,
// read again afterwards, tells.
inline bool key_equals(const uakv_key &shared, const uakv_key &key) {
    const auto *theirs = reinterpret_cast<const std::uint64_t *>(&shared);
    const auto same = [&](std::size_t i) {
        std::uint64_t ours = 0; // the caller's key may lie anywhere
        std::memcpy(&ours, key.bytes + i * sizeof ours, sizeof ours);
        return load_relaxed(theirs[i]) == ours;
    };
    return same(0) && same(1) && same(2) && same(3);
}

// The regions inside a mapped index.
struct IndexRegion {
    IndexHeader *header = nullptr;
    IndexBucket *buckets = nullptr;
    IndexEntry *entries = nullptr;

    static IndexRegion at(std::byte *base) {
        auto *header = reinterpret_cast<IndexHeader *>(base);
        return {header, reinterpret_cast<IndexBucket *>(base + header->buckets_offset),
                reinterpret_cast<IndexEntry *>(base + header->entries_offset)};
    }
};

// Whether what the header says lies within a region of `bytes`: asked once, before anything else of it is used.
inline bool is_within(const IndexHeader &header, std::uint64_t bytes) {
    const auto fits = [bytes](std::uint64_t offset, std::uint64_t count, std::uint64_t size) {
        return offset >= sizeof(IndexHeader) && offset % size == 0 && offset <= bytes &&
               count <= (bytes - offset) / size;
    };
    return std::has_single_bit(header.bucket_count) && header.entry_capacity <= limits::entries_max &&
           fits(header.buckets_offset, header.bucket_count, sizeof(IndexBucket)) &&
           fits(header.entries_offset, header.entry_capacity, sizeof(IndexEntry)) &&
           header.segment_capacity <= limits::segments_max && header.segment_bytes >= limits::segment_bytes_min &&
           header.segment_bytes <= limits::segment_bytes_max;
}

} // namespace uakv
