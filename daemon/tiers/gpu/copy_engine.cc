#include "daemon/tiers/gpu/copy_engine.h"

#include <cstdint>
#include <utility>

namespace uakv::gpu {

using cuda::success;

Result<std::unique_ptr<CopyEngine>> CopyEngine::open(const cuda::Driver &driver, int ordinal,
                                                     std::uint64_t segment_bytes) {
    std::unique_ptr<CopyEngine> engine(new CopyEngine(driver, ordinal, segment_bytes));
    if (auto begun = engine->begin_context(); !begun.ok()) {
        return begun.take_error();
    }
    return engine;
}

Result<void> CopyEngine::check(std::string_view call, cuda::Status status) {
    if (status == success) {
        return {};
    }
    lost_ = lost_ || cuda::Driver::is_sticky(status);
    return driver_.error(call, status);
}

Result<void> CopyEngine::begin_context() {
    if (auto done = check("cuDeviceGet", driver_.call().device_get(&device_, ordinal_)); !done.ok()) {
        return done;
    }
    cuda::Context context = nullptr;
    if (auto done = check("cuDevicePrimaryCtxRetain", driver_.call().device_primary_ctx_retain(&context, device_));
        !done.ok()) {
        return done;
    }
    retained_ = true;
    if (auto done = check("cuCtxPushCurrent", driver_.call().ctx_push_current(context)); !done.ok()) {
        return done;
    }
    pushed_ = true;
    for (Lane &lane : lanes_) {
        auto done = check("cuStreamCreate", driver_.call().stream_create(&lane.stream, cuda::stream_non_blocking));
        if (!done.ok()) {
            lane.stream = nullptr;
            return done;
        }
    }
    return {};
}

// What fails here is of no account any more: the process, or the driver, drops the rest.
CopyEngine::~CopyEngine() {
    const cuda::Functions &call = driver_.call();
    for (Lane &lane : lanes_) {
        if (lane.stream != nullptr) {
            static_cast<void>(call.stream_synchronize(lane.stream));
            for (const UnderWay &each : lane.under_way) {
                static_cast<void>(call.event_destroy(each.event));
            }
            static_cast<void>(call.stream_destroy(lane.stream));
        }
    }
    for (const cuda::Event event : events_) {
        static_cast<void>(call.event_destroy(event));
    }
    for (std::byte *memory : registered_) {
        static_cast<void>(call.mem_host_unregister(memory));
    }
    for (const cuda::DevicePtr address : segments_) {
        if (address != 0) {
            static_cast<void>(call.mem_unmap(address, segment_bytes_));
            static_cast<void>(call.mem_address_free(address, segment_bytes_));
        }
    }
    if (pushed_) {
        cuda::Context context = nullptr;
        static_cast<void>(call.ctx_pop_current(&context));
    }
    if (retained_) {
        static_cast<void>(call.device_primary_ctx_release(device_));
    }
}

Result<void> CopyEngine::import(SegmentId segment, const Fd &descriptor) {
    UAKV_ASSERT(!has(segment));
    cuda::DevicePtr address = 0;
    if (auto done = check("cuMemAddressReserve", driver_.call().mem_address_reserve(&address, segment_bytes_, 0, 0, 0));
        !done.ok()) {
        return done;
    }
    if (auto mapped = map(address, descriptor); !mapped.ok()) {
        static_cast<void>(driver_.call().mem_address_free(address, segment_bytes_));
        return mapped;
    }
    if (segment >= segments_.size()) {
        segments_.resize(segment + 1);
    }
    segments_[segment] = address;
    return {};
}

// The mapping keeps the memory; the handle does not have to.
Result<void> CopyEngine::map(cuda::DevicePtr address, const Fd &descriptor) {
    const cuda::Functions &call = driver_.call();
    cuda::MemHandle handle = 0;
    auto *shareable = reinterpret_cast<void *>(static_cast<std::intptr_t>(descriptor.get())); // so the driver wants it
    if (auto done = check("cuMemImportFromShareableHandle",
                          call.mem_import_from_shareable_handle(&handle, shareable, cuda::handle_posix_descriptor));
        !done.ok()) {
        return done;
    }
    auto mapped = check("cuMemMap", call.mem_map(address, segment_bytes_, 0, handle, 0));
    static_cast<void>(call.mem_release(handle));
    if (!mapped.ok()) {
        return mapped;
    }
    const cuda::AccessDesc access{{cuda::location_device, device_}, cuda::access_read_write};
    auto accessible = check("cuMemSetAccess", call.mem_set_access(address, segment_bytes_, &access, 1));
    if (!accessible.ok()) {
        static_cast<void>(call.mem_unmap(address, segment_bytes_));
    }
    return accessible;
}

Result<void> CopyEngine::register_memory(std::span<std::byte> memory) {
    auto done = check("cuMemHostRegister",
                      driver_.call().mem_host_register(memory.data(), memory.size(), cuda::host_register_portable));
    if (done.ok()) {
        registered_.push_back(memory.data());
    }
    return done;
}

Result<cuda::Event> CopyEngine::take_event() {
    if (!events_.empty()) {
        const cuda::Event event = events_.back();
        events_.pop_back();
        return event;
    }
    cuda::Event event = nullptr;
    if (auto done = check("cuEventCreate", driver_.call().event_create(&event, cuda::event_disable_timing));
        !done.ok()) {
        return done.take_error();
    }
    return event;
}

Result<void> CopyEngine::begin(const Job &job) {
    UAKV_ASSERT(has(job.segment) && job.offset + job.bytes <= segment_bytes_);
    auto event = take_event();
    if (!event.ok()) {
        return event.take_error();
    }
    Lane &lane = lanes_[static_cast<std::size_t>(job.way)];
    if (auto done = enqueue(job, lane.stream); !done.ok()) {
        events_.push_back(event.value());
        return done;
    }
    if (auto done = check("cuEventRecord", driver_.call().event_record(event.value(), lane.stream)); !done.ok()) {
        // Nothing would tell of the end of the copy, and the slot must not be used before.
        static_cast<void>(check("cuStreamSynchronize", driver_.call().stream_synchronize(lane.stream)));
        events_.push_back(event.value());
        return done;
    }
    lane.under_way.push_back({job.tag, event.value()});
    return {};
}

Result<void> CopyEngine::enqueue(const Job &job, cuda::Stream stream) {
    const cuda::DevicePtr device = segments_[job.segment] + job.offset;
    if (job.way == BlockCopier::Way::down) {
        return check("cuMemcpyDtoHAsync", driver_.call().memcpy_dtoh_async(job.host, device, job.bytes, stream));
    }
    return check("cuMemcpyHtoDAsync", driver_.call().memcpy_htod_async(device, job.host, job.bytes, stream));
}

// Copies of a stream are done in its order.
void CopyEngine::take_done(std::vector<BlockCopier::Done> &done) {
    for (Lane &lane : lanes_) {
        while (!lost_ && !lane.under_way.empty()) {
            const UnderWay first = lane.under_way.front();
            const cuda::Status status = driver_.call().event_query(first.event);
            if (status == cuda::error_not_ready) {
                break;
            }
            auto checked = check("cuEventQuery", status);
            if (!checked.ok()) {
                trouble_ = trouble_.empty() ? checked.error().detail : trouble_;
                // Where it can go on at all, the memory is not used before the stream is through.
                static_cast<void>(check("cuStreamSynchronize", driver_.call().stream_synchronize(lane.stream)));
            }
            done.push_back({first.tag, checked.ok() ? UAKV_OK : UAKV_ERR_GPU});
            lane.under_way.pop_front();
            events_.push_back(first.event);
        }
    }
    if (lost_) {
        fail_all(done);
    }
}

void CopyEngine::fail_all(std::vector<BlockCopier::Done> &done) {
    for (Lane &lane : lanes_) {
        for (const UnderWay &each : lane.under_way) {
            done.push_back({each.tag, UAKV_ERR_GPU});
            events_.push_back(each.event);
        }
        lane.under_way.clear();
    }
}

} // namespace uakv::gpu
