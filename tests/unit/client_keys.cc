// Keys: SHA-256 as published, and chained as promised.
#include "support/check.h"
#include "support/pattern.h"

#include <cstring>
#include <numeric>
#include <string>
#include <vector>

namespace uakv::test {
namespace {

std::string digest_of(const std::string &text) {
    return hex_of(uakv_key_of(text.data(), text.size()));
}

// FIPS 180-4 and the examples that NIST published with it.
void known_digests() {
    CHECK_EQ(digest_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK_EQ(hex_of(uakv_key_of(nullptr, 0)), digest_of(""));
    CHECK_EQ(digest_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK_EQ(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
             "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK_EQ(digest_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmno"
                       "pqrsmnopqrstnopqrstu"),
             "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    CHECK_EQ(digest_of(std::string(1'000'000, 'a')),
             "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// The chain, put together by hand.
std::vector<uakv_key> chain(const std::vector<std::uint32_t> &tokens, std::size_t block, const std::string &salt) {
    std::vector<uakv_key> keys;
    uakv_key previous = uakv_key_of(salt.data(), salt.size());
    for (std::size_t first = 0; first + block <= tokens.size(); first += block) {
        std::vector<std::uint8_t> bytes(previous.bytes, previous.bytes + sizeof previous.bytes);
        for (std::size_t i = first; i < first + block; ++i) {
            for (unsigned shift = 0; shift < 32; shift += 8) {
                bytes.push_back(static_cast<std::uint8_t>(tokens[i] >> shift));
            }
        }
        previous = uakv_key_of(bytes.data(), bytes.size());
        keys.push_back(previous);
    }
    return keys;
}

void chained_keys() {
    std::vector<std::uint32_t> tokens(1000);
    std::iota(tokens.begin(), tokens.end(), 0x01020304U);
    for (const std::size_t block : {1UL, 7UL, 16UL, 999UL, 1000UL, 1001UL}) {
        for (const char *salt : {"", "model A"}) {
            const auto expected = chain(tokens, block, salt);
            std::vector<uakv_key> keys(expected.size() + 1);
            const uakv_key guard = keys.back();
            std::size_t count = 9999;
            CHECK_STATUS(
                uakv_keys_of_tokens(tokens.data(), tokens.size(), block, salt, std::strlen(salt), keys.data(), &count),
                UAKV_OK);
            CHECK_EQ(count, expected.size());
            for (std::size_t i = 0; i < expected.size(); ++i) {
                CHECK_EQ(hex_of(keys[i]), hex_of(expected[i]));
            }
            CHECK_EQ(hex_of(keys.back()), hex_of(guard));
        }
    }
}

// From an independent implementation (Python's hashlib).
void chained_keys_as_others_have_them() {
    const std::uint32_t tokens[] = {1, 2, 3, 4, 5};
    uakv_key keys[2];
    CHECK_STATUS(uakv_keys_of_tokens(tokens, 5, 2, "salt", 4, keys, nullptr), UAKV_OK);
    CHECK_EQ(hex_of(keys[0]), "2a6e4b0f47ee14dbbfbad46c5f07acb04ccd3fac610ee2b6f78f62d9e2f6d452");
    CHECK_EQ(hex_of(keys[1]), "2a567f3d1391c6e6019c5d193d43647b5d312ed8e7620c09fc78717d3bbc17c0");
}

void equal_keys_mean_equal_prefixes() {
    std::vector<std::uint32_t> a = {1, 2, 3, 4, 5, 6};
    std::vector<std::uint32_t> b = {1, 2, 9, 4, 5, 6};
    const auto keys_a = chain(a, 2, "");
    const auto keys_b = chain(b, 2, "");
    CHECK_EQ(hex_of(keys_a[0]), hex_of(keys_b[0]));
    CHECK(hex_of(keys_a[1]) != hex_of(keys_b[1]));
    CHECK(hex_of(keys_a[2]) != hex_of(keys_b[2])); // the block is equal, but not what went before
}

void nothing_to_do() {
    const std::uint32_t token = 1;
    std::size_t count = 5;
    CHECK_STATUS(uakv_keys_of_tokens(nullptr, 0, 16, nullptr, 0, nullptr, &count), UAKV_OK);
    CHECK_EQ(count, 0);
    CHECK_STATUS(uakv_keys_of_tokens(&token, 1, 2, nullptr, 0, nullptr, nullptr), UAKV_OK);
}

void bad_arguments() {
    const std::uint32_t token = 1;
    uakv_key key;
    std::size_t count = 5;
    CHECK_STATUS(uakv_keys_of_tokens(&token, 1, 0, nullptr, 0, &key, &count), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_keys_of_tokens(nullptr, 1, 1, nullptr, 0, &key, &count), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_keys_of_tokens(&token, 1, 1, nullptr, 1, &key, &count), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_keys_of_tokens(&token, 1, 1, nullptr, 0, nullptr, &count), UAKV_ERR_INVALID);
    CHECK_EQ(count, 5);
    CHECK(!last_error().empty());
}

constexpr Case cases[] = {
    {"known_digests", known_digests},
    {"chained_keys", chained_keys},
    {"chained_keys_as_others_have_them", chained_keys_as_others_have_them},
    {"equal_keys_mean_equal_prefixes", equal_keys_mean_equal_prefixes},
    {"nothing_to_do", nothing_to_do},
    {"bad_arguments", bad_arguments},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("client_keys", uakv::test::cases);
}
