// A control socket that the service manager has opened: the first client starts the daemon, and the socket is not the
// daemon's to change or remove. LISTEN_FDS as sd_listen_fds(3) tells it, set by hand.
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"
#include "systemd/stand_in.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace uakv::test {
namespace {

// What a socket unit makes.
class Socket {
public:
    explicit Socket(const std::string &path, int type = SOCK_SEQPACKET) : fd_(socket(AF_UNIX, type | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        CHECK(path.size() < sizeof address.sun_path);
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        CHECK(bind(fd_, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
        CHECK(type == SOCK_DGRAM || listen(fd_, 16) == 0);
        CHECK(chmod(path.c_str(), 0640) == 0);
    }
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;
    ~Socket() { close(fd_); }

    // As the first descriptor that is passed, which has that number already.
    std::function<void()> pass(const char *name) const {
        return [fd = fd_, name] {
            CHECK(fd == 3 && fcntl(fd, F_SETFD, 0) == 0);
            setenv("LISTEN_FDS", "1", 1);
            setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
            if (name != nullptr) {
                setenv("LISTEN_FDNAMES", name, 1);
            }
        };
    }

private:
    int fd_;
};

struct Place {
    Directory directory;
    std::string path = directory.path() + "/uakvd.sock";
    std::string log = directory.path() + "/log";

    pid_t start(const Socket &socket, const char *name = "uakvd.socket", const std::string &configured = {},
                const Environment &environment = {}) const {
        return start_uakvd({"--socket", configured.empty() ? path : configured, "--memory", "16MiB"}, log, environment,
                           socket.pass(name));
    }
    mode_t mode() const {
        struct stat status {};
        CHECK(lstat(path.c_str(), &status) == 0);
        return status.st_mode & 07777U;
    }
};

void end(pid_t pid) {
    CHECK(kill(pid, SIGTERM) == 0);
    CHECK_EQ(wait_for_exit(pid), "exit status 0");
}

void store_and_retrieve(const std::string &path) {
    uakv_client *client = nullptr;
    CHECK_STATUS(connect_to(path, 0, 10'000, &client), UAKV_OK);
    {
        const Space space(client);
        const uakv_status stored = store_block(space, make_key("block"), 10'000);
        CHECK(stored == UAKV_OK || stored == UAKV_EXISTS); // by the client before
        check_stored(space, make_key("block"), 10'000);
    }
    uakv_disconnect(client);
}

void first_client_is_served(const char *name) {
    const Place place;
    const Socket socket(place.path);
    // It connects before there is a daemon, as the client does that a manager starts the daemon for.
    std::string failure;
    std::thread client([&] {
        try {
            store_and_retrieve(place.path);
        } catch (const Failure &caught) {
            failure = caught.what();
        }
    });
    const pid_t pid = place.start(socket, name);
    client.join();
    end(pid);
    CHECK_EQ(failure, "");
    // Another daemon goes on at the same socket.
    CHECK_EQ(place.mode(), 0640U);
    const pid_t next = place.start(socket, name);
    store_and_retrieve(place.path);
    end(next);
    CHECK_EQ(place.mode(), 0640U);
}

void by_its_name() {
    first_client_is_served("uakvd.socket");
}

// systemd-socket-activate without --fdname.
void without_a_name() {
    first_client_is_served(nullptr);
}

void another_place_than_the_configured() {
    const Place place;
    const Socket socket(place.path);
    const std::string other = place.directory.path() + "/other.sock";
    const pid_t pid = place.start(socket, "uakvd.socket", other);
    store_and_retrieve(place.path);
    CHECK(access(other.c_str(), F_OK) != 0);
    const std::string log = read_file(place.log);
    CHECK(log.find(place.path) != std::string::npos && log.find(other) != std::string::npos);
    CHECK(log.find("the service manager listens at " + place.path) != std::string::npos);
    end(pid);
}

void one_daemon_for_a_socket() {
    const Place place;
    const Socket socket(place.path);
    const pid_t pid = place.start(socket);
    store_and_retrieve(place.path);
    const Place another;
    const pid_t second = start_uakvd({"--socket", place.path, "--memory", "16MiB"}, another.log);
    CHECK_EQ(wait_for_exit(second), "exit status 1");
    CHECK(read_file(another.log).find("pid " + std::to_string(pid)) != std::string::npos);
    store_and_retrieve(place.path);
    end(pid);
}

void wrong_kind_is_refused() {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const Place place;
        const Socket socket(place.path, type);
        const pid_t pid = place.start(socket);
        CHECK_EQ(wait_for_exit(pid), "exit status 1");
        CHECK(read_file(place.log).find("ListenSequentialPacket=") != std::string::npos);
        CHECK_EQ(place.mode(), 0640U);
    }
}

// What nobody goes on with would be kept for ever, and its memory with it.
void leftovers_are_let_go() {
    const Place place;
    const Socket socket(place.path);
    StandIn manager;
    const int left = memfd_create("left", 0);
    CHECK(left >= 0);
    const pid_t pid = start_uakvd(
        {"--socket", place.path, "--memory", "16MiB"}, place.log, {{"NOTIFY_SOCKET", manager.address()}}, [&] {
            socket.pass("uakvd.socket:x.of.nobody")();
            CHECK(left > 4 && dup2(left, 4) == 4); // where the stand-in was, which stays behind
            setenv("LISTEN_FDS", "2", 1);
        });
    close(left);
    manager.await_line("READY=1");
    const auto &all = manager.all();
    const auto is_drop = [](const Said &said) { return said.has("FDSTOREREMOVE=1") && said.has("FDNAME=x.of.nobody"); };
    CHECK_EQ(std::count_if(all.begin(), all.end(), is_drop), 1);
    CHECK(read_file(place.log).find("x.of.nobody") != std::string::npos);
    end(pid);
}

// Descriptors that are meant for another process are left alone.
void not_for_us() {
    const Place place;
    const Socket socket(place.directory.path() + "/theirs.sock");
    const pid_t pid = start_uakvd({"--socket", place.path, "--memory", "16MiB"}, place.log, {}, [&] {
        socket.pass("uakvd.socket")();
        setenv("LISTEN_PID", "1", 1);
    });
    await("it serves its own", [&] { return access(place.path.c_str(), F_OK) == 0; });
    store_and_retrieve(place.path);
    end(pid);
    CHECK(access(place.path.c_str(), F_OK) != 0);
}

constexpr Case cases[] = {
    {"by its name", by_its_name},
    {"without a name", without_a_name},
    {"another place than the configured", another_place_than_the_configured},
    {"one daemon for a socket", one_daemon_for_a_socket},
    {"wrong kind is refused", wrong_kind_is_refused},
    {"leftovers are let go", leftovers_are_let_go},
    {"not for us", not_for_us},
};

} // namespace
} // namespace uakv::test

int main() {
    closefrom(3); // whatever the caller has left open
    return uakv::test::run_cases("activation", uakv::test::cases);
}
