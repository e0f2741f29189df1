#include "daemon/store/index_writer.h"

#include "daemon/store/random_word.h"
#include "ipc/hashing.h"
#include "ipc/sequence_point.h"
#include "ipc/untrusted.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace uakv {
namespace {

// Entries get memory in steps of this many bytes, so that a daemon with few blocks stays small.
constexpr std::uint64_t entry_step_bytes = 1ULL << 20;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
    return (value + step - 1) / step * step;
}

// All but what is drawn at random.
IndexHeader header_for(std::uint32_t segment_capacity, std::uint64_t segment_bytes, std::uint32_t cold_capacity) {
    const std::uint64_t entries = segment_capacity * (segment_bytes / limits::page_bytes) + cold_capacity;
    UAKV_ASSERT(entries > 0 && entries <= limits::entries_max);
    IndexHeader header{};
    header.magic = index_magic;
    header.layout_version = index_layout_version;
    header.entry_capacity = static_cast<std::uint32_t>(entries);
    header.bucket_count = std::bit_ceil(entries / limits::entries_per_bucket);
    header.buckets_offset = limits::page_bytes;
    header.entries_offset =
        header.buckets_offset + round_up(header.bucket_count * sizeof(IndexBucket), limits::page_bytes);
    header.segment_bytes = segment_bytes;
    header.segment_capacity = segment_capacity;
    return header;
}

std::uint64_t bytes_of(const IndexHeader &header) {
    return header.entries_offset + round_up(header.entry_capacity * sizeof(IndexEntry), limits::page_bytes);
}

} // namespace

Result<IndexWriter> IndexWriter::create(std::uint32_t segment_capacity, std::uint64_t segment_bytes,
                                        std::uint32_t cold_capacity) {
    IndexHeader header = header_for(segment_capacity, segment_bytes, cold_capacity);
    header.epoch = random_word();
    header.hash_seed = random_word();
    const std::uint64_t bytes = bytes_of(header);

    auto fd = create_memfd("uakv-index", bytes);
    if (!fd.ok()) {
        return fd.take_error();
    }
    auto mapping = Mapping::map(fd.value(), bytes, Access::read_write);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    mapping.value().keep_out_of_dumps();
    mapping.value().prefer_huge_pages();
    mapping.value().make_huge_pages(header.entries_offset);
    if (auto allocated = allocate_memfd(fd.value(), 0, header.entries_offset); !allocated.ok()) {
        return allocated.take_error();
    }
    write_words(mapping.value().at<IndexHeader>(0), header);
    IndexWriter index(std::move(fd.value()), std::move(mapping.value()), cold_capacity);
    index.allocated_ = header.entries_offset;
    return index;
}

Result<IndexWriter> IndexWriter::adopt(Fd fd, std::uint32_t segment_capacity, std::uint64_t segment_bytes,
                                       std::uint32_t cold_capacity) {
    auto found = memfd_bytes(fd);
    if (!found.ok()) {
        return found.take_error();
    }
    if (found.value() < sizeof(IndexHeader)) {
        return error(UAKV_ERR_LAYOUT, "its index has %llu bytes, which is less than any has",
                     static_cast<unsigned long long>(found.value()));
    }
    auto mapping = Mapping::map(fd, found.value(), Access::read_write);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    const IndexHeader header = copy_once(mapping.value().at<IndexHeader>(0));
    if (header.magic != index_magic || header.layout_version != index_layout_version) {
        return error(UAKV_ERR_LAYOUT, "its index has layout %u, and this daemon goes on with %u alone",
                     header.magic == index_magic ? header.layout_version : 0, index_layout_version);
    }
    const std::uint32_t resident = header_for(segment_capacity, segment_bytes, 0).entry_capacity;
    const bool possible = header.entry_capacity >= resident && header.entry_capacity <= limits::entries_max;
    const std::uint32_t cold_found = possible ? header.entry_capacity - resident : 0;
    IndexHeader wanted = header_for(segment_capacity, segment_bytes, cold_found);
    wanted.epoch = header.epoch;
    wanted.hash_seed = header.hash_seed;
    wanted.lease_clock = header.lease_clock;
    if (found.value() != bytes_of(wanted) || std::memcmp(&header, &wanted, sizeof header) != 0) {
        return error(UAKV_ERR_LAYOUT, "its index has %u entries in %llu bytes, and its memory makes %u or more of them",
                     header.entry_capacity, static_cast<unsigned long long>(found.value()), resident);
    }
    if (cold_found < cold_capacity / 2) {
        return error(
            UAKV_ERR_LAYOUT,
            "its index has room for %u blocks that are on disk alone, and disk_size asks for %u, which is more "
            "than twice as many",
            cold_found, cold_capacity);
    }
    if (auto allocated = allocate_memfd(fd, 0, header.entries_offset); !allocated.ok()) {
        return allocated.take_error();
    }
    mapping.value().prefer_huge_pages();
    IndexWriter index(std::move(fd), std::move(mapping.value()), cold_found);
    index.allocated_ = header.entries_offset;
    index.count_used(index.resident_);
    index.count_used(index.cold_);
    return index;
}

