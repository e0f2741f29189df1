// Redis as a C program uses it: hiredis. A retrieve ends when the reply is whole, in memory that hiredis
// allocated; it is not copied once more into a buffer of the caller.
#include "peer.h"

#ifdef UAKV_PEERS_HIREDIS

#include "bench/failure.h"
#include "redis_server.h"

#include <hiredis/hiredis.h>

namespace uakv::bench {
namespace {

class HiredisConnection : public Connection {
public:
    HiredisConnection(const std::string &socket_path, std::uint64_t block_bytes)
        : context_(redisConnectUnix(socket_path.c_str())), block_bytes_(block_bytes) {
        if (context_ == nullptr || context_->err != 0) {
            throw Failure("hiredis cannot connect to " + socket_path);
        }
    }
    ~HiredisConnection() override {
        freeReplyObject(reply_); // or nothing
        redisFree(context_);
    }
    HiredisConnection(const HiredisConnection &) = delete;
    HiredisConnection &operator=(const HiredisConnection &) = delete;

    void store(const Block &block, const std::byte *data) override {
        take(redisCommand(context_, "SET %b %b", block.key.bytes, sizeof block.key.bytes, data,
                          static_cast<std::size_t>(block_bytes_)));
        if (reply_->type != REDIS_REPLY_STATUS) {
            throw Failure(std::string("Redis refused a SET: ") + (reply_->str != nullptr ? reply_->str : ""));
        }
        release();
    }
    const std::byte *retrieve(const Block &block) override {
        take(redisCommand(context_, "GET %b", block.key.bytes, sizeof block.key.bytes));
        if (reply_->type == REDIS_REPLY_STRING && reply_->len == block_bytes_) {
            return reinterpret_cast<const std::byte *>(reply_->str);
        }
        if (reply_->type != REDIS_REPLY_NIL) {
            throw Failure(std::string("Redis refused a GET: ") + (reply_->str != nullptr ? reply_->str : ""));
        }
        release();
        return nullptr;
    }
    void release() override {
        if (reply_ != nullptr) {
            freeReplyObject(reply_);
            reply_ = nullptr;
        }
    }

private:
    void take(void *reply) {
        reply_ = static_cast<redisReply *>(reply);
        if (reply_ == nullptr) {
            throw Failure(std::string("hiredis: ") + context_->errstr);
        }
    }

    redisContext *context_;
    std::uint64_t block_bytes_;
    redisReply *reply_ = nullptr;
};

class HiredisPeer : public RedisServer {
public:
    using RedisServer::RedisServer;
    std::unique_ptr<Connection> connect() override {
        return std::make_unique<HiredisConnection>(socket_path(), settings().block_bytes);
    }
};

} // namespace

PeerKind redis_peer(const Programs &programs) {
    return {"hiredis", "Redis over a Unix socket, maxmemory and allkeys-lru, nothing on disk; its own C client",
            redis_missing(programs), false,
            [](const Programs &known, const PeerSettings &settings) -> std::unique_ptr<Peer> {
                return std::make_unique<HiredisPeer>(known, settings, "hiredis");
            }};
}

} // namespace uakv::bench

#else

namespace uakv::bench {

PeerKind redis_peer(const Programs &) {
    return {"hiredis", "", "libhiredis-dev was not installed when this was built", false, nullptr};
}

} // namespace uakv::bench

#endif
