// A uakvd of our own on a private socket.
//
// One daemon serves one measurement and then goes, so that no row depends on what the row before left behind.
// It dies with this process, however this process ends.
#pragma once

#include "groups.h"
#include "machine.h"

#include <cstdint>
#include <string>
#include <sys/types.h>

namespace uakv::bench {

class Daemon {
public:
    // Returns when it serves and all of its memory is there: what is measured then waits for no page.
    Daemon(const Settings &settings, std::uint64_t memory_bytes, Beside beside = Beside::other_cpus);
    ~Daemon() { kill_now(); } // where stop() was not reached
    Daemon(const Daemon &) = delete;
    Daemon &operator=(const Daemon &) = delete;

    // SIGTERM; throws unless it then exits 0.
    void stop();

    const std::string &socket_path() const { return socket_path_; }

    // Memory that no other process shares with it and that belongs to no cache: RssAnon + RssFile.
    std::uint64_t private_bytes() const;
    std::uint64_t cpu_ns() const; // all its threads, since it started

private:
    void kill_now();
    void forget_process();
    void wait_until_serving();
    void wait_until_populated() const;
    bool exited(int timeout_ms); // true at most once: it takes the exit status
    std::string log_text() const;

    std::string socket_path_;
    std::uint64_t memory_bytes_;
    int log_ = -1;
    pid_t pid_ = -1;
    int exit_status_ = 0;
};

} // namespace uakv::bench