// Entries are taken one after another, and written at once. So those that were never written have no memory that
// anything stands in, or have generation 0.
void IndexWriter::count_used(Entries &entries) {
    const std::uint64_t first = region_.header->entries_offset + entries.first * sizeof(IndexEntry);
    const std::uint64_t end = std::max(first, memfd_data_end(fd_, first));
    entries.allocated =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(entries.capacity, (end - first) / sizeof(IndexEntry)));
    entries.used = entries.allocated;
    while (entries.used > 0 && region_.entries[entries.first + entries.used - 1].generation == 0) {
        --entries.used;
    }
    allocated_ += entries.allocated * sizeof(IndexEntry);
}

IndexRepair::Outcome IndexWriter::mend(const std::function<bool(EntryId)> &is_believable) {
    const IndexRepair repair{region_, resident_.used, cold_begin(), cold_end()};
    const IndexRepair::Outcome outcome = repair.run(is_believable);
    for (EntryId id = 0; id < resident_.used; ++id) {
        if (is_live(region_.entries[id].generation) && (home_of(region_.entries[id]).flags & entry_on_disk) != 0) {
            set_on_disk(id, false);
        }
    }
    return outcome;
}

void IndexWriter::find_free(std::span<const EntryId> limbo) {
    std::vector<EntryId> in_limbo(limbo.begin(), limbo.end());
    std::sort(in_limbo.begin(), in_limbo.end());
    for (Entries *entries : {&resident_, &cold_}) {
        entries->free.clear();
        for (EntryId id = entries->first + entries->used; id > entries->first; --id) { // the first ones go first
            if (!is_live(region_.entries[id - 1].generation) &&
                !std::binary_search(in_limbo.begin(), in_limbo.end(), id - 1)) {
                entries->free.push_back(id - 1);
            }
        }
    }
}

IndexWriter::IndexWriter(Fd fd, Mapping mapping, std::uint32_t cold_capacity)
    : fd_(std::move(fd)), mapping_(std::move(mapping)), region_(IndexRegion::at(mapping_.data())), lookup_(region_) {
    resident_.capacity = region_.header->entry_capacity - cold_capacity;
    cold_.first = resident_.capacity;
    cold_.capacity = cold_capacity;
}

Result<EntryId> IndexWriter::take_entry(Entries &entries) {
    if (!entries.free.empty()) {
        const EntryId id = entries.free.back();
        entries.free.pop_back();
        return id;
    }
    if (entries.used == entries.capacity) {
        UAKV_ASSERT(&entries == &cold_); // a slot is a page or more, so slots run out before the others do
        return error(UAKV_ERR_NO_SPACE, "the index has all of the %u blocks on disk that it has room for",
                     cold_.capacity);
    }
    if (entries.used == entries.allocated) {
        const std::uint64_t first = entries.first + entries.allocated;
        const std::uint64_t count =
            std::min<std::uint64_t>(entry_step_bytes / sizeof(IndexEntry), entries.capacity - entries.allocated);
        const std::uint64_t offset = region_.header->entries_offset + first * sizeof(IndexEntry);
        const std::uint64_t bytes =
            std::min(round_up(count * sizeof(IndexEntry), limits::page_bytes), mapping_.bytes() - offset);
        if (auto allocated = allocate_memfd(fd_, offset, bytes); !allocated.ok()) {
            return allocated.take_error();
        }
        allocated_ += bytes;
        entries.allocated += static_cast<std::uint32_t>(count);
    }
    return entries.first + entries.used++;
}

EntryId IndexWriter::first_from(EntryId id) const {
    if (id < resident_.used) {
        return id;
    }
    id = std::max(id, cold_.first);
    return id < cold_end() ? id : UINT32_MAX;
}

