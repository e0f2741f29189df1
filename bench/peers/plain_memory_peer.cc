// The floor: no index, no eviction, no safety. A store is a memcpy into shared memory and a pointer that is left
// beside it; a retrieve is the pointer.
#include "bench/plain_memory.h"
#include "bench/processes.h"
#include "peer.h"

namespace uakv::bench {
namespace {

using Pointers = SharedArray<std::atomic<std::byte *>>;

class PlainConnection : public Connection {
public:
    PlainConnection(const PeerSettings &settings, std::byte *data, Pointers &pointers)
        : settings_(settings), data_(data), pointers_(pointers) {}

    void store(const Block &block, const std::byte *data) override {
        std::byte *target = data_ + slot_of(block) * settings_.block_bytes;
        std::memcpy(target, data, settings_.block_bytes);
        pointers_[slot_of(block)].store(target, std::memory_order_release);
    }
    const std::byte *retrieve(const Block &block) override {
        return pointers_[slot_of(block)].load(std::memory_order_acquire);
    }
    void release() override {}

private:
    std::uint64_t slot_of(const Block &block) const {
        return block.series * settings_.kept + block.index % settings_.kept;
    }

    const PeerSettings &settings_;
    std::byte *data_;
    Pointers &pointers_;
};

class PlainPeer : public Peer {
public:
    explicit PlainPeer(const PeerSettings &settings)
        : settings_(settings), memory_(settings.series * settings.kept * settings.block_bytes),
          pointers_(settings.series * settings.kept) {}

    std::unique_ptr<Connection> connect() override {
        return std::make_unique<PlainConnection>(settings_, memory_.data(), pointers_);
    }
    void stop() override {}

private:
    PeerSettings settings_;
    PlainMemory memory_;
    Pointers pointers_;
};

} // namespace

PeerKind plain_memory_peer() {
    return {"memcpy", "the floor: shared memory without uakv; in place is a pointer that was left in shared memory", "",
            true, [](const Programs &, const PeerSettings &settings) -> std::unique_ptr<Peer> {
                return std::make_unique<PlainPeer>(settings);
            }};
}

} // namespace uakv::bench
