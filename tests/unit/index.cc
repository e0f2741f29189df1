// The index: what its writer publishes and retires is what a lookup finds, through any collision.
#include "daemon/store/index_writer.h"
#include "ipc/clock.h"
#include "ipc/hashing.h"
#include "sample.h"
#include "support/check.h"
#include "support/pattern.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint64_t segment_bytes = limits::segment_bytes_min;
constexpr std::uint32_t segment_pages = segment_bytes / limits::page_bytes;

IndexWriter make_index(std::uint32_t segments = 1) {
    auto index = IndexWriter::create(segments, segment_bytes);
    CHECK(index.ok());
    return std::move(index.value());
}

// The index as a client maps it.
class ClientsView {
public:
    explicit ClientsView(const IndexWriter &index) {
        auto fd = index.reopen();
        CHECK(fd.ok());
        auto mapping = Mapping::map(fd.value(), index.bytes(), Access::read_only);
        CHECK(mapping.ok());
        mapping_ = std::move(mapping.value());
    }
    IndexRegion region() const { return IndexRegion::at(mapping_.data()); }
    Lookup lookup() const { return Lookup(region()); }
    std::uint64_t passed() const {
        std::uint64_t sum = 0;
        for (std::uint64_t i = 0; i < region().header->bucket_count; ++i) {
            sum += region().buckets[i].passed;
        }
        return sum;
    }
    std::uint64_t references() const {
        std::uint64_t sum = 0;
        for (std::uint64_t i = 0; i < region().header->bucket_count; ++i) {
            const auto &all = region().buckets[i].references;
            const auto in_use = [](std::uint64_t reference) { return reference != 0; };
            sum += static_cast<std::uint64_t>(std::count_if(std::begin(all), std::end(all), in_use));
        }
        return sum;
    }

private:
    Mapping mapping_;
};

BlockDescription block_of(SpaceId space, const uakv_key &key) {
    BlockDescription block;
    block.space = space;
    block.key = key;
    block.length = 1;
    return block;
}

EntryId publish(IndexWriter &index, SpaceId space, const uakv_key &key) {
    auto entry = index.publish(block_of(space, key));
    CHECK(entry.ok());
    return entry.value();
}

bool finds(const Lookup &lookup, SpaceId space, const uakv_key &key) {
    Lookup::Found found;
    return lookup.find(space, key, found);
}

void header_says_what_clients_need() {
    const IndexWriter index = make_index(8);
    const ClientsView view(index);
    const IndexHeader &header = *view.region().header;
    CHECK_EQ(header.magic, index_magic);
    CHECK_EQ(header.layout_version, index_layout_version);
    CHECK_EQ(header.entry_capacity, 8 * segment_pages);
    CHECK_EQ(header.bucket_count, 8 * segment_pages / limits::entries_per_bucket);
    CHECK_EQ(header.segment_bytes, segment_bytes);
    CHECK_EQ(header.segment_capacity, 8);
    CHECK(header.buckets_offset >= sizeof(IndexHeader) && header.buckets_offset % limits::cache_line_bytes == 0);
    CHECK_EQ(header.entries_offset % limits::page_bytes, 0);
    CHECK(index.bytes() >= header.entries_offset + header.entry_capacity * sizeof(IndexEntry));
    CHECK(ClientsView(make_index(8)).region().header->epoch != header.epoch);
}

void published_is_found_whole() {
    IndexWriter index = make_index();
    const ClientsView view(index);
    BlockDescription block = block_of(7, sample_key(1));
    block.parent = sample_key(0);
    block.segment = 3;
    block.offset = 8192;
    block.length = 12345;
    block.checksum = 99;
    auto entry = index.publish(block);
    CHECK(entry.ok());
    Lookup::Found found;
    CHECK(view.lookup().find(7, sample_key(1), found));
    CHECK_EQ(found.id, entry.value());
    CHECK(is_live(found.generation));
    CHECK_EQ(found.segment, 3);
    CHECK_EQ(found.offset, 8192);
    CHECK_EQ(found.length, 12345);
    CHECK_EQ(found.expires_ms, UINT64_MAX);
    const IndexEntry &shared = view.lookup().entry(found.id);
    CHECK_EQ(shared.checksum, 99);
    CHECK(std::memcmp(&shared.parent, &*block.parent, sizeof shared.parent) == 0);
    CHECK_EQ(home_of(shared).flags, entry_has_parent);
    CHECK_EQ(home_of(shared).space, 7);
}

