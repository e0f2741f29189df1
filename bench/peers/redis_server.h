// redis-server as a cache: nothing is written to disk, the least recently used key leaves when memory is full.
#pragma once

#include "socket_server.h"

namespace uakv::bench {

class RedisServer : public Peer {
public:
    RedisServer(const Programs &programs, const PeerSettings &settings, const std::string &socket_name);
    void stop() override { server_.stop(); }

protected:
    const PeerSettings &settings() const { return settings_; }
    const std::string &socket_path() const { return socket_path_; }

private:
    PeerSettings settings_;
    std::string socket_path_;
    SocketServer server_;
};

// Why there is none; empty when there is one.
std::string redis_missing(const Programs &programs);

} // namespace uakv::bench
