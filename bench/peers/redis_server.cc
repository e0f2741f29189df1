#include "redis_server.h"

#include "bench/workplace.h"

namespace uakv::bench {

// The program may be redis-check-rdb, of the package redis-tools: it is the same file, and acts by its name.
RedisServer::RedisServer(const Programs &programs, const PeerSettings &settings, const std::string &socket_name)
    : settings_(settings), socket_path_(server_socket_path(socket_name)),
      server_(programs.redis, socket_path_,
              {"redis-server", "--port", "0", "--unixsocket", socket_path_, "--unixsocketperm", "700", "--save", "",
               "--appendonly", "no", "--maxmemory", std::to_string(settings.memory_bytes), "--maxmemory-policy",
               "allkeys-lru", "--dir", private_directory(), "--daemonize", "no"},
              settings.cpus) {}

std::string redis_missing(const Programs &programs) {
    return programs.redis.empty() ? "redis-server is not installed" : "";
}

} // namespace uakv::bench
