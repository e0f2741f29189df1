// How long leases are known to have been held, and whose are found to be too old.
#include "daemon/control/old_views.h"
#include "ipc/clock.h"
#include "ring_client.h"
#include "sample.h"
#include "store_bench.h"
#include "support/check.h"

#include <string>

namespace uakv::test {
namespace {

constexpr std::uint64_t t0 = 1000 * ns_per_s;
constexpr std::uint64_t s = ns_per_s;

// ---- the clock ------------------------------------------------------------------------------------------------

void ages_are_lower_bounds() {
    LeaseClock clock(t0);
    CHECK_EQ(clock.shown(), 0);
    CHECK_EQ(clock.age_ns(0, t0 + 5 * s), 0); // perhaps it has just begun
    CHECK(!clock.is_due(t0 + s - 1, s) && clock.is_due(t0 + s, s));
    clock.tick(t0 + 10 * s);
    CHECK(!clock.is_due(t0 + 10 * s, s));
    CHECK_EQ(clock.age_ns(0, t0 + 10 * s), 0);
    CHECK_EQ(clock.age_ns(0, t0 + 12 * s), 2 * s);
    CHECK_EQ(clock.age_ns(1, t0 + 12 * s), 0);
    clock.tick(t0 + 20 * s);
    CHECK_EQ(clock.age_ns(0, t0 + 21 * s), 11 * s);
    CHECK_EQ(clock.age_ns(1, t0 + 21 * s), s);
    CHECK_EQ(clock.age_ns(2, t0 + 21 * s), 0);
}

// What the clock has not shown yet counts from the beginning on: who writes it gains nothing.
void stamps_of_the_future() {
    LeaseClock clock(t0);
    for (LeaseStamp stamp = 1; stamp < lease_stamps; ++stamp) {
        CHECK_EQ(clock.age_ns(stamp, t0 + 7 * s), 7 * s);
    }
}

void stamps_come_round() {
    LeaseClock clock(t0);
    for (std::uint64_t i = 1; i < lease_stamps; ++i) {
        clock.tick(t0 + i * s);
    }
    const std::uint64_t now = t0 + lease_stamps * s;
    CHECK_EQ(clock.shown(), lease_stamps - 1);
    CHECK_EQ(clock.age_ns(0, now), (lease_stamps - 1) * s);
    CHECK_EQ(clock.age_ns(lease_stamps - 2, now), s);
    clock.tick(now);
    CHECK_EQ(clock.shown(), 0);
    CHECK_EQ(clock.age_ns(0, now + s), 0); // younger than it may be, never older
    CHECK_EQ(clock.age_ns(lease_stamps - 1, now + s), s);
    CHECK_EQ(clock.age_ns(1, now + s), (lease_stamps - 1) * s);
}

// ---- a store --------------------------------------------------------------------------------------------------

// Leases are stamped with what the index shows to readers.
void lease_now(Bench &store, std::uint32_t word, std::uint64_t number) {
    const auto found = store.find(number);
    CHECK(found.has_value());
    lease_cover(store.session(), word);
    const Lookup &lookup = store->index().lookup();
    CHECK(lease_begin(store.session(), word, lookup.entry(found->id), found->id, found->generation,
                      lookup.lease_clock()));
}

struct Aged {
    Bench store;
    std::uint64_t now = now_ns();

