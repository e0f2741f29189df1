// What the daemon answers to requests that concern more than one client: single flight, quotas, pins and clears.
#include "daemon/control/dispatcher.h"
#include "ipc/kept_slots.h"
#include "ring_client.h"
#include "sample.h"
#include "support/check.h"

#include <array>
#include <memory>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint64_t mine = 1000; // user data

SpaceId open_space(World &world, const char *name = "test") {
    SpaceDescription space;
    space.block_bytes = limits::segment_bytes_min;
    std::copy(name, name + std::char_traits<char>::length(name), space.name);
    auto opened = world.store().spaces().open(space, true);
    CHECK(opened.ok());
    return opened.value();
}

struct Fixture {
    World world;
    SpaceId space = open_space(world);
    uakv_key key = sample_key(1);
    RingClient a{world, 1};
    RingClient b{world, 2};
    RingClient c{world, 3};

    Submission of(Opcode opcode, std::uint64_t user_data) const { return submission_of(opcode, user_data, space, key); }

    // The client becomes the one that computes.
    Completion claim(RingClient &client) {
        const Completion granted = client.call(of(Opcode::claim, mine));
        check_turn(granted);
        return granted;
    }
    static void check_turn(const Completion &granted) {
        CHECK_STATUS(granted.status, UAKV_MISS);
        CHECK_EQ(granted.user_data, mine);
        CHECK_EQ(granted.capacity, 4096);
    }
    static void check_turn(const std::optional<Completion> &granted) {
        CHECK(granted.has_value());
        check_turn(*granted);
    }
    void store(RingClient &client) {
        const Completion granted = client.call(of(Opcode::grant, 1));
        CHECK_STATUS(granted.status, UAKV_OK);
        CHECK_STATUS(client.call(with_slot(of(Opcode::commit, 2), granted)).status, UAKV_OK);
    }
    std::uint64_t flights() { return world.cache().statistics().flights; }
};

void check_exists(RingClient &client) {
    const auto completion = client.take();
    CHECK(completion.has_value());
    CHECK_EQ(completion->user_data, mine);
    CHECK_STATUS(completion->status, UAKV_EXISTS);
    CHECK_EQ(completion->capacity, 0);
    CHECK(!client.take());
}

void one_computes_for_all() {
    Fixture f;
    const Completion granted = f.claim(f.a);
    f.b.call_waits(f.of(Opcode::claim, mine));
    f.c.call_waits(f.of(Opcode::claim, mine));
    CHECK_EQ(f.flights(), 1);
    CHECK_EQ(f.world.cache().statistics().flight_waits, 2);
    CHECK_STATUS(f.a.call(with_slot(f.of(Opcode::commit, 2), granted)).status, UAKV_OK);
    check_exists(f.b); // without a turn of its own
    check_exists(f.c);
    CHECK_EQ(f.flights(), 0);
    CHECK_STATUS(f.c.call(f.of(Opcode::claim, 3)).status, UAKV_EXISTS);
}

void gives_up_by_abort() {
    Fixture f;
    const Completion granted = f.claim(f.a);
    f.b.call_waits(f.of(Opcode::claim, mine));
    f.c.call_waits(f.of(Opcode::claim, mine));
    CHECK_STATUS(f.a.call(with_slot(f.of(Opcode::abort, 2), granted)).status, UAKV_OK);
    Fixture::check_turn(f.b.take()); // the one that came first
    CHECK(!f.c.take());
    f.b.leave(); // and this is how a death looks
    Fixture::check_turn(f.c.take());
    f.c.leave();
    CHECK_EQ(f.flights(), 0);
    CHECK_EQ(f.world.store().slots().granted_slots(), 0);
}

void too_late() {
    Fixture f;
    const Completion granted = f.claim(f.a);
    f.b.call_waits(f.of(Opcode::claim, mine));
    const std::uint64_t limit_ns = f.world.tenant().flight_ns_max();
    const std::uint64_t late_ns = f.world.cache().flights().next_late_ns(limit_ns);
    f.world.dispatcher().expire_flights(f.world.cache(), late_ns - 1);
    CHECK(!f.b.take());
    f.world.dispatcher().expire_flights(f.world.cache(), late_ns);
    const auto second = f.b.take();
    Fixture::check_turn(second);
    CHECK_STATUS(f.a.call(with_slot(f.of(Opcode::commit, 2), granted)).status, UAKV_OK); // late, but welcome
    CHECK_EQ(f.flights(), 0);
    CHECK_STATUS(f.b.call(with_slot(f.of(Opcode::commit, 2), *second)).status, UAKV_EXISTS);
}

