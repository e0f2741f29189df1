// Many short trials, most of which wait most of the time: some at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace uakv::test {

// Runs share(first) in `step` processes: each takes the trials first, first + step, and so on. Fails when one fails.
void run_in_shares(size_t step, const std::function<void(size_t first)> &share);

// One trial; a failure says which it was.
void run_trial(const std::string &name, uint64_t seed, const std::function<void()> &trial);

// All trials once, from the seed of this run; again from the next seeds for as long as the effort of this run allows.
void run_for_effort(const std::function<void(uint64_t seed)> &all);

} // namespace uakv::test
