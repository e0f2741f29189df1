// Stands in for the service manager: the socket that NOTIFY_SOCKET names, and what was said there. Knows nothing of how
// the daemon sends.
#pragma once

#include "support/daemon.h"

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace uakv::test {

struct Said {
    pid_t sender = 0;
    std::string text;
    std::vector<int> fds; // the stand-in closes them at its end

    bool has(const std::string &line) const; // as a whole line
    std::string value(const std::string &name) const;
};

class StandIn {
public:
    StandIn();
    StandIn(const StandIn &) = delete;
    StandIn &operator=(const StandIn &) = delete;
    ~StandIn();

    const std::string &address() const { return path_; }

    // Reads what has come; answers BARRIER as a manager does.
    void hear();
    const std::vector<Said> &all() const { return all_; }
    size_t count(const std::string &line) const;

    // Hears until `line` has been said `times` times, since the beginning.
    void await_line(const std::string &line, size_t times = 1);
    void await_said(const std::string &what, const std::function<bool(const Said &)> &condition);

private:
    Directory directory_;
    std::string path_;
    int socket_ = -1;
    std::vector<Said> all_;
};

} // namespace uakv::test
