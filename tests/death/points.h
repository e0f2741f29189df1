// The sequence points of the product, for tests that pass through each of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace uakv::test {

enum class Side { client, daemon, restart };

// All names of one side, in the order of the table. Skips the test where the build has no sequence points.
std::vector<std::string> sequence_points(Side wanted);

// The value of UAKV_AT.
std::string at_point(const std::string &name, uint64_t passing, const std::string &action);

// For a child that is a client: what its first connect reads.
void arm_this_process(const std::string &value);

} // namespace uakv::test
