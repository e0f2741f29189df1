// Blocks on disk alone, as the store sees them: who leaves a cold entry, what a commit, a removal, a clear, an expiry
// do to one, and what a block does that is held.
#include "ipc/clock.h"
#include "store_bench.h"

#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint32_t cold_max = 100;

// A disk that has what it is told to have.
class Notes final : public Below {
public:
    explicit Notes(Store &store) : store_(store) { store.set_below(this); }
    ~Notes() override { store_.set_below(nullptr); }

    void stored(EntryId entry) override { stored_entries.push_back(entry); }
    bool evicted(EntryId entry) override { return (home_of(store_.index().entry(entry)).flags & entry_on_disk) != 0; }
    bool has(EntryId /*entry*/) const override { return has_all; }
    void forgotten(SpaceId /*space*/, const uakv_key &key, Departure why) override {
        forgotten_keys.emplace_back(std::string(reinterpret_cast<const char *>(key.bytes), sizeof key.bytes), why);
    }
    void used(EntryId /*entry*/, std::uint32_t times) override { uses.push_back(times); }
    void clear_begun(SpaceId space) override { ++clears[space]; }
    void clear_ended(SpaceId space) override { --clears[space]; }

    bool has_all = true;
    std::vector<EntryId> stored_entries;
    std::vector<std::pair<std::string, Departure>> forgotten_keys;
    std::vector<std::uint32_t> uses;
    std::map<SpaceId, int> clears;

private:
    Store &store_;
};

struct Fixture {
    Bench store{{.memory_bytes = 0, .cold_blocks_max = cold_max}};
    Notes notes{*store.operator->()};

    // A block in memory that is on disk too.
    void put_saved(std::uint64_t number, std::uint64_t length, const Store::CommitRequest &request = {}) {
        store.put(number, length, request);
        store->set_on_disk(store.find(number)->id, true);
    }
    // `count` of them leave for disk.
    void push_out(std::uint64_t count) {
        for (std::uint64_t i = 0; i < all_big; ++i) {
            put_saved(i, big);
        }
        for (std::uint64_t i = 0; i < count; ++i) {
            put_saved(1000 + i, big);
        }
        for (std::uint64_t i = 0; i < count; ++i) {
            CHECK(is_cold(i));
        }
    }
    bool is_cold(std::uint64_t number) const {
        const auto found = store.find(number);
        return found && (found->flags & entry_cold) != 0;
    }
    EntryId load(std::uint64_t number) {
        const auto from = store.find(number);
        const SlotRef slot = store.grant(from->length);
        fill_block(store.at(slot), from->length, sample_key(number));
        auto loaded = store->publish_loaded(slot, from->id, 0, 3);
        CHECK(loaded.ok());
        return loaded.value();
    }
};

void evicted_goes_on_below() {
    Fixture f;
    for (std::uint64_t i = 0; i < all_big; ++i) {
        Store::CommitRequest request;
        if (i == 1) {
            request.parent = sample_key(500);
            request.ttl_ms = 1'000'000;
        }
        f.store.put(i, big, request);
    }
    CHECK_EQ(f.notes.stored_entries.size(), all_big);
    f.store->set_on_disk(f.store.find(1)->id, true);
    f.store.put(100, big);
    f.store.put(101, big);
    CHECK(!f.store.has(0)); // was in memory alone
    CHECK(f.is_cold(1));
    const auto block = f.store->describe_block(0, sample_key(1));
    CHECK(block && block->cold && block->on_disk && block->bytes == big && block->parent);
    CHECK(block->expires_ms != UINT64_MAX);
    CHECK(!f.store->departed(0, sample_key(1)));
    CHECK(f.store->departed(0, sample_key(0)).has_value());
    const uakv_statistics now = f.store.statistics();
    CHECK_EQ(now.evictions, 2);
    CHECK_EQ(now.blocks, all_big);
    CHECK_EQ(now.blocks_cold, 1);
    CHECK_EQ(now.bytes_cold, big);
    CHECK_EQ(f.store->space_counters(0).blocks_cold, 1);
    CHECK_EQ(now.slots_limbo, 0);
    CHECK(f.notes.forgotten_keys.empty());
}

