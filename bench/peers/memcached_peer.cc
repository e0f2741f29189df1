// memcached, by its text protocol. (libmemcached reads through a buffer of 8 KiB.) Keys are text, so the 32 bytes go as
// 64 digits.
#include "socket_server.h"
#include "text_connection.h"

#include <fmt/format.h>
#include <unistd.h>
#include <vector>

namespace uakv::bench {
namespace {

TextConnection::Words words_for(std::uint64_t block_bytes) {
    return {.server = "memcached",
            .set_head = "set ",
            .set_end = fmt::format(" 0 0 {}\r\n", block_bytes),
            .stored = "STORED",
            .get_head = "mg ",
            .get_end = " v\r\n",
            .found = fmt::format("VA {}", block_bytes),
            .missing = "EN"};
}

void append_key(std::string &command, const Block &block) {
    for (const std::uint8_t byte : block.key.bytes) {
        command += "0123456789abcdef"[byte >> 4];
        command += "0123456789abcdef"[byte & 15];
    }
}

std::vector<std::string> arguments_of(const PeerSettings &settings, const std::string &socket_path) {
    std::vector<std::string> arguments{
        "memcached", "-s", socket_path, "-a", "0700", "-m", std::to_string(settings.memory_bytes / MiB), "-I", "16m"};
    if (geteuid() == 0) { // otherwise it refuses to start
        arguments.insert(arguments.end(), {"-u", "root"});
    }
    return arguments;
}

class MemcachedPeer : public Peer {
public:
    MemcachedPeer(const Programs &programs, const PeerSettings &settings)
        : block_bytes_(settings.block_bytes), socket_path_(server_socket_path("memcached")),
          server_(programs.memcached, socket_path_, arguments_of(settings, socket_path_), settings.cpus) {}

    std::unique_ptr<Connection> connect() override {
        return std::make_unique<TextConnection>(socket_path_, block_bytes_, words_for(block_bytes_), append_key);
    }
    void stop() override { server_.stop(); }

private:
    std::uint64_t block_bytes_;
    std::string socket_path_;
    SocketServer server_;
};

} // namespace

PeerKind memcached_peer(const Programs &programs) {
    return {"memcached", "over a Unix socket, 4 threads, -I 16m; a client by hand, as for Redis",
            programs.memcached.empty() ? "memcached is not installed" : "", false,
            [](const Programs &known, const PeerSettings &settings) -> std::unique_ptr<Peer> {
                return std::make_unique<MemcachedPeer>(known, settings);
            }};
}

} // namespace uakv::bench
