// The files of a directory through an io_uring of its own: past the page cache, many calls at once, and no call that
// waits. Made once for each tenant that keeps blocks on disk; polled by the reactor, which watches event().
#pragma once

#include "daemon/io/block_device.h"
#include "ipc/result.h"

#include <cstdint>
#include <memory>
#include <string>

namespace uakv {

struct UringDeviceOptions {
    std::string path;               // of the directory; made if it is not there
    std::uint32_t files_max = 4096; // that may be there at once; creating one more gives ENFILE
    std::uint32_t calls_max = 256;  // that the kernel works on at once; the others wait for their turn here
};

// Locks the directory until the device is destroyed, which waits for the calls under way. The error says what is
// missing and what to do about it: io_uring itself (UAKV_ERR_UNSUPPORTED), the directory, or that another daemon has
// it.
Result<std::unique_ptr<BlockDevice>> open_uring_device(const UringDeviceOptions &options);

} // namespace uakv
