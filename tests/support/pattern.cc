#include "support/pattern.h"

#include "support/check.h"

#include <algorithm>
#include <cstring>

namespace uakv::test {
namespace {

constexpr uint64_t golden_ratio = 0x9e3779b97f4a7c15u;

// splitmix64's output function.
uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t seed_of(const uakv_key &key, size_t n) {
    uint64_t seed = n;
    for (size_t at = 0; at < sizeof key.bytes; at += sizeof seed) {
        uint64_t word = 0;
        std::memcpy(&word, key.bytes + at, sizeof word);
        seed = mix(seed ^ word) + golden_ratio;
    }
    return seed;
}

} // namespace

uint64_t Random::next() {
    return mix(state_ += golden_ratio);
}

uakv_key make_key(const std::string &name, uint64_t number) {
    const std::string text = name + "/" + std::to_string(number);
    return uakv_key_of(text.data(), text.size());
}

std::vector<uakv_key> make_keys(const std::string &name, size_t count) {
    std::vector<uakv_key> keys;
    for (size_t i = 0; i < count; ++i) {
        keys.push_back(make_key(name, i));
    }
    return keys;
}

std::string hex_of(const uakv_key &key) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const uint8_t byte : key.bytes) {
        text += {digits[byte >> 4], digits[byte & 15]};
    }
    return text;
}

void fill_block(void *data, size_t n, const uakv_key &key) {
    Random words(seed_of(key, n));
    uint8_t *out = static_cast<uint8_t *>(data);
    for (size_t at = 0; at < n; at += sizeof(uint64_t)) {
        const uint64_t word = words.next();
        std::memcpy(out + at, &word, std::min(sizeof word, n - at));
    }
}

std::vector<uint8_t> make_block(size_t n, const uakv_key &key) {
    std::vector<uint8_t> block(n);
    fill_block(block.data(), n, key);
    return block;
}

size_t find_difference(const void *data, size_t n, const uakv_key &key) {
    Random words(seed_of(key, n));
    const uint8_t *in = static_cast<const uint8_t *>(data);
    for (size_t at = 0; at < n; at += sizeof(uint64_t)) {
        const uint64_t word = words.next();
        const size_t length = std::min(sizeof word, n - at);
        if (std::memcmp(in + at, &word, length) != 0) {
            uint8_t expected[sizeof word];
            std::memcpy(expected, &word, sizeof word);
            return static_cast<size_t>(std::mismatch(expected, expected + length, in + at).second - in);
        }
    }
    return n;
}

void check_block(const void *data, size_t n, const uakv_key &key) {
    const size_t at = find_difference(data, n, key);
    CHECK_MESSAGE(at == n, "wrong byte at offset " + std::to_string(at) + " of " + std::to_string(n));
}

uakv_status store_block(uakv_space *space, const uakv_key &key, size_t n, const uakv_key *parent) {
    const std::vector<uint8_t> block = make_block(n, key);
    uakv_store_options options = {};
    options.struct_size = sizeof options;
    options.parent = parent;
    return uakv_store(space, &key, block.data(), n, &options);
}

uakv_status reserve_fill_commit(uakv_space *space, const uakv_key &key, size_t n) {
    uakv_slot slot;
    const uakv_status status = uakv_reserve(space, &key, n, nullptr, &slot);
    if (status != UAKV_OK) {
        return status;
    }
    CHECK_EQ(slot.nbytes, n);
    fill_block(slot.data, n, key);
    return uakv_commit(&slot);
}

void check_stored(uakv_space *space, const uakv_key &key, size_t n) {
    CHECK_MESSAGE(check_stored_or_missing(space, key, n), "the block is missing");
}

bool check_stored_or_missing(uakv_space *space, const uakv_key &key, size_t n) {
    uakv_view view;
    const uakv_status status = uakv_retrieve(space, &key, nullptr, &view);
    if (status == UAKV_MISS) {
        return false;
    }
    CHECK_STATUS(status, UAKV_OK);
    CHECK_EQ(view.nbytes, n);
    check_block(view.data, n, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    return true;
}

} // namespace uakv::test
