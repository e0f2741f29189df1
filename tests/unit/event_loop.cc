// What an event loop promises, asked of both: io_uring and epoll.
#include "daemon/io/event_loop.h"
#include "ipc/clock.h"
#include "ipc/wakeup.h"
#include "support/check.h"

#include <array>
#include <fcntl.h>
#include <functional>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace uakv::test {
namespace {

using MakeLoop = std::unique_ptr<EventLoop> (*)();

std::unique_ptr<EventLoop> make_uring() {
    std::string why;
    auto loop = make_uring_loop(why);
    if (!loop) {
        CHECK(!why.empty());
        throw Skip("no io_uring: " + why);
    }
    return loop;
}

std::unique_ptr<EventLoop> make_epoll() {
    return make_epoll_loop();
}

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        CHECK(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) == 0);
        reader = Fd(ends[0]);
        writer = Fd(ends[1]);
    }
    void write() { CHECK_EQ(::write(writer.get(), "x", 1), 1); }
    int read_all() {
        char byte = 0;
        int count = 0;
        while (::read(reader.get(), &byte, 1) == 1) {
            ++count;
        }
        return count;
    }

    Fd reader;
    Fd writer;
};

EventLoop::WatchId watch(EventLoop &loop, const Fd &fd, EventLoop::Handler handler) {
    auto watched = loop.watch(fd, std::move(handler));
    CHECK(watched.ok());
    CHECK(watched.value() != 0);
    return watched.value();
}

// Turns the loop until the condition holds: an event may take a turn to arrive.
void turn_until(EventLoop &loop, const std::function<bool()> &condition) {
    for (int turns = 0; !condition(); ++turns) {
        CHECK(turns < 1000);
        loop.run_once(10 * ns_per_ms);
    }
}

// Nothing happens in a number of turns.
void turn_for_nothing(EventLoop &loop) {
    for (int turns = 0; turns < 5; ++turns) {
        loop.run_once(ns_per_ms);
    }
}

template <MakeLoop make> void becomes_readable() {
    auto loop = make();
    Pipe pipe;
    int calls = 0;
    watch(*loop, pipe.reader, [&] {
        ++calls;
        pipe.read_all();
    });
    turn_for_nothing(*loop);
    CHECK_EQ(calls, 0);
    for (int i = 1; i <= 10; ++i) {
        pipe.write();
        turn_until(*loop, [&] { return calls == i; });
    }
    turn_for_nothing(*loop);
    CHECK_EQ(calls, 10);
}

template <MakeLoop make> void is_readable_already() {
    auto loop = make();
    Pipe pipe;
    pipe.write();
    int read = 0;
    watch(*loop, pipe.reader, [&] { read += pipe.read_all(); });
    turn_until(*loop, [&] { return read == 1; });
}

template <MakeLoop make> void waits_without_end() {
    auto loop = make();
    auto doorbell = create_doorbell();
    CHECK(doorbell.ok());
    bool called = false;
    watch(*loop, doorbell.value(), [&] { called = true; });
    ring_doorbell(doorbell.value());
    while (!called) { // NOLINT(bugprone-infinite-loop): the handler sets it
        loop->run_once(EventLoop::forever);
    }
}

template <MakeLoop make> void socket_hangs_up() {
    auto loop = make();
    std::array<int, 2> ends{};
    CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    int calls = 0;
    watch(*loop, ours, [&] { ++calls; });
    turn_for_nothing(*loop);
    CHECK_EQ(calls, 0);
    theirs.reset();
    turn_until(*loop, [&] { return calls > 0; });
    char byte = 0;
    CHECK_EQ(::read(ours.get(), &byte, 1), 0);
}

template <MakeLoop make> void pipe_hangs_up() {
    auto loop = make();
    Pipe pipe;
    int calls = 0;
    watch(*loop, pipe.reader, [&] { ++calls; });
    pipe.writer.reset();
    turn_until(*loop, [&] { return calls > 0; });
}

