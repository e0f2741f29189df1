// Sessions that outlive their daemon: what is kept of them, what is believed of what was kept, and what goes on
// counting until their clients are through.
#include "daemon/control/orphans.h"
#include "daemon/control/kept_session.h"
#include "daemon/service/service_manager.h"
#include "daemon/store/keeping.h"
#include "ipc/kept_slots.h"
#include "ipc/lease_table.h"
#include "ipc/memfd.h"
#include "ipc/process_handle.h"
#include "ring_client.h"
#include "sample.h"
#include "support/check.h"
#include "support/child.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace uakv::test {
namespace {

class TestKeeper final : public Keeper {
public:
    bool keep(const std::string &name, const Fd &fd) override {
        kept_.push_back({name, duplicate(fd)});
        return true;
    }
    void drop(const std::string &name) override {
        std::erase_if(kept_, [&](const auto &one) { return one.name == name; });
    }
    bool has(const std::string &name) const {
        return std::any_of(kept_.begin(), kept_.end(), [&](const auto &one) { return one.name == name; });
    }
    std::size_t count() const { return kept_.size(); }
    KeptFds copies() const {
        std::vector<KeptFds::One> all;
        for (const auto &one : kept_) {
            all.push_back({one.name, duplicate(one.fd)});
        }
        return KeptFds(std::move(all));
    }

private:
    std::vector<KeptFds::One> kept_;
};

// A pidfd as the daemon gets it: of whoever holds the other end.
Fd process_of_peer(pid_t pid) {
    std::array<int, 2> ends{};
    CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const Fd one(ends[0]), other(ends[1]);
    PeerIdentity peer;
    peer.pid = pid;
    Fd process = pid == ::getpid() ? peer_process(one, peer) : peer_process(Fd(), peer);
    CHECK(process.valid());
    return process;
}

[[noreturn]] void wait_for_ever() {
    for (;;) {
        ::pause();
    }
}

// A client whose daemon went: its session is kept, with one slot that it was granted and one that it keeps.
struct Left {
    explicit Left(pid_t pid = ::getpid()) {
        RingClient client(world, 1);
        Session &session = client.session();
        session.process = process_of_peer(pid);
        hearer = session.take_hearer();
        auto kept = KeptSession::keep(keeper, world.cache(), 1, {session.memory(), session.rope(), session.process});
        CHECK(kept.ok());
        session.keep(std::move(kept.value()));
        granted = client.call(of(Opcode::grant, 1));
        spare = client.call(of(Opcode::grant, 2));
        CHECK_STATUS(granted.status, UAKV_OK);
        CHECK_STATUS(spare.status, UAKV_OK);
        session.leave_behind();
        numbers = {1};
    }

    Submission of(Opcode opcode, std::uint64_t user_data) const {
        return submission_of(opcode, user_data, space, sample_key(1));
    }

    // As the store does when it is adopted.
    LeftSession take() {
        KeptFds kept = keeper.copies();
        auto left = take_left_sessions(kept, numbers);
        CHECK(left.ok());
        CHECK_EQ(left.value().size(), 1);
        world.store().leases().attach(left.value()[0].layout());
        return std::move(left.value()[0]);
    }
    std::unique_ptr<Orphan> adopt() {
        const std::vector<SlotRef> slots = {{granted.segment, granted.slot}, {spare.segment, spare.slot}};
        return std::make_unique<Orphan>(world.cache(), take(), KeptSession(keeper, world.cache(), 1), slots);
    }
    std::uint32_t slots_granted() { return world.store().slots().granted_slots(); }

