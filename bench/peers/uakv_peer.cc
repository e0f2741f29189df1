// uakv: in place is uakv_retrieve and uakv_release, a copy is uakv_retrieve_into, a store is uakv_store, with checksum.
#include "bench/client.h"
#include "bench/daemon.h"
#include "peer.h"

namespace uakv::bench {
namespace {

class UakvConnection : public Connection {
public:
    UakvConnection(const std::string &socket_path, std::uint64_t block_bytes)
        : client_(socket_path), space_(client_, block_bytes), block_bytes_(block_bytes) {}

    void store(const Block &block, const std::byte *data) override {
        require_ok(uakv_store(space_.handle(), &block.key, data, block_bytes_, nullptr), "uakv_store");
    }
    const std::byte *retrieve(const Block &block) override {
        const uakv_status status = uakv_retrieve(space_.handle(), &block.key, nullptr, &view_);
        if (status == UAKV_MISS) {
            return nullptr;
        }
        require_ok(status, "uakv_retrieve");
        return static_cast<const std::byte *>(view_.data);
    }
    void release() override { require_ok(uakv_release(&view_), "uakv_release"); }
    bool retrieve_into(const Block &block, std::byte *target, std::uint64_t bytes) override {
        const uakv_status status = uakv_retrieve_into(space_.handle(), &block.key, target, bytes, nullptr, nullptr);
        if (status == UAKV_MISS) {
            return false;
        }
        require_ok(status, "uakv_retrieve_into");
        return true;
    }

private:
    Client client_;
    Space space_;
    std::uint64_t block_bytes_;
    uakv_view view_{};
};

Settings daemon_of(const std::string &uakvd) {
    Settings settings;
    settings.daemon_path = uakvd;
    return settings;
}

class UakvPeer : public Peer {
public:
    UakvPeer(const std::string &uakvd, const PeerSettings &settings)
        : block_bytes_(settings.block_bytes), daemon_(daemon_of(uakvd), settings.memory_bytes, settings.cpus) {}

    std::unique_ptr<Connection> connect() override {
        return std::make_unique<UakvConnection>(daemon_.socket_path(), block_bytes_);
    }
    void stop() override { daemon_.stop(); }

private:
    std::uint64_t block_bytes_;
    Daemon daemon_;
};

} // namespace

PeerKind uakv_peer() {
    return {"uakv", "in place: retrieve and release; copied: retrieve_into; stores with checksum", "", true,
            [](const Programs &programs, const PeerSettings &settings) -> std::unique_ptr<Peer> {
                return std::make_unique<UakvPeer>(programs.uakvd, settings);
            }};
}

} // namespace uakv::bench
