// Redis with the least that a client must do: one send, and the reply read straight into a buffer that is there
// already. What is left is what Redis and the socket cost.
#include "bench/failure.h"
#include "redis_server.h"
#include "stream.h"

#include <fmt/format.h>
#include <vector>

namespace uakv::bench {
namespace {

class ByHandConnection : public Connection {
public:
    ByHandConnection(const std::string &socket_path, std::uint64_t block_bytes)
        : stream_(socket_path), buffer_(block_bytes), set_end_(fmt::format("\r\n${}\r\n", block_bytes)),
          get_answer_(fmt::format("${}", block_bytes)) {}

    void store(const Block &block, const std::byte *data) override {
        stream_.send(command("*3\r\n$3\r\nSET\r\n$32\r\n", block, set_end_), data, buffer_.size(), "\r\n");
        const std::string_view answer = stream_.receive_line();
        if (answer != "+OK") {
            throw Failure("Redis refused a SET: " + std::string(answer));
        }
    }
    const std::byte *retrieve(const Block &block) override {
        return retrieve_into(block, buffer_.data(), buffer_.size()) ? buffer_.data() : nullptr;
    }
    void release() override {}
    bool retrieve_into(const Block &block, std::byte *target, std::uint64_t bytes) override {
        stream_.send(command("*2\r\n$3\r\nGET\r\n$32\r\n", block, "\r\n"));
        const std::string_view answer = stream_.receive_line();
        if (answer == "$-1") {
            return false;
        }
        if (answer != get_answer_) {
            throw Failure("Redis refused a GET: " + std::string(answer));
        }
        stream_.receive(target, bytes);
        stream_.receive_line(); // the empty rest
        return true;
    }

private:
    const std::string &command(std::string_view head, const Block &block, std::string_view tail) {
        command_.assign(head);
        command_.append(reinterpret_cast<const char *>(block.key.bytes), sizeof block.key.bytes);
        command_.append(tail);
        return command_;
    }

    Stream stream_;
    std::vector<std::byte> buffer_;
    std::string set_end_;
    std::string get_answer_;
    std::string command_;
};

class ByHandPeer : public RedisServer {
public:
    using RedisServer::RedisServer;
    std::unique_ptr<Connection> connect() override {
        return std::make_unique<ByHandConnection>(socket_path(), settings().block_bytes);
    }
};

} // namespace

PeerKind redis_by_hand_peer(const Programs &programs) {
    return {"Redis", "the same server; a client by hand that reads replies straight into the caller's buffer",
            redis_missing(programs), false,
            [](const Programs &known, const PeerSettings &settings) -> std::unique_ptr<Peer> {
                return std::make_unique<ByHandPeer>(known, settings, "redis");
            }};
}

} // namespace uakv::bench
