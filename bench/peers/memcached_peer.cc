// memcached, with the least that a client must do: its text protocol, by hand, and values read straight into the
// caller's buffer. (libmemcached reads through a buffer of 8 KiB.) Keys are text, so the 32 bytes go as 64 digits.
#include "bench/failure.h"
#include "socket_server.h"
#include "stream.h"

#include <fmt/format.h>
#include <unistd.h>
#include <vector>

namespace uakv::bench {
namespace {

class MemcachedConnection : public Connection {
public:
    MemcachedConnection(const std::string &socket_path, std::uint64_t block_bytes)
        : stream_(socket_path), buffer_(block_bytes), set_end_(fmt::format(" 0 0 {}\r\n", block_bytes)),
          get_answer_(fmt::format("VA {}", block_bytes)) {}

    void store(const Block &block, const std::byte *data) override {
        stream_.send(command("set ", block, set_end_), data, buffer_.size(), "\r\n");
        const std::string_view answer = stream_.receive_line();
        if (answer != "STORED") {
            throw Failure("memcached refused a set: " + std::string(answer));
        }
    }
    const std::byte *retrieve(const Block &block) override {
        return retrieve_into(block, buffer_.data(), buffer_.size()) ? buffer_.data() : nullptr;
    }
    void release() override {}
    bool retrieve_into(const Block &block, std::byte *target, std::uint64_t bytes) override {
        stream_.send(command("mg ", block, " v\r\n"));
        const std::string_view answer = stream_.receive_line();
        if (answer == "EN") {
            return false;
        }
        if (answer != get_answer_) {
            throw Failure("memcached refused a get: " + std::string(answer));
        }
        stream_.receive(target, bytes);
        stream_.receive_line(); // the empty rest
        return true;
    }

private:
    const std::string &command(std::string_view head, const Block &block, std::string_view tail) {
        command_.assign(head);
        for (const std::uint8_t byte : block.key.bytes) {
            command_ += "0123456789abcdef"[byte >> 4];
            command_ += "0123456789abcdef"[byte & 15];
        }
        command_.append(tail);
        return command_;
    }

    Stream stream_;
    std::vector<std::byte> buffer_;
    std::string set_end_;
    std::string get_answer_;
    std::string command_;
};

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
        return std::make_unique<MemcachedConnection>(socket_path_, block_bytes_);
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
