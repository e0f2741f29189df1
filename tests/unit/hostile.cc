// Clients that go round the library: what the daemon keeps to by itself when they ask for more than is good for others.
#include "hostile/raw_client.h"
#include "ipc/clock.h"
#include "ipc/lease_table.h"
#include "ring_client.h"
#include "sample.h"
#include "served.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/pattern.h"

#include <algorithm>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace uakv::test {
namespace {

constexpr User alice = {70'001, 80'001};
constexpr User bob = {70'002, 80'002};
constexpr std::uint64_t big = limits::segment_bytes_min / 2;
constexpr std::uint64_t big_blocks = limits::memory_bytes_min / big; // that fit
constexpr std::uint32_t looks = 20;

Settings one_tenant(std::uint64_t leased_bytes_max) {
    TenantSettings tenant = tenant_settings("chat");
    tenant.members.users = {alice.uid, bob.uid};
    tenant.leased_bytes_max = leased_bytes_max;
    return settings_of({tenant});
}

// ---- views on more than a client may hold -----------------------------------------------------------------

struct Leasing {
    explicit Leasing(std::uint64_t leased_bytes_max) : world(one_tenant(leased_bytes_max)) {
        SpaceDescription description;
        description.block_bytes = limits::segment_bytes_min;
        description.name[0] = 'x';
        space = world.store().spaces().open(description, true).value();
    }

    Completion ask(RingClient &client, std::uint64_t number) {
        Submission submission = submission_of(Opcode::grant, number, space, sample_key(number));
        submission.length = big;
        return client.call(submission);
    }
    void fill(RingClient &client) {
        for (std::uint64_t number = 0; number < big_blocks; ++number) {
            const Completion granted = ask(client, number);
            Submission commit = with_slot(submission_of(Opcode::commit, number, space, sample_key(number)), granted);
            commit.length = big;
            CHECK_STATUS(client.call(commit).status, UAKV_OK);
        }
    }
    void lease(RingClient &client, std::uint32_t word, std::uint64_t number) {
        lease_block(client.session().layout(), word, world.store().index().lookup(), space, sample_key(number));
    }