    void pass(std::uint64_t ns) { CHECK(store->tick_leases(now += ns, ns)); }
    Store::OldViews older_than(std::uint64_t age_ns) { return store->old_views(store.session(), now, age_ns); }
};

void old_views_are_counted() {
    Aged f;
    f.store.put(0, big);
    f.store.put(1, 5000);
    f.store.put(2, 1);
    lease_now(f.store, 0, 0);
    lease_now(f.store, 1, 0);
    lease_now(f.store, 2, 1);
    CHECK_EQ(f.older_than(1).views, 0);
    CHECK(!f.store->tick_leases(f.now + s, 2 * s)); // not yet
    f.pass(10 * s);
    CHECK_EQ(f.older_than(1).views, 0); // nobody knows when they began
    lease_now(f.store, 3, 2);
    f.pass(10 * s);
    const Store::OldViews old = f.older_than(10 * s);
    CHECK_EQ(old.views, 3);
    CHECK_EQ(old.bytes, big + 5000); // each block once
    CHECK_EQ(old.age_ns, 10 * s);
    CHECK_EQ(f.older_than(10 * s + 1).views, 0);
    f.pass(10 * s);
    CHECK_EQ(f.older_than(10 * s).views, 4);
    CHECK_EQ(f.older_than(20 * s).views, 3);
    lease_end(f.store.session(), 1);
    lease_now(f.store, 1, 0); // the same word, entry and generation; but not the same view
    CHECK_EQ(f.older_than(20 * s).views, 2);
}

// A word may say anything.
void words_that_are_no_leases() {
    Aged f;
    f.store.put(0, big);
    f.pass(s);
    f.pass(s);
    lease_cover(f.store.session(), 9);
    auto &words = f.store.session().leases;
    words[0] = UINT64_MAX;
    words[1] = make_lease(f.store.find(0)->id, f.store.find(0)->generation + 2);
    words[2] = make_lease(limits::entries_max - 1, 2);
    words[3] = 1;
    CHECK_EQ(f.older_than(0).views, 0);
    words[4] = make_lease(f.store.find(0)->id, f.store.find(0)->generation, 77); // the clock shows 2
    const Store::OldViews old = f.older_than(2 * s);
    CHECK_EQ(old.views, 1);
    CHECK(old.age_ns >= 2 * s); // as old as the clock
}

// To take back what keeps nothing in place would help nobody.
void blocks_that_stay_anyhow() {
    Aged f;
    f.store->reconfigure({.memory_bytes = 0, .pinned_bytes_max = big});
    f.store.put(0, big);
    f.store.put(1, big);
    CHECK_STATUS(f.store->pin(0, sample_key(0), UAKV_PIN_FOREVER), UAKV_OK);
    lease_now(f.store, 0, 0);
    lease_now(f.store, 1, 1);
    f.pass(s);
    f.pass(s);
    CHECK_EQ(f.older_than(s).views, 1);
    CHECK(f.store->remove(0, sample_key(0)));
    f.store->maintain();
    CHECK_EQ(f.older_than(s).views, 2); // pinned no more, and in limbo
    f.store->reconfigure({.memory_bytes = 0, .pinned_bytes_max = big, .evict = false});
    CHECK_EQ(f.older_than(s).views, 1); // the one in limbo
}

// The generation in a lease word is cut. All that is leased stays, however often the entry was used before.
void generations_that_are_cut() {
    for (const Generation generation : {Generation{2}, Generation{1} << 24, (Generation{1} << 24) + 2,
                                        (Generation{1} << 36) - 2, Generation{1} << 40}) {
        for (const EntryId entry : {EntryId{0}, EntryId{1}, limits::entries_max - 1}) {
            for (const LeaseStamp stamp : {LeaseStamp{0}, LeaseStamp{5}, lease_stamps - 1}) {
                const std::uint64_t word = make_lease(entry, generation, stamp);
                CHECK(word != 0);
                CHECK_EQ(entry_of_lease(word), entry);
                CHECK_EQ(stamp_of_lease(word), stamp);
                CHECK(lease_matches(word, entry, generation));
                CHECK(lease_matches(word, entry, generation + 1)); // retired since
                CHECK(!lease_matches(word, entry, generation + 2));
                CHECK(!lease_matches(word, entry, generation - 1));
                CHECK(!lease_matches(word, entry ^ 1, generation));
            }
        }
    }
    CHECK(!lease_matches(0, 0, Generation{1} << 24));
}

// ---- a tenant -------------------------------------------------------------------------------------------------

struct Tenanted {
    explicit Tenanted(std::uint64_t lease_ms_max) : world(settings(lease_ms_max)) {
        SpaceDescription description;
        description.block_bytes = 4096;
        description.name[0] = 'x';
        space = world.store().spaces().open(description, true).value();
    }
    static Settings settings(std::uint64_t lease_ms_max) {
        TenantSettings tenant = tenant_settings("chat");
        tenant.lease_ms_max = lease_ms_max;
        return settings_of({tenant});
    }

