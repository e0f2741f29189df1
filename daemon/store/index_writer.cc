#include "daemon/store/index_writer.h"

#include "daemon/store/random_word.h"
#include "ipc/hashing.h"
#include "ipc/sequence_point.h"
#include "ipc/untrusted.h"

#include <algorithm>
#include <bit>
#include <cerrno>

namespace uakv {
namespace {

// Entries get memory in steps of this many bytes, so that a daemon with few blocks stays small.
constexpr std::uint64_t entry_step_bytes = 1ULL << 20;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
    return (value + step - 1) / step * step;
}

} // namespace

Result<IndexWriter> IndexWriter::create(std::uint32_t segment_capacity, std::uint64_t segment_bytes) {
    const std::uint64_t entries = segment_capacity * (segment_bytes / limits::page_bytes);
    UAKV_ASSERT(entries > 0 && entries <= limits::entries_max);
    IndexHeader header{};
    header.magic = index_magic;
    header.layout_version = index_layout_version;
    header.entry_capacity = static_cast<std::uint32_t>(entries);
    header.epoch = random_word();
    header.hash_seed = random_word();
    header.bucket_count = std::bit_ceil(entries / limits::entries_per_bucket);
    header.buckets_offset = limits::page_bytes;
    header.entries_offset =
        header.buckets_offset + round_up(header.bucket_count * sizeof(IndexBucket), limits::page_bytes);
    header.segment_bytes = segment_bytes;
    header.segment_capacity = segment_capacity;
    const std::uint64_t bytes = header.entries_offset + round_up(entries * sizeof(IndexEntry), limits::page_bytes);

    auto fd = create_memfd("uakv-index", bytes);
    if (!fd.ok()) {
        return fd.take_error();
    }
    if (auto allocated = allocate_memfd(fd.value(), 0, header.entries_offset); !allocated.ok()) {
        return allocated.take_error();
    }
    auto mapping = Mapping::map(fd.value(), bytes, Access::read_write);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    mapping.value().prefer_huge_pages();
    write_words(mapping.value().at<IndexHeader>(0), header);
    IndexWriter index(std::move(fd.value()), std::move(mapping.value()));
    index.allocated_ = header.entries_offset;
    return index;
}

IndexWriter::IndexWriter(Fd fd, Mapping mapping)
    : fd_(std::move(fd)), mapping_(std::move(mapping)), region_(IndexRegion::at(mapping_.data())), lookup_(region_) {}

Result<EntryId> IndexWriter::take_entry() {
    if (!free_.empty()) {
        const EntryId id = free_.back();
        free_.pop_back();
        return id;
    }
    UAKV_ASSERT(entries_used_ < entry_capacity()); // a slot is a page or more, so slots run out first
    if (entries_used_ == entries_allocated_) {
        const std::uint64_t offset = region_.header->entries_offset + entries_allocated_ * sizeof(IndexEntry);
        const std::uint64_t bytes = std::min(entry_step_bytes, mapping_.bytes() - offset);
        if (auto allocated = allocate_memfd(fd_, offset, bytes); !allocated.ok()) {
            return allocated.take_error();
        }
        allocated_ += bytes;
        entries_allocated_ += static_cast<std::uint32_t>(bytes / sizeof(IndexEntry));
    }
    return entries_used_++;
}

Result<EntryId> IndexWriter::publish(const BlockDescription &block) {
    auto taken = take_entry();
    if (!taken.ok()) {
        return taken;
    }
    const EntryId id = taken.value();
    IndexEntry &entry = region_.entries[id];
    const Generation before = load_relaxed(entry.generation);
    UAKV_ASSERT(!is_live(before));
    const Generation odd = before | 1; // 0, the very first time, becomes 1

    IndexEntry next{};
    next.generation = odd;
    next.key = block.key;
    EntryHome home{static_cast<std::uint16_t>(block.space), 0, block.segment};
    if (block.expires_ms != UINT64_MAX) {
        home.flags |= entry_expires;
    }
    if (block.parent) {
        home.flags |= entry_has_parent;
        next.parent = *block.parent;
    }
    next.home = std::bit_cast<std::uint64_t>(home);
    next.offset = block.offset;
    next.length = block.length;
    next.checksum = block.checksum;
    next.expires_ms = block.expires_ms;

    store_relaxed(entry.generation, odd);
    release_fence(); // whoever sees a field of the new block sees at least the odd generation
    UAKV_SEQUENCE_POINT(entry_writing);
    write_words(entry, next);
    store_release(entry.generation, odd + 1);
    UAKV_SEQUENCE_POINT(entry_written);
    insert_reference(hash_of(id), id);
    return id;
}

void IndexWriter::retire(EntryId id) {
    IndexEntry &entry = region_.entries[id];
    const Generation generation = load_relaxed(entry.generation);
    UAKV_ASSERT(is_live(generation));
    store_release(entry.generation, generation + 1);
    UAKV_SEQUENCE_POINT(entry_retired);
    remove_reference(hash_of(id), id);
    UAKV_SEQUENCE_POINT(reference_removed);
}

void IndexWriter::show_lease_clock(LeaseStamp stamp) {
    store_relaxed(region_.header->lease_clock, stamp);
    full_fence();
}

std::uint64_t IndexWriter::hash_of(EntryId id) const {
    const IndexEntry &entry = region_.entries[id];
    return hash_of_key(entry.key, home_of(entry).space, region_.header->hash_seed);
}

// First the counts, then the reference: a reader that is not yet told to go on looks for a block that is not
// yet stored.
void IndexWriter::insert_reference(std::uint64_t hash, EntryId id) {
    const std::uint64_t mask = region_.header->bucket_count - 1;
    for (std::uint64_t number = bucket_of(hash, mask + 1), probes = 0; probes <= mask; ++probes) {
        IndexBucket &bucket = region_.buckets[number];
        for (std::uint64_t &reference : bucket.references) {
            if (load_relaxed(reference) == 0) {
                store_release(reference, make_reference(tag_of(hash), id));
                return;
            }
        }
        store_release(bucket.passed, load_relaxed(bucket.passed) + 1);
        number = (number + 1) & mask;
    }
    UAKV_ASSERT(false && "the index has more places than entries");
}

// First the reference, then the counts: the reverse.
void IndexWriter::remove_reference(std::uint64_t hash, EntryId id) {
    const std::uint64_t mask = region_.header->bucket_count - 1;
    const std::uint64_t wanted = make_reference(tag_of(hash), id);
    const std::uint64_t home = bucket_of(hash, mask + 1);
    for (std::uint64_t distance = 0; distance <= mask; ++distance) {
        IndexBucket &bucket = region_.buckets[(home + distance) & mask];
        const auto found = std::find_if(std::begin(bucket.references), std::end(bucket.references),
                                        [&](std::uint64_t &reference) { return load_relaxed(reference) == wanted; });
        if (found == std::end(bucket.references)) {
            continue;
        }
        store_release(*found, 0);
        for (std::uint64_t i = 0; i < distance; ++i) {
            std::uint32_t &passed = region_.buckets[(home + i) & mask].passed;
            store_release(passed, load_relaxed(passed) - 1);
        }
        return;
    }
    UAKV_ASSERT(false && "a live entry has a reference");
}

} // namespace uakv
