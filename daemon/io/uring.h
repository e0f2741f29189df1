// An io_uring that the disk tier can use, or a sentence that says why there is none. Included by what is in this folder
// only: liburing shows in it.
#pragma once

#include "ipc/result.h"

#include <liburing.h>
#include <memory>

namespace uakv {

class Uring {
public:
    // Asks for the calls that files need, too: older kernels have io_uring without them.
    static Result<std::unique_ptr<Uring>> open(unsigned entries);
    ~Uring();
    Uring(const Uring &) = delete;
    Uring &operator=(const Uring &) = delete;

    io_uring *get() { return &ring_; }

private:
    Uring() = default;

    io_uring ring_{};
    bool made_ = false;
};

} // namespace uakv
