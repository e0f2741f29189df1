// A state for the parts that write into it.
#pragma once

#include "daemon/store/state.h"
#include "support/check.h"

#include <cstdint>
#include <utility>

namespace uakv::test {

inline State make_state(std::uint64_t segment_bytes) {
    auto state = State::create(64, segment_bytes, 1);
    CHECK(state.ok());
    return std::move(state.value());
}

} // namespace uakv::test
