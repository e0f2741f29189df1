// The socket that NOTIFY_SOCKET names, from the manager's side: both stand-ins for a service manager hear by it.
#pragma once

#include "support/daemon.h"

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace uakv::test {

// One notification. Whoever has it closes the descriptors.
struct Said {
    pid_t sender = 0;
    std::string text;
    std::vector<int> fds;

    bool has(const std::string &line) const; // as a whole line
    std::string value(const std::string &name) const;
    void close_all();
};

class NotifySocket {
public:
    NotifySocket();
    NotifySocket(const NotifySocket &) = delete;
    NotifySocket &operator=(const NotifySocket &) = delete;
    ~NotifySocket();

    const std::string &path() const { return path_; }

    void await_readable(int at_most_ms) const;
    std::optional<Said> receive() const; // nothing: all that was said has been heard

private:
    Directory directory_;
    std::string path_;
    int socket_ = -1;
};

} // namespace uakv::test
