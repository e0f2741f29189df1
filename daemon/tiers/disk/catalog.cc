#include "daemon/tiers/disk/catalog.h"

#include "ipc/assertion.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace uakv::disk {
namespace {

constexpr std::size_t part_places_min = 16;

// Of four places three are used at most: longer runs would cost more than the memory.
constexpr bool is_full(std::uint64_t used, std::uint64_t places) {
    return used * 4 >= places * 3;
}

std::uint64_t bytes_on_disk(const CatalogBlock &block) {
    return pages_of(block.stored_bytes) * page_bytes;
}

} // namespace

Catalog::Catalog(std::uint64_t seed) : seed_(seed) {}

bool Catalog::is(BlockNumber number, SpaceNumber space, const uakv_key &key) const {
    const CatalogBlock &known = block(number);
    return known.space == space && std::memcmp(&known.key, &key, sizeof key) == 0;
}

std::optional<BlockNumber> Catalog::find(SpaceNumber space, const uakv_key &key) const {
    const std::uint64_t hash = hash_of_key(key, space, seed_);
    const Part &part = parts_[hash >> (64 - part_bits)];
    if (part.places.empty()) {
        return std::nullopt;
    }
    const auto tag = static_cast<std::uint32_t>(hash);
    const std::size_t mask = part.places.size() - 1;
    for (std::size_t i = tag & mask; part.places[i].number != none; i = (i + 1) & mask) {
        if (part.places[i].tag == tag && is(part.places[i].number, space, key)) {
            return part.places[i].number;
        }
    }
    return std::nullopt;
}

BlockNumber Catalog::put(const CatalogBlock &block) {
    const std::optional<BlockNumber> known = find(block.space, block.key);
    BlockNumber number = none;
    if (known) {
        number = *known;
        unlink(number);
    } else {
        number = new_number();
        insert_place(hash_of(block), number);
    }
    at(number) = block;
    link(number);
    return number;
}

void Catalog::erase(BlockNumber number) {
    UAKV_ASSERT(number < numbers_ && block(number).live);
    remove_place(hash_of(block(number)), number);
    unlink(number);
    CatalogBlock &gone = at(number);
    gone.live = false;
    gone.next_in_file = first_free_;
    first_free_ = number;
}

void Catalog::reserve(std::uint64_t blocks) {
    // What each part gets is not quite the same.
    const std::uint64_t share = blocks / parts_.size() + blocks / parts_.size() / 8 + part_places_min / 2;
    std::size_t places = part_places_min;
    while (is_full(share, places)) {
        places *= 2;
    }
    for (Part &part : parts_) {
        if (part.places.size() < places) {
            grow(part, places);
        }
    }
    chunks_.reserve(blocks / chunk_blocks + 1);
}

void Catalog::note_use(BlockNumber number, std::uint32_t uses) {
    CatalogBlock &used = at(number);
    used.hot = true;
    used.uses += std::min(uses, UINT32_MAX - used.uses);
}

std::uint64_t Catalog::bytes_in_memory() const {
    std::uint64_t bytes = chunks_.size() * chunk_blocks * sizeof(CatalogBlock);
    for (const Part &part : parts_) {
        bytes += part.places.capacity() * sizeof(Place);
    }
    return bytes;
}

FileUse Catalog::use_of(FileNumber file) const {
    const auto found = files_.find(file);
    return found == files_.end() ? FileUse{} : found->second;
}

// ---- spaces ------------------------------------------------------------------------------------------------

void Catalog::put_space(SpaceNumber number, const SpaceDescription &description, std::uint64_t sequence) {
    CatalogSpace &space = spaces_[number];
    space.description = description;
    space.sequence = std::max(space.sequence, sequence);
}

const CatalogSpace *Catalog::find_space(SpaceNumber number) const {
    const auto found = spaces_.find(number);
    return found == spaces_.end() ? nullptr : &found->second;
}

