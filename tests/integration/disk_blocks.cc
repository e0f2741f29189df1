#include "disk_blocks.h"

#include <algorithm>

namespace uakv::test {
namespace {

constexpr size_t stored_between_flushes = 16 << 20; // a quarter of memory

} // namespace

DaemonOptions with_disk(const std::string &disk) {
    DaemonOptions options;
    options.disk = disk;
    return options;
}

uint8_t tiers_of(uakv_space *space, const uakv_key &key) {
    uint8_t tiers = 0;
    CHECK_STATUS(uakv_contains(space, &key, 1, &tiers), UAKV_OK);
    return tiers;
}

void store_safely(uakv_space *space, const std::vector<uakv_key> &keys, size_t bytes) {
    size_t unflushed = 0;
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(space, key, bytes), UAKV_OK);
        unflushed += bytes;
        if (unflushed >= stored_between_flushes) {
            CHECK_STATUS(uakv_flush(space), UAKV_OK);
            unflushed = 0;
        }
    }
    CHECK_STATUS(uakv_flush(space), UAKV_OK);
}

void push_out(uakv_client *client, uakv_space *space, const uakv_key &key, size_t bytes) {
    CHECK_STATUS(uakv_flush(space), UAKV_OK);
    const Space fillers(client, "fillers");
    static uint64_t number = 0;
    await("the block has left memory", [&] {
        for (size_t i = 0; i < stored_between_flushes / bytes; ++i) {
            CHECK_STATUS(store_block(fillers, make_key("filler", ++number), bytes), UAKV_OK);
        }
        return (tiers_of(space, key) & UAKV_TIER_HOST) == 0;
    });
    CHECK_EQ(tiers_of(space, key), UAKV_TIER_DISK);
}

std::vector<uint8_t> make_tensor(size_t bytes, uint64_t number) {
    Random random(number);
    std::vector<uint8_t> tensor(bytes);
    for (size_t i = 0; i + 1 < bytes; i += 2) {
        const uint64_t bits = random.next();
        const unsigned exponent = 118 + static_cast<unsigned>(__builtin_ctzll(bits | 1ULL << 12)); // near 2^-8
        const unsigned value = (bits >> 63 != 0 ? 0x8000U : 0U) | exponent << 7 | (bits >> 32 & 0x7F);
        tensor[i] = static_cast<uint8_t>(value);
        tensor[i + 1] = static_cast<uint8_t>(value >> 8);
    }
    return tensor;
}

} // namespace uakv::test
