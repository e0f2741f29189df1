// What a result of the driver means to us: one table for the daemon and the client library.
#pragma once

#include "abi/uakv.h"
#include "ipc/cuda/cuda_types.h"

namespace uakv::cuda {

enum class Kind {
    ok,            // also: what was asked for is so already
    pending,       // not done yet
    no_space,      // evict, try once more, then go without the device
    unavailable,   // no device, no driver, or ones that do not fit together
    busy,          // may go later
    bad_context,   // the context is not valid (any more), or none is current
    no_import,     // the memory could not be imported, mapped or found
    no_peer,       // the devices do not reach each other's memory
    no_kernel,     // this image of the kernels does not load: try the next one
    denied,        //
    unsupported,   //
    capture,       // a stream that is being captured takes no such call
    shutting_down, // the driver has ended, for the process is ending
    device_lost,   // sticky: no call on this device succeeds in this process any more
    internal,      // nobody should see it
};

Kind kind_of(Status status);
uakv_status status_of(Kind kind);

// "the device has no memory left: lower gpu_memory or end what else uses the device"; empty where there is nothing to
// say beyond the name.
const char *advice(Kind kind);

} // namespace uakv::cuda