// The block comes from somebody who has claimed nothing.
void stored_by_another() {
    Fixture f;
    const Completion granted = f.claim(f.a);
    f.b.call_waits(f.of(Opcode::claim, mine));
    f.store(f.c);
    check_exists(f.b);
    const Completion mine_too = f.a.call(with_slot(f.of(Opcode::commit, 2), granted));
    CHECK_STATUS(mine_too.status, UAKV_EXISTS);
    CHECK_EQ(mine_too.capacity, 4096); // the slot serves for the next
}

void cancelled() {
    Fixture f;
    const Completion granted = f.claim(f.a);
    f.b.call_waits(f.of(Opcode::claim, mine));
    Submission cancel = f.of(Opcode::cancel, 7);
    cancel.target = mine + 1; // no such call
    CHECK_STATUS(f.b.call(cancel).status, UAKV_OK);
    cancel.target = mine;
    CHECK_STATUS(f.c.call(cancel).status, UAKV_OK); // not a call of this client
    f.b.submit(cancel);
    CHECK_EQ(f.b.serve(), "");
    const auto ended = f.b.take();
    CHECK(ended.has_value());
    CHECK_EQ(ended->user_data, mine);
    CHECK_STATUS(ended->status, UAKV_ERR_TIMEOUT);
    CHECK_EQ(f.b.take()->user_data, 7);
    CHECK_EQ(f.b.session().unanswered(), 0);
    CHECK_STATUS(f.a.call(with_slot(f.of(Opcode::commit, 2), granted)).status, UAKV_OK);
    CHECK(!f.b.take());
}

// A slot that was claimed for one block and is used for another one.
void slot_used_for_something_else() {
    Fixture f;
    const Completion granted = f.claim(f.a);
    f.b.call_waits(f.of(Opcode::claim, mine));
    Submission commit = with_slot(f.of(Opcode::commit, 2), granted);
    commit.key = sample_key(2);
    CHECK_STATUS(f.a.call(commit).status, UAKV_OK);
    Fixture::check_turn(f.b.take());
}

Submission large(Submission submission) {
    submission.length = limits::segment_bytes_min;
    return submission;
}

// Grants whole segments until there are none.
std::vector<Completion> take_all_memory(Fixture &f, RingClient &client) {
    std::vector<Completion> granted;
    while (granted.size() < limits::memory_bytes_min / limits::segment_bytes_min) {
        granted.push_back(client.call(large(f.of(Opcode::grant, granted.size()))));
        CHECK_STATUS(granted.back().status, UAKV_OK);
    }
    return granted;
}

// The one whose turn it is waits for memory itself.
void no_memory_for_the_one_that_computes() {
    Fixture f;
    const auto all = take_all_memory(f, f.c);
    f.a.call_waits(large(f.of(Opcode::claim, mine)));
    f.b.call_waits(large(f.of(Opcode::claim, mine)));
    CHECK(f.world.dispatcher().take_waits());
    Submission cancel = f.of(Opcode::cancel, 7);
    cancel.target = mine;
    f.a.submit(cancel);
    CHECK_EQ(f.a.serve(), "");
    CHECK_STATUS(f.a.take()->status, UAKV_ERR_TIMEOUT);
    CHECK(f.world.dispatcher().take_waits()); // it is the other one's turn to wait for memory
    CHECK(!f.b.take());
    CHECK_STATUS(f.c.call(with_slot(f.of(Opcode::abort, 8), all[0])).status, UAKV_OK);
    f.world.dispatcher().retry_waiting(f.b.session());
    const auto granted = f.b.take();
    CHECK(granted.has_value());
    CHECK_STATUS(granted->status, UAKV_MISS);
    CHECK_EQ(granted->capacity, limits::segment_bytes_min);
}

void stored_while_waiting_for_memory() {
    Fixture f;
    const auto all = take_all_memory(f, f.c);
    f.a.call_waits(large(f.of(Opcode::claim, mine)));
    f.b.call_waits(large(f.of(Opcode::claim, mine)));
    CHECK_STATUS(f.c.call(with_slot(f.of(Opcode::commit, 8), all[0])).status, UAKV_OK);
    check_exists(f.a);
    check_exists(f.b);
    CHECK_EQ(f.a.session().unanswered(), 0);
    CHECK_EQ(f.flights(), 0);
}

