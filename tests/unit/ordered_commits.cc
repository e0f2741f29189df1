// Commits that wait for a stream of the client, what a client may not do with them, and where the slots of clients of a
// device go when these have gone.
#include "daemon/control/ordered_commits.h"
#include "daemon/control/orphans.h"
#include "daemon/control/quarantine.h"
#include "ipc/kept_slots.h"
#include "ring_client.h"
#include "sample.h"
#include "support/check.h"
#include "support/child.h"
#include "threads.h"

#include <memory>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint32_t first_stream = 3;
constexpr std::uint32_t second_stream = limits::device_streams_max - 1;

// A cache with streams, in the machine's memory: who orders what is the same.
class DeviceWorld {
public:
    explicit DeviceWorld(std::uint64_t operations = 0) : world_(settings(operations)) {
        StoreOptions options;
        options.name = "device";
        options.memory_bytes = limits::memory_bytes_min;
        options.sessions = LeaseTables::Kind::device;
        auto made = Cache::create(world_.tenant(), options, {});
        CHECK(made.ok());
        cache_ = std::move(made.value());
        await("the memory is there", [&] {
            store().take_segments();
            return store().slots().segments() == limits::memory_bytes_min / limits::segment_bytes_min;
        });
        SpaceDescription description;
        description.block_bytes = limits::segment_bytes_min;
        description.name[0] = 'a';
        auto opened = store().spaces().open(description, true);
        CHECK(opened.ok());
        space = opened.value();
    }

    World &world() { return world_; }
    Cache &cache() { return *cache_; }
    Store &store() { return cache_->store(); }
    Dispatcher &dispatcher() { return world_.dispatcher(); }
    bool has(std::uint64_t number) { return store().find(space, sample_key(number)).has_value(); }
    std::uint64_t granted() { return store().slots().granted_slots(); }

    // As the reactor does each turn. What a client did wrong.
    std::string go_on() {
        std::string violation;
        dispatcher().continue_ordered(now_ns(), [&](Session &session, const std::string &what) {
            violation = what;
            dispatcher().leave(session);
        });
        return violation;
    }

    SpaceId space = 0;

private:
    static Settings settings(std::uint64_t operations) {
        TenantSettings tenant = tenant_settings("default");
        tenant.operations_per_second = operations;
        return settings_of({tenant});
    }

    World world_;
    std::unique_ptr<Cache> cache_;
};

struct Fixture {
    explicit Fixture(std::uint64_t operations = 0) : device(operations), client(device.world(), device.cache(), 1) {}

    DeviceWorld device;
    RingClient client;

    Submission of(Opcode opcode, std::uint64_t user_data, std::uint64_t number = 1) const {
        return submission_of(opcode, user_data, device.space, sample_key(number));
    }
    Submission ordered(const Completion &granted, std::uint64_t user_data, std::uint64_t number, std::uint32_t stream,
                       std::uint64_t value) const {
        Submission commit = with_slot(of(Opcode::commit, user_data, number), granted);
        commit.flags |= submission_ordered;
        commit.stream = static_cast<std::uint16_t>(stream);
        commit.target = value;
        return commit;
    }
    Completion grant() {
        const Completion granted = client.call(of(Opcode::grant, 100));
        CHECK_STATUS(granted.status, UAKV_OK);
        return granted;
    }
    void reach(std::uint32_t stream, std::uint64_t value) {
        store_release(client.session().device_layout()->streams[stream].reached, value);
    }
    Completion take() {
        const auto completion = client.take();
        CHECK(completion.has_value());
        return *completion;
    }
};

