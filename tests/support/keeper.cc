#include "support/keeper.h"

#include "support/check.h"
#include "support/process.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr int first_passed = 3;
constexpr int hear_ms = 20;

std::string value_of(const std::string &text, const std::string &name) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(name + "=")) {
            return line.substr(name.size() + 1);
        }
    }
    return {};
}

std::vector<int> descriptors_of(msghdr &header) {
    std::vector<int> fds;
    for (cmsghdr *part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
            fds.resize((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            std::memcpy(fds.data(), CMSG_DATA(part), fds.size() * sizeof(int));
        }
    }
    return fds;
}

} // namespace

Manager::Manager() : path_(directory_.path() + "/notify") {
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(socket_ >= 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    CHECK(path_.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    const timeval patience{0, hear_ms * 1000};
    CHECK(setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    CHECK(bind(socket_, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
    thread_ = std::thread([this] { hear(); });
}

Manager::~Manager() {
    over_ = true;
    thread_.join();
    for (const One &one : kept_) {
        close(one.fd);
    }
    close(socket_);
}

// A thread of its own, for a daemon waits until it is heard.
void Manager::hear() {
    while (!over_) {
        hear_one(0);
    }
}

bool Manager::hear_one(int flags) {
    std::array<char, 8192> bytes{};
    alignas(cmsghdr) std::array<std::byte, 512> control{};
    iovec vector{bytes.data(), bytes.size()};
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const std::scoped_lock lock(mutex_); // so that what was received is obeyed before hear_all() returns
    const ssize_t length = recvmsg(socket_, &header, MSG_CMSG_CLOEXEC | flags);
    if (length < 0) {
        return false;
    }
    obey(std::string(bytes.data(), static_cast<size_t>(length)), descriptors_of(header));
    return true;
}

void Manager::obey(const std::string &text, std::vector<int> fds) {
    const std::string name = value_of(text, "FDNAME");
    ready_ += value_of(text, "READY") == "1" ? 1 : 0;
    if (value_of(text, "FDSTORE") == "1" && fds.size() == 1) {
        kept_.push_back({name, std::exchange(fds[0], -1)});
    }
    if (value_of(text, "FDSTOREREMOVE") == "1") {
        std::erase_if(kept_, [&](const One &one) { return one.name == name && close(one.fd) == 0; });
    }
    for (const int fd : fds) { // the end of a barrier, too, is closed
        if (fd >= 0) {
            close(fd);
        }
    }
}

void Manager::hear_all() {
    while (hear_one(MSG_DONTWAIT)) {
    }
}

std::vector<std::string> Manager::names() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> names;
    for (const One &one : kept_) {
        names.push_back(one.name);
    }
    return names;
}

int Manager::descriptor(const std::string &name) const {
    const std::scoped_lock lock(mutex_);
    const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const One &one) { return one.name == name; });
    return found == kept_.end() ? -1 : found->fd;
}

void Manager::lose(const std::string &name) {
    const std::scoped_lock lock(mutex_);
    CHECK(std::erase_if(kept_, [&](const One &one) { return one.name == name && close(one.fd) == 0; }) == 1);
}

// In a child that has no other thread, so without the lock. First out of the way, then to their places.
void Manager::hand_over() const {
    const int count = static_cast<int>(kept_.size());
    std::string names;
    std::vector<int> copies;
    for (const One &one : kept_) {
        copies.push_back(fcntl(one.fd, F_DUPFD_CLOEXEC, first_passed + count));
        CHECK(copies.back() >= 0);
        names += (names.empty() ? "" : ":") + one.name;
    }
    for (int i = 0; i < count; ++i) {
        CHECK(dup2(copies[static_cast<size_t>(i)], first_passed + i) == first_passed + i);
    }
    setenv("LISTEN_FDS", std::to_string(count).c_str(), 1);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDNAMES", names.c_str(), 1);
}

KeptDaemon::KeptDaemon(const DaemonOptions &options)
    : options_(options), socket_path_(directory_.path() + "/uakvd.sock") {
    start();
}

KeptDaemon::~KeptDaemon() {
    const bool failed = std::uncaught_exceptions() > 0;
    if (pid_ > 0 && failed) {
        kill();
    } else if (pid_ > 0) {
        try {
            stop();
        } catch (const std::exception &failure) {
            fail_later(failure.what());
        }
    }
    if (failed) {
        std::fprintf(stderr, "log of uakvd:\n%s", log().c_str());
    }
}

std::string KeptDaemon::log() const {
    return read_file(directory_.path() + "/log");
}

void KeptDaemon::start() {
    std::vector<std::string> arguments = {"--socket", socket_path_, "--memory", options_.memory, "--log-level", "info"};
    arguments.insert(arguments.end(), options_.arguments.begin(), options_.arguments.end());
    Environment environment = options_.environment;
    environment.emplace_back("NOTIFY_SOCKET", manager_.address());
    const size_t ready = manager_.ready();
    pid_ = start_uakvd(
        arguments, directory_.path() + "/log", environment, [this] { manager_.hand_over(); }, options_.program);
    await("uakvd is ready", [&] {
        if (const std::string end = poll_for_exit(pid_); !end.empty()) {
            pid_ = -1;
            throw Failure("uakvd did not start: " + end + "; its log:\n" + log());
        }
        return manager_.ready() > ready;
    });
}

void KeptDaemon::kill() {
    ::kill(pid_, SIGKILL);
    wait_for_exit(pid_);
    pid_ = -1;
    manager_.hear_all();
}

void KeptDaemon::stop() {
    ::kill(pid_, SIGTERM);
    std::string end;
    await("uakvd ends after SIGTERM", [&] { return !(end = poll_for_exit(pid_)).empty(); });
    pid_ = -1;
    manager_.hear_all();
    CHECK_MESSAGE(end == "exit status 0", "uakvd ended with " + end + "; its log:\n" + log());
}

} // namespace uakv::test