void spaces_are_apart() {
    IndexWriter index = make_index();
    const EntryId one = publish(index, 1, sample_key(5));
    CHECK(!finds(index.lookup(), 2, sample_key(5)));
    CHECK(!finds(index.lookup(), 1 + (1 << 16), sample_key(5)));
    const EntryId two = publish(index, 2, sample_key(5));
    Lookup::Found found;
    CHECK(index.lookup().find(1, sample_key(5), found));
    CHECK_EQ(found.id, one);
    CHECK(index.lookup().find(2, sample_key(5), found));
    CHECK_EQ(found.id, two);
    index.retire(one);
    CHECK(!finds(index.lookup(), 1, sample_key(5)));
    CHECK(finds(index.lookup(), 2, sample_key(5)));
}

// An entry is used again only after release(), under another generation.
void generations_only_grow() {
    IndexWriter index = make_index();
    const EntryId first = publish(index, 0, sample_key(1));
    const Generation before = index.entry(first).generation;
    CHECK(is_live(before));
    index.retire(first);
    CHECK_EQ(index.entry(first).generation, before + 1);
    CHECK(!finds(index.lookup(), 0, sample_key(1)));
    const EntryId second = publish(index, 0, sample_key(1));
    CHECK(second != first);
    index.release(first);
    const EntryId third = publish(index, 0, sample_key(2));
    CHECK_EQ(third, first);
    CHECK_EQ(index.entry(third).generation, before + 2);
    CHECK(finds(index.lookup(), 0, sample_key(1)));
    CHECK(finds(index.lookup(), 0, sample_key(2)));
    CHECK_EQ(index.entries_used(), 2);
}

void expired_is_not_found() {
    IndexWriter index = make_index();
    BlockDescription block = block_of(0, sample_key(1));
    block.expires_ms = boot_ms(); // from then on
    CHECK(index.publish(block).ok());
    block.key = sample_key(2);
    block.expires_ms = boot_ms() + 1'000'000'000;
    CHECK(index.publish(block).ok());
    CHECK(!finds(index.lookup(), 0, sample_key(1)));
    CHECK(finds(index.lookup(), 0, sample_key(2)));
    Lookup::Found found;
    CHECK(index.lookup().find_even_expired(0, sample_key(1), found));
    const std::array keys = {sample_key(1), sample_key(2)};
    index.lookup().find_each(0, keys, [](std::size_t i, const Lookup::Found *at) {
        CHECK_EQ(at != nullptr, i == 1);
        return true;
    });
}

// Keys that all want to be in one bucket.
std::vector<uakv_key> keys_of_bucket(const ClientsView &view, std::uint64_t bucket, std::size_t count) {
    std::vector<uakv_key> keys;
    for (std::uint64_t number = 0; keys.size() < count; ++number) {
        const std::uint64_t hash = hash_of_key(sample_key(number), 0, view.region().header->hash_seed);
        if (bucket_of(hash, view.region().header->bucket_count) == bucket) {
            keys.push_back(sample_key(number));
        }
    }
    return keys;
}

void overflow(std::uint64_t home_from_end) {
    IndexWriter index = make_index();
    const ClientsView view(index);
    const std::uint64_t buckets = view.region().header->bucket_count;
    const std::uint64_t home = buckets - 1 - home_from_end;
    const auto passed = [&](std::uint64_t distance) {
        return view.region().buckets[(home + distance) % buckets].passed;
    };
    const auto keys = keys_of_bucket(view, home, 3 * limits::bucket_slots + 1);
    std::vector<EntryId> entries;
    entries.reserve(keys.size());
    for (const uakv_key &key : keys) {
        entries.push_back(publish(index, 0, key));
    }
    CHECK_EQ(passed(0), 2 * limits::bucket_slots + 1);
    CHECK_EQ(passed(1), limits::bucket_slots + 1);
    CHECK_EQ(passed(2), 1);
    CHECK_EQ(passed(3), 0);
    // From the middle outwards: what lies further on is found over the gaps.
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const std::size_t leaving = (i * 5 + 9) % keys.size();
        CHECK(finds(view.lookup(), 0, keys[leaving]));
        index.retire(entries[leaving]);
        entries[leaving] = UINT32_MAX;
        for (std::size_t k = 0; k < keys.size(); ++k) {
            CHECK_EQ(finds(view.lookup(), 0, keys[k]), entries[k] != UINT32_MAX);
        }
    }
    CHECK_EQ(view.passed(), 0);
    CHECK_EQ(view.references(), 0);
}

void overflow_of_a_bucket() {
    overflow(60);
}

void overflow_past_the_end() {
    overflow(1);
}

