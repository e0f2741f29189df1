// Stands in for the service manager: the socket that NOTIFY_SOCKET names, and what was said there. Knows nothing of how
// the daemon sends.
#pragma once

#include "support/notify_socket.h"

#include <functional>
#include <string>
#include <vector>

namespace uakv::test {

class StandIn {
public:
    StandIn() = default;
    StandIn(const StandIn &) = delete;
    StandIn &operator=(const StandIn &) = delete;
    ~StandIn();

    const std::string &address() const { return socket_.path(); }

    // Reads what has come; answers BARRIER as a manager does.
    void hear();
    const std::vector<Said> &all() const { return all_; }
    size_t count(const std::string &line) const;

    // Hears until `line` has been said `times` times, since the beginning.
    void await_line(const std::string &line, size_t times = 1);
    void await_said(const std::string &what, const std::function<bool(const Said &)> &condition);

private:
    NotifySocket socket_;
    std::vector<Said> all_; // with their descriptors, until the end
};

} // namespace uakv::test
