// Redis by its own protocol: what is left is what Redis and the socket cost.
#include "redis_server.h"
#include "text_connection.h"

#include <fmt/format.h>

namespace uakv::bench {
namespace {

TextConnection::Words words_for(std::uint64_t block_bytes) {
    return {.server = "Redis",
            .set_head = "*3\r\n$3\r\nSET\r\n$32\r\n",
            .set_end = fmt::format("\r\n${}\r\n", block_bytes),
            .stored = "+OK",
            .get_head = "*2\r\n$3\r\nGET\r\n$32\r\n",
            .get_end = "\r\n",
            .found = fmt::format("${}", block_bytes),
            .missing = "$-1"};
}

void append_key(std::string &command, const Block &block) {
    command.append(reinterpret_cast<const char *>(block.key.bytes), sizeof block.key.bytes);
}

class ByHandPeer : public RedisServer {
public:
    using RedisServer::RedisServer;
    std::unique_ptr<Connection> connect() override {
        return std::make_unique<TextConnection>(socket_path(), settings().block_bytes,
                                                words_for(settings().block_bytes), append_key);
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
