// Keys and the bytes that belong to them: equal key, equal content, in every process.
#pragma once

#include <uakv.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace uakv::test {

// A key per name and number.
uakv_key make_key(const std::string &name, uint64_t number = 0);
std::vector<uakv_key> make_keys(const std::string &name, size_t count);
std::string hex_of(const uakv_key &key);

// The n bytes of a key: any byte that is off by position, key or length differs with high probability.
void fill_block(void *data, size_t n, const uakv_key &key);
std::vector<uint8_t> make_block(size_t n, const uakv_key &key);

// The first offset that differs, or n when all is right.
size_t find_difference(const void *data, size_t n, const uakv_key &key);

// Fails the test where the bytes are not those of the key.
void check_block(const void *data, size_t n, const uakv_key &key);

// Store the n bytes of a key, with a copy or in place.
uakv_status store_block(uakv_space *space, const uakv_key &key, size_t n, const uakv_key *parent = nullptr);
uakv_status reserve_fill_commit(uakv_space *space, const uakv_key &key, size_t n);

// Retrieves, checks length and bytes, and releases. The first fails the test when the block is missing, the second
// says whether it was there.
void check_stored(uakv_space *space, const uakv_key &key, size_t n);
bool check_stored_or_missing(uakv_space *space, const uakv_key &key, size_t n);

// Small and fast, the same on each machine.
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed) {}
    uint64_t next();
    uint64_t below(uint64_t limit) { return next() % limit; }

private:
    uint64_t state_;
};

} // namespace uakv::test
