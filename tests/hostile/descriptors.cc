// Attacks by descriptors: what a client sends along, and what it does to those that it shares with the daemon.
#include "hostile/arena.h"
#include "support/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr std::size_t rights_max = 253; // SCM_MAX_FD

std::span<const std::byte> bytes_of(const auto &message) {
    return std::as_bytes(std::span(&message, 1));
}

std::vector<int> descriptors_of_all_kinds(const RawClient &raw) {
    std::vector<int> kinds = {raw.socket().get(),
                              ::open("/dev/zero", O_RDWR | O_CLOEXEC),
                              ::memfd_create("other", 0),
                              ::eventfd(0, EFD_NONBLOCK),
                              ::open("/", O_PATH),
                              ::open("/proc/self/mem", O_RDWR | O_CLOEXEC),
                              ::socket(AF_INET, SOCK_STREAM, 0)};
    for (const Fd &fd : raw.fds()) {
        kinds.push_back(fd.get());
    }
    for (const int kind : kinds) {
        CHECK(kind >= 0);
    }
    return kinds;
}

// With a message that is legal: the kernel refuses to send them, or discards them on arrival.
void sent_along() {
    Arena arena;
    const std::size_t before = descriptor_count(arena.daemon().pid());
    for_seeds([&](Random &random) {
        arena.tolerate([&](RawClient &raw) {
            const std::vector<int> kinds = descriptors_of_all_kinds(raw);
            const SegmentGetMessage message;
            for (int i = 0; i < 50; ++i) {
                std::vector<int> fds(i % 4 == 0 ? rights_max : 1 + random.below(rights_max));
                for (int &fd : fds) {
                    fd = kinds[random.below(kinds.size())];
                }
                const int outcome = raw.send_bytes(bytes_of(message), fds);
                CHECK_MESSAGE(outcome == 0 || outcome == EPERM, "sendmsg: errno " + std::to_string(outcome));
                if (outcome == EPERM) {
                    raw.send(message);
                }
                CHECK(read_control<SegmentMessage>(raw.receive()).has_value());
            }
        });
    });
    await_equal("descriptors", before, [&] { return descriptor_count(arena.daemon().pid()); });
    arena.finish();
}

// Linux 6.16: SO_PASSRIGHTS, newer than the headers of Debian 12.
bool kernel_can_refuse_rights(const RawClient &raw) {
    const int pass = 0;
    return ::setsockopt(raw.socket().get(), SOL_SOCKET, 83, &pass, sizeof pass) == 0;
}

// Whoever discards a descriptor may be the last to close it, and this one's close takes as long as its owner likes.
void close_that_takes_long() {
    Arena arena;
    arena.tolerate([](RawClient &raw) {
        const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto *generic = reinterpret_cast<sockaddr *>(&address);
        if (::bind(listener, generic, sizeof address) != 0 || ::listen(listener, 1) != 0 ||
            ::getsockname(listener, generic, &length) != 0) {
            throw Skip("there is no loopback interface");
        }
        const int sender = ::socket(AF_INET, SOCK_STREAM, 0);
        CHECK(::connect(sender, generic, sizeof address) == 0);
        const std::vector<std::byte> bytes(1 << 20);
        while (::send(sender, bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
        }
        const linger wait = {1, 3'600};
        CHECK(::setsockopt(sender, SOL_SOCKET, SO_LINGER, &wait, sizeof wait) == 0);
        const SegmentGetMessage message;
        if (raw.send_bytes(bytes_of(message), std::array{sender}) == 0) {
            ::close(listener); // resets it, so that the daemon comes free
            CHECK(!kernel_can_refuse_rights(raw));
            throw Skip("this kernel lets every message carry descriptors (SO_PASSRIGHTS came with Linux 6.16)");
        }
        raw.send(message);
        CHECK(read_control<SegmentMessage>(raw.receive()).has_value());
    });
    arena.finish();
}

void make_blocking(const Fd &fd) {
    CHECK(::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK) == 0);
}

// A bell that can take no more rings and lets its ringer wait.
void bell_that_blocks() {
    Arena arena;
    arena.tolerate([](RawClient &raw) {
        std::signal(SIGPIPE, SIG_IGN); // it cannot be written to at all
        const Fd &bell = raw.fds()[3];
        const std::string path = "/proc/self/fd/" + std::to_string(bell.get());
        // Where the bell is one open file for both, or who rings could be kept from it.
        for (const Fd &way : {Fd(::dup(bell.get())), Fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC))}) {
            const std::uint64_t most = UINT64_MAX - 1;
            while (way.valid() && ::write(way.get(), &most, sizeof most) > 0) {
            }
            if (way.valid()) {
                make_blocking(way);
            }
        }
        make_blocking(bell);
        __atomic_store_n(&raw.session().header.bell_wanted, 1, __ATOMIC_SEQ_CST);
        for (int i = 0; i < 100'000; ++i) { // also more than a pipe holds
            raw.submit(submission_for(Opcode::cancel, 0, {}));
            while (raw.take()) {
            }
        }
        raw.call(submission_for(Opcode::stats, 0, {}));
    });
    arena.finish();
}

