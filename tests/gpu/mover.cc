// Blocks between the memory of a device and that of the host, by the driver: the copier with its thread, and the mover
// above it. Each call of the driver's that they make fails once.
#include "gpu/gpu_world.h"
#include "unit/store_bench.h"

#include "daemon/flow/device_mover.h"
#include "daemon/tiers/gpu/device_copier.h"
#include "daemon/tiers/gpu/device_segments.h"
#include "ipc/clock.h"

#include <algorithm>
#include <memory>
#include <poll.h>

namespace uakv::test {
namespace {

constexpr int ordinal = 0;

const fakecuda::Controls &controls() {
    return fakecuda::controls();
}

gpu::Device first_device() {
    auto found = gpu::Devices::find(fakecuda::library);
    CHECK_MESSAGE(found.ok(), found.ok() ? "" : found.error().detail);
    return found.value().all()[ordinal];
}

class DeviceBench {
public:
    DeviceBench() {
        StoreOptions options;
        options.name = "arena";
        options.memory_bytes = limits::memory_bytes_min;
        options.segment_bytes = segment_bytes;
        options.source = std::make_shared<gpu::DeviceSegments>(fake_driver(), first_device());
        options.sessions = LeaseTables::Kind::device;
        auto made = Store::create(options);
        CHECK_MESSAGE(made.ok(), made.ok() ? "" : made.error().detail);
        arena_ = std::move(made.value());
        await("the arena is there", [&] {
            arena_->take_segments();
            return arena_->segments() == segments;
        });
        auto workers = Workers::start(1);
        CHECK(workers.ok());
        workers_ = std::move(workers.value());
        auto copier = gpu::DeviceCopier::start(fake_driver(), ordinal, "GPU 0", *arena_, *host_.operator->());
        CHECK(copier.ok());
        copier_ = std::move(copier.value());
        mover_ = std::make_unique<DeviceMover>(*arena_, DeviceMover::Host{*host_.operator->()}, *copier_, *workers_, 0,
                                               now_ns);
        SpaceDescription description;
        description.dtype = UAKV_DTYPE_OPAQUE;
        description.block_bytes = segment_bytes;
        description.name[0] = 'a';
        space_ = arena_->spaces().open(description, true).value();
        host_space_ = *mover_->host_space(space_);
    }
    ~DeviceBench() {
        controls().mend();
        copier_.reset();
        mover_.reset();
    }

    Store &arena() { return *arena_; }
    Bench &host() { return host_; }
    DeviceMover &mover() { return *mover_; }
    const gpu::DeviceCopier &copier() const { return *copier_; }

    void put_below(std::uint64_t number, std::uint64_t length) {
        Store::CommitRequest request;
        request.space = host_space_;
        host_.put(number, length, request);
    }
    bool above(std::uint64_t number) const { return arena_->find(space_, sample_key(number)).has_value(); }
    void check_below(std::uint64_t number) {
        const auto found = host_.find(number, host_space_);
        CHECK(found.has_value());
        const std::byte *bytes = host_->bytes_of(found->id).data();
        check_block(bytes, found->length, sample_key(number));
        CHECK_EQ(host_->index().describe(found->id).checksum, checksum_of(bytes, found->length));
    }

    uakv_status load(std::uint64_t number) {
        mover_->load({space_, sample_key(number), now_ns() + 600 * ns_per_s, ++tag_});
        return await_answer();
    }
    uakv_status flush() {
        mover_->flush(space_, ++tag_);
        return await_answer();
    }
    // As the host would evict it: nothing is said above.
    void drop_below(std::uint64_t number) { CHECK(host_->remove(host_space_, sample_key(number))); }
    void turn() {
        pollfd event{copier_->event().get(), POLLIN, 0};
        ::poll(&event, 1, 1);
        mover_->turn();
        arena_->maintain();
        host_->maintain();
    }

private:
    uakv_status await_answer() {
        std::optional<uakv_status> status;
        await("an answer", [&] {
            turn();
            for (const Mover::Answer &answer : mover_->take_answers()) {
                status = answer.tag == tag_ ? std::optional(answer.status) : status;
            }
            return status.has_value();
        });
        return *status;
    }

