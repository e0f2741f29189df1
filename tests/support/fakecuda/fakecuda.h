// A stand-in for libcuda.so.1, for tests on machines without a GPU: what the driver promises, as far as we rely on it,
// and every way in which it may fail. Tests load it with Driver::get(fakecuda::library) or name it in
// UAKV_CUDA_DRIVER or gpu_driver; nothing else ever does. It never claims to be fast.
//
// As on a device: memory of cuMemCreate lives as long as a handle, a mapping or a descriptor of it anywhere on the
// machine (it is a memfd); device pointers cannot be dereferenced on the host; work of a stream runs later, in order,
// on a thread of its own; calls without a current context, on a broken context, in a forked child or in a host function
// fail as the driver's do. Not as on a device: the default stream does not wait for others, and memory is accounted for
// by process: what others have made counts once it was imported.
//
// UAKV_FAKECUDA, a list with commas, says what it is, for processes that a test cannot reach into:
//   devices=N           how many there are: 1 (at most 16)
//   visible=1:0         which of them this process sees, and in which order
//   driver=12040        the driver's version: 13000
//   memory=SIZE         of each device: 1G
//   granularity=SIZE    2M
//   attribute=A:VALUE   of all devices
//   ptx=MAJOR.MINOR     the newest PTX that it takes: 9.0
//   fail=NAME:N:RESULT  the Nth call of a function gives RESULT; N+ for that one and all later ones
//   missing=NAME        cuGetProcAddress succeeds without a pointer, as for what a driver does not know
//   unknown=NAME        cuGetProcAddress fails with CUDA_ERROR_NOT_FOUND
//   for_linking=1       it is what a toolkit has for linking: cuGetProcAddress fails with CUDA_ERROR_STUB_LIBRARY
//   delay=N             each operation of a stream takes at least N microseconds
//   gate=PATH           streams stand still while there is such a file
// NAME is the driver's ("cuMemCreate") or that of the field in Functions, which tells the two batches of copies apart.
#pragma once

#include "ipc/cuda/cuda_types.h"

namespace uakv::fakecuda {

// What is there in this process: all zero once everything has been given back.
struct Counts {
    std::uint64_t contexts; // not destroyed, primary ones included
    std::uint64_t handles;
    std::uint64_t reservations;
    std::uint64_t mappings; // cuMemAlloc's included
    std::uint64_t registrations;
    std::uint64_t streams; // without default streams
    std::uint64_t events;
    std::uint64_t modules;
};

// All of them may be called at any time from any thread of the process. A stream of 0 is the default one of the current
// context.
struct Controls {
    void (*configure)(const char *options); // as UAKV_FAKECUDA; before cuInit

    // The nth call from now on, or that one and all later ones, gives `status` and does nothing else. Those that a
    // context does not survive break the calling thread's.
    void (*fail)(const char *function, unsigned nth, bool and_later, cuda::Status status);
    void (*mend)(); // no call fails any more for what fail() said; broken contexts stay broken
    std::uint64_t (*calls)(const char *function);
    void (*set_attribute)(int ordinal, int attribute, int value);
    // A sticky error: what is under way on the device is dropped, and every later call that needs the context fails.
    void (*break_device)(int ordinal, cuda::Status status);

    // A held stream takes work and does none. step() lets it do that many operations, and comes back when they are done
    // or there are no more; it returns how many it did.
    void (*hold)(cuda::Stream stream);
    std::uint64_t (*step)(cuda::Stream stream, std::uint64_t operations);
    void (*let_go)(cuda::Stream stream);
    // The same for all streams, those to come included. step_any() steps whichever has work, one operation, and says
    // whether there was one.
    void (*hold_all)();
    bool (*step_any)();
    void (*let_all_go)();
    std::uint64_t (*pending)(cuda::Stream stream); // operations that are enqueued and not done
    std::uint64_t (*pending_all)();

    // What cuStreamIsCapturing says. What is enqueued on a capturing stream is counted and never done.
    void (*set_capture)(cuda::Stream stream, int status);
    std::uint64_t (*captured)(cuda::Stream stream);

    // A context that is not the primary one, as some callers have; not current.
    cuda::Context (*make_context)(int ordinal);
    void (*destroy_context)(cuda::Context context);

    Counts (*counts)();
    std::uint64_t (*used_bytes)(int ordinal);
    // Where the host can read and write device memory that is mapped; null where not all of it is.
    void *(*host_address)(cuda::DevicePtr pointer, std::size_t bytes);
};

// Of the library at this path, which is loaded if it is not yet.
const Controls &controls();

extern const char *const library; // the path

} // namespace uakv::fakecuda
