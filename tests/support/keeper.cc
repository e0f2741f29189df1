#include "support/keeper.h"

#include "support/check.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr int first_passed = 3;
constexpr int wait_ms = 20; // until the end of the test is looked for

} // namespace

Manager::Manager() : thread_([this] { hear(); }) {}

Manager::~Manager() {
    over_ = true;
    thread_.join();
    for (const One &one : kept_) {
        close(one.fd);
    }
}

// A thread of its own, for a daemon waits until it is heard.
void Manager::hear() {
    while (!over_) {
        socket_.await_readable(wait_ms);
        hear_all();
    }
}

void Manager::obey(Said said) {
    const std::string name = said.value("FDNAME");
    ready_ += said.has("READY=1") ? 1 : 0;
    if (said.has("FDSTORE=1") && said.fds.size() == 1) {
        kept_.push_back({name, said.fds[0]});
        said.fds.clear();
    }
    if (said.has("FDSTOREREMOVE=1")) {
        std::erase_if(kept_, [&](const One &one) { return one.name == name && close(one.fd) == 0; });
    }
    said.close_all(); // the end of a barrier, too
}

void Manager::hear_all() {
    const std::scoped_lock lock(mutex_); // so that what the thread has received is obeyed, too, when this returns
    while (auto said = socket_.receive()) {
        obey(std::move(*said));
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

} // namespace uakv::test
