#include "blocks.h"

#include "failure.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>

namespace uakv::bench {

Contents::Contents() : pool_((period_bytes + block_bytes_max) / sizeof(std::uint64_t)) {
    Random random(1);
    for (std::uint64_t &word : pool_) {
        word = random.next();
    }
}

const std::byte *Contents::of(std::uint64_t index, std::uint64_t block_bytes) const {
    // Around the pool block after block, and one cache line further with each turn.
    const std::uint64_t position = index * block_bytes;
    const std::uint64_t offset = (position + position / period_bytes * 64) % period_bytes;
    return reinterpret_cast<const std::byte *>(pool_.data()) + offset;
}

uakv_key key_of_block(std::uint64_t series, std::uint64_t index) {
    const std::array<std::uint64_t, 2> name{series, index};
    return uakv_key_of(name.data(), sizeof name);
}

std::uint64_t Random::next() { // splitmix64
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t word = state_;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9U;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebU;
    return word ^ (word >> 31);
}

void load_blocks(const Client &client, const Space &space, const Contents &contents, std::uint64_t count,
                 std::uint64_t block_bytes) {
    constexpr std::uint64_t batch_max = 256;
    std::array<uakv_key, batch_max> keys;
    std::array<const void *, batch_max> data;
    std::array<std::size_t, batch_max> lengths;
    for (std::uint64_t first = 0; first < count; first += batch_max) {
        const std::uint64_t batch = std::min(batch_max, count - first);
        for (std::uint64_t i = 0; i < batch; ++i) {
            keys[i] = key_of_block(0, first + i);
            data[i] = contents.of(first + i, block_bytes);
            lengths[i] = block_bytes;
        }
        require_ok(uakv_store_many(space.handle(), keys.data(), data.data(), lengths.data(), batch, nullptr),
                   "uakv_store_many");
    }
    const uakv_statistics statistics = client.statistics();
    if (statistics.blocks != count || statistics.evictions != 0) {
        throw Failure(fmt::format("{} blocks of {} were stored, but the daemon has {} and evicted {}; its memory is "
                                  "too small for the measurement",
                                  count, size_text(block_bytes), statistics.blocks, statistics.evictions));
    }
}

void verify_block(const Space &space, const uakv_key &key, const std::byte *expected, std::uint64_t block_bytes) {
    uakv_view view{};
    require_ok(uakv_retrieve(space.handle(), &key, nullptr, &view), "uakv_retrieve");
    const bool right = view.nbytes == block_bytes && std::memcmp(view.data, expected, block_bytes) == 0;
    require_ok(uakv_release(&view), "uakv_release");
    if (!right) {
        throw Failure(fmt::format("a block of {} came back with other bytes than were stored", size_text(block_bytes)));
    }
}

void verify_blocks(const Space &space, const Contents &contents, std::uint64_t count, std::uint64_t block_bytes) {
    for (std::uint64_t index = 0; index < count; ++index) {
        verify_block(space, key_of_block(0, index), contents.of(index, block_bytes), block_bytes);
    }
}

void remove_blocks(const Space &space, const std::vector<uakv_key> &keys) {
    std::size_t removed = 0;
    require_ok(uakv_remove(space.handle(), keys.data(), keys.size(), &removed), "uakv_remove");
    if (removed != keys.size()) {
        throw Failure(fmt::format("uakv_remove removed {} of {} stored blocks", removed, keys.size()));
    }
}

std::string size_text(std::uint64_t bytes) {
    return bytes % MiB == 0 ? fmt::format("{} MiB", bytes / MiB) : fmt::format("{} KiB", bytes / KiB);
}

std::string count_text(std::uint64_t count) {
    std::string digits = std::to_string(count);
    for (std::size_t end = digits.size(); end > 3; end -= 3) {
        digits.insert(end - 3, 1, ' ');
    }
    return digits;
}

} // namespace uakv::bench
