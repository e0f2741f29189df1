// LMDB at its fastest: the file lies in memory (/dev/shm), is written through the map, and nothing is synced.
//
// In place is a pointer into the map, valid while the read transaction is open, so the transaction is part of it:
// renew, get, reset, which spares the begin. LMDB evicts nothing: the transaction that stores a block also
// deletes the oldest of its series, which is a bounded set of keys. A value begins 16 bytes into a page.
#include "peer.h"

#ifdef UAKV_PEERS_LMDB

#include "bench/failure.h"
#include "bench/workplace.h"

#include <lmdb.h>

namespace uakv::bench {
namespace {

void require(int error, const char *call) {
    if (error != 0) [[unlikely]] {
        throw Failure(std::string(call) + ": " + mdb_strerror(error));
    }
}

MDB_val value_of(const void *data, std::size_t bytes) {
    return {bytes, const_cast<void *>(data)};
}

class Environment {
public:
    Environment(const std::string &path, std::uint64_t map_bytes) {
        require(mdb_env_create(&handle_), "mdb_env_create");
        require(mdb_env_set_mapsize(handle_, map_bytes), "mdb_env_set_mapsize");
        constexpr unsigned flags = MDB_NOSUBDIR | MDB_NOSYNC | MDB_WRITEMAP | MDB_NOMETASYNC | MDB_NORDAHEAD;
        require(mdb_env_open(handle_, path.c_str(), flags, 0600), "mdb_env_open");
    }
    ~Environment() { mdb_env_close(handle_); }
    Environment(const Environment &) = delete;
    Environment &operator=(const Environment &) = delete;

    MDB_env *handle() const { return handle_; }

private:
    MDB_env *handle_ = nullptr;
};

class LmdbConnection : public Connection {
public:
    LmdbConnection(const std::string &path, const PeerSettings &settings)
        : settings_(settings), environment_(path, settings.memory_bytes) {
        MDB_txn *transaction = nullptr;
        require(mdb_txn_begin(environment_.handle(), nullptr, 0, &transaction), "mdb_txn_begin");
        require(mdb_dbi_open(transaction, nullptr, 0, &database_), "mdb_dbi_open");
        require(mdb_txn_commit(transaction), "mdb_txn_commit");
        require(mdb_txn_begin(environment_.handle(), nullptr, MDB_RDONLY, &reader_), "mdb_txn_begin");
        mdb_txn_reset(reader_);
    }
    ~LmdbConnection() override { mdb_txn_abort(reader_); }
    LmdbConnection(const LmdbConnection &) = delete;
    LmdbConnection &operator=(const LmdbConnection &) = delete;

    void store(const Block &block, const std::byte *data) override {
        MDB_txn *transaction = nullptr;
        require(mdb_txn_begin(environment_.handle(), nullptr, 0, &transaction), "mdb_txn_begin");
        if (block.index >= settings_.kept) {
            const uakv_key oldest = key_of_block(block.series, block.index - settings_.kept);
            MDB_val key = value_of(oldest.bytes, sizeof oldest.bytes);
            require(mdb_del(transaction, database_, &key, nullptr), "mdb_del");
        }
        MDB_val key = value_of(block.key.bytes, sizeof block.key.bytes);
        MDB_val value = value_of(data, settings_.block_bytes);
        require(mdb_put(transaction, database_, &key, &value, 0), "mdb_put");
        require(mdb_txn_commit(transaction), "mdb_txn_commit");
    }
    const std::byte *retrieve(const Block &block) override {
        require(mdb_txn_renew(reader_), "mdb_txn_renew");
        MDB_val key = value_of(block.key.bytes, sizeof block.key.bytes);
        MDB_val value{};
        const int error = mdb_get(reader_, database_, &key, &value);
        if (error == MDB_NOTFOUND) {
            mdb_txn_reset(reader_);
            return nullptr;
        }
        require(error, "mdb_get");
        return static_cast<const std::byte *>(value.mv_data);
    }
    void release() override { mdb_txn_reset(reader_); }

private:
    const PeerSettings &settings_;
    Environment environment_;
    MDB_dbi database_ = 0;
    MDB_txn *reader_ = nullptr;
};

class LmdbPeer : public Peer {
public:
    explicit LmdbPeer(const PeerSettings &settings)
        : settings_(settings), path_(private_memory_directory() + "/lmdb"), lock_(path_ + "-lock") {
        remove_at_end(path_);
        remove_at_end(lock_);
    }
    ~LmdbPeer() override {
        remove_file(path_);
        remove_file(lock_);
    }
    LmdbPeer(const LmdbPeer &) = delete;
    LmdbPeer &operator=(const LmdbPeer &) = delete;

    // LMDB may not be used across a fork, so each process opens the file for itself.
    std::unique_ptr<Connection> connect() override { return std::make_unique<LmdbConnection>(path_, settings_); }
    void stop() override {}

private:
    PeerSettings settings_;
    std::string path_;
    std::string lock_;
};

} // namespace

PeerKind lmdb_peer() {
    return {"LMDB",
            "in place: a pointer into the map, within a read transaction (renew, get, reset); file in /dev/shm, "
            "MDB_NOSYNC|MDB_WRITEMAP|MDB_NOMETASYNC; no eviction, each store deletes the oldest block of a bounded set",
            "", true, [](const Programs &, const PeerSettings &settings) -> std::unique_ptr<Peer> {
                return std::make_unique<LmdbPeer>(settings);
            }};
}

} // namespace uakv::bench

#else

namespace uakv::bench {

PeerKind lmdb_peer() {
    return {"LMDB", "", "liblmdb-dev was not installed when this was built", true, nullptr};
}

} // namespace uakv::bench

#endif