void full_index() {
    IndexWriter index = make_index();
    const ClientsView view(index);
    for (std::uint64_t i = 0; i < index.entry_capacity(); ++i) {
        publish(index, 0, sample_key(i));
    }
    CHECK_EQ(view.references(), index.entry_capacity());
    for (std::uint64_t i = 0; i < index.entry_capacity(); ++i) {
        CHECK(finds(view.lookup(), 0, sample_key(i)));
    }
    CHECK(!finds(view.lookup(), 0, sample_key(index.entry_capacity())));
    for (EntryId entry = 0; entry < index.entry_capacity(); ++entry) {
        index.retire(entry);
        index.release(entry);
    }
    CHECK_EQ(view.passed(), 0);
    CHECK_EQ(view.references(), 0);
}

void find_each_stops_when_told() {
    IndexWriter index = make_index();
    std::vector<uakv_key> keys;
    for (std::uint64_t i = 0; i < 40; ++i) {
        keys.push_back(sample_key(i));
        publish(index, 0, keys.back());
    }
    std::size_t visits = 0;
    index.lookup().find_each(0, keys, [&](std::size_t i, const Lookup::Found *found) {
        CHECK_EQ(i, visits++);
        CHECK(found != nullptr);
        return i < 20;
    });
    CHECK_EQ(visits, 21);
    index.lookup().find_each(0, {},
                             [&](std::size_t, const Lookup::Found *) -> bool { throw Failure("visited nothing"); });
}

// The index under random operations, beside the plainest thing that can do the same.
class Model {
public:
    static constexpr std::uint64_t numbers = 2 * segment_pages; // keys; at most half of them are stored

    void step() {
        const std::uint64_t number = random_.below(numbers);
        const auto known = stored_.find(number);
        switch (random_.below(4)) {
        case 0:
            if (known == stored_.end() && stored_.size() + limbo_.size() < index_.entry_capacity()) {
                stored_[number] = publish(index_, space_of(number), key_of(number));
            }
            break;
        case 1:
            if (known != stored_.end()) {
                index_.retire(known->second);
                limbo_.push_back(known->second);
                stored_.erase(known);
            }
            break;
        case 2:
            if (limbo_.size() > 50) {
                std::swap(limbo_[random_.below(limbo_.size())], limbo_.back());
                index_.release(limbo_.back());
                limbo_.pop_back();
            }
            break;
        default:
            check_one(number);
        }
    }

    void check_all() const {
        std::vector<uakv_key> keys;
        for (std::uint64_t number = 0; number < numbers; ++number) {
            check_one(number);
            keys.push_back(key_of(number));
        }
        for (SpaceId space = 0; space < 2; ++space) {
            lookup_.find_each(space, keys, [&](std::size_t number, const Lookup::Found *found) {
                CHECK_EQ(found != nullptr, finds(lookup_, space, keys[number]));
                return true;
            });
        }
        CHECK_EQ(view_.references(), stored_.size());
    }

    void empty() {
        for (const auto &[number, entry] : stored_) {
            index_.retire(entry);
        }
        stored_.clear();
        CHECK_EQ(view_.passed(), 0);
        CHECK_EQ(view_.references(), 0);
    }

private:
    // Every key stands in both spaces, under different numbers.
    static SpaceId space_of(std::uint64_t number) { return number % 2; }
    static uakv_key key_of(std::uint64_t number) { return sample_key(number / 2); }

    void check_one(std::uint64_t number) const {
        Lookup::Found found;
        const bool present = lookup_.find(space_of(number), key_of(number), found);
        const auto known = stored_.find(number);
        CHECK_EQ(present, known != stored_.end());
        if (present) {
            CHECK_EQ(found.id, known->second);
        }
    }

    IndexWriter index_ = make_index();
    ClientsView view_{index_};
    Lookup lookup_ = view_.lookup();
    Random random_{1};
    std::unordered_map<std::uint64_t, EntryId> stored_;
    std::vector<EntryId> limbo_;
};

void random_operations() {
    Model model;
    for (int i = 0; i < 1'000'000; ++i) {
        model.step();
        if (i % 100'000 == 0) {
            model.check_all();
        }
    }
    model.check_all();
    model.empty();
}

constexpr Case cases[] = {
    {"header_says_what_clients_need", header_says_what_clients_need},
    {"published_is_found_whole", published_is_found_whole},
    {"spaces_are_apart", spaces_are_apart},
    {"generations_only_grow", generations_only_grow},
    {"expired_is_not_found", expired_is_not_found},
    {"overflow_of_a_bucket", overflow_of_a_bucket},
    {"overflow_past_the_end", overflow_past_the_end},
    {"full_index", full_index},
    {"find_each_stops_when_told", find_each_stops_when_told},
    {"random_operations", random_operations},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("index", uakv::test::cases);
}
