// What a daemon leaves, the next one goes on with: blocks, leases, slots, pins, spaces; or it says why not.
#include "kept_world.h"

namespace uakv::test {
namespace {

void first_start() {
    KeeperSocket socket;
    SocketKeeper keeper(socket);
    KeptFds kept;
    CHECK(Store::sessions_left(kept, tenant).value().empty());
    CHECK_STATUS(Store::adopt(kept_options(&keeper), kept, {}).error().status, UAKV_MISS);
    const auto store = create_kept(&keeper);
    take_all_segments(*store);
    CHECK_EQ(socket.kept().size(), segments + 2);
}

void goes_on() {
    World world;
    for (std::uint64_t i = 0; i < 20; ++i) {
        put_block(*world.store, i, i % 2 == 0 ? big : 5000);
    }
    const std::uint64_t epoch = world.store->index().epoch();
    world.adopt();
    CHECK_EQ(world.store->index().epoch(), epoch);
    CHECK_EQ(world.store->segments(), segments);
    CHECK(!world.store->memory_is_coming());
    for (std::uint64_t i = 0; i < 20; ++i) {
        check_there(*world.store, i);
    }
    CHECK_EQ(world.store->space_counters(0).blocks, 20);
    CHECK(world.store->spaces().find(0) != nullptr && world.store->spaces().find(1) == nullptr);
    CHECK_EQ(world.store->spaces().open(some_space("llama"), false).value(), 0);
    CHECK(world.store->evicts());
    CHECK(!world.store->maintain()); // nothing is suspected after a clean end
    check_partition(*world.store);
    put_block(*world.store, 100, big);
    check_there(*world.store, 100);
    check_empties(*world.store);
}

void segments_that_were_not_made_are_made() {
    KeeperSocket socket;
    SocketKeeper keeper(socket);
    auto store = create_kept(&keeper);
    await("a segment", [&] {
        store->take_segments();
        return store->segments() > 0;
    });
    const std::uint32_t before = store->segments();
    store.reset();
    CHECK_EQ(socket.kept().size(), before + 2);
    KeptFds kept = socket.copies();
    auto adopted = Store::adopt(kept_options(&keeper), kept, {});
    CHECK(adopted.ok());
    take_all_segments(*adopted.value());
    CHECK_EQ(socket.kept().size(), segments + 2);
}

void leases_slots_and_pins() {
    World world;
    const SlotRef leased = put_block(*world.store, 0, big);
    put_block(*world.store, 1, big);
    put_block(*world.store, 2, big);
    world.lease(3, 0);
    world.lease(4, 1);
    CHECK(world.store->remove(0, sample_key(0))); // in limbo
    CHECK_STATUS(world.store->pin(0, sample_key(2), UAKV_PIN_FOREVER), UAKV_OK);
    const SlotRef held = world.store->grant(big, 1).slot;
    const SlotRef dead = world.store->grant(big, 2).slot; // of one that is not there any more
    const SlotRef loading = world.store->grant(big, 0).slot;
    world.adopt();
    check_partition(*world.store);
    CHECK(world.store->slots_of_former(1) == std::vector<SlotRef>{held});
    CHECK(world.store->slots_of_former(2).empty());
    CHECK(world.store->has_limbo());
    uakv_statistics now{};
    world.store->describe(now);
    CHECK_EQ(now.slots_granted, 2);
    CHECK_EQ(now.slots_limbo, 1);
    CHECK_EQ(now.blocks_pinned, 1);
    CHECK_EQ(now.leases, 2);
    bool reused = false;
    for (std::uint64_t i = 10; i < 100; ++i) {
        const SlotRef slot = put_block(*world.store, i, big);
        CHECK(!(slot == leased) && !(slot == held) && !(slot == loading));
        reused = reused || slot == dead;
    }
    CHECK(reused);
    check_there(*world.store, 1);
    check_there(*world.store, 2);
    check_block(world.store->bytes_of(leased).data(), big, sample_key(0));
    lease_end(*world.session, 3);
    lease_end(*world.session, 4);
    world.store->release_abandoned();
    CHECK_STATUS(commit_block(*world.store, held, 500, big), UAKV_OK);
    check_there(*world.store, 500);
    CHECK_STATUS(world.store->pin(0, sample_key(2), 0), UAKV_OK);
    check_partition(*world.store);
    check_empties(*world.store);
}

// They leave in the order in which they were used, and ends before what they hang on.
void order_of_use() {
    World world;
    for (std::uint64_t i = 0; i < 30; ++i) {
        Store::CommitRequest request;
        if (i > 0 && i < 10) {
            request.parent = sample_key(i - 1);
        }
        put_block(*world.store, i, big, 1, request);
    }
    const std::uint32_t tick = State::tick_now();
    await("time passes", [&] { return State::tick_now() != tick; });
    world.store->touch(find_block(*world.store, 20)->id);
    world.store->touch(find_block(*world.store, 0)->id); // later than what hangs on it
    world.adopt();
    for (std::uint64_t i = 0; i < 10; ++i) { // whoever is used, the end is what goes first
        world.store->touch(find_block(*world.store, i)->id);
    }
    for (std::uint64_t i = 100; i < 121; ++i) { // two fit
        put_block(*world.store, i, big);
    }
    for (std::uint64_t i = 0; i < 30; ++i) {
        CHECK_EQ(find_block(*world.store, i).has_value(), i < 10 || i == 20);
    }
    for (std::uint64_t i = 200; i < 203; ++i) {
        put_block(*world.store, i, big);
    }
    for (std::uint64_t i = 0; i < 30; ++i) {
        CHECK_EQ(find_block(*world.store, i).has_value(), i < 8);
    }
}

void three_bad_starts() {
    World world;
    put_block(*world.store, 0, big);
    for (std::uint32_t starts = 1; starts <= 3; ++starts) {
        world.store->healthy();
        world.adopt();
        CHECK_EQ(world.state().starts, 1);
        check_there(*world.store, 0);
    }
    world.store.reset();
    world.state().starts = 2;
    world.state().clean = 0;
    world.adopt();
    check_there(*world.store, 0);
    world.store.reset();
    world.state().starts = 3;
    CHECK(!world.try_adopt({{1, world.session.get()}}).ok());
    CHECK(world.socket.kept().empty());
}

struct Spoiling {
    const char *line; // a part of what is said
    void (*spoil)(World &);
};

void replace_fd(World &world, const std::string &name, std::uint64_t bytes) {
    auto other = create_memfd("other", bytes);
    CHECK(other.ok());
    world.socket.find(name)->fd = std::move(other.value());
}

void lose(World &world, const std::string &name) {
    CHECK(std::erase_if(world.socket.kept(), [&](const auto &one) { return one.name == name; }) == 1);
}

const Spoiling spoilings[] = {
    {"t.prod.eu.state is missing", [](World &w) { lose(w, Keeping::state_name(tenant)); }},
    {"t.prod.eu.index is missing", [](World &w) { lose(w, Keeping::index_name(tenant)); }},
    {"t.prod.eu.3 is missing", [](World &w) { lose(w, Keeping::segment_name(tenant, 3)); }},
    {"less than any", [](World &w) { replace_fd(w, Keeping::state_name(tenant), 4096); }},
    {"does not begin as one", [](World &w) { replace_fd(w, Keeping::state_name(tenant), 1 << 20); }},
    {"less than any", [](World &w) { replace_fd(w, Keeping::index_name(tenant), 64); }},
    {"has layout 0", [](World &w) { replace_fd(w, Keeping::index_name(tenant), 1 << 20); }},
    {"segments has 4096 bytes", [](World &w) { replace_fd(w, Keeping::segment_name(tenant, 7), 4096); }},
    {"has layout 2.1", [](World &w) { w.state().layout_major = 2; }},
    {"does not begin as one", [](World &w) { w.state().magic = 0; }},
    {"another index", [](World &w) { w.state().epoch ^= 1; }},
    {"its own numbers", [](World &w) { w.state().segment_capacity = 9; }},
    {"size of a segment", [](World &w) { w.state().segment_bytes = 3 << 20; }},
    {"number of segments", [](World &w) { w.state().segments = 9; }},
    {"number of spaces", [](World &w) { w.state().spaces = limits::spaces_max + 1; }},
    {"of space 1 cannot be", [](World &w) { w.state().spaces = 2; }},
    {"size class",
     [](World &w) { w.peek<std::uint32_t>(Keeping::state_name(tenant), state_layout::segments_offset) = 0xFFFF; }},
    {"3 daemons in a row", [](World &w) { w.state().starts = 3; }},
    {"has layout 77", [](World &w) { w.index().header->layout_version = 77; }},
    {"entries in", [](World &w) { w.index().header->entry_capacity -= 1; }},
};

void each_wrong_piece() {
    for (const Spoiling &spoiling : spoilings) {
        World world;
        put_block(*world.store, 0, big);
        world.store.reset();
        spoiling.spoil(world);
        auto adopted = world.try_adopt({{1, world.session.get()}});
        CHECK(!adopted.ok());
        if (adopted.error().detail.find(spoiling.line) == std::string::npos) {
            fail_at(__FILE__, __LINE__, std::string(spoiling.line) + " is not in: " + adopted.error().detail);
        }
        CHECK(world.socket.kept().empty());
        const auto fresh = create_kept(&world.keeper);
        take_all_segments(*fresh);
        CHECK_EQ(world.socket.kept().size(), segments + 2);
    }
}

void other_settings() {
    using Change = void (*)(StoreOptions &);
    const std::pair<const char *, Change> all[] = {
        {"its memory is 16 MiB", [](StoreOptions &options) { options.memory_bytes *= 2; }},
        {"room for 0 blocks that are on disk alone, and disk_size asks for 10",
         [](StoreOptions &options) { options.cold_blocks_max = 10; }},
    };
    for (const auto &[line, change] : all) {
        World world;
        world.store.reset();
        StoreOptions options = kept_options(&world.keeper);
        change(options);
        KeptFds kept = world.socket.copies();
        const auto adopted = Store::adopt(options, kept, {});
        CHECK(!adopted.ok());
        CHECK(adopted.error().detail.find(line) != std::string::npos);
        CHECK(world.socket.kept().empty() && kept.empty());
    }
}

// The index keeps the room that it was made with, where that is of use.
void another_size_of_the_disk() {
    const std::pair<std::uint32_t, bool> all[] = {{100, true}, {10, true}, {0, true}, {201, true}, {202, false}};
    for (const auto &[wanted, goes_on] : all) {
        KeeperSocket socket;
        SocketKeeper keeper(socket);
        StoreOptions options = kept_options(&keeper);
        options.cold_blocks_max = 100;
        auto store = std::move(Store::create(options).value());
        take_all_segments(*store);
        CHECK(store->spaces().open(some_space("llama"), true).ok());
        put_block(*store, 0, big);
        store.reset();
        options.cold_blocks_max = wanted;
        KeptFds kept = socket.copies();
        auto adopted = Store::adopt(options, kept, {});
        CHECK_EQ(adopted.ok(), goes_on);
        if (!goes_on) {
            CHECK(adopted.error().detail.find("disk_size asks for 202") != std::string::npos);
            continue;
        }
        check_there(*adopted.value(), 0);
        CHECK_EQ(adopted.value()->cold_blocks_max(), 100);
        put_block(*adopted.value(), 1, big);
        check_there(*adopted.value(), 1);
    }
}

void session_without_its_memory() {
    World world;
    CHECK(Store::sessions_left(world.socket.copies(), tenant).value() == std::vector<std::uint32_t>{1});
    CHECK(!world.try_adopt({{1, nullptr}}).ok());
}

void sessions_are_noted() {
    World world;
    CHECK(world.store->note_session(7));
    world.store->forget_session(1);
    CHECK(Store::sessions_left(world.socket.copies(), tenant).value() == std::vector<std::uint32_t>{7});
    auto adopted = world.try_adopt({});
    CHECK(adopted.ok());
    CHECK(Store::sessions_left(world.socket.copies(), tenant).value().empty());
    for (std::uint32_t number = 1; number <= state_layout::sessions_max; ++number) {
        CHECK(adopted.value()->note_session(number));
    }
    CHECK(!adopted.value()->note_session(9999));
}

// A newer daemon's notes that only add something; it can tell that another one was here.
void newer_minor_layout() {
    World world;
    put_block(*world.store, 0, big);
    world.store.reset();
    world.state().layout_minor = 9;
    world.adopt();
    check_there(*world.store, 0);
    CHECK_EQ(world.state().layout_minor, state_layout_minor);
}

// What a flush has to tell of, the one at the next daemon tells of, once.
void losses() {
    World world;
    CHECK_EQ(world.store->spaces().open(some_space("other"), true).value(), 1);
    CHECK_EQ(world.store->spaces().open(some_space("third"), true).value(), 2);
    world.store->note_loss(1);
    world.adopt();
    CHECK(world.store->take_loss(1) && !world.store->take_loss(1));
    CHECK(!world.store->take_loss(0) && !world.store->take_loss(2));
    world.store->note_leaving(0, true); // and is not written yet when the daemon ends
    world.store->note_leaving(2, true);
    world.store->note_leaving(2, false);
    world.adopt();
    CHECK(!world.store->take_loss(1) && !world.store->take_loss(2));
    world.adopt();
    CHECK(world.store->take_loss(0) && !world.store->take_loss(0));
    world.adopt();
    CHECK(!world.store->take_loss(0));
    world.store.reset();
    world.state().layout_minor = 0; // of a daemon that did not know of them
    world.adopt();
    CHECK_EQ(world.store->spaces().open(some_space("fourth"), true).value(), 3);
    CHECK(world.store->take_loss(0) && world.store->take_loss(1) && world.store->take_loss(2));
    CHECK(!world.store->take_loss(3));
}

void refused_by_the_keeper() {
    for (const std::string &name :
         {Keeping::index_name(tenant), Keeping::state_name(tenant), Keeping::segment_name(tenant, 4)}) {
        KeeperSocket socket;
        SocketKeeper keeper(socket);
        keeper.refused = name;
        const auto store = create_kept(&keeper);
        take_all_segments(*store);
        put_block(*store, 0, big);
        check_there(*store, 0);
        CHECK(socket.kept().empty());
    }
}

// After a sudden end all are looked at, and what is not as it was leaves.
void unsound_after_a_sudden_end() {
    World world;
    for (std::uint64_t i = 0; i < 20; ++i) {
        put_block(*world.store, i, i % 3 == 0 ? big : 10'000);
    }
    const auto spoiled = *find_block(*world.store, 7);
    world.store.reset();
    world.state().clean = 0;
    world.peek<std::uint8_t>(Keeping::segment_name(tenant, spoiled.segment), spoiled.offset + 4321) ^= 1;
    world.adopt();
    CHECK(find_block(*world.store, 7).has_value()); // nobody waits for it
    CHECK(!world.store->take_loss(0));
    while (world.store->maintain()) {
    }
    CHECK(!find_block(*world.store, 7).has_value());
    CHECK(world.store->take_loss(0));
    CHECK(world.store->departed(0, sample_key(7))->why == Departure::corrupt);
    for (std::uint64_t i = 0; i < 20; ++i) {
        if (i != 7) {
            check_there(*world.store, i);
        }
    }
}

// One that cannot start for something else (its disk), or is told to stop at once, has compared nothing yet.
void unsound_after_an_end_before_all_was_compared() {
    World world;
    put_block(*world.store, 0, big);
    const auto spoiled = *find_block(*world.store, 0);
    world.store.reset();
    world.state().clean = 0;
    world.peek<std::uint8_t>(Keeping::segment_name(tenant, spoiled.segment), spoiled.offset + 4321) ^= 1;
    world.adopt();
    world.adopt(); // ends the one before in order
    CHECK_EQ(world.state().starts, 1);
    while (world.store->maintain()) {
    }
    CHECK(!find_block(*world.store, 0).has_value());
    world.store.reset();
    CHECK_EQ(world.state().clean, 1);
}

void tenant_that_is_gone() {
    World world;
    world.store->end_keeping();
    CHECK(world.socket.kept().empty());
}

constexpr Case cases[] = {
    {"first_start", first_start},
    {"goes_on", goes_on},
    {"segments_that_were_not_made_are_made", segments_that_were_not_made_are_made},
    {"leases_slots_and_pins", leases_slots_and_pins},
    {"order_of_use", order_of_use},
    {"three_bad_starts", three_bad_starts},
    {"each_wrong_piece", each_wrong_piece},
    {"other_settings", other_settings},
    {"another_size_of_the_disk", another_size_of_the_disk},
    {"session_without_its_memory", session_without_its_memory},
    {"sessions_are_noted", sessions_are_noted},
    {"newer_minor_layout", newer_minor_layout},
    {"losses", losses},
    {"refused_by_the_keeper", refused_by_the_keeper},
    {"unsound_after_a_sudden_end", unsound_after_a_sudden_end},
    {"unsound_after_an_end_before_all_was_compared", unsound_after_an_end_before_all_was_compared},
    {"tenant_that_is_gone", tenant_that_is_gone},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("store_adopt", uakv::test::cases);
}