Result<EntryId> IndexWriter::publish(const BlockDescription &block) {
    auto written = write_entry(block);
    if (written.ok()) {
        insert_reference(hash_of(written.value()), written.value());
    }
    return written;
}

// In the place of the other's reference: a reader that comes from the old entry looks there again (Lookup).
Result<EntryId> IndexWriter::replace(EntryId old, const BlockDescription &block) {
    auto written = write_entry(block);
    if (!written.ok()) {
        return written;
    }
    const EntryId id = written.value();
    const std::uint64_t hash = hash_of(old);
    UAKV_ASSERT(hash_of(id) == hash);
    store_release(*find_reference(hash, old).reference, make_reference(tag_of(hash), id));
    IndexEntry &entry = region_.entries[old];
    const Generation generation = load_relaxed(entry.generation);
    UAKV_ASSERT(is_live(generation));
    store_release(entry.generation, generation + 1);
    UAKV_SEQUENCE_POINT(entry_retired);
    return id;
}

// Complete, but nothing leads to it yet.
Result<EntryId> IndexWriter::write_entry(const BlockDescription &block) {
    auto taken = take_entry(block.cold ? cold_ : resident_);
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
    if (block.cold) {
        home = {home.space, static_cast<std::uint16_t>(home.flags | entry_cold | entry_on_disk), 0};
    } else {
        home.flags |= block.on_disk ? entry_on_disk : 0;
        home.flags |= block.stored_bytes != 0 ? entry_encoded : 0;
        next.offset = block.offset;
        next.stored_bytes = block.stored_bytes;
    }
    next.home = std::bit_cast<std::uint64_t>(home);
    next.length = block.length;
    next.checksum = block.checksum;
    next.expires_ms = block.expires_ms;

    store_relaxed(entry.generation, odd);
    release_fence(); // whoever sees a field of the new block sees at least the odd generation
    UAKV_SEQUENCE_POINT(entry_writing);
    write_words(entry, next);
    store_release(entry.generation, odd + 1);
    UAKV_SEQUENCE_POINT(entry_written);
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

BlockDescription IndexWriter::describe(EntryId id) const {
    const IndexEntry &entry = region_.entries[id];
    const EntryHome home = home_of(entry);
    BlockDescription block;
    block.space = home.space;
    block.key = entry.key;
    if ((home.flags & entry_has_parent) != 0) {
        block.parent = entry.parent;
    }
    block.segment = home.segment;
    block.offset = entry.offset;
    block.length = entry.length;
    block.checksum = entry.checksum;
    block.expires_ms = entry.expires_ms;
    block.cold = (home.flags & entry_cold) != 0;
    block.on_disk = (home.flags & entry_on_disk) != 0;
    block.stored_bytes = (home.flags & entry_encoded) != 0 ? entry.stored_bytes : 0;
    return block;
}

void IndexWriter::set_on_disk(EntryId id, bool on_disk) {
    IndexEntry &entry = region_.entries[id];
    UAKV_ASSERT(is_live(entry.generation) && !is_cold(id));
    EntryHome home = home_of(entry);
    home.flags = static_cast<std::uint16_t>(on_disk ? home.flags | entry_on_disk : home.flags & ~entry_on_disk);
    store_relaxed(entry.home, std::bit_cast<std::uint64_t>(home));
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
    const std::uint64_t home = bucket_of(hash, mask + 1);
    const Place place = find_reference(hash, id);
    store_release(*place.reference, 0);
    for (std::uint64_t i = 0; i < place.distance; ++i) {
        std::uint32_t &passed = region_.buckets[(home + i) & mask].passed;
        store_release(passed, load_relaxed(passed) - 1);
    }
}

// Of a live entry.
IndexWriter::Place IndexWriter::find_reference(std::uint64_t hash, EntryId id) const {
    const std::uint64_t mask = region_.header->bucket_count - 1;
    const std::uint64_t wanted = make_reference(tag_of(hash), id);
    const std::uint64_t home = bucket_of(hash, mask + 1);
    for (std::uint64_t distance = 0; distance <= mask; ++distance) {
        IndexBucket &bucket = region_.buckets[(home + distance) & mask];
        const auto found = std::find_if(std::begin(bucket.references), std::end(bucket.references),
                                        [&](std::uint64_t &reference) { return load_relaxed(reference) == wanted; });
        if (found != std::end(bucket.references)) {
            return {found, distance};
        }
    }
    UAKV_ASSERT(false && "a live entry has a reference");
    return {};
}

} // namespace uakv