    void store(RingClient &client, std::uint64_t number) {
        const Completion granted = client.call(submission_of(Opcode::grant, 1, space, sample_key(number)));
        const Submission commit = submission_of(Opcode::commit, 2, space, sample_key(number));
        CHECK_STATUS(client.call(with_slot(commit, granted)).status, UAKV_OK);
    }
    void lease(RingClient &client, std::uint32_t word, std::uint64_t number) {
        const Lookup &lookup = world.store().index().lookup();
        Lookup::Found found;
        CHECK(lookup.find(space, sample_key(number), found));
        SessionLayout &session = client.session().layout();
        lease_cover(session, word);
        CHECK(lease_begin(session, word, lookup.entry(found.id), found.id, found.generation, lookup.lease_clock()));
    }
    std::vector<OldViewsOf> find(std::uint64_t ns) { return find_old_views(world.cache(), now += ns); }

    World world;
    SpaceId space = 0;
    std::uint64_t now = now_ns() + 1000 * s;
};

void those_who_hold_too_long() {
    Tenanted f(8000);
    RingClient first(f.world, 1), second(f.world, 2);
    for (std::uint64_t i = 0; i < 3; ++i) {
        f.store(first, i);
    }
    f.lease(first, 0, 0);
    f.lease(second, 0, 0);
    f.lease(second, 1, 1);
    CHECK(f.find(0).empty());
    for (int i = 0; i < 7; ++i) {
        CHECK(f.find(s).empty());
        f.lease(second, 2, 2); // anew each time
    }
    CHECK(f.find(s - 1).empty()); // the clock is not due
    const auto found = f.find(1);
    CHECK_EQ(found.size(), 2);
    CHECK(found[0].session == &second.session() && found[1].session == &first.session());
    CHECK_EQ(found[0].views.views, 2);
    CHECK_EQ(describe(found[0].views), "has held 2 views on 8 KiB for at least 8000 ms");
    CHECK_EQ(describe(found[1].views), "has held 1 view on 4 KiB for at least 8000 ms");
    CHECK(f.find(0).empty());
    second.session().ended = true;
    second.session().take_leases_back();
    CHECK_EQ(second.session().layout().header.leases_void, 1);
    CHECK_EQ(first.session().layout().header.leases_void, 0);
    CHECK_EQ(f.world.cache().statistics().sessions_revoked, 1);
    CHECK_EQ(f.world.cache().statistics().leases, 1);
    CHECK_EQ(f.find(s).size(), 1);
    Settings settings = Tenanted::settings(60'000);
    CHECK(f.world.tenants().reconfigure(settings).empty());
    CHECK(f.find(8 * s).empty());
}

// Nothing is taken back where nobody said so, but after a while the log can say who it is.
void those_who_may_hold_for_ever() {
    Tenanted f(0);
    RingClient client(f.world, 1);
    f.store(client, 0);
    f.lease(client, 0, 0);
    CHECK(f.find(0).empty());
    CHECK(f.find(9 * s).empty());
    CHECK(f.find(s).empty());
    CHECK(f.find(10 * s).empty());
    const auto found = f.find(10 * s);
    CHECK_EQ(found.size(), 1);
    CHECK_EQ(describe(found[0].views), "has held 1 view on 4 KiB for at least 30 s");
    CHECK_EQ(describe({1, 3 << 20, 299 * s}), "has held 1 view on 3 MiB for at least 299 s");
    CHECK_EQ(describe({2, 1, 359 * s}), "has held 2 views on 1 byte for at least 5 min");
    CHECK(f.world.cache().take_telling(f.now));
    CHECK(!f.world.cache().take_telling(f.now + 60 * s - 1));
    CHECK(f.world.cache().take_telling(f.now + 60 * s));
}

constexpr Case cases[] = {
    {"ages_are_lower_bounds", ages_are_lower_bounds},
    {"stamps_of_the_future", stamps_of_the_future},
    {"stamps_come_round", stamps_come_round},
    {"old_views_are_counted", old_views_are_counted},
    {"words_that_are_no_leases", words_that_are_no_leases},
    {"blocks_that_stay_anyhow", blocks_that_stay_anyhow},
    {"generations_that_are_cut", generations_that_are_cut},
    {"those_who_hold_too_long", those_who_hold_too_long},
    {"those_who_may_hold_for_ever", those_who_may_hold_for_ever},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("lease_ages", uakv::test::cases);
}
