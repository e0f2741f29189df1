// Keys. SHA-256 comes from OpenSSL, which uses the processor's instructions for it; its static library is
// linked in, so that a host process with an OpenSSL of its own does not notice.
#include "abi/uakv.h"
#include "clientlib/errors.h"

#include <cstring>

// The plain SHA-256 functions, which OpenSSL 3 would rather see replaced by its EVP interface. That one looks
// algorithms up in providers under locks and allocates; these are a few kilobytes and pure.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace uakv {
namespace {

class Sha256 {
public:
    Sha256() { SHA256_Init(&state_); }
    Sha256 &add(const void *bytes, std::size_t n) {
        if (n > 0) {
            SHA256_Update(&state_, bytes, n);
        }
        return *this;
    }
    uakv_key finish() {
        uakv_key key;
        SHA256_Final(key.bytes, &state_);
        return key;
    }

private:
    SHA256_CTX state_;
};

} // namespace
} // namespace uakv

extern "C" {

uakv_key uakv_key_of(const void *bytes, size_t n) {
    return uakv::Sha256().add(bytes, n).finish();
}

uakv_status uakv_keys_of_tokens(const uint32_t *tokens, size_t n, size_t block_tokens, const void *salt,
                                size_t salt_len, uakv_key *out, size_t *n_out) {
    if (block_tokens == 0) {
        return uakv::fail(UAKV_ERR_INVALID, "uakv_keys_of_tokens: block_tokens is 0; expected the tokens of a block");
    }
    const size_t blocks = n / block_tokens;
    if ((n > 0 && tokens == nullptr) || (salt_len > 0 && salt == nullptr) || (blocks > 0 && out == nullptr)) {
        return uakv::fail(UAKV_ERR_INVALID, "uakv_keys_of_tokens: tokens, salt or out is NULL, but has a length");
    }
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tokens are hashed as little-endian words");
    uakv_key previous = uakv_key_of(salt, salt_len);
    for (size_t i = 0; i < blocks; ++i) {
        previous = uakv::Sha256()
                       .add(previous.bytes, sizeof previous.bytes)
                       .add(tokens + i * block_tokens, block_tokens * sizeof(uint32_t))
                       .finish();
        out[i] = previous;
    }
    if (n_out != nullptr) {
        *n_out = blocks;
    }
    return UAKV_OK;
}

} // extern "C"
