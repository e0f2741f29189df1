// A server that listens on a private Unix socket of its own: redis-server or memcached.
#pragma once

#include "bench/server.h"
#include "peer.h"

#include <string>
#include <vector>

namespace uakv::bench {

// Below the private directory, and removed at the end.
std::string server_socket_path(const std::string &name);

class SocketServer {
public:
    // Returns when it listens.
    SocketServer(const std::string &program, const std::string &socket_path, const std::vector<std::string> &arguments,
                 Beside cpus);
    void stop() { server_.stop(); }

private:
    Server server_;
};

} // namespace uakv::bench
