// Memory of a device: a memfd, with a page behind it that says which device it is of, so that the descriptor alone is
// enough to import it in another process.
#pragma once

#include "support/fakecuda/process.h"

#include <memory>

namespace uakv::fakecuda {

struct Allocation {
    Allocation(int file, std::size_t size, int device, bool exports)
        : fd(file), bytes(size), ordinal(device), is_exportable(exports) {}
    Allocation(const Allocation &) = delete;
    Allocation &operator=(const Allocation &) = delete;
    ~Allocation();

    const int fd;
    const std::size_t bytes;
    const int ordinal;
    const bool is_exportable;
};

// Handles and mappings hold it; with the last of them it counts as free again.
using AllocationRef = std::shared_ptr<const Allocation>;

// Null in `made` unless success.
Status allocate(AllocationRef &made, std::size_t bytes, int ordinal, bool is_exportable);

AllocationRef allocation_of(MemHandle handle); // null: there is no such handle

std::uint64_t used_bytes(int ordinal);
std::uint64_t live_handles();

} // namespace uakv::fakecuda
