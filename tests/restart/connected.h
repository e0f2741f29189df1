// A client of a daemon that is replaced, and what is kept of it.
#pragma once

#include "support/check.h"
#include "support/client.h"
#include "support/keeper.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace uakv::test {

class Connected {
public:
    explicit Connected(const KeptDaemon &daemon) {
        CHECK_STATUS(connect_to(daemon.socket_path(), 0, 0, &client_), UAKV_OK);
        CHECK_STATUS(uakv_space_open(client_, "test", nullptr, &space_), UAKV_OK);
    }
    Connected(const Connected &) = delete;
    Connected &operator=(const Connected &) = delete;
    ~Connected() { disconnect(); }

    void disconnect() { uakv_disconnect(std::exchange(client_, nullptr)); }
    uakv_client *client() const { return client_; }
    uakv_space *space() const { return space_; }

    uakv_statistics statistics() const {
        uakv_statistics statistics{};
        statistics.struct_size = sizeof statistics;
        await("the client is attached", [&] { return uakv_stats(client_, &statistics) == UAKV_OK; });
        return statistics;
    }

private:
    uakv_client *client_ = nullptr;
    uakv_space *space_ = nullptr;
};

inline size_t sessions_kept(KeptDaemon &daemon) {
    const std::vector<std::string> names = daemon.manager().names();
    return static_cast<size_t>(
        std::count_if(names.begin(), names.end(), [](const std::string &name) { return name.front() == 'm'; }));
}

} // namespace uakv::test
