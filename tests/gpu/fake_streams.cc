// The stand-in driver's streams: work is done in order, later, and only as far as the test lets it; what breaks a
// context, and what a broken one no longer does.
#include "support/child.h"
#include "tests/gpu/loaded.h"

#include <atomic>
#include <sys/mman.h>
#include <thread>

namespace uakv::test {
namespace {

using namespace cuda;

// A page that the host and the device both see.
class SyncPage {
public:
    explicit SyncPage(const Driver &driver) : driver_(driver) {
        words_ = static_cast<std::atomic<std::uint64_t> *>(
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        CHECK(words_ != MAP_FAILED);
        CHECK_DONE(driver_.call().mem_host_register(words_, 4096, host_register_device_map));
        CHECK_DONE(driver_.call().mem_host_get_device_pointer(&pointer_, words_, 0));
    }
    SyncPage(const SyncPage &) = delete;
    SyncPage &operator=(const SyncPage &) = delete;
    ~SyncPage() {
        (void)driver_.call().mem_host_unregister(words_); // a broken context has let go of it by itself
        ::munmap(words_, 4096);
    }

    std::uint64_t word(std::size_t index = 0) const { return words_[index].load(); }
    DevicePtr pointer(std::size_t index = 0) const { return pointer_ + 8 * index; }

private:
    const Driver &driver_;
    std::atomic<std::uint64_t> *words_;
    DevicePtr pointer_ = 0;
};

Stream create_stream(const Driver &driver) {
    Stream stream = nullptr;
    CHECK_DONE(driver.call().stream_create(&stream, stream_non_blocking));
    return stream;
}

void held_and_stepped() {
    run_child([] {
        const Driver &driver = load_fake();
        const Functions &call = driver.call();
        const Current current(driver);
        const SyncPage page(driver);
        const Stream stream = create_stream(driver);
        fakecuda::controls().hold(stream);
        for (std::uint64_t value = 1; value <= 5; ++value) {
            CHECK_DONE(call.stream_write_value64(stream, page.pointer(), value, 0));
        }
        CHECK_EQ(page.word(), 0);
        CHECK_CUDA(call.stream_query(stream), error_not_ready);
        CHECK_EQ(fakecuda::controls().step(stream, 2), 2);
        CHECK_EQ(page.word(), 2);
        CHECK_EQ(fakecuda::controls().pending(stream), 3);
        CHECK_EQ(fakecuda::controls().step(stream, 100), 3);
        CHECK_EQ(page.word(), 5);
        CHECK_DONE(call.stream_query(stream));
        CHECK_EQ(fakecuda::controls().step(stream, 1), 0);
        CHECK_DONE(call.stream_write_value64(stream, page.pointer(1), 7, 0));
        CHECK_EQ(page.word(1), 0);
        fakecuda::controls().let_go(stream);
        CHECK_DONE(call.stream_synchronize(stream));
        CHECK_EQ(page.word(1), 7);
        CHECK_DONE(call.stream_destroy(stream));
        CHECK_CUDA(call.stream_query(stream), error_invalid_handle);
    });
}

// One stream that stands still holds no other.
void side_by_side() {
    run_child([] {
        const Driver &driver = load_fake();
        const Functions &call = driver.call();
        const Current current(driver);
        const SyncPage page(driver);
        const Stream still = create_stream(driver);
        const Stream moving = create_stream(driver);
        fakecuda::controls().hold(still);
        CHECK_DONE(call.stream_write_value64(still, page.pointer(0), 1, 0));
        CHECK_DONE(call.stream_write_value64(moving, page.pointer(1), 1, 0));
        CHECK_DONE(call.stream_write_value64(stream_default, page.pointer(2), 1, 0));
        CHECK_DONE(call.stream_synchronize(moving));
        CHECK_DONE(call.stream_synchronize(stream_default));
        CHECK_EQ(page.word(0), 0);
        CHECK_EQ(page.word(1), 1);
        CHECK_EQ(page.word(2), 1);
        Context context = nullptr;
        CHECK_DONE(call.stream_get_ctx(still, &context));
        CHECK(context == current.context());
        fakecuda::controls().let_go(still);
    });
}

void all_held() {
    run_child([] {
        const Driver &driver = load_fake();
        const Functions &call = driver.call();
        const Current current(driver);
        const SyncPage page(driver);
        fakecuda::controls().hold_all();
        const Stream stream = create_stream(driver); // one to come is held, too
        CHECK_DONE(call.stream_write_value64(stream, page.pointer(), 1, 0));
        CHECK_DONE(call.stream_write_value64(stream, page.pointer(), 2, 0));
        CHECK_EQ(fakecuda::controls().pending_all(), 2);
        CHECK(fakecuda::controls().step_any());
        CHECK_EQ(page.word(), 1);
        CHECK(fakecuda::controls().step_any());
        CHECK(!fakecuda::controls().step_any());
        CHECK_EQ(page.word(), 2);
        CHECK_DONE(call.stream_write_value64(stream, page.pointer(), 3, 0));
        fakecuda::controls().let_all_go();
        CHECK_DONE(call.stream_synchronize(stream));
        CHECK_EQ(page.word(), 3);
    });
}

void events() {
    run_child([] {
        const Driver &driver = load_fake();
        const Functions &call = driver.call();
        const Current current(driver);
        const Stream stream = create_stream(driver);
        Event event = nullptr;
        CHECK_DONE(call.event_create(&event, event_disable_timing));
        CHECK_DONE(call.event_query(event)); // never recorded
        fakecuda::controls().hold(stream);
        CHECK_DONE(call.event_record(event, stream));
        CHECK_CUDA(call.event_query(event), error_not_ready);
        CHECK_EQ(fakecuda::controls().step(stream, 1), 1);
        CHECK_DONE(call.event_query(event));
        CHECK_DONE(call.event_record(event, stream));
        fakecuda::controls().let_go(stream);
        CHECK_DONE(call.event_synchronize(event));
        CHECK_DONE(call.event_destroy(event));
        CHECK_CUDA(call.event_destroy(event), error_invalid_handle);
        CHECK_DONE(call.stream_destroy(stream));
    });
}

void host_functions() {
    run_child([] {
        const Driver &driver = load_fake();
        const Functions &call = driver.call();
        const Current current(driver);
        const Stream stream = create_stream(driver);
        struct Seen {
            const Functions *call;
            Status inside = -1;
        } seen{&call};
        fakecuda::controls().hold(stream);
        CHECK_DONE(call.launch_host_func(
            stream,
            [](void *data) {
                int count = 0;
                auto *mine = static_cast<Seen *>(data);
                mine->inside = mine->call->device_get_count(&count); // no call of CUDA may be made here
            },
            &seen));
        CHECK_EQ(seen.inside, -1);
        fakecuda::controls().let_go(stream);
        CHECK_DONE(call.stream_synchronize(stream));
        CHECK_EQ(seen.inside, error_not_permitted);
    });
}

void captured() {
    run_child([] {
        const Driver &driver = load_fake();
        const Functions &call = driver.call();
        const Current current(driver);
        const SyncPage page(driver);
        const Stream stream = create_stream(driver);
        int status = -1;
        CHECK_DONE(call.stream_is_capturing(stream, &status));
        CHECK_EQ(status, capture_none);
        fakecuda::controls().set_capture(stream, capture_active);
        CHECK_DONE(call.stream_is_capturing(stream, &status));
        CHECK_EQ(status, capture_active);
        CHECK_DONE(call.stream_write_value64(stream, page.pointer(), 1, 0)); // goes into the graph
        CHECK_EQ(fakecuda::controls().captured(stream), 1);
        CHECK_CUDA(call.stream_synchronize(stream), error_capture_unsupported);
        CHECK_DONE(call.stream_is_capturing(stream, &status));
        CHECK_EQ(status, capture_invalidated);
        fakecuda::controls().set_capture(stream, capture_none);
        CHECK_DONE(call.stream_synchronize(stream));
        CHECK_EQ(page.word(), 0);
    });
}

void without_memory_operations() {
    run_child([] {
        const Driver &driver = load_fake("attribute=122:0");
        const Functions &call = driver.call();
        const Current current(driver);
        const SyncPage page(driver);
        CHECK_CUDA(call.stream_write_value64(stream_default, page.pointer(), 1, 0), error_not_supported);
        fakecuda::controls().set_attribute(0, attribute_can_use_64_bit_stream_mem_ops, 1);
        CHECK_CUDA(call.stream_write_value64(stream_default, page.pointer() + 4, 1, 0), error_invalid_value);
        CHECK_CUDA(call.stream_write_value64(stream_default, page.pointer() + 4096, 1, 0), error_invalid_value);
        CHECK_DONE(call.stream_write_value64(stream_default, page.pointer(), 1, 0));
    });
}

// Nothing of a broken context is done any more: neither words nor host functions; no other device is touched.
void broken() {
    run_child([] {
        const Driver &driver = load_fake("devices=2");
        const Functions &call = driver.call();
        const Current other(driver, 1);
        const SyncPage other_page(driver);
        Current current(driver);
        const SyncPage page(driver);
        const Stream stream = create_stream(driver);
        std::atomic<bool> called = false;
        fakecuda::controls().hold(stream);
        CHECK_DONE(call.stream_write_value64(stream, page.pointer(), 1, 0));
        CHECK_DONE(call.launch_host_func(
            stream, [](void *data) { *static_cast<std::atomic<bool> *>(data) = true; }, &called));
        fakecuda::controls().break_device(0, error_launch_failed);
        CHECK_CUDA(call.stream_synchronize(stream), error_launch_failed);
        CHECK_CUDA(call.stream_create(const_cast<Stream *>(&stream), 0), error_launch_failed);
        await("the work is dropped", [&] { return fakecuda::controls().pending(stream) == 0; });
        CHECK_EQ(page.word(), 0);
        CHECK(!called);
        CHECK_DONE(call.ctx_push_current(other.context()));
        CHECK_DONE(call.stream_write_value64(stream_default, other_page.pointer(), 1, 0));
        CHECK_DONE(call.stream_synchronize(stream_default));
        CHECK_EQ(other_page.word(), 1);
        Context popped = nullptr;
        CHECK_DONE(call.ctx_pop_current(&popped));
    });
}

// Faults come at the call that was asked for; a sticky one breaks the context for good.
void faults() {
    run_child([] {
        const Driver &driver = load_fake();
        const Functions &call = driver.call();
        const Current current(driver);
        const Stream stream = create_stream(driver);
        fakecuda::controls().fail("cuStreamQuery", 2, false, error_unknown + 1);
        CHECK_DONE(call.stream_query(stream));
        CHECK_CUDA(call.stream_query(stream), error_unknown + 1);
        CHECK_DONE(call.stream_query(stream));
        fakecuda::controls().fail("stream_query", 1, true, error_invalid_value);
        CHECK_CUDA(call.stream_query(stream), error_invalid_value);
        CHECK_CUDA(call.stream_query(stream), error_invalid_value);
        fakecuda::controls().mend();
        CHECK_DONE(call.stream_query(stream));
        CHECK_EQ(fakecuda::controls().calls("cuStreamQuery"), 6);
        fakecuda::controls().fail("cuStreamQuery", 1, false, error_illegal_address);
        CHECK_CUDA(call.stream_query(stream), error_illegal_address);
        CHECK_CUDA(call.stream_query(stream), error_illegal_address);
        CHECK_CUDA(call.stream_create(const_cast<Stream *>(&stream), 0), error_illegal_address);
    });
}

void contexts() {
    run_child([] {
        const Driver &driver = load_fake("devices=2");
        const Functions &call = driver.call();
        Stream stream = nullptr;
        CHECK_CUDA(call.stream_create(&stream, 0), error_invalid_context);
        Context context = nullptr;
        CHECK_DONE(call.ctx_get_current(&context));
        CHECK(context == nullptr);
        CHECK_CUDA(call.ctx_pop_current(&context), error_invalid_context);
        CHECK_CUDA(call.device_primary_ctx_release(0), error_invalid_context);
        const Context mine = fakecuda::controls().make_context(1);
        CHECK_DONE(call.ctx_push_current(mine));
        {
            const Current current(driver, 0);
            Device device = -1;
            CHECK_DONE(call.ctx_get_device(&device));
            CHECK_EQ(device, 0);
            CHECK_EQ(fakecuda::controls().counts().contexts, 2);
            std::thread([&] { // another thread has its own stack
                Context none = nullptr;
                if (call.ctx_get_current(&none) != success || none != nullptr) {
                    fail_later("a thread begins with a context");
                }
            })
                .join();
        }
        Device device = -1;
        CHECK_DONE(call.ctx_get_device(&device));
        CHECK_EQ(device, 1);
        CHECK_DONE(call.stream_create(&stream, 0));
        CHECK_EQ(fakecuda::controls().counts().streams, 1);
        fakecuda::controls().destroy_context(mine);
        CHECK_CUDA(call.stream_query(stream), 709);
        CHECK_DONE(call.ctx_pop_current(&context));
        CHECK_CUDA(call.ctx_push_current(mine), error_invalid_context);
        CHECK_EQ(fakecuda::controls().counts().contexts + fakecuda::controls().counts().streams, 0);
    });
}

// A context that goes takes its work with it.
void released_with_work() {
    run_child([] {
        const Driver &driver = load_fake();
        std::atomic<int> called = 0;
        {
            const Current current(driver);
            const Stream stream = create_stream(driver);
            fakecuda::controls().hold(stream);
            CHECK_DONE(driver.call().launch_host_func(
                stream, [](void *data) { ++*static_cast<std::atomic<int> *>(data); }, &called));
        }
        CHECK_EQ(fakecuda::controls().counts().contexts, 0);
        CHECK_EQ(fakecuda::controls().pending_all(), 0);
        const Current again(driver);
        CHECK_DONE(driver.call().stream_synchronize(stream_default));
        CHECK_EQ(called.load(), 0);
    });
}

constexpr Case cases[] = {
    {"held_and_stepped", held_and_stepped},
    {"side_by_side", side_by_side},
    {"all_held", all_held},
    {"events", events},
    {"host_functions", host_functions},
    {"captured", captured},
    {"without_memory_operations", without_memory_operations},
    {"broken", broken},
    {"faults", faults},
    {"contexts", contexts},
    {"released_with_work", released_with_work},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("fake_streams", uakv::test::cases);
}
