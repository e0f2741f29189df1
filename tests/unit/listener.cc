// One daemon for each socket path, whatever lies there already.
#include "daemon/control/listener.h"
#include "ipc/clock.h"
#include "ipc/unix_socket.h"
#include "support/check.h"
#include "support/child.h"
#include "support/daemon.h"

#include <atomic>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace uakv::test {
namespace {

bool exists(const std::string &path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
}

bool serves(const std::string &path) {
    return connect_unix(path, now_ns() + ns_per_s).ok();
}

void takes_the_path_and_leaves_nothing() {
    const Directory directory;
    const std::string path = directory.path() + "/new/uakvd.sock";
    {
        auto listener = Listener::open(path);
        CHECK(listener.ok());
        CHECK(serves(path));
        CHECK(exists(path + ".lock"));
        auto accepted = accept_unix(listener.value().socket());
        CHECK(accepted.ok() && accepted.value().valid());
    }
    CHECK(!exists(path));
    CHECK(!exists(path + ".lock"));
    CHECK(Listener::open(path).ok()); // and can be taken again
}

void moved_listener_goes_on() {
    const Directory directory;
    const std::string path = directory.path() + "/uakvd.sock";
    auto opened = Listener::open(path);
    CHECK(opened.ok());
    {
        const Listener listener(std::move(opened.value()));
        CHECK(serves(path));
    }
    CHECK(!exists(path));
}

void second_one_is_told_who_has_it() {
    const Directory directory;
    const std::string path = directory.path() + "/uakvd.sock";
    auto first = Listener::open(path);
    CHECK(first.ok());
    auto second = Listener::open(path);
    CHECK(!second.ok());
    CHECK_STATUS(second.error().status, UAKV_ERR_BUSY);
    CHECK_MESSAGE(second.error().detail.find("(pid " + std::to_string(::getpid()) + ")") != std::string::npos,
                  second.error().detail);
    CHECK(second.error().detail.find(path) != std::string::npos);
    CHECK(serves(path)); // the first is not disturbed
}

// What a daemon leaves that was killed: a socket nobody listens at, and a lock file nobody holds.
void stale_socket_is_replaced() {
    const Directory directory;
    const std::string path = directory.path() + "/uakvd.sock";
    run_child([&] {
        auto listener = Listener::open(path);
        CHECK(listener.ok());
        ::_exit(0); // without destructors
    });
    CHECK(exists(path));
    CHECK(exists(path + ".lock"));
    CHECK(!serves(path));
    auto listener = Listener::open(path);
    CHECK(listener.ok());
    CHECK(serves(path));
}

void check_in_the_way(const std::string &path) {
    auto listener = Listener::open(path);
    CHECK(!listener.ok());
    CHECK_STATUS(listener.error().status, UAKV_ERR_INVALID);
    CHECK(listener.error().detail.find("not a socket") != std::string::npos);
    CHECK(exists(path)); // whatever it is, it is not ours to remove
}

void something_else_is_in_the_way() {
    const Directory directory;
    const std::string file = directory.path() + "/file";
    CHECK(Fd(::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)).valid());
    check_in_the_way(file);
    const std::string folder = directory.path() + "/folder";
    CHECK(::mkdir(folder.c_str(), 0700) == 0);
    check_in_the_way(folder);
    const std::string link = directory.path() + "/link"; // not followed
    CHECK(::symlink("file", link.c_str()) == 0);
    check_in_the_way(link);
    CHECK(exists(file));
}

// The daemon's own group, or everybody, and back.
void whom_it_lets_connect() {
    const Directory directory;
    const std::string path = directory.path() + "/uakvd.sock";
    auto listener = Listener::open(path);
    CHECK(listener.ok());
    const auto mode = [&] {
        struct stat status {};
        CHECK(::stat(path.c_str(), &status) == 0);
        return status.st_mode & 0777U;
    };
    CHECK_EQ(mode(), 0660);
    CHECK(listener.value().let_connect(Callers::everybody).ok());
    CHECK_EQ(mode(), 0666);
    CHECK(listener.value().let_connect(Callers::group).ok());
    CHECK_EQ(mode(), 0660);
    CHECK(::unlink(path.c_str()) == 0);
    CHECK(!listener.value().let_connect(Callers::everybody).ok());
}

// The lock file must not be a way to write somewhere else.
void lock_that_is_a_link() {
    const Directory directory;
    const std::string path = directory.path() + "/uakvd.sock";
    const std::string target = directory.path() + "/target";
    CHECK(::symlink(target.c_str(), (path + ".lock").c_str()) == 0);
    auto listener = Listener::open(path);
    CHECK(!listener.ok());
    CHECK(!exists(target));
}

void directory_that_cannot_be_made() {
    const Directory directory;
    const std::string path = directory.path() + "/a/b/uakvd.sock";
    auto listener = Listener::open(path);
    CHECK(!listener.ok());
    CHECK_STATUS(listener.error().status, UAKV_ERR_INVALID);
    CHECK(listener.error().detail.find(directory.path() + "/a/b") != std::string::npos);
}

// Many take and leave the path at once: never two at a time.
void only_one_at_a_time() {
    struct State {
        std::atomic<int> holders;
        std::atomic<int> most;
        std::atomic<int> taken;
    };
    const Directory directory;
    const std::string path = directory.path() + "/uakvd.sock";
    const Shared<State> state;
    const auto compete = [&] {
        for (int i = 0; i < 500; ++i) {
            auto listener = Listener::open(path);
            if (!listener.ok()) {
                CHECK_STATUS(listener.error().status, UAKV_ERR_BUSY);
                continue;
            }
            const int holders = ++state->holders;
            state->most = std::max(state->most.load(), holders);
            ++state->taken;
            CHECK(serves(path));
            --state->holders;
        }
    };
    Child first(compete);
    Child second(compete);
    first.join();
    second.join();
    CHECK_EQ(state->most.load(), 1);
    CHECK(state->taken.load() > 0);
    CHECK(!exists(path + ".lock"));
}

constexpr Case cases[] = {
    {"takes_the_path_and_leaves_nothing", takes_the_path_and_leaves_nothing},
    {"moved_listener_goes_on", moved_listener_goes_on},
    {"second_one_is_told_who_has_it", second_one_is_told_who_has_it},
    {"stale_socket_is_replaced", stale_socket_is_replaced},
    {"something_else_is_in_the_way", something_else_is_in_the_way},
    {"whom_it_lets_connect", whom_it_lets_connect},
    {"lock_that_is_a_link", lock_that_is_a_link},
    {"directory_that_cannot_be_made", directory_that_cannot_be_made},
    {"only_one_at_a_time", only_one_at_a_time},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("listener", uakv::test::cases);
}