    World world;
    SpaceId space = 0;
};

void leased_too_much_for_long() {
    Leasing f(3 * big);
    RingClient other(f.world, 1);
    RingClient greedy(f.world, 2);
    f.fill(other);
    const auto look = [&] { return greedy.session().leased_too_much(); };
    for (std::uint32_t i = 0; i < 3; ++i) {
        f.lease(greedy, i, i);
    }
    f.lease(greedy, 9, 2); // each block once
    for (std::uint32_t i = 0; i < 3 * looks; ++i) {
        CHECK(!look());
    }
    f.lease(greedy, 3, 3);
    for (std::uint32_t i = 1; i < looks; ++i) {
        CHECK(!look());
    }
    lease_end(greedy.session().layout(), 3);
    CHECK(!look()); // begins anew
    f.lease(greedy, 3, 3);
    for (std::uint32_t i = 1; i < looks; ++i) {
        CHECK(!look());
    }
    CHECK_EQ(look().value(), 4 * big);
    CHECK(!other.session().leased_too_much());
}

// All memory is read by one: others get some once its leases do not count.
void leases_given_up() {
    Leasing f(big);
    RingClient other(f.world, 1);
    RingClient greedy(f.world, 2);
    f.fill(other);
    const std::uint64_t now = now_ns();
    CHECK(!f.world.cache().take_short(now));
    for (std::uint32_t i = 0; i < big_blocks; ++i) {
        f.lease(greedy, i, i);
    }
    Submission submission = submission_of(Opcode::grant, 77, f.space, sample_key(77));
    submission.length = big;
    other.call_waits(submission);
    CHECK(f.world.cache().take_short(now));
    CHECK(!f.world.cache().take_short(now + ns_per_s)); // nobody asked again
    f.world.dispatcher().retry_waiting(other.session());
    CHECK(!f.world.cache().take_short(now + 99 * ns_per_ms));
    CHECK(f.world.cache().take_short(now + 100 * ns_per_ms));
    greedy.session().ended = true;
    greedy.session().take_leases_back();
    std::optional<Completion> granted;
    await("the grant is answered", [&] {
        f.world.dispatcher().retry_waiting(other.session());
        return (granted = other.take()).has_value();
    });
    CHECK_STATUS(granted->status, UAKV_OK);
    for (std::uint32_t i = 0; i < 3 * looks; ++i) {
        CHECK(!greedy.session().leased_too_much());
    }
}

// The library of a client keeps to what it was told, whatever the settings say since.
void what_it_was_told_counts() {
    Leasing f(2 * big);
    RingClient early(f.world, 1);
    f.fill(early);
    Settings settings = one_tenant(big);
    settings.tenants[0].memory_bytes = limits::memory_bytes_min;
    CHECK(f.world.tenants().reconfigure(settings).empty());
    RingClient late(f.world, 2);
    for (RingClient *client : {&early, &late}) {
        f.lease(*client, 0, 0);
        f.lease(*client, 1, 1);
    }
    for (std::uint32_t i = 0; i < 3 * looks; ++i) {
        CHECK(!early.session().leased_too_much());
        CHECK_EQ(late.session().leased_too_much().has_value(), i + 1 >= looks);
    }
}

uakv_status connect(const Served &served, uakv_client **client) {
    return connect_to(served.path(), 0, 0, client);
}

// The same from outside.
void greedy_one_is_ended() {
    Served served(one_tenant(2 * big));
    RawClient greedy(served.path());
    RawClient modest(served.path());
    greedy.attach();
    modest.attach();
    uakv_client *client = nullptr;
    CHECK_STATUS(connect(served, &client), UAKV_OK);
    await("memory is there", [&] {
        uakv_statistics values{};
        values.struct_size = sizeof values;
        CHECK_STATUS(uakv_stats(client, &values), UAKV_OK);
        return values.bytes_memory == values.bytes_capacity;
    });
    Space space(client);
    std::uint64_t number = 0;
    for (; number < big_blocks; ++number) {
        CHECK_STATUS(store_block(space, sample_key(number), big), UAKV_OK);
        lease_block(greedy.session(), static_cast<std::uint32_t>(number), greedy.lookup(), 0, sample_key(number));
    }
    lease_block(modest.session(), 0, modest.lookup(), 0, sample_key(0));
    lease_block(modest.session(), 1, modest.lookup(), 0, sample_key(1));
    CHECK_STATUS(store_block(space, sample_key(number), big), UAKV_ERR_NO_SPACE);
    await("there is memory again", [&] { return store_block(space, sample_key(number), big) == UAKV_OK; });
    const auto refused = read_control<RefusedMessage>(greedy.receive());
    CHECK(refused.has_value());
    CHECK_EQ(refused->ends_session, 1);
    const std::string why = refused->detail;
    CHECK_MESSAGE(why.find("views on " + std::to_string(big_blocks * big) + " bytes, of " + std::to_string(2 * big)) !=
                      std::string::npos,
                  why);
    modest.send(SegmentGetMessage());
    CHECK(read_control<SegmentMessage>(modest.receive()).has_value()); // is served
    CHECK(contains(space, sample_key(0)) && contains(space, sample_key(1)));
    space.forget();
    uakv_disconnect(client);
}

// ---- what is sent and not received --------------------------------------------------------------------------

void segments_not_received() {
    Served served(one_tenant(0));
    RawClient raw(served.path());
    raw.attach();
    await("there is a segment", [&] {
        raw.send(SegmentGetMessage());
        return read_control<SegmentMessage>(raw.receive()).has_value();
    });
    constexpr std::uint32_t asked = limits::unread_segments_max + 5;
    for (int round = 0; round < 2; ++round) {
        for (std::uint32_t i = 0; i < asked; ++i) {
            raw.send(SegmentGetMessage());
        }
        // The daemon has taken all of them once it has answered what was sent last.
        await("all are taken", [&] { return !has_unread(raw.socket()); });
        std::uint32_t segments = 0;
        for (std::uint32_t i = 0; i < asked; ++i) {
            const Received received = raw.receive();
            if (const auto refused = read_control<RefusedMessage>(received)) {
                CHECK_STATUS(refused->status, UAKV_ERR_BUSY);
                CHECK_EQ(refused->ends_session, 0);
            } else {
                segments += static_cast<std::uint32_t>(received.fds.size());
            }
        }
        CHECK_EQ(segments, limits::unread_segments_max);
    }
}

// The memory of a report is the daemon's: it goes with the next one, or with who asked.
void reports_kept() {
    Served served(one_tenant(0));
    std::vector<Fd> kept;
    const auto blocks_of = [](const Fd &region) {
        struct stat status {};
        CHECK(::fstat(region.get(), &status) == 0);
        return status.st_blocks;
    };
    {
        RawClient raw(served.path());
        for (int i = 0; i < 2; ++i) {
            ReportGetMessage wanted;
            wanted.kind = ReportKind::status;
            raw.send(wanted);
            Received received = raw.receive();
            CHECK_EQ(received.fds.size(), 1);
            kept.push_back(std::move(received.fds[0]));
        }
        CHECK(blocks_of(kept[1]) > 0);
        await("the first is freed", [&] { return blocks_of(kept[0]) == 0; });
    }
    await("the second is freed", [&] { return blocks_of(kept[1]) == 0; });
}

// ---- connections that say nothing ---------------------------------------------------------------------------

void as_user(const User &user, const std::function<void()> &body) {
#ifdef __SANITIZE_THREAD__
    throw Skip("the thread sanitizer cannot follow the child of a process with threads");
#endif
    run_child([&] {
        become(user);
        body();
    });
}

void silent_connections() {
    if (::geteuid() != 0) {
        throw Skip("only root can become other users");
    }
    Served served(one_tenant(0));
    as_user(alice, [&] {
        std::vector<RawClient> silent;
        while (silent.size() < limits::greetings_per_user_max) {
            silent.emplace_back(served.path());
        }
        const auto refused = read_control<RefusedMessage>(RawClient(served.path()).receive());
        CHECK(refused.has_value());
        CHECK_STATUS(refused->status, UAKV_ERR_DENIED);
        const std::string why = refused->detail;
        CHECK_MESSAGE(why.find("64 connections of user 70001 have not said hello") != std::string::npos, why);
        silent[3].send(HelloMessage()); // who says something makes room for the next
        uakv_client *client = nullptr;
        CHECK_STATUS(connect(served, &client), UAKV_OK);
        uakv_disconnect(client);
    });
}

// Others are not concerned, nor are administrators.
void silent_connections_of_others() {
    if (::geteuid() != 0) {
        throw Skip("only root can become other users");
    }
    Served served(one_tenant(0));
    std::vector<RawClient> silent;
    while (silent.size() < 2 * limits::greetings_per_user_max) {
        silent.emplace_back(served.path());
    }
    for (const User &user : {alice, bob}) {
        as_user(user, [&] {
            std::vector<RawClient> own;
            while (own.size() < limits::greetings_per_user_max - 1) {
                own.emplace_back(served.path());
            }
            uakv_client *client = nullptr;
            CHECK_STATUS(connect(served, &client), UAKV_OK);
            uakv_disconnect(client);
        });
    }
}

constexpr Case cases[] = {
    {"leased_too_much_for_long", leased_too_much_for_long},
    {"leases_given_up", leases_given_up},
    {"what_it_was_told_counts", what_it_was_told_counts},
    {"greedy_one_is_ended", greedy_one_is_ended},
    {"segments_not_received", segments_not_received},
    {"reports_kept", reports_kept},
    {"silent_connections", silent_connections},
    {"silent_connections_of_others", silent_connections_of_others},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("hostile", uakv::test::cases);
}