// Without room for its entry a block is let go of, and the disk hears that nobody finds it.
void no_room_for_cold_entries() {
    Bench store({.memory_bytes = 0, .cold_blocks_max = 1});
    Notes notes(*store.operator->());
    for (std::uint64_t i = 0; i < all_big + 2; ++i) {
        store.put(i, big);
        store->set_on_disk(store.find(i)->id, true);
    }
    CHECK(store.has(0));
    CHECK(!store.has(1));
    CHECK_EQ(notes.forgotten_keys.size(), 1);
    BlockDescription other;
    other.key = sample_key(900);
    other.length = 1;
    CHECK(!store->publish_cold(other).ok());
    CHECK(store->remove(0, sample_key(0)));
    CHECK(store->publish_cold(other).ok());
}

void loaded_and_back_again() {
    Fixture f;
    f.push_out(2);
    const EntryId entry = f.load(0);
    CHECK(!f.is_cold(0));
    CHECK_EQ(f.store.find(0)->id, entry);
    CHECK((f.store.find(0)->flags & entry_on_disk) != 0);
    CHECK_EQ(f.store->uses(entry), 3);
    f.store.lease(0, 0);
    uakv_statistics now = f.store.statistics();
    CHECK_EQ(now.blocks_cold, 2); // one has left for it
    CHECK_EQ(now.blocks, all_big);
    CHECK_EQ(now.stores, all_big + 2);
    for (std::uint64_t i = 0; i < all_big; ++i) { // it is leased, and passed over
        f.put_saved(2000 + i, big);
    }
    CHECK(!f.is_cold(0));
    lease_end(f.store.session(), 0);
    for (std::uint64_t i = 0; i < all_big; ++i) {
        f.put_saved(3000 + i, big);
    }
    CHECK(f.is_cold(0));
    now = f.store.statistics();
    CHECK_EQ(now.slots_granted, 0);
    CHECK_EQ(now.slots_limbo, 0);
}

void commit_on_a_cold_key() {
    Fixture f;
    f.push_out(2);
    f.notes.stored_entries.clear();
    f.store.put(0, big); // the same
    CHECK(!f.is_cold(0) && (f.store.find(0)->flags & entry_on_disk) != 0);
    CHECK(f.notes.stored_entries.empty() && f.notes.forgotten_keys.empty());
    f.store.put(1, big / 2); // another one
    CHECK(!f.is_cold(1) && (f.store.find(1)->flags & entry_on_disk) == 0);
    CHECK_EQ(f.notes.stored_entries.size(), 1);
    CHECK_EQ(f.notes.forgotten_keys.size(), 1);
    CHECK_EQ(f.store.statistics().exists, 0);
}

// The disk is about to lose it: what is stored anew is in memory alone.
void commit_while_the_space_is_cleared() {
    Fixture f;
    f.push_out(1);
    f.notes.has_all = false;
    f.store.put(0, big);
    CHECK((f.store.find(0)->flags & entry_on_disk) == 0);
}

void commit_with_a_lifetime() {
    Fixture f;
    f.push_out(1);
    Store::CommitRequest brief;
    brief.ttl_ms = 1'000'000;
    f.store.put(0, big, brief); // the disk would keep it longer
    CHECK((f.store.find(0)->flags & entry_on_disk) == 0);
    CHECK_EQ(f.notes.forgotten_keys.size(), 1);
}

void removed_and_pinned() {
    Fixture f;
    f.push_out(2);
    f.store->reconfigure({.pinned_bytes_max = 4 * big});
    CHECK_STATUS(f.store->pin(0, sample_key(0), UAKV_PIN_FOREVER), UAKV_MISS);
    CHECK(!f.store->drop_if_corrupt(0, sample_key(0)));
    CHECK(f.store->remove(0, sample_key(0)));
    CHECK(!f.store.has(0));
    CHECK_EQ(f.notes.forgotten_keys.size(), 1);
    CHECK(f.notes.forgotten_keys[0].second == Departure::removed);
    CHECK_EQ(f.store.statistics().removals, 1);
    f.store->drop_cold(f.store.find(1)->id, Departure::dropped);
    CHECK(!f.store.has(1));
    CHECK(f.store->departed(0, sample_key(1))->why == Departure::dropped);
    CHECK_EQ(f.notes.forgotten_keys.size(), 1); // it was the disk itself
    CHECK_EQ(f.store.statistics().blocks_cold, 0);
}

