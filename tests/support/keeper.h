// A daemon with a service manager, which the test plays: what the daemon gives it to keep is there for the next one,
// however the first has ended.
#pragma once

#include "support/daemon.h"

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace uakv::test {

// The manager's part of the protocol: hears what is said at a socket (NOTIFY_SOCKET), holds descriptors (FDSTORE), and
// hands them over (LISTEN_FDS).
class Manager {
public:
    Manager();
    Manager(const Manager &) = delete;
    Manager &operator=(const Manager &) = delete;
    ~Manager();

    const std::string &address() const { return path_; }
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
    bool hear_one(int flags);
    void obey(const std::string &text, std::vector<int> fds);

    Directory directory_;
    std::string path_;
    int socket_ = -1;
    mutable std::mutex mutex_; // of what is kept
    std::vector<One> kept_;
    std::atomic<size_t> ready_{0};
    std::atomic<bool> over_{false};
    std::thread thread_;
};

class KeptDaemon {
public:
    // Returns when it serves.
    explicit KeptDaemon(const DaemonOptions &options = {});
    KeptDaemon(const KeptDaemon &) = delete;
    KeptDaemon &operator=(const KeptDaemon &) = delete;
    ~KeptDaemon();

    const std::string &socket_path() const { return socket_path_; }
    pid_t pid() const { return pid_; }
    std::string log() const;
    Manager &manager() { return manager_; }

    void kill(); // SIGKILL, and waits until it is gone
    void stop(); // SIGTERM; the test fails unless it exits with 0
    void start();
    void restart() {
        kill();
        start();
    }

private:
    DaemonOptions options_;
    Directory directory_;
    std::string socket_path_;
    Manager manager_;
    pid_t pid_ = -1;
};

} // namespace uakv::test