    World world;
    SpaceId space = open_space();
    TestKeeper keeper;
    Fd hearer;
    Completion granted{};
    Completion spare{};
    std::vector<std::uint32_t> numbers;

private:
    SpaceId open_space() {
        SpaceDescription description;
        description.block_bytes = limits::segment_bytes_min;
        description.name[0] = 't';
        auto opened = world.store().spaces().open(description, true);
        CHECK(opened.ok());
        return opened.value();
    }
};

// ---- what is kept -----------------------------------------------------------------------------------------

void kept_until_it_ends() {
    World world;
    TestKeeper keeper;
    {
        RingClient client(world, 12);
        Session &session = client.session();
        session.process = process_of_peer(::getpid());
        auto kept = KeptSession::keep(keeper, world.cache(), 12, {session.memory(), session.rope(), session.process});
        CHECK(kept.ok());
        session.keep(std::move(kept.value()));
        CHECK(keeper.has("mC") && keeper.has("rC") && keeper.has("pC"));
    }
    CHECK_EQ(keeper.count(), 0);
}

void left_behind() {
    Left left;
    CHECK_EQ(left.keeper.count(), 3);
    CHECK_EQ(left.slots_granted(), 2); // they did not go back
}

void nobody_is_refused_for_want_of_a_pidfd() {
    World world;
    TestKeeper keeper;
    RingClient client(world, 3);
    Session &session = client.session();
    auto kept = KeptSession::keep(keeper, world.cache(), 3, {session.memory(), session.rope(), Fd()});
    CHECK(kept.ok());
    CHECK_EQ(keeper.count(), 2);
    KeptFds copies = keeper.copies();
    const std::array numbers = {3U};
    auto left = take_left_sessions(copies, numbers);
    CHECK(left.ok());
    CHECK(!left.value()[0].process.valid());
}

// ---- what is believed -------------------------------------------------------------------------------------

void check_refused(KeptFds kept, const std::string &what) {
    const std::array numbers = {1U};
    auto left = take_left_sessions(kept, numbers);
    CHECK(!left.ok());
    CHECK_MESSAGE(left.error().detail.find(what) != std::string::npos, left.error().detail);
}

Fd region_of(std::uint64_t bytes, std::uint64_t magic, std::uint32_t version) {
    auto region = create_memfd("uakv-test", bytes);
    CHECK(region.ok());
    auto mapping = uakv::Mapping::map(region.value(), bytes, Access::read_write);
    CHECK(mapping.ok());
    auto &header = mapping.value().at<SessionHeader>(0);
    header.magic = magic;
    header.layout_version = version;
    return std::move(region.value());
}

void garbage_is_missing() {
    const Left left;
    for (const std::string name : {"m1", "r1"}) {
        KeptFds kept = left.keeper.copies();
        CHECK(kept.take(name).has_value());
        check_refused(std::move(kept), name + " is missing, of session 1");
    }
    const auto with_memory = [&](Fd memory) {
        TestKeeper other;
        other.keep("m1", memory);
        other.keep("r1", left.hearer);
        return other.copies();
    };
    constexpr std::uint64_t bytes = sizeof(SessionLayout);
    check_refused(with_memory(region_of(bytes - limits::page_bytes, session_magic, session_layout_version)), "bytes");
    check_refused(with_memory(region_of(bytes, session_magic + 1, session_layout_version)), "is no session");
    check_refused(with_memory(region_of(bytes, session_magic, session_layout_version + 1)), "is no session");
    KeptFds good = with_memory(region_of(bytes, session_magic, session_layout_version));
    const std::array numbers = {1U};
    CHECK(take_left_sessions(good, numbers).ok());
}

void dropped_by_number() {
    TestKeeper keeper;
    const Fd fd = region_of(limits::page_bytes, 0, 0);
    const std::vector<std::string> others = {"m77", "p1", "t.a.state", "t.a.7", "m"};
    for (const std::string &name : others) {
        keeper.keep(name, fd);
    }
    keeper.keep("m7", fd);
    keeper.keep("r7", fd);
    keeper.keep("p8", fd);
    KeptFds kept = keeper.copies();
    const std::array numbers = {7U, 8U, 9U};
    drop_left_sessions(keeper, kept, numbers);
    CHECK_EQ(keeper.count(), others.size());
    CHECK_EQ(kept.all().size(), others.size());
}

// As the unit and docs/operations.md say: all that there can be, of a tenant with nine letters, late in a daemon's
// life.
void names_of_many_fit() {
    const std::string tenant = "nineteams";
    std::set<std::string> names = {Keeping::state_name(tenant), Keeping::index_name(tenant)};
    for (std::uint32_t segment = 0; segment < limits::segments_max; ++segment) {
        names.insert(Keeping::segment_name(tenant, segment));
    }
    constexpr std::uint32_t first = 900'000'000;
    constexpr std::uint32_t sessions = limits::orphans_max;
    for (std::uint32_t number = first; number < first + sessions; ++number) {
        for (const SessionPart part : session_parts) {
            names.insert(session_part_name(number, part));
        }
    }
    CHECK_EQ(names.size(), 2 + limits::segments_max + 3 * sessions); // no two are the same
    std::size_t bytes = 0;
    for (const std::string &name : names) {
        bytes += name.size() + 1;
    }
    CHECK(bytes <= ServiceManager::names_bytes_max);
    CHECK_EQ(session_part_name(0x7FFF'FFFF, SessionPart::memory).size(), 7);
}

// ---- what goes on counting --------------------------------------------------------------------------------

void slots_pass_to_the_same_process() {
    Left left;
    const auto orphan = left.adopt();
    RingClient again(left.world, 2);
    again.session().process = process_of_peer(::getpid());
    CHECK_STATUS(again.call(with_slot(left.of(Opcode::commit, 3), left.granted)).status, UAKV_OK);
    CHECK_EQ(orphan->slots(), 1);
    CHECK_STATUS(again.call(with_slot(left.of(Opcode::abort, 4), left.spare)).status, UAKV_OK);
    CHECK_EQ(orphan->slots(), 0);
    again.submit(with_slot(left.of(Opcode::abort, 5), left.spare));
    CHECK(!again.serve().empty()); // once
}

void a_commit_that_comes_second() {
    Left left;
    const auto orphan = left.adopt();
    RingClient again(left.world, 2);
    again.session().process = process_of_peer(::getpid());
    const Completion other = again.call(left.of(Opcode::grant, 3));
    CHECK_STATUS(again.call(with_slot(left.of(Opcode::commit, 4), other)).status, UAKV_OK);
    const Completion second = again.call(with_slot(left.of(Opcode::commit, 5), left.granted));
    CHECK_STATUS(second.status, UAKV_EXISTS);
    CHECK(second.capacity != 0);
    CHECK(again.session().holds({left.granted.segment, left.granted.slot}));
    CHECK(!orphan->holds({left.granted.segment, left.granted.slot}));
}

// Neither another process, nor one of which the kernel says nothing; and it is no violation, for it may be the same.
void slots_pass_to_nobody_else() {
    Left left;
    const auto orphan = left.adopt();
    Child stranger(wait_for_ever);
    RingClient other(left.world, 2);
    other.session().process = process_of_peer(stranger.pid());
    RingClient unknown(left.world, 3);
    for (RingClient *client : {&other, &unknown}) {
        CHECK_STATUS(client->call(with_slot(left.of(Opcode::commit, 3), left.granted)).status, UAKV_ERR_DISCONNECTED);
        CHECK_STATUS(client->call(with_slot(left.of(Opcode::abort, 4), left.granted)).status, UAKV_ERR_DISCONNECTED);
    }
    CHECK_EQ(orphan->slots(), 2);
    CHECK_EQ(left.world.cache().statistics().blocks, 0);
}

void what_it_keeps_is_taken_back() {
    Left left;
    const auto orphan = left.adopt();
    keep_slot(orphan->layout(), 5, left.spare.segment, left.spare.slot);
    keep_slot(orphan->layout(), 6, left.spare.segment, left.spare.slot + 1); // never granted
    CHECK_EQ(left.world.cache().reclaim().size(), 1);
    CHECK_EQ(orphan->slots(), 1);
    CHECK_EQ(left.slots_granted(), 1);
}

// The block that its client reads is gone from the index, and its slot is not used again.
void leases_count() {
    Left left;
    RingClient other(left.world, 2);
    const Completion slot = other.call(left.of(Opcode::grant, 3));
    CHECK_STATUS(other.call(with_slot(left.of(Opcode::commit, 4), slot)).status, UAKV_OK);
    auto orphan = left.adopt();
    Store &store = left.world.store();
    const auto entry = store.find(left.space, sample_key(1));
    CHECK(entry.has_value());
    lease_cover(orphan->layout(), 9);
    const IndexEntry &read = store.index().entry(*entry);
    CHECK(lease_begin(orphan->layout(), 9, read, *entry, read.generation));
    CHECK(store.remove(left.space, sample_key(1)));
    store.maintain();
    store.revisit_limbo();
    CHECK(store.has_limbo());
    orphan.reset();
    store.revisit_limbo();
    CHECK(!store.has_limbo());
    CHECK_EQ(left.keeper.count(), 0);
    CHECK_EQ(left.slots_granted(), other.session().grants());
}

// ---- its end ----------------------------------------------------------------------------------------------

void check_end(const std::function<void(Left &)> &end, Left &left) {
    const auto loop = make_epoll_loop();
    int heard = 0; // what its process has asked for, while the orphan is still there
    Orphans orphans(*loop, &left.keeper, [&](const Orphan &) {
        ++heard;
        CHECK_EQ(left.world.cache().orphans(), 1);
    });
    std::vector<LeftSession> all;
    all.push_back(left.take());
    CHECK(orphans.adopt(left.world.cache(), std::move(all)).ok());
    for (int i = 0; i < 3; ++i) {
        loop->run_once(0);
    }
    CHECK_EQ(orphans.count(), 1);
    CHECK_EQ(left.world.cache().orphans(), 1);
    end(left);
    await("the orphan ends", [&] {
        loop->run_once(ns_per_ms);
        return orphans.count() == 0;
    });
    CHECK_EQ(heard, 1);
    CHECK_EQ(left.world.cache().orphans(), 0);
    CHECK_EQ(left.keeper.count(), 0);
    CHECK_EQ(left.world.store().leases().count(), 0);
}

void ends_when_the_client_lets_go() {
    Left closed;
    check_end([](Left &left) { left.hearer.reset(); }, closed);
    Left shut;
    const Fd copy = duplicate(shut.hearer); // a child's
    check_end([](Left &left) { let_go_of_bell(left.hearer); }, shut);
}

void ends_when_the_process_dies() {
    std::optional<Child> client(std::in_place, wait_for_ever);
    Left left(client->pid());
    check_end([&](Left &) { client.reset(); }, left);
}

void stays_for_the_next_daemon() {
    Left left;
    {
        const auto loop = make_epoll_loop();
        Orphans orphans(*loop, &left.keeper, [](const Orphan &) { CHECK_MESSAGE(false, "nothing ends here"); });
        std::vector<LeftSession> all;
        all.push_back(left.take());
        CHECK(orphans.adopt(left.world.cache(), std::move(all)).ok());
    }
    CHECK_EQ(left.keeper.count(), 3);
    CHECK_EQ(left.slots_granted(), 2);
    const auto again = left.adopt();
    CHECK_EQ(again->slots(), 2);
}

// A rope that the client pulls at: nothing comes in, and nothing ends.
void a_client_that_sends_to_its_rope() {
    Left left;
    const std::array<char, 100> bytes{};
    CHECK(::send(left.hearer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0);
    const auto orphan = left.adopt();
    CHECK(!orphan->is_over());
    ring_bell(orphan->rope());
    CHECK(!orphan->is_over());
}

constexpr Case cases[] = {
    {"kept_until_it_ends", kept_until_it_ends},
    {"left_behind", left_behind},
    {"nobody_is_refused_for_want_of_a_pidfd", nobody_is_refused_for_want_of_a_pidfd},
    {"garbage_is_missing", garbage_is_missing},
    {"dropped_by_number", dropped_by_number},
    {"names_of_many_fit", names_of_many_fit},
    {"slots_pass_to_the_same_process", slots_pass_to_the_same_process},
    {"a_commit_that_comes_second", a_commit_that_comes_second},
    {"slots_pass_to_nobody_else", slots_pass_to_nobody_else},
    {"what_it_keeps_is_taken_back", what_it_keeps_is_taken_back},
    {"leases_count", leases_count},
    {"ends_when_the_client_lets_go", ends_when_the_client_lets_go},
    {"ends_when_the_process_dies", ends_when_the_process_dies},
    {"stays_for_the_next_daemon", stays_for_the_next_daemon},
    {"a_client_that_sends_to_its_rope", a_client_that_sends_to_its_rope},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("orphans", uakv::test::cases);
}