    Bench host_;
    std::unique_ptr<Store> arena_;
    std::unique_ptr<Workers> workers_;
    std::unique_ptr<DeviceMover> mover_;
    std::unique_ptr<gpu::DeviceCopier> copier_;
    SpaceId space_ = 0;
    SpaceId host_space_ = 0;
    DeviceMover::Tag tag_ = 0;
};

void check_nothing_is_left() {
    const fakecuda::Counts left = controls().counts();
    CHECK_EQ(left.contexts, 0);
    CHECK_EQ(left.mappings, 0);
    CHECK_EQ(left.reservations, 0);
    CHECK_EQ(left.registrations, 0);
    CHECK_EQ(left.streams, 0);
    CHECK_EQ(left.events, 0);
}

void there_and_back() {
    {
        DeviceBench bench;
        CHECK(!bench.copier().has_context()); // before there is anything to copy
        for (std::uint64_t number = 0; number < 20; ++number) {
            bench.put_below(number, 4096 + number % 4 * 100'000);
        }
        for (std::uint64_t number = 0; number < 20; ++number) {
            CHECK_STATUS(bench.load(number), UAKV_OK);
            CHECK(bench.above(number));
            bench.drop_below(number);
        }
        CHECK_STATUS(bench.flush(), UAKV_OK);
        for (std::uint64_t number = 0; number < 20; ++number) {
            bench.check_below(number);
        }
        CHECK(bench.copier().has_context());
        await("the host's memory is registered",
              [&] { return bench.copier().bytes_registered() == limits::memory_bytes_min; });
        CHECK_EQ(controls().counts().registrations, segments);
    }
    check_nothing_is_left();
}

// What cannot be had once is tried again, by the next copy or a while later.
void each_call_fails_once() {
    constexpr const char *calls[] = {"cuDevicePrimaryCtxRetain",
                                     "cuCtxPushCurrent",
                                     "cuStreamCreate",
                                     "cuMemAddressReserve",
                                     "cuMemMap",
                                     "cuMemImportFromShareableHandle",
                                     "cuMemSetAccess",
                                     "cuEventCreate",
                                     "cuMemcpyHtoDAsync",
                                     "cuEventRecord",
                                     "cuEventQuery"};
    for (const char *call : calls) {
        {
            DeviceBench bench;
            bench.put_below(1, 100'000);
            controls().fail(call, 1, false, cuda::error_invalid_value);
            const uakv_status status = bench.load(1);
            CHECK_MESSAGE(status == UAKV_ERR_GPU,
                          std::string(call) + " failed, and the load was answered " + std::to_string(status));
            CHECK(!bench.above(1));
            CHECK_EQ(bench.mover().statistics().errors, 1);
            CHECK(!bench.copier().has_failed());
            await(std::string("a load after ") + call, [&] { return bench.load(1) == UAKV_OK; });
            bench.drop_below(1);
            CHECK_STATUS(bench.flush(), UAKV_OK);
            bench.check_below(1);
        }
        check_nothing_is_left();
    }
}

void a_copy_down_fails_once() {
    DeviceBench bench;
    bench.put_below(1, 100'000);
    CHECK_STATUS(bench.load(1), UAKV_OK);
    bench.drop_below(1);
    controls().fail("cuMemcpyDtoHAsync", 1, false, cuda::error_invalid_value);
    CHECK_STATUS(bench.flush(), UAKV_ERR_GPU);
    CHECK_STATUS(bench.flush(), UAKV_OK);
    bench.check_below(1);
}

void memory_that_is_not_registered_is_copied_too() {
    {
        DeviceBench bench;
        controls().fail("cuMemHostRegister", 1, true, cuda::error_out_of_memory);
        bench.put_below(1, 100'000);
        CHECK_STATUS(bench.load(1), UAKV_OK);
        bench.drop_below(1);
        await("registering was tried", [&] { return controls().calls("cuMemHostRegister") > 0; });
        CHECK_STATUS(bench.flush(), UAKV_OK);
        bench.check_below(1);
        CHECK_EQ(bench.copier().bytes_registered(), 0);
    }
    check_nothing_is_left();
}

constexpr Case cases[] = {
    {"there_and_back", there_and_back},
    {"each_call_fails_once", each_call_fails_once},
    {"a_copy_down_fails_once", a_copy_down_fails_once},
    {"memory_that_is_not_registered_is_copied_too", memory_that_is_not_registered_is_copied_too},
};

// Nothing of the device works in this process after it, so it is the last.
void the_device_breaks() {
    DeviceBench bench;
    bench.put_below(1, 100'000);
    bench.put_below(2, 100'000);
    CHECK_STATUS(bench.load(1), UAKV_OK);
    controls().break_device(ordinal, cuda::error_launch_failed);
    CHECK_STATUS(bench.load(2), UAKV_ERR_GPU);
    await("it is given up", [&] {
        bench.turn();
        return bench.copier().has_failed();
    });
    bench.drop_below(1);
    CHECK_STATUS(bench.flush(), UAKV_ERR_GPU);
    CHECK_STATUS(bench.load(2), UAKV_ERR_GPU);
    CHECK(bench.mover().statistics().failed);
    CHECK(bench.above(1)); // the arena goes on
}

constexpr Case last[] = {
    {"the_device_breaks", the_device_breaks},
};

} // namespace
} // namespace uakv::test

int main() {
    const int failed = uakv::test::run_cases("mover", uakv::test::cases);
    return uakv::test::run_cases("mover_last", uakv::test::last) + failed;
}