void Catalog::erase_space(SpaceNumber number) {
    const auto found = spaces_.find(number);
    UAKV_ASSERT(found != spaces_.end() && found->second.blocks == 0);
    spaces_.erase(found);
}

// ---- numbers and places ------------------------------------------------------------------------------------

BlockNumber Catalog::new_number() {
    if (first_free_ != none) {
        return std::exchange(first_free_, block(first_free_).next_in_file);
    }
    UAKV_ASSERT(numbers_ < none); // 550 GB of catalog
    if (numbers_ % chunk_blocks == 0) {
        chunks_.push_back(std::make_unique<CatalogBlock[]>(chunk_blocks));
    }
    return numbers_++;
}

void Catalog::insert_place(std::uint64_t hash, BlockNumber number) {
    Part &part = parts_[hash >> (64 - part_bits)];
    if (is_full(part.used + std::uint64_t{1}, part.places.size())) {
        grow(part, std::max(part_places_min, part.places.size() * 2));
    }
    const auto tag = static_cast<std::uint32_t>(hash);
    const std::size_t mask = part.places.size() - 1;
    std::size_t i = tag & mask;
    while (part.places[i].number != none) {
        i = (i + 1) & mask;
    }
    part.places[i] = {tag, number};
    ++part.used;
}

void Catalog::remove_place(std::uint64_t hash, BlockNumber number) {
    Part &part = parts_[hash >> (64 - part_bits)];
    const std::size_t mask = part.places.size() - 1;
    std::size_t hole = hash & mask;
    while (part.places[hole].number != number) {
        UAKV_ASSERT(part.places[hole].number != none); // it is in the table
        hole = (hole + 1) & mask;
    }
    // Those behind it close up, where their run goes through the hole: a search ends at the first free place.
    for (std::size_t i = (hole + 1) & mask; part.places[i].number != none; i = (i + 1) & mask) {
        const std::size_t home = part.places[i].tag & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            part.places[hole] = part.places[i];
            hole = i;
        }
    }
    part.places[hole] = {};
    --part.used;
}

void Catalog::grow(Part &part, std::size_t places) {
    const std::vector<Place> old = std::exchange(part.places, std::vector<Place>(places));
    const std::size_t mask = places - 1;
    for (const Place &place : old) {
        if (place.number != none) {
            std::size_t i = place.tag & mask;
            while (part.places[i].number != none) {
                i = (i + 1) & mask;
            }
            part.places[i] = place;
        }
    }
}

// ---- what a block is counted in ----------------------------------------------------------------------------

void Catalog::link(BlockNumber number) {
    CatalogBlock &block = at(number);
    block.live = true;
    FileUse &file = files_[block.file];
    block.previous_in_file = none;
    block.next_in_file = file.first;
    if (file.first != none) {
        at(file.first).previous_in_file = number;
    }
    file.first = number;
    ++file.blocks;
    file.live_bytes += bytes_on_disk(block);

    const auto space = spaces_.find(block.space);
    UAKV_ASSERT(space != spaces_.end());
    ++space->second.blocks;
    space->second.bytes += block.block_bytes;
    ++count_;
    live_bytes_ += bytes_on_disk(block);
}

void Catalog::unlink(BlockNumber number) {
    const CatalogBlock &block = this->block(number);
    const auto file = files_.find(block.file);
    if (block.next_in_file != none) {
        at(block.next_in_file).previous_in_file = block.previous_in_file;
    }
    (block.previous_in_file != none ? at(block.previous_in_file).next_in_file : file->second.first) =
        block.next_in_file;
    file->second.live_bytes -= bytes_on_disk(block);
    if (--file->second.blocks == 0) {
        files_.erase(file);
    }

    CatalogSpace &space = spaces_.find(block.space)->second;
    --space.blocks;
    space.bytes -= block.block_bytes;
    --count_;
    live_bytes_ -= bytes_on_disk(block);
}

} // namespace uakv::disk