void waits_for_its_stream() {
    Fixture f;
    const Completion granted = f.grant();
    f.client.call_waits(f.ordered(granted, 7, 1, first_stream, 5));
    CHECK_EQ(f.client.session().unanswered(), 1);
    f.reach(first_stream, 4);
    f.reach(second_stream, 100);
    CHECK_EQ(f.device.go_on(), "");
    CHECK(!f.client.take());
    CHECK(!f.device.has(1));
    CHECK_EQ(f.device.granted(), 1);
    f.reach(first_stream, 5);
    CHECK_EQ(f.device.go_on(), "");
    const Completion done = f.take();
    CHECK_EQ(done.user_data, 7);
    CHECK_STATUS(done.status, UAKV_OK);
    CHECK(done.capacity != 0); // with the next slot, as any commit
    CHECK(f.device.has(1));
    CHECK_EQ(f.client.session().unanswered(), 0);
    CHECK_EQ(f.device.dispatcher().next_ordered_ns(now_ns()), UINT64_MAX);
}

void is_published_at_once_where_its_stream_is_there() {
    Fixture f;
    f.reach(first_stream, 9);
    CHECK_STATUS(f.client.call(f.ordered(f.grant(), 7, 1, first_stream, 9)).status, UAKV_OK);
    CHECK(f.device.has(1));
}

void streams_do_not_wait_for_each_other() {
    Fixture f;
    std::vector<Completion> granted;
    for (int i = 0; i < 4; ++i) {
        granted.push_back(f.grant());
    }
    f.client.call_waits(f.ordered(granted[0], 10, 10, first_stream, 1));
    f.client.call_waits(f.ordered(granted[1], 11, 11, second_stream, 1));
    f.client.call_waits(f.ordered(granted[2], 12, 12, first_stream, 2));
    f.client.call_waits(f.ordered(granted[3], 13, 13, second_stream, 2));
    CHECK(f.device.dispatcher().next_ordered_ns(now_ns()) <= ns_per_ms);
    f.reach(second_stream, 2);
    CHECK_EQ(f.device.go_on(), "");
    CHECK_EQ(f.take().user_data, 11);
    CHECK_EQ(f.take().user_data, 13);
    CHECK(!f.client.take());
    f.reach(first_stream, 2);
    CHECK_EQ(f.device.go_on(), "");
    CHECK_EQ(f.take().user_data, 10); // in the order in which they came
    CHECK_EQ(f.take().user_data, 12);
}

// Somebody else has stored the key meanwhile: the slot serves for the next.
void the_slot_comes_back_where_the_block_exists() {
    Fixture f;
    const Completion granted = f.grant();
    f.client.call_waits(f.ordered(granted, 7, 1, first_stream, 1));
    CHECK_STATUS(f.client.call(with_slot(f.of(Opcode::commit, 8), f.grant())).status, UAKV_OK);
    f.reach(first_stream, 1);
    CHECK_EQ(f.device.go_on(), "");
    const Completion done = f.take();
    CHECK_STATUS(done.status, UAKV_EXISTS);
    CHECK_EQ(done.slot, granted.slot);
    CHECK(f.client.session().holds({done.segment, done.slot}));
}

// While its stream still writes, the slot must not be the client's for something else.
void a_limit_on_operations_counts_when_the_stream_is_there() {
    Fixture f(1);
    const Completion granted = f.grant(); // the one of this second
    f.client.call_waits(f.ordered(granted, 7, 1, first_stream, 1));
    f.reach(first_stream, 1);
    CHECK_EQ(f.device.go_on(), "");
    const Completion done = f.take();
    CHECK_STATUS(done.status, UAKV_ERR_BUSY);
    CHECK_EQ(done.slot, granted.slot);
    CHECK(!f.device.has(1));
}

void check_violation(const std::string &violation, const std::string &words) {
    CHECK_MESSAGE(violation.find(words) != std::string::npos, "\"" + violation + "\" says nothing of " + words);
}

