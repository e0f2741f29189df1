#include "ipc/hashing.h"

#include "ipc/block_hash.h"
#include "ipc/checksum_stream.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace uakv {
namespace {

#if defined(__x86_64__)
bool has_avx2() {
    static const bool has = __builtin_cpu_supports("avx2") != 0;
    return has;
}
#endif

} // namespace

std::uint64_t hash_of_key(const uakv_key &key, std::uint32_t space, std::uint64_t seed) {
    return XXH3_64bits_withSeed(key.bytes, sizeof key.bytes, seed + space * 0x9E3779B97F4A7C15ULL);
}

std::uint64_t checksum_of(const void *data, std::size_t bytes) {
#if defined(__x86_64__)
    if (has_avx2()) {
        return avx2::checksum(data, bytes);
    }
#endif
    return baseline::checksum(data, bytes);
}

std::uint64_t copy_with_checksum(void *target, const void *source, std::size_t bytes) {
#if defined(__x86_64__)
    if (has_avx2()) {
        return avx2::copy_with_checksum(target, source, bytes);
    }
#endif
    return baseline::copy_with_checksum(target, source, bytes);
}

struct ChecksumStream::State {
    XXH3_state_t hash;
};

ChecksumStream::ChecksumStream() : state_(std::make_unique<State>()) {
    XXH3_64bits_reset(&state_->hash);
}

ChecksumStream::ChecksumStream(ChecksumStream &&) noexcept = default;
ChecksumStream &ChecksumStream::operator=(ChecksumStream &&) noexcept = default;
ChecksumStream::~ChecksumStream() = default;

void ChecksumStream::add(const void *data, std::size_t bytes) {
    XXH3_64bits_update(&state_->hash, data, bytes);
}

std::uint64_t ChecksumStream::value() const {
    return XXH3_64bits_digest(&state_->hash);
}

} // namespace uakv