void cleared() {
    Fixture f;
    f.push_out(8);
    f.store->begin_clear(0);
    CHECK_EQ(f.notes.clears[0], 1);
    EntryId cursor = 0;
    std::uint64_t removed = 0;
    for (int steps = 0; !f.store->clear_some(0, cursor, 3, removed); ++steps) {
        CHECK(steps < 100);
    }
    f.store->end_clear(0);
    CHECK_EQ(f.notes.clears[0], 0);
    CHECK_EQ(removed, all_big + 8);
    CHECK_EQ(f.store.statistics().blocks + f.store.statistics().blocks_cold, 0);
    f.store->maintain();
    CHECK(!f.store->has_limbo());
}

void expires_below() {
    Fixture f;
    Store::CommitRequest brief;
    brief.ttl_ms = 300; // so that it is found while it is put
    f.put_saved(0, big, brief);
    for (std::uint64_t i = 1; i <= all_big; ++i) {
        f.put_saved(i, big);
    }
    await("it is due",
          [&] { return boot_ms() > f.store->next_expiry_ms() || f.store->next_expiry_ms() == UINT64_MAX; });
    f.store->expire();
    CHECK_EQ(f.store.statistics().expirations, 1);
    CHECK_EQ(f.store.statistics().blocks_cold, 0);
    CHECK(f.notes.forgotten_keys.size() == 1 && f.notes.forgotten_keys[0].second == Departure::expired);
    CHECK_EQ(f.store->next_expiry_ms(), UINT64_MAX);
}

void listed_with_the_others() {
    Fixture f;
    f.push_out(5);
    std::vector<BlockReport> blocks;
    std::optional<EntryId> cursor = 0;
    for (int pages = 0; cursor; ++pages) {
        cursor = f.store->list_blocks(0, *cursor, 7, blocks);
        CHECK(pages < 100);
    }
    CHECK_EQ(blocks.size(), all_big + 5);
    CHECK_EQ(std::count_if(blocks.begin(), blocks.end(), [](const auto &block) { return block.cold; }), 5);
}

// Words on cold entries, and on entries that there are none of, mean nothing.
void hostile_words() {
    Fixture f;
    f.push_out(2);
    const auto cold = *f.store.find(0);
    lease_cover(f.store.session(), 5);
    f.store.session().leases[0] = make_lease(cold.id, cold.generation);
    f.store.session().leases[1] = make_lease(cold.id + 1, cold.generation);
    f.store.session().leases[2] = make_lease(f.store->index().entry_capacity(), 2);
    f.store.session().leases[3] = make_lease(limits::entries_max - 1, 2);
    f.store.session().leases[4] = make_lease(f.store->index().cold_begin() - 1, 2);
    CHECK_EQ(f.store->leased_bytes(f.store.session()), 0);
    CHECK_EQ(f.store->old_views(f.store.session(), now_ns(), 0).views, 0);
    CHECK_EQ(f.store->describe_block(0, sample_key(0))->leases, 0);
    f.store->touch(cold.id);
    f.store->touch(f.store->index().entry_capacity() - 1);
    CHECK(f.store->remove(0, sample_key(0)));
    f.load(1);
    f.store->maintain();
    CHECK_EQ(f.store.statistics().bytes_leased, 0);
    CHECK(!f.store->has_limbo());
}

// What is written to disk keeps its slot, whatever becomes of the block; and it is passed over, not called used.
void held_blocks_keep_their_slots() {
    Fixture f;
    for (std::uint64_t i = 0; i < all_big; ++i) {
        f.store.put(i, big);
    }
    const EntryId first = f.store.find(0)->id;
    const EntryId second = f.store.find(1)->id;
    f.store->hold(first);
    f.store->hold(first);
    f.store->hold(second);
    f.store.put(100, big);
    CHECK(f.store.has(0) && f.store.has(1) && !f.store.has(2));
    CHECK(f.store->remove(0, sample_key(1)));
    f.store->maintain();
    CHECK_EQ(f.store.statistics().slots_limbo, 1);
    f.store->let_go(second);
    f.store->maintain();
    CHECK_EQ(f.store.statistics().slots_limbo, 0);
    f.store->let_go(first);
    CHECK(f.store->is_held(first));
    f.store->let_go(first);
    f.store.put(101, big); // in the slot of 1
    f.store.put(102, big);
    CHECK(!f.store.has(0)); // it was the coldest all the time
    f.store->hold(f.store.find(3)->id);
    const SlotRef other = f.store.put(200, segment_bytes); // a whole segment, but not the one of 3
    CHECK(f.store.has(3) && f.store->slots().slot_bytes(other.segment) == segment_bytes);
}

