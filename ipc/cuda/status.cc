#include "ipc/cuda/status.h"

#include <iterator>

namespace uakv::cuda {
namespace {

struct Range {
    Status first, last;
    Kind kind;
};

constexpr Range ranges[] = {
    {0, 0, Kind::ok},
    {2, 2, Kind::no_space},
    {3, 3, Kind::unavailable}, // in a forked child, where CUDA does not work
    {4, 4, Kind::shutting_down},
    {34, 34, Kind::unavailable},
    {36, 36, Kind::unavailable},
    {46, 46, Kind::busy},
    {100, 102, Kind::unavailable},
    {200, 200, Kind::no_kernel},
    {201, 201, Kind::bad_context},
    {205, 205, Kind::no_import},
    {208, 208, Kind::no_import},
    {209, 209, Kind::no_kernel},
    {211, 211, Kind::no_import},
    {214, 214, Kind::device_lost},
    {217, 217, Kind::no_peer},
    {218, 218, Kind::no_kernel},
    {220, 220, Kind::device_lost},
    {221, 223, Kind::no_kernel},
    {226, 226, Kind::device_lost},
    {300, 300, Kind::no_kernel},
    {304, 304, Kind::no_import},
    {400, 400, Kind::no_import},
    {500, 500, Kind::no_import},
    {600, 600, Kind::pending},
    {700, 700, Kind::device_lost},
    {702, 702, Kind::device_lost},
    {704, 705, Kind::no_peer},
    {709, 709, Kind::bad_context},
    {710, 710, Kind::device_lost},
    {711, 711, Kind::no_peer},
    {712, 712, Kind::ok}, // cuMemHostRegister: it is registered already
    {714, 719, Kind::device_lost},
    {721, 721, Kind::device_lost},
    {800, 800, Kind::denied},
    {801, 801, Kind::unsupported},
    {802, 802, Kind::busy},
    {803, 804, Kind::unavailable},
    {805, 810, Kind::busy},
    {900, 908, Kind::capture},
    {999, 999, Kind::device_lost},
};

constexpr bool ascending() {
    for (std::size_t i = 1; i < std::size(ranges); ++i) {
        if (ranges[i].first <= ranges[i - 1].last || ranges[i].last < ranges[i].first) {
            return false;
        }
    }
    return true;
}
static_assert(ascending(), "each result has one meaning");

} // namespace

Kind kind_of(Status status) {
    for (const Range &range : ranges) {
        if (status >= range.first && status <= range.last) {
            return range.kind;
        }
    }
    return Kind::internal;
}

uakv_status status_of(Kind kind) {
    switch (kind) {
    case Kind::ok:
        return UAKV_OK;
    case Kind::no_space:
        return UAKV_ERR_NO_SPACE;
    case Kind::pending:
    case Kind::busy:
        return UAKV_ERR_BUSY;
    case Kind::denied:
        return UAKV_ERR_DENIED;
    case Kind::no_peer:
    case Kind::no_kernel:
    case Kind::unsupported:
    case Kind::capture:
        return UAKV_ERR_UNSUPPORTED;
    case Kind::unavailable:
    case Kind::bad_context:
    case Kind::no_import:
    case Kind::shutting_down:
    case Kind::device_lost:
        return UAKV_ERR_GPU;
    case Kind::internal:
        break;
    }
    return UAKV_ERR_INTERNAL;
}

const char *advice(Kind kind) {
    switch (kind) {
    case Kind::no_space:
        return "the device has no memory left: lower gpu_memory, or end what else uses the device";
    case Kind::pending:
        return "the device has not got there yet";
    case Kind::unavailable:
        return "see whether nvidia-smi works as this user; a process that was forked must start a program of its own";
    case Kind::busy:
        return "the device is not ready, or is in exclusive use by another process: see nvidia-smi -q";
    case Kind::bad_context:
        return "a context of CUDA that is valid must be current on this thread, or none at all";
    case Kind::no_import:
        return "the memory of another process could not be mapped; its segment may be gone";
    case Kind::no_peer:
        return "these devices do not reach each other's memory";
    case Kind::no_kernel:
        return "no image of the kernels suits this device and driver";
    case Kind::denied:
        return "the driver does not permit it to this process";
    case Kind::unsupported:
        return "this device or driver cannot do it";
    case Kind::capture:
        return "the stream is being captured: use another one, or end the capture first";
    case Kind::shutting_down:
        return "the process is ending";
    case Kind::device_lost:
        return "CUDA does not work on this device in this process any more: start the process again, and look for Xid "
               "messages in the kernel's log";
    case Kind::ok:
    case Kind::internal:
        break;
    }
    return "";
}

} // namespace uakv::cuda