void nonsense_ends_the_session() {
    const auto refused = [](const std::string &words, const std::function<void(Fixture &, Submission &)> &change) {
        Fixture f;
        Submission commit = f.ordered(f.grant(), 7, 1, first_stream, 1);
        change(f, commit);
        f.client.submit(commit);
        check_violation(f.client.serve(), words);
    };
    refused("stream 64", [](Fixture &, Submission &commit) { commit.stream = limits::device_streams_max; });
    refused("stream 65535", [](Fixture &, Submission &commit) { commit.stream = UINT16_MAX; });
    refused("value 0", [](Fixture &, Submission &commit) { commit.target = 0; });
    refused("it committed 0 bytes", [](Fixture &, Submission &commit) { commit.length = 0; });
    refused("which it was not granted", [](Fixture &, Submission &commit) { commit.slot += 1; });
    refused("to space 9", [](Fixture &, Submission &commit) { commit.space = 9; });
}

void a_slot_that_waits_is_not_the_clients() {
    Fixture f;
    const Completion granted = f.grant();
    f.client.call_waits(f.ordered(granted, 7, 1, first_stream, 1));
    keep_slot(f.client.session().layout(), 0, granted.segment, granted.slot); // it says that it has it for later
    CHECK(f.device.cache().reclaim().empty());
    CHECK_EQ(f.client.session().grants(), 1); // but it counts
    for (const Opcode opcode : {Opcode::commit, Opcode::abort}) {
        f.client.submit(with_slot(f.of(opcode, 8), granted));
        check_violation(f.client.serve(), "which it was not granted");
    }
    f.client.submit(f.ordered(granted, 9, 2, first_stream, 2));
    check_violation(f.client.serve(), "which it was not granted");
}

void a_stream_that_goes_back_ends_the_session() {
    Fixture f;
    f.reach(first_stream, 10);
    f.client.call_waits(f.ordered(f.grant(), 7, 1, first_stream, 20));
    CHECK_EQ(f.device.go_on(), "");
    f.reach(first_stream, 9);
    check_violation(f.device.go_on(), "went back from 10 to 9");
    CHECK_EQ(f.device.go_on(), "");
    f.reach(first_stream, 20);
    CHECK_EQ(f.device.go_on(), "");
    CHECK(!f.device.has(1)); // it is not served any more
}

void host_sessions_have_no_streams() {
    World world;
    RingClient client(world, 1);
    SpaceDescription description;
    description.block_bytes = limits::segment_bytes_min;
    description.name[0] = 'a';
    const SpaceId space = world.store().spaces().open(description, true).value();
    const Completion granted = client.call(submission_of(Opcode::grant, 1, space, sample_key(1)));
    Submission commit = with_slot(submission_of(Opcode::commit, 2, space, sample_key(1)), granted);
    commit.flags |= submission_ordered;
    commit.target = 1;
    client.submit(commit);
    check_violation(client.serve(), "has no device");
}

// ---- clients that go ---------------------------------------------------------------------------------------------

// A pidfd as the daemon gets it: of whoever holds the other end.
Fd process_of(pid_t pid) {
    PeerIdentity peer;
    peer.pid = pid;
    Fd process = peer_process(Fd(), peer);
    CHECK(process.valid());
    return process;
}

[[noreturn]] void wait_for_ever() {
    for (;;) {
        ::pause();
    }
}

void a_dead_clients_slots_wait() {
    Fixture f;
    Child child([] { wait_for_ever(); });
    f.client.session().process = process_of(child.pid());
    const Completion granted = f.grant();
    static_cast<void>(f.grant());
    f.client.call_waits(f.ordered(granted, 7, 1, first_stream, 1));
    f.reach(first_stream, 1); // but nobody has looked before it goes
    child.kill();
    f.client.leave();
    CHECK(!f.device.has(1));
    CHECK_EQ(f.device.granted(), 2); // the one that waited for the stream, and the other
    Quarantine &quarantine = f.device.cache().quarantine();
    CHECK_EQ(quarantine.slots(), 2);
    const std::uint64_t dead_ns = now_ns();
    CHECK(quarantine.turn(dead_ns) <= ns_per_s);
    CHECK(quarantine.turn(dead_ns + ns_per_s - 1) >= 1);
    CHECK_EQ(f.device.granted(), 2);
    CHECK_EQ(quarantine.turn(dead_ns + ns_per_s), UINT64_MAX);
    CHECK_EQ(f.device.granted(), 0);
    CHECK_EQ(quarantine.slots(), 0);
}

