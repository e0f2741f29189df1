#include "clientlib/cuda/streams.h"

#include "ipc/cuda/status.h"
#include "ipc/ordered_release.h"

namespace uakv {
namespace {

bool is_about_capture(cuda::Status status) {
    return cuda::kind_of(status) == cuda::Kind::capture;
}

bool is_about_arguments(cuda::Status status) {
    return status == cuda::error_invalid_value || status == cuda::error_invalid_handle ||
           cuda::kind_of(status) == cuda::Kind::bad_context;
}

bool is_lost_for_all(cuda::Status status) {
    return cuda::Driver::is_sticky(status) || cuda::kind_of(status) == cuda::Kind::shutting_down;
}

// It will not be able to the next time either.
bool is_for_good(cuda::Status status) {
    return cuda::kind_of(status) == cuda::Kind::unsupported || cuda::kind_of(status) == cuda::Kind::denied;
}

// What its stream's turn comes to: one more than the mark before.
void reach_next(void *word) {
    auto &reached = *static_cast<std::uint64_t *>(word);
    store_release(reached, load_relaxed(reached) + 1);
}

} // namespace

Streams::Streams(std::shared_ptr<ClientDevice> device, DeviceSessionLayout &session, Leases &leases)
    : device_(std::move(device)), session_(session), leases_(leases) {}

Streams::~Streams() {
    if (device_->is_abandoned() || page_.load() == 0) {
        return;
    }
    if (auto scope = ContextScope::enter(*device_); scope.ok()) {
        static_cast<void>(device_->call().mem_host_unregister(session_.streams));
    }
}

// ---- marks ------------------------------------------------------------------------------------------------

Result<std::optional<Streams::Mark>> Streams::mark(cuda::Stream stream) {
    auto scope = ContextScope::enter(*device_);
    if (!scope.ok()) {
        return error(UAKV_ERR_BUSY, "%s", scope.error().detail.c_str());
    }
    const cuda::Context context = scope.value().context();
    const cuda::Functions &call = device_->call();
    int capture = cuda::capture_none;
    if (const cuda::Status status = call.stream_is_capturing(stream, &capture); status != cuda::success) {
        return refuse({"cuStreamIsCapturing", status}, context);
    }
    if (capture != cuda::capture_none) {
        return refuse({"cuStreamIsCapturing", cuda::error_capture_unsupported}, context);
    }
    unsigned long long id = 0;
    if (way_.load(std::memory_order_relaxed) == Way::synchronise || call.stream_get_id == nullptr ||
        call.stream_get_id(stream, &id) != cuda::success) {
        return synchronise(stream, context);
    }
    const std::size_t place = take_place(id, context);
    if (place == no_place) {
        return synchronise(stream, context);
    }
    Tried tried{};
    std::uint64_t value = 0;
    {
        const std::scoped_lock lock(places_[place].mutex);
        tried = enqueue(place, stream);
        value = places_[place].issued.load(std::memory_order_relaxed);
    }
    leave_place(place);
    if (tried.status == cuda::success) {
        return std::optional(Mark{static_cast<std::uint16_t>(place), value});
    }
    if (is_lost_for_all(tried.status) || is_about_capture(tried.status)) {
        return refuse(tried, context);
    }
    return synchronise(stream, context);
}

// The stream's own place, else one that no stream has, else that of the stream that was not used for the longest time
// and has nothing before it. The caller leaves it when it has enqueued.
std::size_t Streams::take_place(std::uint64_t id, cuda::Context context) {
    const std::scoped_lock lock(table_mutex_);
    std::size_t best = no_place;
    for (std::size_t i = 0; i < places; ++i) {
        Place &place = places_[i];
        if (place.lost.load(std::memory_order_relaxed)) {
            continue;
        }
        if (place.turn != 0 && place.id == id) {
            best = i;
            break;
        }
        const bool idle = place.users == 0 && load_acquire(reached(i)) >= place.issued.load(std::memory_order_relaxed);
        if (idle && (best == no_place || place.turn < places_[best].turn)) {
            best = i;
        }
    }
    if (best != no_place) {
        Place &place = places_[best];
        place.id = id;
        place.context = context;
        place.turn = ++turns_;
        ++place.users;
    }
    return best;
}

void Streams::leave_place(std::size_t place) {
    const std::scoped_lock lock(table_mutex_);
    --places_[place].users;
}

// The next value of the place, by what works. The caller holds the place's lock.
Streams::Tried Streams::enqueue(std::size_t place, cuda::Stream stream) {
    auto &issued = places_[place].issued;
    const std::uint64_t value = issued.load(std::memory_order_relaxed) + 1;
    // Before it can be reached: a place whose stream has reached all is taken for idle.
    issued.store(value, std::memory_order_relaxed);
    Tried tried{"cuStreamWriteValue64", cuda::error_not_supported};
    if (way_.load(std::memory_order_relaxed) == Way::write_value) {
        tried = write_value(place, value, stream);
        if (is_for_good(tried.status)) {
            way_.store(Way::host_function, std::memory_order_relaxed);
        }
    }
    if (tried.status != cuda::success && !is_lost_for_all(tried.status) && !is_about_capture(tried.status)) {
        const auto launch = device_->call().launch_host_func;
        const cuda::Status status =
            launch == nullptr ? cuda::error_not_supported : launch(stream, reach_next, &reached(place));
        tried = {"cuLaunchHostFunc", status};
        if (is_for_good(status) && way_.load(std::memory_order_relaxed) == Way::host_function) {
            way_.store(Way::synchronise, std::memory_order_relaxed);
        }
    }
    if (tried.status != cuda::success) {
        issued.store(value - 1, std::memory_order_relaxed);
    }
    return tried;
}

Streams::Tried Streams::write_value(std::size_t place, std::uint64_t value, cuda::Stream stream) {
    const auto write = device_->call().stream_write_value64;
    if (write == nullptr) {
        return {"cuStreamWriteValue64", cuda::error_not_supported};
    }
    if (const cuda::Status status = register_page(); status != cuda::success) {
        return {"cuMemHostRegister", is_lost_for_all(status) ? status : cuda::error_not_supported};
    }
    const cuda::DevicePtr word = page_.load(std::memory_order_acquire) + place * sizeof(StreamWord);
    return {"cuStreamWriteValue64", write(stream, word, value, cuda::write_value_default)};
}

cuda::Status Streams::register_page() {
    if (page_.load(std::memory_order_acquire) != 0) {
        return cuda::success;
    }
    const std::scoped_lock lock(page_mutex_);
    if (page_.load(std::memory_order_relaxed) != 0) {
        return cuda::success;
    }
    const cuda::Functions &call = device_->call();
    constexpr unsigned flags = cuda::host_register_portable | cuda::host_register_device_map;
    if (const cuda::Status status = call.mem_host_register(session_.streams, sizeof session_.streams, flags);
        cuda::kind_of(status) != cuda::Kind::ok) {
        return status;
    }
    cuda::DevicePtr page = 0;
    if (const cuda::Status status = call.mem_host_get_device_pointer(&page, session_.streams, 0);
        status != cuda::success) {
        static_cast<void>(call.mem_host_unregister(session_.streams));
        return status;
    }
    page_.store(page, std::memory_order_release);
    return cuda::success;
}

Result<std::optional<Streams::Mark>> Streams::synchronise(cuda::Stream stream, cuda::Context context) {
    const cuda::Status status = device_->call().stream_synchronize(stream);
    if (status != cuda::success) {
        return refuse({"cuStreamSynchronize", status}, context);
    }
    return std::optional<Mark>();
}

Error Streams::refuse(const Tried &tried, cuda::Context context) {
    const std::string what = device_->driver().describe(tried.status);
    if (is_about_capture(tried.status)) {
        return error(UAKV_ERR_UNSUPPORTED,
                     "the stream is being captured into a graph, or cannot be used while another one is (%s: %s): make "
                     "this call before or after the capture; nothing was enqueued",
                     tried.call, what.c_str());
    }
    if (is_lost_for_all(tried.status)) {
        lose(context);
        return error(UAKV_ERR_GPU, "%s failed: %s; the context is lost, and all that ran in it", tried.call,
                     what.c_str());
    }
    if (is_about_arguments(tried.status)) {
        return error(UAKV_ERR_INVALID,
                     "%s failed: %s; expected a stream of the calling thread's current context, or of the primary "
                     "context of device %d",
                     tried.call, what.c_str(), device_->ordinal());
    }
    return error(UAKV_ERR_BUSY, "%s failed: %s; nothing was enqueued, try again", tried.call, what.c_str());
}

// What was marked in it will never be reached, and nothing runs there any more.
void Streams::lose(cuda::Context context) {
    const std::scoped_lock lock(table_mutex_);
    for (std::size_t i = 0; i < places; ++i) {
        if (places_[i].context == context) {
            places_[i].lost.store(true, std::memory_order_release);
        }
    }
}

bool Streams::is_passed(const Mark &mark) const {
    return load_acquire(reached(mark.stream)) >= mark.value || is_lost(mark);
}

bool Streams::is_lost(const Mark &mark) const {
    return places_[mark.stream].lost.load(std::memory_order_acquire) && load_acquire(reached(mark.stream)) < mark.value;
}

// ---- views that end with a mark ---------------------------------------------------------------------------

void Streams::release_at(const Mark &mark, std::uint32_t word) {
    order_release(session_, word, mark.stream, mark.value);
    const std::scoped_lock lock(endings_mutex_);
    places_[mark.stream].endings.push_back({word, mark.value});
    ++endings_;
    end_passed(mark.stream);
}

std::size_t Streams::end_passed() {
    const std::scoped_lock lock(endings_mutex_);
    for (std::size_t i = 0; endings_ > 0 && i < places; ++i) {
        end_passed(i);
    }
    return endings_;
}

// The lease and what ended it; only then may the word be used for another: see ipc/ordered_release.h. The caller
// holds the lock.
void Streams::end_passed(std::size_t place) {
    auto &endings = places_[place].endings;
    while (!endings.empty() && is_passed({static_cast<std::uint16_t>(place), endings.front().value})) {
        const std::uint32_t word = endings.front().word;
        endings.pop_front();
        --endings_;
        clear_released(session_, word);
        leases_.give_back_retired(word);
    }
}

} // namespace uakv
