// Keys: SHA-256, and its chain over a prompt's tokens. Every engine on the machine must come to the same ones.
#include "support/check.h"
#include "support/pattern.h"

#include <algorithm>
#include <cstring>

namespace uakv::test {
namespace {

std::string digest_of(const std::string &text) {
    return hex_of(uakv_key_of(text.data(), text.size()));
}

// FIPS 180-4's own examples, and the empty message.
void known_answers() {
    CHECK_EQ(hex_of(uakv_key_of(nullptr, 0)), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK_EQ(digest_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK_EQ(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
             "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK_EQ(digest_of(std::string(1'000'000, 'a')),
             "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// out[i] = SHA-256(out[i-1] || tokens of block i), written out by hand.
void chain() {
    const uint32_t tokens[] = {1, 2, 3, 0x01020304, 0xffffffff, 0, 7, 8};
    const char salt[] = "llama/16";
    uakv_key expected = uakv_key_of(salt, sizeof salt);
    uakv_key keys[2];
    size_t count = 99;
    CHECK_STATUS(uakv_keys_of_tokens(tokens, 8, 3, salt, sizeof salt, keys, &count), UAKV_OK);
    CHECK_EQ(count, 2); // 7 and 8 make no whole block
    for (size_t block = 0; block < 2; ++block) {
        uint8_t message[32 + 3 * 4];
        std::memcpy(message, expected.bytes, 32);
        for (size_t i = 0; i < 3; ++i) {
            const uint32_t token = tokens[3 * block + i];
            for (size_t byte = 0; byte < 4; ++byte) {
                message[32 + 4 * i + byte] = static_cast<uint8_t>(token >> (8 * byte)); // little-endian
            }
        }
        expected = uakv_key_of(message, sizeof message);
        CHECK_EQ(hex_of(keys[block]), hex_of(expected));
    }
}

void nothing_given() {
    uakv_key keys[2];
    const uint32_t tokens[] = {5, 6};
    size_t count = 99;
    CHECK_STATUS(uakv_keys_of_tokens(tokens, 0, 16, nullptr, 0, keys, &count), UAKV_OK);
    CHECK_EQ(count, 0);
    CHECK_STATUS(uakv_keys_of_tokens(tokens, 2, 2, nullptr, 0, keys, nullptr), UAKV_OK);
    const std::string without_salt = hex_of(keys[0]);
    CHECK_STATUS(uakv_keys_of_tokens(tokens, 2, 2, "x", 1, keys, nullptr), UAKV_OK);
    CHECK(hex_of(keys[0]) != without_salt);
}

// Equal keys mean equal prefixes: one token that differs changes all keys from there on, and none before.
void prefixes() {
    std::vector<uint32_t> tokens(64);
    for (size_t i = 0; i < tokens.size(); ++i) {
        tokens[i] = static_cast<uint32_t>(i * 7919);
    }
    uakv_key keys[16], changed[16];
    CHECK_STATUS(uakv_keys_of_tokens(tokens.data(), 64, 4, nullptr, 0, keys, nullptr), UAKV_OK);
    tokens[21] ^= 1;
    CHECK_STATUS(uakv_keys_of_tokens(tokens.data(), 64, 4, nullptr, 0, changed, nullptr), UAKV_OK);
    for (size_t block = 0; block < 16; ++block) {
        CHECK_EQ(hex_of(keys[block]) == hex_of(changed[block]), block < 5);
    }
}

constexpr Case cases[] = {
    {"known_answers", known_answers},
    {"chain", chain},
    {"nothing_given", nothing_given},
    {"prefixes", prefixes},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("keys", uakv::test::cases);
}
