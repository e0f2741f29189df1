// A daemon that ends or stands still at a sequence point, and what leads it there.
#pragma once

#include "support/daemon.h"

#include <string>

#include <sys/types.h>

namespace uakv::test {

// One run of uakvd at a socket; unlike Daemon, it may end in the middle of its beginning.
class Life {
public:
    // point_and_action: for UAKV_AT; empty for none.
    Life(const Directory &directory, const std::string &point_and_action);
    Life(const Life &) = delete;
    Life &operator=(const Life &) = delete;
    ~Life();

    static std::string socket_path(const Directory &directory) { return directory.path() + "/uakvd.sock"; }

    static std::string log_path(const Directory &directory) { return directory.path() + "/log"; }

    pid_t pid() const { return pid_; }
    // Empty while it runs: "signal 9 (Killed)".
    const std::string &end();
    bool is_over_or_stopped();
    void signal(int number) const;

private:
    pid_t pid_;
    std::string end_;
};

// Makes a daemon pass the points that no client of the library leads it by, but operators, strangers and signals.
void lead_by_rare_points(const Directory &directory, Life &life);

} // namespace uakv::test