// Refused after a while, and then the next one is refused in its turn.
void no_memory_at_all() {
    Fixture f;
    take_all_memory(f, f.c);
    f.a.call_waits(large(f.of(Opcode::claim, mine)));
    f.b.call_waits(large(f.of(Opcode::claim, mine)));
    std::optional<Completion> first;
    await("the first is refused", [&] {
        f.world.dispatcher().retry_waiting(f.a.session());
        return (first = f.a.take()).has_value();
    });
    CHECK_STATUS(first->status, UAKV_ERR_NO_SPACE);
    std::optional<Completion> second;
    await("the second is refused", [&] {
        f.world.dispatcher().retry_waiting(f.b.session());
        return (second = f.b.take()).has_value();
    });
    CHECK_STATUS(second->status, UAKV_ERR_NO_SPACE);
    CHECK_EQ(f.flights(), 0);
    CHECK_EQ(f.world.cache().statistics().no_space, 2);
    CHECK(f.world.cache().refused_slots_lately());
}

// A client offers the slot that it said to compute in, and the daemon takes it back.
void computing_slot_is_offered() {
    Fixture f;
    const Completion granted = f.a.call(large(f.of(Opcode::claim, mine)));
    f.b.call_waits(f.of(Opcode::claim, mine)); // wants less
    for (std::uint64_t i = 1; i < limits::memory_bytes_min / limits::segment_bytes_min; ++i) {
        CHECK_STATUS(f.c.call(large(f.of(Opcode::grant, i))).status, UAKV_OK);
    }
    keep_slot(f.a.session().layout(), 0, granted.segment, granted.slot);
    f.c.submit(large(f.of(Opcode::grant, 77)));
    CHECK_EQ(f.c.serve(), "");
    CHECK_STATUS(f.c.take()->status, UAKV_OK); // of the slot that was taken back
    CHECK(!f.a.session().holds({granted.segment, granted.slot}));
    CHECK_EQ(f.b.session().waiting_grants.size(), 1); // it is its turn, but there is no memory
    CHECK_EQ(f.b.session().waiting_claims, 0);
}

// Every claim that waits keeps a place for its completion.
void many_claims_of_one_client() {
    Fixture f;
    std::vector<Completion> granted;
    std::uint64_t claims = 0;
    for (; claims < limits::grants_per_client_max; ++claims) {
        f.key = sample_key(claims);
        granted.push_back(f.a.call(f.of(Opcode::claim, claims)));
        CHECK_STATUS(granted.back().status, UAKV_MISS);
    }
    for (std::uint64_t i = 0; i < claims; ++i) {
        f.key = sample_key(i);
        f.b.submit(f.of(Opcode::claim, i));
        CHECK_EQ(f.b.serve(), "");
    }
    CHECK_EQ(f.b.session().unanswered(), limits::completions);
    f.b.submit(f.of(Opcode::stats, 1)); // not taken: there is no place for its completion
    CHECK_EQ(f.b.serve(), "");
    CHECK(!f.b.take());
    f.key = sample_key(3);
    CHECK_STATUS(f.a.call(with_slot(f.of(Opcode::commit, 1), granted[3])).status, UAKV_OK);
    CHECK_EQ(f.b.take()->user_data, 3);
    CHECK_EQ(f.b.serve(), "");
    CHECK_EQ(f.b.take()->user_data, 1);
    const Completion refused = f.c.call(f.of(Opcode::claim, 1)); // stored
    CHECK_STATUS(refused.status, UAKV_EXISTS);
    f.key = sample_key(claims);
    CHECK_STATUS(f.a.call(f.of(Opcode::grant, 1)).status, UAKV_OK); // one was committed
    CHECK_STATUS(f.a.call(f.of(Opcode::claim, 2)).status, UAKV_ERR_DENIED);
    f.a.leave();
    for (std::uint64_t i = 1; i < claims; ++i) {
        const auto turn = f.b.take();
        CHECK(turn.has_value());
        CHECK_STATUS(turn->status, UAKV_MISS);
    }
    CHECK(!f.b.take());
}

