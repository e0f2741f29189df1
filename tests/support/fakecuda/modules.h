#pragma once

#include <cstdint>

namespace uakv::fakecuda {

std::uint64_t live_modules();

} // namespace uakv::fakecuda
