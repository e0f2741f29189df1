// How long a randomised test runs, and from which seed: short and always the same by default, so that a failure comes
// again; ./dev soak sets both.
#pragma once

#include <chrono>
#include <cstdint>

namespace uakv::test {

// UAKV_TEST_SEED, else 1. A test that draws numbers prints it with each failure.
std::uint64_t seed();

// UAKV_TEST_SECONDS, else `usual`.
std::chrono::milliseconds effort(std::chrono::milliseconds usual);

} // namespace uakv::test
