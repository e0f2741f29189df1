// Size classes: a slot has one of these sizes. One to eight pages exactly, then eight steps to each
// doubling, so that at most an eighth of a slot is wasted (and nothing for 2^k, 1.125 x 2^k, ...).
#pragma once

#include "ipc/assertion.h"
#include "ipc/limits.h"

#include <bit>
#include <cstdint>

namespace uakv {

using SizeClass = std::uint32_t;

constexpr std::uint64_t slot_bytes_of(SizeClass size_class) {
    UAKV_ASSERT(size_class < 256);
    if (size_class < 8) {
        return (size_class + 1ULL) * limits::page_bytes;
    }
    const unsigned doublings = size_class / 8 - 1;
    return ((8ULL + size_class % 8 + 1) << doublings) * limits::page_bytes;
}

// The smallest class that holds `bytes` (at least 1).
constexpr SizeClass size_class_of(std::uint64_t bytes) {
    const std::uint64_t pages = (bytes + limits::page_bytes - 1) / limits::page_bytes;
    if (pages <= 8) {
        return static_cast<SizeClass>(pages - 1);
    }
    // pages - 1 has its highest bit at 3 + doublings; the three bits below choose the step.
    const unsigned doublings = static_cast<unsigned>(std::bit_width(pages - 1)) - 4;
    return 8 * (doublings + 1) + static_cast<SizeClass>((pages - 1) >> doublings) - 8;
}

constexpr SizeClass size_classes = size_class_of(limits::segment_bytes_max) + 1;

static_assert(size_class_of(1) == 0 && slot_bytes_of(0) == 4096 && size_class_of(4097) == 1);
static_assert(size_class_of(8 * 4096) == 7 && size_class_of(8 * 4096 + 1) == 8 && slot_bytes_of(8) == 9 * 4096);
static_assert(slot_bytes_of(size_class_of(2 << 20)) == 2 << 20 && slot_bytes_of(size_class_of(36 * 4096)) == 36 * 4096);
static_assert(slot_bytes_of(size_classes - 1) == limits::segment_bytes_max);

} // namespace uakv