// The doorbell harms nobody but its owner: full, it does not ring, and the daemon does not read it.
void doorbell_that_is_full_or_empty() {
    Arena arena;
    arena.tolerate([](RawClient &raw) {
        const std::uint64_t most = UINT64_MAX - 1;
        std::uint64_t value = 0;
        for (int i = 0; i < 1'000; ++i) {
            ::write(raw.doorbell().get(), &most, sizeof most);
            ::read(raw.doorbell().get(), &value, sizeof value);
            raw.call(submission_for(Opcode::stats, 0, {}));
        }
        while (::write(raw.doorbell().get(), &most, sizeof most) > 0) {
        }
        make_blocking(raw.doorbell());
    });
    arena.finish();
}

// All that fcntl and its like can do to an open file that both sides have.
void flags_and_locks() {
    Arena arena;
    const pid_t daemon = arena.daemon().pid();
    arena.tolerate([daemon](RawClient &raw) {
        const Fd segment = raw.segment(0);
        std::vector<int> shared = {segment.get(), raw.socket().get()};
        for (const Fd &fd : raw.fds()) {
            shared.push_back(fd.get());
        }
        for (const int fd : shared) {
            ::fcntl(fd, F_SETOWN, daemon);
            ::fcntl(fd, F_SETSIG, SIGUSR1);
            ::fcntl(fd, F_SETFL, O_ASYNC | O_APPEND | O_NOATIME);
            CHECK(fd == raw.socket().get() || ::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) != 0);
            CHECK(::ftruncate(fd, 0) != 0);
            ::fcntl(fd, F_SETPIPE_SZ, 1);
            ::fcntl(fd, F_SETLEASE, F_WRLCK);
            ::flock(fd, LOCK_EX | LOCK_NB);
            struct flock lock = {};
            lock.l_type = F_WRLCK;
            ::fcntl(fd, F_SETLK, &lock);
            ::lseek(fd, -1, SEEK_END);
        }
        for (int i = 0; i < 100; ++i) {
            raw.call(submission_for(Opcode::stats, 0, {}));
        }
    });
    { // who comes later needs the same files opened once more
        uakv_client *reader = nullptr;
        CHECK_STATUS(connect_to(arena.daemon().socket_path(), UAKV_READ_ONLY, 0, &reader), UAKV_OK);
        uakv_disconnect(reader);
    }
    arena.finish();
}

// For one whose session has forgotten that it must ring.
void call_and_ring(RawClient &raw) {
    raw.submit(submission_for(Opcode::stats, 0, {}));
    await("it is answered", [&] {
        ring_doorbell(raw.doorbell());
        return raw.take().has_value();
    });
}

// Its own session, without memory behind it: reads as zeros.
void holes_in_its_session() {
    Arena arena;
    arena.tolerate([](RawClient &raw) { // before anything was submitted, that is what is there anyway
        CHECK(::fallocate(raw.fds()[1].get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, sizeof(SessionLayout)) ==
              0);
        call_and_ring(raw);
        CHECK(::madvise(&raw.session().leases, sizeof raw.session().leases, MADV_REMOVE) == 0);
        call_and_ring(raw);
    });
    arena.violate("the heads and tails of its rings are impossible", [](RawClient &raw) {
        call_and_ring(raw);
        CHECK(::madvise(&raw.session(), limits::page_bytes, MADV_REMOVE) == 0);
        ring_doorbell(raw.doorbell());
    });
    arena.finish();
}

// A slot of its own, committed and then emptied: the daemon reads it when the block is called corrupt.
void holes_in_its_slot() {
    Arena arena;
    arena.tolerate(
        [](RawClient &raw) {
            constexpr std::uint64_t bytes = 1 << 20;
            const SpaceId space = raw.open_space("holes");
            const Completion slot = raw.call(submission_for(Opcode::grant, 0, {}, bytes));
            Submission commit = with_slot_of(submission_for(Opcode::commit, space, make_key("hole"), bytes), slot);
            CHECK_STATUS(raw.call(commit).status, UAKV_OK);
            const Fd segment = raw.segment(slot.segment);
            CHECK(::fallocate(segment.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                              static_cast<off_t>(slot.offset), bytes) == 0);
            commit.opcode = Opcode::check;
            CHECK_EQ(raw.call(commit).value, 1);
        },
        0, Arena::Log::expected);
    arena.finish();
}

constexpr Case cases[] = {
    {"sent_along", sent_along},
    {"close_that_takes_long", close_that_takes_long},
    {"bell_that_blocks", bell_that_blocks},
    {"doorbell_that_is_full_or_empty", doorbell_that_is_full_or_empty},
    {"flags_and_locks", flags_and_locks},
    {"holes_in_its_session", holes_in_its_session},
    {"holes_in_its_slot", holes_in_its_slot},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("hostile.descriptors", uakv::test::cases);
}
