// A uakvd of our own on a private socket.
//
// One daemon serves one measurement and then goes, so that no row depends on what the row before left behind.
#pragma once

#include "groups.h"
#include "machine.h"
#include "server.h"

#include <cstdint>
#include <string>
#include <vector>

namespace uakv::bench {

class Daemon {
public:
    // Returns when it serves and all of its memory is there: what is measured then waits for no page.
    Daemon(const Settings &settings, std::uint64_t memory_bytes, Beside beside = Beside::other_cpus,
           const std::vector<std::string> &more_arguments = {});

    // SIGTERM; throws unless it then exits 0. Without it the daemon is killed.
    void stop() { server_.stop(); }

    const std::string &socket_path() const { return socket_path_; }

    // Memory that no other process shares with it and that belongs to no cache: RssAnon + RssFile.
    std::uint64_t private_bytes() const;
    std::uint64_t cpu_ns() const; // all its threads, since it started

private:
    void wait_until_serving();
    void wait_until_populated() const;

    std::string socket_path_;
    std::uint64_t memory_bytes_;
    Server server_;
};

} // namespace uakv::bench