// A doorbell is never read: each ring counts, and what was told once is not told again.
template <MakeLoop make> void doorbell_rings_again() {
    auto loop = make();
    auto doorbell = create_doorbell();
    CHECK(doorbell.ok());
    int calls = 0;
    watch(*loop, doorbell.value(), [&] { ++calls; });
    for (int i = 1; i <= 5; ++i) {
        ring_doorbell(doorbell.value());
        turn_until(*loop, [&] { return calls == i; });
        turn_for_nothing(*loop);
        CHECK_EQ(calls, i);
    }
}

// A handler that leaves something behind is called again when it asks for it.
template <MakeLoop make> void called_again() {
    auto loop = make();
    Pipe pipe;
    pipe.write();
    pipe.write();
    pipe.write();
    int read = 0;
    int calls = 0;
    EventLoop::WatchId id = 0;
    id = watch(*loop, pipe.reader, [&] {
        char byte = 0;
        ++calls;
        if (::read(pipe.reader.get(), &byte, 1) == 1) {
            ++read;
            loop->call_again(id);
        }
    });
    turn_until(*loop, [&] { return read == 3; });
    turn_for_nothing(*loop);
    CHECK_EQ(read, 3);
    const int before = calls;
    turn_for_nothing(*loop);
    CHECK_EQ(calls, before);
    loop->call_again(id);
    loop->run_once(EventLoop::forever); // does not wait: there is something to do
    CHECK(calls > before);
}

// Handlers that have taken their time leave the others for the next turn, which come first then.
template <MakeLoop make> void handlers_take_turns() {
    auto loop = make();
    std::array<Pipe, 3> pipes;
    std::vector<std::size_t> called;
    std::array<EventLoop::WatchId, 3> ids{};
    for (std::size_t i = 0; i < pipes.size(); ++i) {
        ids[i] = watch(*loop, pipes[i].reader, [&, i] {
            called.push_back(i);
            const std::uint64_t end_ns = now_ns() + EventLoop::handlers_ns_max;
            while (now_ns() < end_ns) {
            }
            loop->call_again(ids[i]); // it always has more to do
        });
    }
    for (const EventLoop::WatchId id : ids) {
        loop->call_again(id);
        loop->call_again(id); // no more than once
    }
    for (std::size_t turns = 1; turns <= 7; ++turns) {
        loop->run_once(EventLoop::forever);
        CHECK_EQ(called.size(), turns);
        CHECK_EQ(called.back(), (turns - 1) % pipes.size());
    }
}

template <MakeLoop make> void unwatched_is_silent() {
    auto loop = make();
    Pipe pipe;
    int calls = 0;
    const auto id = watch(*loop, pipe.reader, [&] { ++calls; });
    turn_for_nothing(*loop);
    pipe.write();
    loop->unwatch(id);
    turn_for_nothing(*loop);
    CHECK_EQ(calls, 0);
    watch(*loop, pipe.reader, [&] { ++calls; });
    turn_until(*loop, [&] { return calls == 1; });
}

template <MakeLoop make> void handler_ends_its_own_watch() {
    auto loop = make();
    Pipe pipe;
    int calls = 0;
    EventLoop::WatchId id = 0;
    const auto witness = std::make_shared<int>(0);
    id = watch(*loop, pipe.reader, [&, witness] {
        loop->unwatch(id);
        pipe.reader.reset();
        calls += 1 + *witness; // what the handler holds still lives
    });
    CHECK_EQ(witness.use_count(), 2);
    pipe.write();
    turn_until(*loop, [&] { return calls == 1; });
    CHECK_EQ(witness.use_count(), 1);
    turn_for_nothing(*loop);
    CHECK_EQ(calls, 1);
}

