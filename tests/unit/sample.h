// Keys that tests of one module number through.
#pragma once

#include "abi/uakv.h"

#include <cstddef>
#include <cstdint>

namespace uakv::test {

// Any two numbers give different keys.
inline uakv_key sample_key(std::uint64_t number) {
    uakv_key key{};
    for (std::size_t i = 0; i < sizeof key.bytes; ++i) {
        key.bytes[i] = static_cast<std::uint8_t>((number + 1) >> 8 * (i % 8));
    }
    return key;
}

} // namespace uakv::test