// The socket hangs up while the process is still busy with its end.
void a_hang_up_is_not_a_death() {
    Fixture f;
    Child child([] { wait_for_ever(); });
    f.client.session().process = process_of(child.pid());
    static_cast<void>(f.grant());
    f.client.leave();
    Quarantine &quarantine = f.device.cache().quarantine();
    const std::uint64_t now = now_ns();
    CHECK(quarantine.turn(now + 3 * ns_per_s) < ns_per_s);
    CHECK_EQ(f.device.granted(), 1);
    child.kill();
    CHECK_EQ(quarantine.turn(now + 4 * ns_per_s), ns_per_s); // from here on
    CHECK_EQ(f.device.granted(), 1);
    CHECK_EQ(quarantine.turn(now + 5 * ns_per_s), UINT64_MAX);
    CHECK_EQ(f.device.granted(), 0);
}

void who_lives_on_has_hung_up_by_itself() {
    Fixture f;
    Child child([] { wait_for_ever(); });
    f.client.session().process = process_of(child.pid());
    static_cast<void>(f.grant());
    f.client.leave();
    Quarantine &quarantine = f.device.cache().quarantine();
    const std::uint64_t now = now_ns();
    CHECK(quarantine.turn(now + 9 * ns_per_s) <= ns_per_s);
    CHECK_EQ(f.device.granted(), 1);
    CHECK_EQ(quarantine.turn(now + 11 * ns_per_s), UINT64_MAX);
    CHECK_EQ(f.device.granted(), 0);
}

// What the client kept for later nobody writes to: it comes back at once.
void kept_slots_do_not_wait() {
    Fixture f;
    const Completion granted = f.grant();
    keep_slot(f.client.session().layout(), 0, granted.segment, granted.slot);
    f.client.leave();
    CHECK_EQ(f.device.granted(), 0);
    CHECK_EQ(f.device.cache().quarantine().slots(), 0);
}

void slots_of_host_clients_come_back_at_once() {
    World world;
    RingClient client(world, 1);
    CHECK_STATUS(client.call(submission_of(Opcode::grant, 1, 0, sample_key(1))).status, UAKV_OK);
    CHECK_EQ(world.store().slots().granted_slots(), 1);
    client.leave();
    CHECK_EQ(world.store().slots().granted_slots(), 0);
}

constexpr Case cases[] = {
    {"waits_for_its_stream", waits_for_its_stream},
    {"is_published_at_once_where_its_stream_is_there", is_published_at_once_where_its_stream_is_there},
    {"streams_do_not_wait_for_each_other", streams_do_not_wait_for_each_other},
    {"the_slot_comes_back_where_the_block_exists", the_slot_comes_back_where_the_block_exists},
    {"a_limit_on_operations_counts_when_the_stream_is_there", a_limit_on_operations_counts_when_the_stream_is_there},
    {"nonsense_ends_the_session", nonsense_ends_the_session},
    {"a_slot_that_waits_is_not_the_clients", a_slot_that_waits_is_not_the_clients},
    {"a_stream_that_goes_back_ends_the_session", a_stream_that_goes_back_ends_the_session},
    {"host_sessions_have_no_streams", host_sessions_have_no_streams},
    {"a_dead_clients_slots_wait", a_dead_clients_slots_wait},
    {"a_hang_up_is_not_a_death", a_hang_up_is_not_a_death},
    {"who_lives_on_has_hung_up_by_itself", who_lives_on_has_hung_up_by_itself},
    {"kept_slots_do_not_wait", kept_slots_do_not_wait},
    {"slots_of_host_clients_come_back_at_once", slots_of_host_clients_come_back_at_once},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ordered_commits", uakv::test::cases);
}
