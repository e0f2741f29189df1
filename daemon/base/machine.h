// What the machine has.
#pragma once

#include <cstdint>

namespace uakv {

std::uint64_t machine_memory_bytes();

// Processors that this process may run on: fewer than the machine has, in a container or behind taskset.
unsigned machine_processors();

// What can be allocated without swapping or killing, as the kernel estimates it; UINT64_MAX when it does
// not say.
std::uint64_t available_memory_bytes();

} // namespace uakv
