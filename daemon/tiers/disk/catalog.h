// What is on disk, in memory: each block with the place of its payload, and the spaces. For the reactor's thread alone.
//
// 136 bytes for each block, and its place in a hash table (11 to 21 bytes). Blocks are numbered densely, so that a
// checkpoint can walk them in steps while they come and go, and the blocks of one file are a list, so that a file can
// be emptied. It grows in small steps: neither the blocks nor the table are ever copied as a whole.
#pragma once

#include "daemon/tiers/disk/format.h"
#include "ipc/hashing.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace uakv::disk {

using SpaceNumber = std::uint32_t; // of the log
using FileNumber = std::uint32_t;
using BlockNumber = std::uint32_t; // of the catalog; may be another block's once the block is gone
constexpr std::uint32_t none = UINT32_MAX;

struct CatalogBlock {
    uakv_key key{};
    uakv_key parent{};
    std::uint64_t sequence = 0;
    std::uint64_t block_bytes = 0;
    std::uint64_t checksum = 0;         // of the block
    std::uint64_t payload_checksum = 0; // of what is stored
    std::uint64_t expires_ms = UINT64_MAX;
    std::uint32_t stored_bytes = 0;
    FileNumber file = 0;
    std::uint32_t page = 0;
    SpaceNumber space = 0;
    std::uint32_t uses = 0;
    std::uint8_t codec = 0;
    bool has_parent = false;
    bool hot = false; // used since it was written or relocated last
    bool live = false;
    BlockNumber next_in_file = none;
    BlockNumber previous_in_file = none;
};
static_assert(sizeof(CatalogBlock) == 136);

struct CatalogSpace {
    SpaceDescription description;
    std::uint64_t sequence = 0; // of its record, or of the clear that emptied it last, whichever is newer
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0; // of its blocks
};

// What a file holds that is alive.
struct FileUse {
    std::uint64_t blocks = 0;
    std::uint64_t live_bytes = 0; // payloads in whole pages
    BlockNumber first = none;
};

class Catalog {
public:
    // The seed of its hash table is a secret: keys are chosen by clients.
    explicit Catalog(std::uint64_t seed);

    std::optional<BlockNumber> find(SpaceNumber space, const uakv_key &key) const;
    const CatalogBlock &block(BlockNumber number) const {
        return chunks_[number / chunk_blocks][number % chunk_blocks];
    }

    // Its space is known. In the place of one with the same key, if there is one; the caller has compared their
    // sequences. `live` and the links are the catalog's own.
    BlockNumber put(const CatalogBlock &block);
    void erase(BlockNumber number);

    // Makes the table large enough for so many blocks at once: for whoever is about to put them.
    void reserve(std::uint64_t blocks);

    void note_use(BlockNumber number, std::uint32_t uses = 1); // hot, and that many uses more
    void cool(BlockNumber number) { at(number).hot = false; }

    // All numbers that there ever were; the blocks of those that are not live mean nothing.
    BlockNumber numbers() const { return numbers_; }
    std::uint64_t count() const { return count_; }
    std::uint64_t live_bytes() const { return live_bytes_; } // payloads in whole pages
    std::uint64_t bytes_in_memory() const;

    // Files: a file without live blocks has no use.
    FileUse use_of(FileNumber file) const;

    // ---- spaces ------------------------------------------------------------------------------------------

    // New, or described anew: its blocks stay, and of two sequences the higher one.
    void put_space(SpaceNumber number, const SpaceDescription &description, std::uint64_t sequence);
    const CatalogSpace *find_space(SpaceNumber number) const;
    const std::unordered_map<SpaceNumber, CatalogSpace> &spaces() const { return spaces_; }
    // With all of its blocks gone before.
    void erase_space(SpaceNumber number);

private:
    // The table: open addressing in many small parts, so that a part is grown in no time. The uppermost bits of a hash
    // choose the part, the lowest are kept to find the place in it, and to tell most keys apart.
    static constexpr unsigned part_bits = 8;
    struct Place {
        std::uint32_t tag = 0;
        BlockNumber number = none;
    };
    struct Part {
        std::vector<Place> places; // none, or a power of two
        std::uint32_t used = 0;
    };
    static constexpr BlockNumber chunk_blocks = 4096;

    CatalogBlock &at(BlockNumber number) { return chunks_[number / chunk_blocks][number % chunk_blocks]; }
    bool is(BlockNumber number, SpaceNumber space, const uakv_key &key) const;
    std::uint64_t hash_of(const CatalogBlock &block) const { return hash_of_key(block.key, block.space, seed_); }
    BlockNumber new_number();
    void insert_place(std::uint64_t hash, BlockNumber number);
    void remove_place(std::uint64_t hash, BlockNumber number);
    static void grow(Part &part, std::size_t places);
    void link(BlockNumber number);   // counts it too
    void unlink(BlockNumber number); // counts it no more

    std::uint64_t seed_;
    std::vector<std::unique_ptr<CatalogBlock[]>> chunks_;
    BlockNumber numbers_ = 0;
    BlockNumber first_free_ = none; // a list through next_in_file
    std::array<Part, 1U << part_bits> parts_;
    std::uint64_t count_ = 0;
    std::uint64_t live_bytes_ = 0;
    std::unordered_map<FileNumber, FileUse> files_;
    std::unordered_map<SpaceNumber, CatalogSpace> spaces_;
};

} // namespace uakv::disk
