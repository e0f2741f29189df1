// Which blocks there are: the catalog, and what it does not show: spaces that are being cleared, blocks whose time is
// over, and keys that are not in the catalog and still may lie in some file.
//
// Blocks leave the catalog here and nowhere else. A key that may lie in a file without being in the catalog (its write
// failed, or it was dropped and the file is not removed yet) must be erased with a record even so, or a crash would
// bring it back.
#pragma once

#include "daemon/tiers/disk/engine.h"
#include "ipc/hashing.h"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace uakv::disk {

struct BlockName {
    SpaceNumber space = 0;
    uakv_key key{};
    bool operator==(const BlockName &other) const {
        return space == other.space && std::memcmp(&key, &other.key, sizeof key) == 0;
    }
};
struct BlockNameHash {
    std::uint64_t seed = 0;
    std::size_t operator()(const BlockName &name) const { return hash_of_key(name.key, name.space, seed); }
};

class Blocks {
public:
    Blocks(Engine &engine, Catalog catalog) : engine_(engine), catalog_(std::move(catalog)) {}

    const Catalog &catalog() const { return catalog_; }
    Catalog &catalog() { return catalog_; }

    // There, in time, and not of what was cleared.
    std::optional<BlockNumber> find(SpaceNumber space, const uakv_key &key) const;
    bool counts(const CatalogBlock &block) const;
    // A record with this sequence in this space has been cleared away.
    bool cleared(SpaceNumber space, std::uint64_t sequence) const;

    // Into the catalog, in the place of what has the same key.
    void put(const CatalogBlock &block);
    void leave(BlockNumber number);
    // The tier lets it go by itself: event `dropped`.
    void drop(BlockNumber number);

    // ---- a walk through the blocks of a file, while they leave --------------------------------------------

    // Begins at the file's first block. One walk at a time.
    void begin_walk(FileNumber file) {
        walked_file_ = file;
        cursor_ = none;
    }
    // The next block, which is kept in the file as far as the walk goes; nothing at the end.
    std::optional<BlockNumber> walk();
    // It was looked at, and stays; the walk goes on behind it.
    void pass(BlockNumber number) { cursor_ = number; }

    // ---- what may lie in files without being in the catalog -----------------------------------------------

    void note_remains(FileNumber file, SpaceNumber space, const uakv_key &key);
    bool has_remains(SpaceNumber space, const uakv_key &key) const;
    void forget_remains(FileNumber file) { remains_.erase(file); }

    // ---- clearing and expiry, a part at a time ------------------------------------------------------------

    // All records of the space below `until` are gone from now on.
    void clear(SpaceNumber space, std::uint64_t until);
    bool clearing() const { return !clears_.empty(); }
    bool sweeping() const; // without pause
    std::uint64_t next_sweep_ns() const { return catalog_.count() > 0 ? next_sweep_ns_ : UINT64_MAX; }
    // Looks at some blocks: all of them once in a while; without pause while a space is being cleared.
    // `oldest_under_way`: no write that is still under way has a lower sequence.
    void sweep(std::uint64_t oldest_under_way);

private:
    struct Clear {
        std::uint64_t until = 0;
        std::uint32_t passes = 0; // over the catalog that have yet to end
    };
    void end_pass(std::uint64_t oldest_under_way);

    Engine &engine_;
    Catalog catalog_;
    FileNumber walked_file_ = none;
    BlockNumber cursor_ = none;
    using Names = std::unordered_set<BlockName, BlockNameHash>;
    std::unordered_map<FileNumber, Names> remains_;
    std::unordered_map<SpaceNumber, Clear> clears_;
    BlockNumber swept_ = 0;
    std::uint64_t next_sweep_ns_ = 0;
};

} // namespace uakv::disk