void uses_are_told_now_and_then() {
    Fixture f;
    f.store.put(0, big);
    const EntryId entry = f.store.find(0)->id;
    std::uint64_t told = 0;
    for (std::uint32_t i = 1; i <= 1000; ++i) {
        f.store->touch(entry);
        CHECK(f.store->uses(entry) <= 255);
    }
    for (const std::uint32_t times : f.notes.uses) {
        told += times;
    }
    CHECK(f.notes.uses.size() < 20);
    CHECK(told > 800 && told <= 1000);
}

// Those that will leave next, as they then do.
void who_leaves_next() {
    Fixture f;
    for (std::uint64_t i = 0; i < all_big; ++i) {
        Store::CommitRequest request;
        if (i % 4 != 0) {
            request.parent = sample_key(i - 1);
        }
        f.put_saved(i, big, request);
    }
    f.store->touch(f.store.find(2)->id);
    f.store->touch(f.store.find(8)->id);
    std::vector<EntryId> next;
    f.store->policy().next_to_leave(size_class_of(big), 20, next);
    CHECK_EQ(next.size(), 20);
    std::vector<uakv_key> keys;
    for (const EntryId entry : next) {
        keys.push_back(f.store->index().entry(entry).key);
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
        CHECK(!f.store->is_cold(*f.store->find(0, keys[i])));
        f.put_saved(100 + i, big);
        CHECK(f.store->is_cold(*f.store->find(0, keys[i])));
    }
}

// A frame gives way to the block itself: with its pin, and without an instant at which neither is found.
void decoded_in_another_slot() {
    Fixture f;
    f.push_out(1);
    const SlotRef small = f.store.grant(big / 2);
    auto frame = f.store->publish_loaded(small, f.store.find(0)->id, big / 2 - 5, 1);
    CHECK(frame.ok());
    CHECK_EQ(f.store->describe_block(0, sample_key(0))->stored_bytes, big / 2 - 5);
    CHECK_EQ(f.store->bytes_of(frame.value()).size(), big / 2 - 5);
    f.store->reconfigure({.pinned_bytes_max = big / 2});
    CHECK_STATUS(f.store->pin(0, sample_key(0), UAKV_PIN_FOREVER), UAKV_OK);
    f.store.lease(0, 0);
    f.load(0);
    const auto report = f.store->describe_block(0, sample_key(0));
    CHECK(report && report->pinned && report->stored_bytes == 0 && !report->cold);
    CHECK_EQ(f.store.statistics().bytes_pinned, big);
    CHECK_EQ(f.store.statistics().slots_limbo, 1); // the frame is read still
    lease_end(f.store.session(), 0);
    f.store->revisit_limbo();
    CHECK_EQ(f.store.statistics().slots_limbo, 0);
    f.store->drop_damaged(f.store.find(0)->id);
    CHECK(!f.store.has(0));
    CHECK(f.notes.forgotten_keys.back().second == Departure::corrupt);
    CHECK_EQ(f.store.statistics().blocks_pinned, 0);
}

constexpr Case cases[] = {
    {"evicted_goes_on_below", evicted_goes_on_below},
    {"no_room_for_cold_entries", no_room_for_cold_entries},
    {"loaded_and_back_again", loaded_and_back_again},
    {"commit_on_a_cold_key", commit_on_a_cold_key},
    {"commit_while_the_space_is_cleared", commit_while_the_space_is_cleared},
    {"commit_with_a_lifetime", commit_with_a_lifetime},
    {"removed_and_pinned", removed_and_pinned},
    {"cleared", cleared},
    {"expires_below", expires_below},
    {"listed_with_the_others", listed_with_the_others},
    {"hostile_words", hostile_words},
    {"held_blocks_keep_their_slots", held_blocks_keep_their_slots},
    {"uses_are_told_now_and_then", uses_are_told_now_and_then},
    {"who_leaves_next", who_leaves_next},
    {"decoded_in_another_slot", decoded_in_another_slot},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("store_cold", uakv::test::cases);
}