void operations_per_second() {
    Settings settings = settings_of({tenant_settings("default")});
    settings.tenants[0].operations_per_second = 3;
    World world(settings);
    const SpaceId space = open_space(world);
    const uakv_key key = sample_key(1);
    const auto of = [&](Opcode opcode) { return submission_of(opcode, mine, space, key); };
    const std::uint64_t now = now_ns();
    RingClient a(world, 1);
    RingClient b(world, 2);
    const Completion first = a.call(of(Opcode::claim), now);
    const Completion second = b.call(of(Opcode::grant), now);
    CHECK_STATUS(b.call(of(Opcode::stats), now).status, UAKV_OK);
    CHECK_STATUS(b.call(of(Opcode::stats), now).status, UAKV_ERR_BUSY); // all clients together
    const Completion busy = a.call(with_slot(of(Opcode::commit), first), now);
    CHECK_STATUS(busy.status, UAKV_ERR_BUSY);
    CHECK_EQ(busy.capacity, 4096);
    CHECK_EQ(busy.slot, first.slot);
    CHECK(a.session().holds({first.segment, first.slot}));
    CHECK_EQ(world.cache().flights().count(), 0); // nobody waits for what is not coming
    CHECK_STATUS(b.call(with_slot(of(Opcode::abort), second), now).status, UAKV_OK);
    CHECK_STATUS(b.call(of(Opcode::cancel), now).status, UAKV_OK);
    CHECK_EQ(world.cache().statistics().refused_busy, 2);
    CHECK_STATUS(a.call(with_slot(of(Opcode::commit), first), now + ns_per_s).status, UAKV_OK);
    CHECK_STATUS(b.call(of(Opcode::remove), now + ns_per_s).status, UAKV_OK);
    b.call(of(Opcode::stats), now + ns_per_s);
    b.submit(with_slot(of(Opcode::commit), second)); // no longer its own: no way to get one back
    CHECK(!b.serve(now + ns_per_s).empty());
}

void pins() {
    Settings settings = settings_of({tenant_settings("default")});
    settings.tenants[0].pinned_bytes_max = 4096;
    World world(settings);
    const SpaceId space = open_space(world);
    RingClient a(world, 1);
    const auto pin = [&](std::uint64_t number, std::uint32_t ttl_ms) {
        Submission submission = submission_of(Opcode::pin, number, space, sample_key(number));
        submission.ttl_ms = ttl_ms;
        return a.call(submission);
    };
    for (const std::uint64_t number : {1ULL, 2ULL}) {
        const Completion granted = a.call(submission_of(Opcode::grant, 1, space, sample_key(number)));
        a.call(with_slot(submission_of(Opcode::commit, 1, space, sample_key(number)), granted));
    }
    CHECK_STATUS(pin(3, 1000).status, UAKV_OK);
    CHECK_EQ(pin(3, 1000).value, 0);
    CHECK_EQ(pin(1, UAKV_PIN_FOREVER).value, 1);
    CHECK_STATUS(pin(1, 5000).status, UAKV_OK);
    CHECK_STATUS(pin(2, 1000).status, UAKV_ERR_NO_SPACE);
    CHECK_EQ(world.cache().statistics().blocks_pinned, 1);
    CHECK_EQ(pin(1, 0).value, 1);
    CHECK_STATUS(pin(2, 1000).status, UAKV_OK);
}

constexpr std::uint64_t many = 3000; // more than one turn clears

void fill(World &world, RingClient &client, SpaceId space) {
    for (std::uint64_t i = 0; i < many; ++i) {
        Completion granted{};
        granted = client.call(submission_of(Opcode::grant, i, space, sample_key(i)));
        CHECK_STATUS(client.call(with_slot(submission_of(Opcode::commit, i, space, sample_key(i)), granted)).status,
                     UAKV_OK);
    }
    CHECK_EQ(world.store().space_counters(space).blocks, many);
}

