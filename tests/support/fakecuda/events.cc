// Events: a mark in a stream that is reached or not.
#include "support/fakecuda/process.h"
#include "support/fakecuda/streams.h"

#include <condition_variable>
#include <memory>

// What cuda_types.h leaves open.
struct uakv::cuda::EventOf {
    std::uint64_t recorded = 0;
    std::uint64_t reached = 0;
    Context context = nullptr; // of the last record
};

namespace uakv::fakecuda {
namespace {

struct Events {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<Event, std::shared_ptr<EventOf>> all;
};

Events &events() {
    static Events &all = *new Events;
    return all;
}

std::shared_ptr<EventOf> find(Event event) {
    const auto place = events().all.find(event);
    return place == events().all.end() ? nullptr : place->second;
}

// With the mutex held. What its context lost is never reached.
Status state_of(const EventOf &event) {
    if (event.context != nullptr && event.context->broken != success) {
        return event.context->broken;
    }
    return event.reached == event.recorded ? success : error_not_ready;
}

} // namespace

std::uint64_t live_events() {
    const std::lock_guard lock(events().mutex);
    return events().all.size();
}

namespace calls {

Status event_create(Event *event, unsigned flags) {
    if (event == nullptr || (flags & ~3U) != 0) {
        return error_invalid_value;
    }
    const std::lock_guard lock(events().mutex);
    const auto made = std::make_shared<EventOf>();
    *event = made.get();
    events().all[*event] = made;
    return success;
}

Status event_record(Event event, Stream stream) {
    if (const Status status = check_stream(stream); status != success) {
        return status;
    }
    std::shared_ptr<EventOf> found;
    std::uint64_t number = 0;
    {
        const std::lock_guard lock(events().mutex);
        found = find(event);
        if (found == nullptr) {
            return error_invalid_handle;
        }
        found->context = current_context();
        number = ++found->recorded;
    }
    return enqueue(stream, [found, number](Context) {
        const std::lock_guard lock(events().mutex);
        found->reached = number;
        events().changed.notify_all();
        return Status{success};
    });
}

Status event_query(Event event) {
    const std::lock_guard lock(events().mutex);
    const auto found = find(event);
    return found == nullptr ? Status{error_invalid_handle} : state_of(*found);
}

Status event_synchronize(Event event) {
    std::unique_lock lock(events().mutex);
    const auto found = find(event);
    if (found == nullptr) {
        return error_invalid_handle;
    }
    // A broken context tells nobody: look again now and then.
    while (state_of(*found) == error_not_ready) {
        events().changed.wait_for(lock, std::chrono::milliseconds(1));
    }
    return state_of(*found);
}

Status event_destroy(Event event) {
    const std::lock_guard lock(events().mutex);
    return events().all.erase(event) == 1 ? success : error_invalid_handle;
}

} // namespace calls
} // namespace uakv::fakecuda
