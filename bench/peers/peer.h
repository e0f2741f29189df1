// What is compared: a place where one process stores blocks and others find them, whoever makes it.
//
// A Peer is one that runs; a Connection is the way of one client process to it, made after the fork. Blocks are
// numbered within series, one for each process that stores. Who evicts by itself sees only keys; who does not (LMDB
// and plain memory) keeps the last `kept` blocks of each series, which is told by their numbers.
#pragma once

#include "bench/blocks.h"
#include "bench/machine.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <uakv.h>

namespace uakv::bench {

struct Block {
    std::uint64_t series;
    std::uint64_t index;
    uakv_key key;
};

inline Block block_at(std::uint64_t series, std::uint64_t index) {
    return {series, index, key_of_block(series, index)};
}

struct PeerSettings {
    std::uint64_t memory_bytes; // the cap of each
    std::uint64_t block_bytes;
    std::uint64_t series;
    std::uint64_t kept; // blocks of a series, for those that do not evict by themselves
    Beside cpus;
};

class Connection {
public:
    virtual ~Connection() = default;

    virtual void store(const Block &block, const std::byte *data) = 0;

    // The block's bytes, until release(): in place where the peer can, otherwise in a buffer of the connection.
    // Null, and nothing to release, when it is not there.
    virtual const std::byte *retrieve(const Block &block) = 0;
    virtual void release() = 0;

    // False when it is not there.
    virtual bool retrieve_into(const Block &block, std::byte *target, std::uint64_t bytes) {
        const std::byte *data = retrieve(block);
        if (data == nullptr) {
            return false;
        }
        std::memcpy(target, data, bytes);
        release();
        return true;
    }
};

class Peer {
public:
    virtual ~Peer() = default;
    virtual std::unique_ptr<Connection> connect() = 0;
    virtual void stop() = 0; // throws unless it ends as it should; without it, it is killed
};

// Where the programs are; empty where there is none.
struct Programs {
    std::string uakvd;
    std::string redis;
    std::string memcached;
};

struct PeerKind {
    std::string name;
    std::string words;   // how it is used
    std::string missing; // why it cannot be measured; empty when it can
    bool in_place;
    std::unique_ptr<Peer> (*start)(const Programs &programs, const PeerSettings &settings);
};

PeerKind plain_memory_peer();
PeerKind uakv_peer();
PeerKind lmdb_peer();
PeerKind redis_peer(const Programs &programs);         // through hiredis
PeerKind redis_by_hand_peer(const Programs &programs); // through the least that a client must do
PeerKind memcached_peer(const Programs &programs);

} // namespace uakv::bench