void clears() {
    World world;
    const SpaceId space = open_space(world);
    const SpaceId other = open_space(world, "other");
    RingClient a(world, 1);
    RingClient b(world, 2);
    fill(world, a, space);
    b.call_waits(submission_of(Opcode::clear, mine, space, {}));
    b.call_waits(submission_of(Opcode::clear, mine + 1, other, {}));
    CHECK_EQ(b.session().unanswered(), 2);
    CHECK(world.dispatcher().continue_clears());
    CHECK_EQ(a.call(submission_of(Opcode::remove, 1, space, sample_key(many - 1))).value, 1); // served meanwhile
    while (world.dispatcher().continue_clears()) {
    }
    std::array<std::uint32_t, 2> removed{};
    for (int i = 0; i < 2; ++i) {
        const auto done = b.take();
        CHECK(done.has_value());
        CHECK_STATUS(done->status, UAKV_OK);
        removed[done->user_data - mine] = done->value;
    }
    CHECK_EQ(removed[0], many - 1);
    CHECK_EQ(removed[1], 0);
    CHECK_EQ(b.session().unanswered(), 0);
    CHECK_EQ(world.store().space_counters(space).blocks, 0);
}

void client_leaves_while_clearing() {
    World world;
    const SpaceId space = open_space(world);
    RingClient a(world, 1);
    fill(world, a, space);
    {
        RingClient b(world, 2);
        b.call_waits(submission_of(Opcode::clear, mine, space, {}));
        world.dispatcher().continue_clears();
    }
    CHECK(!world.dispatcher().continue_clears());
}

void only_for_those_that_store() {
    Fixture f;
    for (const Opcode opcode : {Opcode::claim, Opcode::pin, Opcode::clear, Opcode::grant, Opcode::remove}) {
        RingClient reader(f.world, 9, true);
        reader.submit(f.of(opcode, 1));
        CHECK(!reader.serve().empty());
    }
    for (const Opcode opcode : {Opcode::claim, Opcode::clear}) {
        RingClient client(f.world, 9);
        Submission submission = f.of(opcode, 1);
        submission.space = 77; // that there is not
        client.submit(submission);
        CHECK(!client.serve().empty());
    }
    CHECK_EQ(f.flights(), 0);
}

void stages_are_timed() {
    Fixture f;
    const auto counted = [&](Stage stage) {
        std::uint64_t sum = 0;
        for (const std::uint64_t count : f.world.stages().histogram(static_cast<std::size_t>(stage)).counts) {
            sum += count;
        }
        return sum;
    };
    f.store(f.a);
    CHECK_EQ(counted(Stage::serve), 0);
    f.world.stages().set_on(true);
    f.key = sample_key(2);
    f.store(f.a);
    f.a.call(f.of(Opcode::remove, 1));
    CHECK_EQ(f.a.serve(), ""); // nothing to do
    CHECK_EQ(counted(Stage::serve), 3);
    CHECK_EQ(counted(Stage::grant), 1);
    CHECK_EQ(counted(Stage::commit), 1);
    CHECK_EQ(counted(Stage::remove), 1);
}

// What costs as much as a batch of others ends the turn: a client that asks for nothing else keeps nobody waiting.
void one_heavy_request_in_a_turn() {
    World world;
    RingClient client(world, 1);
    constexpr std::uint64_t count = 4;
    for (const Opcode opcode : {Opcode::check, Opcode::stats, Opcode::remove}) {
        for (std::uint64_t i = 0; i < count; ++i) {
            client.submit(submission_of(opcode, i, 0, sample_key(i)));
        }
        for (std::uint64_t i = 0; i < count; ++i) {
            if (i == 0 || opcode != Opcode::remove) {
                CHECK_EQ(client.serve(), "");
            }
            CHECK(client.take().has_value());
            CHECK(opcode == Opcode::remove || !client.take());
        }
    }
}

constexpr Case cases[] = {
    {"one_computes_for_all", one_computes_for_all},
    {"gives_up_by_abort", gives_up_by_abort},
    {"too_late", too_late},
    {"stored_by_another", stored_by_another},
    {"cancelled", cancelled},
    {"slot_used_for_something_else", slot_used_for_something_else},
    {"no_memory_for_the_one_that_computes", no_memory_for_the_one_that_computes},
    {"stored_while_waiting_for_memory", stored_while_waiting_for_memory},
    {"no_memory_at_all", no_memory_at_all},
    {"computing_slot_is_offered", computing_slot_is_offered},
    {"many_claims_of_one_client", many_claims_of_one_client},
    {"operations_per_second", operations_per_second},
    {"pins", pins},
    {"clears", clears},
    {"client_leaves_while_clearing", client_leaves_while_clearing},
    {"only_for_those_that_store", only_for_those_that_store},
    {"stages_are_timed", stages_are_timed},
    {"one_heavy_request_in_a_turn", one_heavy_request_in_a_turn},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("dispatcher", uakv::test::cases);
}
