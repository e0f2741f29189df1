#include "support/fakecuda/streams.h"
#include "support/fakecuda/process.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <thread>
#include <unistd.h>

// What cuda_types.h leaves open.
struct CUstream_st {
    uakv::cuda::Context context = nullptr;
    unsigned long long id = 0;
    std::deque<uakv::fakecuda::Operation> operations; // the first one is under way while `busy`
    std::uint64_t enqueued = 0;
    std::uint64_t done = 0;
    std::uint64_t may_do = 0; // of a held stream
    bool is_held = false;
    bool is_busy = false;
    bool is_default = false;
    bool is_ended = false;
    int capture = uakv::cuda::capture_none;
    std::uint64_t captured = 0;
};

namespace uakv::fakecuda {
namespace {

using Ref = std::shared_ptr<CUstream_st>;

struct Streams {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<Stream, Ref> all;
    std::map<Context, Ref> defaults;
    unsigned long long last_id = 0;
    bool is_all_held = false;
};

Streams &streams() {
    static Streams &all = *new Streams;
    return all;
}

bool may_go(const CUstream_st &stream) {
    const bool is_held = stream.is_held || streams().is_all_held;
    return !stream.operations.empty() && (stream.may_do > 0 || !is_held || stream.context->broken != success);
}

void wait_for_gate() {
    const Options &options = Process::get().options();
    while (!options.gate.empty() && ::access(options.gate.c_str(), F_OK) == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (options.delay_microseconds != 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(options.delay_microseconds));
    }
}

void work(const Ref &stream) {
    std::unique_lock lock(streams().mutex);
    for (;;) {
        streams().changed.wait(lock,
                               [&] { return may_go(*stream) || (stream->is_ended && stream->operations.empty()); });
        if (stream->operations.empty()) {
            return;
        }
        stream->is_busy = true;
        if (stream->may_do > 0) {
            --stream->may_do;
        }
        const Operation operation = std::move(stream->operations.front());
        stream->operations.pop_front();
        lock.unlock();
        wait_for_gate();
        if (is_alive(stream->context) && stream->context->broken == success) {
            if (const Status status = operation(stream->context); status != success) {
                break_context(stream->context, status);
            }
        }
        lock.lock();
        stream->is_busy = false;
        ++stream->done;
        streams().changed.notify_all();
    }
}

// With the mutex held.
Ref start(Context context) {
    const Ref made = std::make_shared<CUstream_st>();
    made->context = context;
    made->id = ++streams().last_id;
    std::thread(work, made).detach();
    return made;
}

Ref find(Stream stream) {
    if (reinterpret_cast<std::uintptr_t>(stream) > 2) {
        const auto place = streams().all.find(stream);
        return place == streams().all.end() ? nullptr : place->second;
    }
    const Context context = current_context();
    if (context == nullptr) {
        return nullptr;
    }
    Ref &mine = streams().defaults[context];
    if (mine == nullptr) {
        mine = start(context);
        mine->is_default = true;
    }
    return mine;
}

Ref find_or_abort(Stream stream) {
    Ref found = find(stream);
    if (found == nullptr) {
        misused("there is no such stream");
    }
    return found;
}

// The number of the operation; 0 where it was captured.
std::uint64_t add(CUstream_st &stream, Operation operation) {
    if (stream.capture != capture_none) {
        ++stream.captured;
        return 0;
    }
    stream.operations.push_back(std::move(operation));
    streams().changed.notify_all();
    return ++stream.enqueued;
}

Status wait_until_done(std::unique_lock<std::mutex> &lock, const Ref &stream, std::uint64_t number) {
    streams().changed.wait(lock, [&] { return stream->done >= number; });
    return stream->context->broken;
}

void end(CUstream_st &stream, bool drops_work) {
    stream.is_ended = true;
    if (drops_work) {
        stream.done += stream.operations.size();
        stream.operations.clear();
    }
    streams().changed.notify_all();
}

} // namespace

Status check_stream(Stream stream) {
    const std::lock_guard lock(streams().mutex);
    const Ref found = find(stream);
    if (found == nullptr) {
        return error_invalid_handle;
    }
    return found->context == current_context() ? success : error_invalid_context;
}

bool is_capturing(Stream stream) {
    const std::lock_guard lock(streams().mutex);
    const Ref found = find(stream);
    return found != nullptr && found->capture != capture_none;
}

Status enqueue(Stream stream, Operation operation) {
    const std::lock_guard lock(streams().mutex);
    const Ref found = find(stream);
    if (found == nullptr) {
        return error_invalid_handle;
    }
    add(*found, std::move(operation));
    return success;
}

Status enqueue_and_wait(Stream stream, Operation operation) {
    std::unique_lock lock(streams().mutex);
    const Ref found = find(stream);
    if (found == nullptr) {
        return error_invalid_handle;
    }
    return wait_until_done(lock, found, add(*found, std::move(operation)));
}

void wake_streams() {
    const std::lock_guard lock(streams().mutex);
    streams().changed.notify_all();
}

void drop_streams(Context context) {
    const std::lock_guard lock(streams().mutex);
    if (const auto place = streams().defaults.find(context); place != streams().defaults.end()) {
        end(*place->second, true);
        streams().defaults.erase(place);
    }
    std::erase_if(streams().all, [&](const auto &each) {
        if (each.second->context != context) {
            return false;
        }
        end(*each.second, true);
        return true;
    });
}

void hold(Stream stream) {
    const std::lock_guard lock(streams().mutex);
    find_or_abort(stream)->is_held = true;
}

std::uint64_t step(Stream stream, std::uint64_t operations) {
    std::unique_lock lock(streams().mutex);
    const Ref found = find_or_abort(stream);
    const std::uint64_t before = found->done;
    found->may_do = operations;
    streams().changed.notify_all();
    streams().changed.wait(lock, [&] { return !found->is_busy && (found->may_do == 0 || found->operations.empty()); });
    found->may_do = 0;
    return found->done - before;
}

void let_go(Stream stream) {
    const std::lock_guard lock(streams().mutex);
    find_or_abort(stream)->is_held = false;
    streams().changed.notify_all();
}

void hold_all() {
    const std::lock_guard lock(streams().mutex);
    streams().is_all_held = true;
}

bool step_any() {
    Ref found;
    {
        const std::lock_guard lock(streams().mutex);
        for (const auto *list : {&streams().defaults}) {
            for (const auto &each : *list) {
                found = each.second->operations.empty() ? found : each.second;
            }
        }
        for (const auto &each : streams().all) {
            found = each.second->operations.empty() ? found : each.second;
        }
        if (found == nullptr) {
            return false;
        }
        found->may_do = 1;
        streams().changed.notify_all();
    }
    std::unique_lock lock(streams().mutex);
    streams().changed.wait(lock, [&] { return !found->is_busy && found->may_do == 0; });
    return true;
}

void let_all_go() {
    const std::lock_guard lock(streams().mutex);
    streams().is_all_held = false;
    streams().changed.notify_all();
}

std::uint64_t pending(Stream stream) {
    const std::lock_guard lock(streams().mutex);
    const Ref found = find_or_abort(stream);
    return found->enqueued - found->done;
}

std::uint64_t pending_all() {
    const std::lock_guard lock(streams().mutex);
    std::uint64_t sum = 0;
    for (const auto &each : streams().all) {
        sum += each.second->enqueued - each.second->done;
    }
    for (const auto &each : streams().defaults) {
        sum += each.second->enqueued - each.second->done;
    }
    return sum;
}

void set_capture(Stream stream, int status) {
    const std::lock_guard lock(streams().mutex);
    find_or_abort(stream)->capture = status;
}

std::uint64_t captured(Stream stream) {
    const std::lock_guard lock(streams().mutex);
    return find_or_abort(stream)->captured;
}

std::uint64_t live_streams() {
    const std::lock_guard lock(streams().mutex);
    return streams().all.size();
}

namespace calls {

Status stream_create(Stream *stream, unsigned flags) {
    if (stream == nullptr || (flags & ~stream_non_blocking) != 0) {
        return error_invalid_value;
    }
    const std::lock_guard lock(streams().mutex);
    const Ref made = start(current_context());
    *stream = made.get();
    streams().all[*stream] = made;
    return success;
}

Status stream_destroy(Stream stream) {
    const std::lock_guard lock(streams().mutex);
    const auto place = streams().all.find(stream);
    if (place == streams().all.end()) {
        return error_invalid_handle;
    }
    end(*place->second, false);
    streams().all.erase(place);
    return success;
}

Status stream_query(Stream stream) {
    const std::lock_guard lock(streams().mutex);
    const Ref found = find(stream);
    if (found == nullptr) {
        return error_invalid_handle;
    }
    if (found->capture != capture_none) {
        found->capture = capture_invalidated;
        return error_capture_unsupported;
    }
    return found->done == found->enqueued ? success : error_not_ready;
}

Status stream_synchronize(Stream stream) {
    std::unique_lock lock(streams().mutex);
    const Ref found = find(stream);
    if (found == nullptr) {
        return error_invalid_handle;
    }
    if (found->capture != capture_none) {
        found->capture = capture_invalidated;
        return error_capture_unsupported;
    }
    return wait_until_done(lock, found, found->enqueued);
}

Status stream_get_ctx(Stream stream, Context *context) {
    const std::lock_guard lock(streams().mutex);
    const Ref found = find(stream);
    if (found == nullptr) {
        return error_invalid_handle;
    }
    *context = found->context;
    return success;
}

Status stream_get_id(Stream stream, unsigned long long *id) {
    const std::lock_guard lock(streams().mutex);
    const Ref found = find(stream);
    if (found == nullptr) {
        return error_invalid_handle;
    }
    *id = found->id;
    return success;
}

Status stream_is_capturing(Stream stream, int *status) {
    const std::lock_guard lock(streams().mutex);
    const Ref found = find(stream);
    if (found == nullptr) {
        return error_invalid_handle;
    }
    *status = found->capture;
    return success;
}

} // namespace calls
} // namespace uakv::fakecuda
