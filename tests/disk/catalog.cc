// What is on disk, in memory: found by key, listed by file, counted by space, and walked while it changes.
#include "daemon/tiers/disk/catalog.h"
#include "support/check.h"
#include "support/pattern.h"

#include <cstring>
#include <map>
#include <set>
#include <vector>

namespace uakv::test {
namespace {

using namespace uakv::disk;

constexpr std::uint64_t seed = 0x5EED;

SpaceDescription description(std::uint64_t block_bytes) {
    SpaceDescription space;
    space.block_bytes = block_bytes;
    std::strcpy(space.name, "space");
    return space;
}

Catalog with_spaces(std::uint32_t count) {
    Catalog catalog(seed);
    for (SpaceNumber space = 1; space <= count; ++space) {
        catalog.put_space(space, description(space * 1000), space);
    }
    return catalog;
}

CatalogBlock some_block(std::uint64_t number, FileNumber file = 1, SpaceNumber space = 1) {
    CatalogBlock block;
    block.key = make_key("catalog", number);
    block.space = space;
    block.file = file;
    block.page = static_cast<std::uint32_t>(number + 2);
    block.sequence = number + 1;
    block.block_bytes = 5000 + number % 7;
    block.stored_bytes = static_cast<std::uint32_t>(4096 * (number % 3) + 1);
    return block;
}

void found_by_space_and_key() {
    Catalog catalog = with_spaces(2);
    CHECK(!catalog.find(1, make_key("catalog", 0)));
    const BlockNumber first = catalog.put(some_block(0, 1, 1));
    const BlockNumber other = catalog.put(some_block(0, 1, 2));
    CHECK(first != other);
    CHECK(catalog.find(1, make_key("catalog", 0)) == first);
    CHECK(catalog.find(2, make_key("catalog", 0)) == other);
    CHECK(!catalog.find(3, make_key("catalog", 0)));
    CHECK(!catalog.find(1, make_key("catalog", 1)));
    CHECK(catalog.block(first).live && catalog.block(first).page == 2);
}

void put_takes_the_place_of_its_key() {
    Catalog catalog = with_spaces(1);
    const BlockNumber number = catalog.put(some_block(0, 1));
    catalog.note_use(number, 3);
    CatalogBlock newer = some_block(0, 2);
    newer.sequence = 77;
    newer.stored_bytes = 9000;
    newer.block_bytes = 11'000;
    CHECK_EQ(catalog.put(newer), number);
    CHECK_EQ(catalog.count(), 1);
    CHECK_EQ(catalog.block(number).sequence, 77);
    CHECK(!catalog.block(number).hot);
    CHECK_EQ(catalog.live_bytes(), 3 * page_bytes);
    CHECK_EQ(catalog.use_of(1).blocks, 0);
    CHECK_EQ(catalog.use_of(1).first, none);
    CHECK_EQ(catalog.use_of(2).blocks, 1);
    CHECK_EQ(catalog.use_of(2).first, number);
    CHECK_EQ(catalog.find_space(1)->bytes, 11'000);
    CHECK_EQ(catalog.find_space(1)->blocks, 1);
}

void numbers_are_used_again() {
    Catalog catalog = with_spaces(1);
    std::set<BlockNumber> freed;
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        catalog.put(some_block(i));
    }
    CHECK_EQ(catalog.numbers(), 10'000);
    for (std::uint64_t i = 0; i < 10'000; i += 3) {
        const auto number = catalog.find(1, make_key("catalog", i));
        CHECK(number.has_value());
        catalog.erase(*number);
        CHECK(!catalog.block(*number).live);
        CHECK(!catalog.find(1, make_key("catalog", i)));
        freed.insert(*number);
    }
    const std::size_t count = freed.size();
    for (std::uint64_t i = 0; i < count; ++i) {
        CHECK(freed.erase(catalog.put(some_block(20'000 + i))) == 1);
    }
    CHECK_EQ(catalog.numbers(), 10'000);
    CHECK_EQ(catalog.put(some_block(50'000)), 10'000);
}

void uses_add_up_and_do_not_come_round() {
    Catalog catalog = with_spaces(1);
    const BlockNumber number = catalog.put(some_block(0));
    catalog.note_use(number);
    catalog.note_use(number, 4);
    CHECK_EQ(catalog.block(number).uses, 5);
    CHECK(catalog.block(number).hot);
    catalog.cool(number);
    CHECK(!catalog.block(number).hot);
    catalog.note_use(number, UINT32_MAX - 2);
    CHECK_EQ(catalog.block(number).uses, UINT32_MAX);
}

void spaces() {
    Catalog catalog(seed);
    CHECK(catalog.find_space(7) == nullptr);
    catalog.put_space(7, description(100), 5);
    const BlockNumber number = catalog.put(some_block(0, 1, 7));
    catalog.put_space(7, description(200), 3);
    const CatalogSpace *space = catalog.find_space(7);
    CHECK_EQ(space->sequence, 5);
    CHECK_EQ(space->description.block_bytes, 200);
    CHECK_EQ(space->blocks, 1); // they stay
    catalog.put_space(7, description(200), 9);
    CHECK_EQ(space->sequence, 9);
    catalog.erase(number);
    CHECK_EQ(space->blocks, 0);
    CHECK_EQ(space->bytes, 0);
    catalog.erase_space(7);
    CHECK(catalog.find_space(7) == nullptr && catalog.spaces().empty());
}

// The catalog as it should be.
struct Model {
    std::map<std::pair<SpaceNumber, std::uint64_t>, std::uint64_t> blocks; // (space, n) to the sequence

    void compare(const Catalog &catalog, FileNumber files, SpaceNumber spaces) const {
        std::map<FileNumber, std::uint64_t> in_file;
        std::map<SpaceNumber, std::uint64_t> in_space;
        std::map<SpaceNumber, std::uint64_t> bytes_of_space;
        std::uint64_t live_bytes = 0;
        for (const auto &[name, sequence] : blocks) {
            const auto number = catalog.find(name.first, make_key("catalog", name.second));
            CHECK(number.has_value());
            const CatalogBlock &block = catalog.block(*number);
            CHECK(block.live && block.sequence == sequence && block.space == name.first);
            ++in_file[block.file];
            ++in_space[block.space];
            bytes_of_space[block.space] += block.block_bytes;
            live_bytes += pages_of(block.stored_bytes) * page_bytes;
        }
        CHECK_EQ(catalog.count(), blocks.size());
        CHECK_EQ(catalog.live_bytes(), live_bytes);
        for (FileNumber file = 1; file <= files; ++file) {
            std::uint64_t listed = 0;
            std::uint64_t listed_bytes = 0;
            BlockNumber previous = none;
            for (BlockNumber i = catalog.use_of(file).first; i != none; i = catalog.block(i).next_in_file) {
                CHECK(catalog.block(i).live && catalog.block(i).file == file);
                CHECK_EQ(catalog.block(i).previous_in_file, previous);
                listed_bytes += pages_of(catalog.block(i).stored_bytes) * page_bytes;
                previous = i;
                ++listed;
            }
            CHECK_EQ(listed, in_file[file]);
            CHECK_EQ(catalog.use_of(file).blocks, listed);
            CHECK_EQ(catalog.use_of(file).live_bytes, listed_bytes);
        }
        for (SpaceNumber space = 1; space <= spaces; ++space) {
            CHECK_EQ(catalog.find_space(space)->blocks, in_space[space]);
            CHECK_EQ(catalog.find_space(space)->bytes, bytes_of_space[space]);
        }
    }
};

void as_the_model() {
    Random random(1);
    Catalog catalog = with_spaces(3);
    Model model;
    std::uint64_t sequence = 0;
    for (int round = 0; round < 20; ++round) {
        const std::uint64_t keys = round % 4 == 3 ? 40 : 3000; // few keys: the same places again and again
        for (int i = 0; i < 3000; ++i) {
            const auto space = static_cast<SpaceNumber>(1 + random.below(3));
            const std::uint64_t n = random.below(keys);
            const auto known = catalog.find(space, make_key("catalog", n));
            CHECK_EQ(known.has_value(), model.blocks.contains({space, n}));
            if (random.below(5) < 3) {
                CatalogBlock block = some_block(n, static_cast<FileNumber>(1 + random.below(9)), space);
                block.sequence = ++sequence;
                catalog.put(block);
                model.blocks[{space, n}] = sequence;
            } else if (known) {
                catalog.erase(*known);
                model.blocks.erase({space, n});
            }
        }
        model.compare(catalog, 9, 3);
    }
}

// As compaction empties a file, and a checkpoint walks the numbers while blocks come and go.
void erased_while_walked() {
    Catalog catalog = with_spaces(1);
    for (std::uint64_t i = 0; i < 5000; ++i) {
        catalog.put(some_block(i, static_cast<FileNumber>(1 + i % 2)));
    }
    for (BlockNumber i = catalog.use_of(1).first; i != none;) {
        const BlockNumber next = catalog.block(i).next_in_file;
        catalog.erase(i);
        i = next;
    }
    CHECK_EQ(catalog.count(), 2500);
    CHECK_EQ(catalog.use_of(1).blocks, 0);
    std::uint64_t seen = 0;
    for (BlockNumber i = 0; i < catalog.numbers(); ++i) {
        if (catalog.block(i).live) {
            CHECK_EQ(catalog.block(i).file, 2);
            ++seen;
            catalog.erase(i);
            catalog.put(some_block(10'000 + i, 3)); // into the number that is free now
        }
    }
    CHECK_EQ(seen, 2500);
    CHECK_EQ(catalog.use_of(3).blocks, 2500);
}

void memory_stays_in_bounds() {
    Catalog catalog = with_spaces(1);
    catalog.reserve(100'000);
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        catalog.put(some_block(i));
    }
    CHECK(catalog.bytes_in_memory() < 100'000 * 165);
    CHECK(catalog.bytes_in_memory() >= 100'000 * sizeof(CatalogBlock));
    for (std::uint64_t i = 0; i < 100'000; i += 97) {
        CHECK(catalog.find(1, make_key("catalog", i)).has_value());
    }
}

} // namespace
} // namespace uakv::test

int main() {
    using namespace uakv::test;
    const Case cases[] = {
        {"found by space and key", found_by_space_and_key},
        {"put takes the place of its key", put_takes_the_place_of_its_key},
        {"numbers are used again", numbers_are_used_again},
        {"uses add up and do not come round", uses_add_up_and_do_not_come_round},
        {"spaces", spaces},
        {"as the model", as_the_model},
        {"erased while walked", erased_while_walked},
        {"memory stays in bounds", memory_stays_in_bounds},
    };
    return run_cases("catalog", cases);
}
