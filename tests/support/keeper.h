// A daemon with a service manager, which the test plays: what the daemon gives it to keep is there for the next one,
// however the first has ended.
#pragma once

#include "support/daemon.h"
#include "support/notify_socket.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace uakv::test {

// The manager's part of the protocol: hears what is said at a socket (NOTIFY_SOCKET), holds descriptors (FDSTORE), and
// hands them over (LISTEN_FDS).
class Manager {
public:
    Manager();
    Manager(const Manager &) = delete;
    Manager &operator=(const Manager &) = delete;
    ~Manager();

    const std::string &address() const { return socket_.path(); }
    size_t ready() const { return ready_; } // how often a daemon has said so

    // Once the daemon is dead: what it said is heard to the end.
    void hear_all();

    // By name, in the order in which they came. Not while a daemon runs.
    std::vector<std::string> names() const;
    int descriptor(const std::string &name) const; // -1: there is none
    void lose(const std::string &name);            // as if it never had been kept

    // In the process of the next daemon, before it begins: gives it all.
    void hand_over() const;

private:
    struct One {
        std::string name;
        int fd;
    };
    void hear();
    void obey(Said said);

    NotifySocket socket_;
    mutable std::mutex mutex_; // of what is kept
    std::vector<One> kept_;
    std::atomic<size_t> ready_{0};
    std::atomic<bool> over_{false};
    std::thread thread_;
};

// A daemon whose service manager the test plays.
class KeptDaemon : public Daemon {
public:
    explicit KeptDaemon(const DaemonOptions &options = {}) : Daemon(options, std::make_unique<Manager>()) {}

    Manager &manager() { return *Daemon::manager(); }
    void restart() {
        kill();
        start();
    }
};

} // namespace uakv::test
