// What counts of all that was found on disk, whatever the order in which it was found: the newest record of a key,
// unless a tombstone or a clear is over it, and only where the record of its space was found too.
#pragma once

#include "daemon/tiers/disk/catalog.h"
#include "daemon/tiers/disk/format.h"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace uakv::disk {

class Merge {
public:
    explicit Merge(std::uint64_t seed) : catalog_(seed), tombstones_(0, HashOfKill{seed}) {}

    void reserve(std::uint64_t blocks) { catalog_.reserve(blocks); }

    // A block, tombstone or clear that holds, with its sequence and its file.
    void add(const RecordDescriptor &record, std::uint64_t sequence, FileNumber file);
    void add_space(SpaceNumber number, const SpaceDescription &description, std::uint64_t sequence);

    // Whether a block would count as far as is known now.
    bool would_count(const RecordDescriptor &record, std::uint64_t sequence) const;
    bool knows(SpaceNumber space, const uakv_key &key) const { return catalog_.find(space, key).has_value(); }

    // All is added. Tells what had to be left out.
    Catalog finish(std::vector<std::string> &remarks);

private:
    struct Waiting {
        CatalogBlock block;
        std::uint64_t layout = 0;
    };
    // Layouts tell whether the blocks of a number are of the space that has it. As its record may be found last, the
    // blocks of the layout that was met first go into the catalog on trial; those of another, of which there are none
    // unless something went wrong, wait.
    struct Space {
        std::optional<SpaceDescription> description;
        std::uint64_t description_sequence = 0;
        std::optional<std::uint64_t> layout; // of those in the catalog
        std::vector<Waiting> waiting;
        std::uint64_t until_sequence = 0; // cleared
        std::uint64_t clear_sequence = 0;
    };
    struct Kill {
        SpaceNumber space = 0;
        uakv_key key{};
        bool operator==(const Kill &other) const;
    };
    struct HashOfKill {
        std::uint64_t seed;
        std::size_t operator()(const Kill &kill) const { return hash_of_key(kill.key, kill.space, seed); }
    };

    void add_block(const CatalogBlock &block, std::uint64_t layout);
    void add_tombstone(const RecordDescriptor &record);
    void put_newer(const CatalogBlock &block);
    bool killed(SpaceNumber space, const uakv_key &key, std::uint64_t sequence) const;
    void finish_spaces(std::vector<std::string> &remarks);

    Catalog catalog_;
    std::unordered_map<SpaceNumber, Space> spaces_;
    std::unordered_map<Kill, std::uint64_t, HashOfKill> tombstones_; // with the highest until_sequence
};

} // namespace uakv::disk
