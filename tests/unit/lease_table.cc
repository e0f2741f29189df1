// The lease protocol, step by step from both sides.
#include "ipc/lease_table.h"
#include "support/check.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace uakv::test {
namespace {

using Words = std::vector<std::pair<EntryId, std::uint64_t>>;

Words scan(const SessionLayout &session) {
    Words words;
    lease_scan(session, [&](EntryId entry, std::uint64_t word) { words.emplace_back(entry, word); });
    return words;
}

struct Table {
    std::unique_ptr<SessionLayout> session = std::make_unique<SessionLayout>();
    IndexEntry entry{};

    bool begin(std::uint32_t word, EntryId id, Generation generation) {
        lease_cover(*session, word);
        return lease_begin(*session, word, entry, id, generation);
    }
};

void begin_and_end() {
    Table table;
    table.entry.generation = 4;
    CHECK(scan(*table.session).empty());
    CHECK(table.begin(3, 17, 4));
    CHECK(scan(*table.session) == (Words{{17, make_lease(17, 4)}}));
    lease_end(*table.session, 3);
    CHECK(scan(*table.session).empty());
}

void generation_has_moved() {
    Table table;
    table.entry.generation = 5; // retired
    CHECK(!table.begin(0, 17, 4));
    CHECK(scan(*table.session).empty());
    table.entry.generation = 6; // another block by now
    CHECK(!table.begin(0, 17, 4));
    CHECK(scan(*table.session).empty());
    CHECK(table.begin(0, 17, 6));
}

void words_tell_entry_and_generation() {
    constexpr EntryId last = limits::entries_max - 1;
    CHECK_EQ(entry_of_lease(make_lease(last, 2)), last);
    CHECK_EQ(entry_of_lease(make_lease(0, 2)), 0);
    CHECK(make_lease(1, 2) != make_lease(1, 4));
    CHECK(make_lease(1, 2) != make_lease(2, 2));
    CHECK(make_lease(last, 2) != make_lease(0, 4));
    CHECK_EQ(stamp_of_lease(make_lease(last, 2, 77)), 77);
    CHECK_EQ(entry_of_lease(make_lease(last, 2, lease_stamps - 1)), last);
    CHECK(lease_matches(make_lease(last, 2, 77), last, 2));
    CHECK(!lease_matches(make_lease(last, 2, 77), last, 4));
}

void revoked() {
    Table table;
    table.entry.generation = 4;
    CHECK(table.begin(3, 17, 4));
    CHECK(!lease_revoked(*table.session));
    void_leases(*table.session);
    CHECK(lease_revoked(*table.session));
    lease_end(*table.session, 3);
    CHECK(table.begin(3, 17, 4)); // what begins later is void too
    CHECK(lease_revoked(*table.session));
}

void cover_only_rises() {
    Table table;
    lease_cover(*table.session, 0);
    CHECK_EQ(table.session->header.leases_high, 1);
    lease_cover(*table.session, 9);
    CHECK_EQ(table.session->header.leases_high, 10);
    lease_cover(*table.session, 4);
    CHECK_EQ(table.session->header.leases_high, 10);
    table.session->leases[9] = make_lease(1, 2);
    table.session->leases[10] = make_lease(2, 2); // not covered: not looked at
    CHECK_EQ(scan(*table.session).size(), 1);
}

// `leases_high` is the client's to write: the scan stays in the table whatever it says.
void cover_beyond_the_table() {
    Table table;
    table.session->leases[limits::lease_words - 1] = make_lease(1, 2);
    table.session->header.leases_high = UINT32_MAX;
    CHECK_EQ(scan(*table.session).size(), 1);
    table.session->header.leases_high = limits::lease_words;
    CHECK_EQ(scan(*table.session).size(), 1);
    table.session->header.leases_high = limits::lease_words - 1;
    CHECK(scan(*table.session).empty());
}

void garbage_stays_in_range() {
    Table table;
    table.session->header.leases_high = 3;
    table.session->leases[0] = UINT64_MAX;
    table.session->leases[1] = 1;
    table.session->leases[2] = 0x8000000000000000;
    const Words words = scan(*table.session);
    CHECK_EQ(words.size(), 3);
    for (const auto &[entry, word] : words) {
        CHECK(entry < limits::entries_max);
    }
}

// A reader and an evictor at full speed. The evictor writes to the block only after a scan that found no
// lease; the reader, while it holds one, must see the block of its generation alone.
void nobody_writes_what_is_read() {
    Table table;
    constexpr int rounds = sanitized ? 20'000 : 300'000;
    std::atomic<std::uint64_t> block{2}; // the bytes: the generation that they were written for
    std::atomic<bool> stop{false};
    std::uint64_t wrong = 0;
    std::atomic<std::uint64_t> read{0};
    table.entry.generation = 2;
    std::thread reader([&] {
        while (!stop.load(std::memory_order_relaxed)) {
            const Generation generation = load_acquire(table.entry.generation);
            if (!is_live(generation) || !table.begin(5, 1, generation)) {
                continue;
            }
            for (int look = 0; look < 4; ++look) {
                wrong += block.load(std::memory_order_relaxed) != generation ? 1U : 0U;
            }
            ++read;
            lease_end(*table.session, 5);
        }
    });
    for (int round = 0; round < rounds || read < 100; ++round) {
        const Generation generation = table.entry.generation;
        store_release(table.entry.generation, generation + 1);
        full_fence();
        for (bool leased = true; leased;) {
            leased = false;
            lease_scan(*table.session,
                       [&](EntryId, std::uint64_t word) { leased = leased || word == make_lease(1, generation); });
        }
        block.store(generation + 2, std::memory_order_relaxed);
        store_release(table.entry.generation, generation + 2);
    }
    stop = true;
    reader.join();
    CHECK_EQ(wrong, 0);
}

constexpr Case cases[] = {
    {"begin_and_end", begin_and_end},
    {"generation_has_moved", generation_has_moved},
    {"words_tell_entry_and_generation", words_tell_entry_and_generation},
    {"revoked", revoked},
    {"cover_only_rises", cover_only_rises},
    {"cover_beyond_the_table", cover_beyond_the_table},
    {"garbage_stays_in_range", garbage_stays_in_range},
    {"nobody_writes_what_is_read", nobody_writes_what_is_read},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("lease_table", uakv::test::cases);
}
