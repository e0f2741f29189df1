#include "daemon/io/uring.h"

#include <array>
#include <cerrno>
#include <fstream>

namespace uakv {
namespace {

constexpr const char *without = "; or leave persistence_path empty, to keep blocks in memory only";

Error setup_error(int number) {
    if (number == ENOSYS) {
        return error(UAKV_ERR_UNSUPPORTED,
                     "blocks on disk need io_uring, and this kernel has none (Linux 5.15 or newer "
                     "has it, unless it was built without)%s",
                     without);
    }
    if (number == EPERM || number == EACCES) {
        int disabled = 0;
        std::ifstream("/proc/sys/kernel/io_uring_disabled") >> disabled;
        if (disabled != 0) {
            return error(UAKV_ERR_UNSUPPORTED,
                         "blocks on disk need io_uring, and this machine forbids it: kernel.io_uring_disabled is %d; "
                         "set it to 0 (sysctl kernel.io_uring_disabled=0)%s",
                         disabled, without);
        }
        return error(UAKV_ERR_UNSUPPORTED,
                     "blocks on disk need io_uring, and a filter of system calls forbids it (seccomp of a container or "
                     "of a unit); allow io_uring_setup, io_uring_enter and io_uring_register%s",
                     without);
    }
    if (number == ENOMEM) {
        return error(UAKV_ERR_NO_MEMORY,
                     "blocks on disk need io_uring, and there is no memory for it, or too little that may be locked; "
                     "raise RLIMIT_MEMLOCK (LimitMEMLOCK=)%s",
                     without);
    }
    return errno_error(UAKV_ERR_UNSUPPORTED, number, "blocks on disk need io_uring, which cannot be set up");
}

} // namespace

Uring::~Uring() {
    if (made_) {
        ::io_uring_queue_exit(&ring_);
    }
}

Result<std::unique_ptr<Uring>> Uring::open(unsigned entries) {
    std::unique_ptr<Uring> uring(new Uring);
    io_uring_params params{};
    // As in the event loop: completions are delivered when this thread enters the kernel, and a flag in shared memory
    // says when it should.
    params.flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER;
    int outcome = ::io_uring_queue_init_params(entries, uring->get(), &params);
    if (outcome == -EINVAL) { // before Linux 6.0
        params = {};
        outcome = ::io_uring_queue_init_params(entries, uring->get(), &params);
    }
    if (outcome != 0) {
        return setup_error(-outcome);
    }
    uring->made_ = true;
    const std::unique_ptr<io_uring_probe, void (*)(io_uring_probe *)> probe(::io_uring_get_probe_ring(uring->get()),
                                                                            ::io_uring_free_probe);
    constexpr std::array needed{IORING_OP_READ,      IORING_OP_WRITE,   IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED,
                                IORING_OP_WRITEV,    IORING_OP_FSYNC,   IORING_OP_OPENAT,     IORING_OP_CLOSE,
                                IORING_OP_FALLOCATE, IORING_OP_UNLINKAT};
    for (const auto operation : needed) {
        if (!probe || ::io_uring_opcode_supported(probe.get(), operation) == 0) {
            return error(
                UAKV_ERR_UNSUPPORTED,
                "blocks on disk need calls of io_uring that this kernel does not have (no. %d); use Linux 5.15 "
                "or newer%s",
                static_cast<int>(operation), without);
        }
    }
    return uring;
}

} // namespace uakv