// Of two that are ready in one turn, the first ends the other.
template <MakeLoop make> void handler_ends_another_watch() {
    auto loop = make();
    std::array<Pipe, 2> pipes;
    std::array<EventLoop::WatchId, 2> ids{};
    int calls = 0;
    for (std::size_t i = 0; i < 2; ++i) {
        ids[i] = watch(*loop, pipes[i].reader, [&, i] {
            ++calls;
            loop->unwatch(ids[1 - i]);
            pipes[1 - i].reader.reset();
        });
        pipes[i].write();
    }
    turn_until(*loop, [&] { return calls > 0; });
    turn_for_nothing(*loop);
    CHECK_EQ(calls, 1);
}

// The number of a descriptor is used again at once: events of the old one do not reach the new watch.
template <MakeLoop make> void descriptor_number_is_reused() {
    auto loop = make();
    for (int i = 0; i < 50; ++i) {
        int calls = 0;
        Pipe pipe;
        const auto id = watch(*loop, pipe.reader, [&] { ++calls; });
        loop->run_once(0);
        pipe.write();
        loop->unwatch(id);
        pipe.reader.reset();
        Pipe other;
        const auto other_id = watch(*loop, other.reader, [&] { ++calls; });
        turn_for_nothing(*loop);
        CHECK_EQ(calls, 0);
        loop->unwatch(other_id);
    }
}

// More than the rings of an io_uring hold.
template <MakeLoop make> void many_descriptors() {
    auto loop = make();
    constexpr std::size_t count = 400;
    std::vector<Fd> doorbells;
    std::vector<int> calls(count);
    for (std::size_t i = 0; i < count; ++i) {
        auto doorbell = create_doorbell();
        CHECK(doorbell.ok());
        doorbells.push_back(std::move(doorbell.value()));
        watch(*loop, doorbells.back(), [&calls, i] { ++calls[i]; });
    }
    loop->run_once(0);
    for (int round = 1; round <= 3; ++round) {
        for (const Fd &doorbell : doorbells) {
            ring_doorbell(doorbell);
        }
        turn_until(*loop,
                   [&] { return std::all_of(calls.begin(), calls.end(), [round](int n) { return n >= round; }); });
    }
}

template <MakeLoop make> void timeouts() {
    auto loop = make();
    const std::uint64_t begin = now_ns();
    loop->run_once(30 * ns_per_ms);
    CHECK(now_ns() - begin >= 29 * ns_per_ms); // the clocks of the kernel and ours differ by a tick
    loop->run_once(0);
}

#define OVER(make)                                                                                                     \
    {#make ".becomes_readable", becomes_readable<make>}, {#make ".is_readable_already", is_readable_already<make>},    \
        {#make ".waits_without_end", waits_without_end<make>}, {#make ".socket_hangs_up", socket_hangs_up<make>},      \
        {#make ".pipe_hangs_up", pipe_hangs_up<make>}, {#make ".doorbell_rings_again", doorbell_rings_again<make>},    \
        {#make ".called_again", called_again<make>}, {#make ".handlers_take_turns", handlers_take_turns<make>},        \
        {#make ".unwatched_is_silent", unwatched_is_silent<make>},                                                     \
        {#make ".handler_ends_its_own_watch", handler_ends_its_own_watch<make>},                                       \
        {#make ".handler_ends_another_watch", handler_ends_another_watch<make>},                                       \
        {#make ".descriptor_number_is_reused", descriptor_number_is_reused<make>},                                     \
        {#make ".many_descriptors", many_descriptors<make>}, {                                                         \
#make ".timeouts", timeouts < make>                                                                            \
    }

constexpr Case uring_cases[] = {OVER(make_uring)};
constexpr Case epoll_cases[] = {OVER(make_epoll)};

} // namespace
} // namespace uakv::test

// Each loop is a test of its own (the argument names it), so that a missing io_uring shows as skipped.
int main(int argc, char **argv) {
    using namespace uakv::test;
    const std::string which = argc > 1 ? argv[1] : "";
    if (which == "uring") {
        return run_cases("event_loop.uring", uring_cases);
    }
    return run_cases("event_loop.epoll", epoll_cases);
}
