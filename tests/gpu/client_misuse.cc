// What is asked of the device calls in the wrong way, on machines without a GPU, or while the driver fails: a status, a
// sentence that names what is wrong, and nothing left behind.
#include "gpu/gpu_daemon.h"

#include <unistd.h>

namespace uakv::test {
namespace {

void check_says(const std::string &text) {
    CHECK_MESSAGE(last_error().find(text) != std::string::npos, "\"" + last_error() + "\" does not say " + text);
}

void arguments() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    const uakv_key key = make_key("key");
    uakv_view view{};
    uakv_slot slot{};
    CHECK_STATUS(uakv_retrieve_cuda(nullptr, &key, 0, nullptr, &view), UAKV_ERR_INVALID);
    check_says("uakv_retrieve_cuda: space is NULL");
    CHECK_STATUS(uakv_retrieve_cuda(space, nullptr, 0, nullptr, &view), UAKV_ERR_INVALID);
    check_says("key is NULL");
    CHECK_STATUS(uakv_retrieve_cuda(space, &key, 0, nullptr, nullptr), UAKV_ERR_INVALID);
    check_says("view is NULL");
    for (const std::int32_t device : {-1, 1, 63, 64, INT32_MAX, INT32_MIN}) {
        CHECK_STATUS(uakv_retrieve_cuda(space, &key, device, nullptr, &view), UAKV_ERR_INVALID);
        check_says("device");
        CHECK_STATUS(uakv_reserve_cuda(space, &key, mebi, device, nullptr, &slot), UAKV_ERR_INVALID);
        CHECK_STATUS(uakv_prefetch_cuda(space, &key, 1, device), UAKV_ERR_INVALID);
    }
    uakv_retrieve_options verify{};
    verify.struct_size = sizeof verify;
    verify.flags = UAKV_VERIFY;
    CHECK_STATUS(uakv_retrieve_cuda(space, &key, 0, &verify, &view), UAKV_ERR_INVALID);
    check_says("UAKV_VERIFY");
    verify.flags = 64;
    CHECK_STATUS(uakv_retrieve_cuda(space, &key, 0, &verify, &view), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_release_on_stream(nullptr, nullptr), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_commit_on_stream(nullptr, nullptr), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_release_on_stream(&view, nullptr), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_commit_on_stream(&slot, nullptr), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_reserve_cuda(space, &key, 0, 0, nullptr, &slot), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_reserve_cuda(space, &key, mebi, 0, nullptr, nullptr), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_reserve_cuda(space, &key, 64 * mebi, 0, nullptr, &slot), UAKV_ERR_TOO_LARGE);
    uakv_store_options host{};
    host.struct_size = sizeof host;
    host.tier = UAKV_TIER_HOST;
    CHECK_STATUS(uakv_reserve_cuda(space, &key, mebi, 0, &host, &slot), UAKV_ERR_INVALID);
    check_says("UAKV_TIER_GPU");
    host.tier = UAKV_TIER_GPU;
    CHECK_STATUS(uakv_reserve_cuda(space, &key, mebi, 0, &host, &slot), UAKV_OK);
    CHECK_STATUS(uakv_commit_submit(&slot, 1), UAKV_ERR_INVALID);
    check_says("uakv_commit_on_stream");
    OwnStream gone;
    const cuda::Stream stale = gone;
    gone.destroy();
    CHECK_STATUS(uakv_commit_on_stream(&slot, stale), UAKV_ERR_INVALID);
    check_says("uakv_commit_on_stream: ");
    CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
    CHECK_STATUS(uakv_prefetch_cuda(space, nullptr, 1, 0), UAKV_ERR_INVALID);
}

// Views and slots of the one kind where the other is meant, and of clients that have gone.
void mixed_up() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("host"), other = make_key("other");
    CHECK_STATUS(store_block(space, key, mebi), UAKV_OK);
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
    CHECK_STATUS(uakv_release_on_stream(&view, nullptr), UAKV_ERR_INVALID);
    check_says("host memory");
    check_block(view.data, mebi, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    uakv_slot slot;
    CHECK_STATUS(uakv_reserve(space, &other, mebi, nullptr, &slot), UAKV_OK);
    CHECK_STATUS(uakv_commit_on_stream(&slot, nullptr), UAKV_ERR_INVALID);
    check_says("host memory");
    CHECK_STATUS(uakv_abort(&slot), UAKV_OK);

    store_on_device(space, other, mebi);
    CHECK_STATUS(look_on_device(space, other, view), UAKV_OK);
    CHECK_STATUS(uakv_reserve_cuda(space, &key, mebi, 0, nullptr, &slot), UAKV_OK);
    client.disconnect();
    space.forget();
    CHECK_STATUS(uakv_release_on_stream(&view, nullptr), UAKV_ERR_INVALID);
    check_says("disconnected");
    CHECK_STATUS(uakv_commit_on_stream(&slot, nullptr), UAKV_ERR_INVALID);
    check_says("disconnected");
    CHECK_STATUS(uakv_release(&view), UAKV_ERR_INVALID);
}

void no_driver() {
    const Daemon daemon;
    const Client client(daemon);
    const Space space(client);
    ::setenv("UAKV_CUDA_DRIVER", "/nowhere/libcuda.so.1", 1);
    const uakv_key key = make_key("key");
    uakv_view view;
    uakv_slot slot;
    CHECK_STATUS(uakv_retrieve_cuda(space, &key, 0, nullptr, &view), UAKV_ERR_GPU);
    check_says("/nowhere/libcuda.so.1");
    CHECK_STATUS(uakv_reserve_cuda(space, &key, mebi, 0, nullptr, &slot), UAKV_ERR_GPU);
    CHECK_STATUS(uakv_prefetch_cuda(space, &key, 1, 0), UAKV_ERR_GPU);
    CHECK_STATUS(store_block(space, key, mebi), UAKV_OK);
    check_stored(space, key, mebi);
}

void daemon_without_a_gpu() {
    DaemonOptions options;
    options.environment = {{"UAKV_GPU_MEMORY", "0"}};
    const Daemon daemon(options);
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    const uakv_key key = make_key("key");
    uakv_view view;
    CHECK_STATUS(uakv_retrieve_cuda(space, &key, 0, nullptr, &view), UAKV_ERR_GPU);
    const std::string why = last_error();
    CHECK(!why.empty());
    CHECK_STATUS(uakv_retrieve_cuda(space, &key, 0, nullptr, &view), UAKV_ERR_GPU);
    CHECK_EQ(last_error(), why);
    CHECK_STATUS(store_block(space, key, mebi), UAKV_OK);
}

void forked() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    const uakv_key key = make_key("parent's"), other = make_key("other");
    store_on_device(space, key, mebi);
    uakv_view view;
    uakv_slot slot;
    CHECK_STATUS(look_on_device(space, key, view), UAKV_OK);
    CHECK_STATUS(uakv_reserve_cuda(space, &other, mebi, 0, nullptr, &slot), UAKV_OK);
    run_child([&] {
        uakv_view theirs;
        uakv_slot taken;
        CHECK_STATUS(uakv_retrieve_cuda(space, &key, 0, nullptr, &theirs), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_reserve_cuda(space, &other, mebi, 0, nullptr, &taken), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_prefetch_cuda(space, &key, 1, 0), UAKV_ERR_FORKED);
        uakv_view copy = view;
        uakv_slot slot_copy = slot;
        CHECK_STATUS(uakv_release_on_stream(&copy, nullptr), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_release(&copy), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_commit_on_stream(&slot_copy, nullptr), UAKV_ERR_FORKED);
        uakv_disconnect(client);
        CHECK_STATUS(uakv_release_on_stream(&copy, nullptr), UAKV_ERR_INVALID);
        ::_exit(0); // the parent's handles are no business of the child's
    });
    check_block(bytes_of(view.data, mebi), mebi, key);
    CHECK_STATUS(uakv_release_on_stream(&view, nullptr), UAKV_OK);
    const OwnStream stream;
    std::vector<std::uint8_t> source;
    enqueue_fill(slot, other, stream, source);
    CHECK_STATUS(uakv_commit_on_stream(&slot, stream), UAKV_OK);
    await_on_device(space, other);
}

// Whatever the driver fails once on the way to the first block: it says which, and the next try is good.
void each_call_failing() {
    const Daemon daemon(gpu_daemon());
    const uakv_key key = make_key("stored");
    const Caller caller;
    {
        const Client writer(daemon);
        const Space space(writer);
        store_on_device(space, key, mebi);
    }
    for (const char *name : {"cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetUuid", "cuCtxGetCurrent",
                             "cuMemAddressReserve", "cuMemImportFromShareableHandle", "cuMemMap", "cuMemSetAccess"}) {
        const fakecuda::Counts before = fake().counts();
        {
            const Client client(daemon);
            const Space space(client);
            fake().fail(name, 1, false, cuda::error_out_of_memory);
            uakv_view view;
            const uakv_status status = look_on_device(space, key, view);
            CHECK_MESSAGE(status < 0, name);
            check_says(name);
            await("it works again", [&] { return look_on_device(space, key, view) == UAKV_OK; });
            check_block(bytes_of(view.data, mebi), mebi, key);
            CHECK_STATUS(uakv_release_on_stream(&view, nullptr), UAKV_OK);
        }
        const fakecuda::Counts after = fake().counts();
        CHECK_EQ(after.handles, before.handles);
        CHECK_EQ(after.mappings, before.mappings);
        CHECK_EQ(after.reservations, before.reservations);
        CHECK_EQ(after.registrations, before.registrations);
        CHECK_EQ(after.contexts, before.contexts);
        fake().mend();
    }
}

// Without a context of the caller's, the primary one is retained, and let go at the end.
void no_context_of_the_callers() {
    const Daemon daemon(gpu_daemon());
    const uakv_key key = make_key("stored");
    driver();
    for (const char *name : {"cuDevicePrimaryCtxRetain", "cuCtxPushCurrent", ""}) {
        {
            const Client client(daemon);
            const Space space(client);
            uakv_slot slot;
            if (*name != 0) {
                fake().fail(name, 1, false, cuda::error_out_of_memory);
                CHECK_STATUS(uakv_reserve_cuda(space, &key, mebi, 0, nullptr, &slot), UAKV_ERR_NO_SPACE);
                check_says(name);
            }
            CHECK_STATUS(uakv_reserve_cuda(space, &key, mebi, 0, nullptr, &slot), UAKV_OK);
            CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
            cuda::Context current = nullptr;
            CHECK_EQ(driver().ctx_get_current(&current), cuda::success);
            CHECK(current == nullptr);
            CHECK_EQ(fake().counts().contexts, 1);
        }
        CHECK_EQ(fake().counts().contexts, 0);
        CHECK_EQ(fake().counts().mappings, 0);
        CHECK_EQ(fake().counts().reservations, 0);
    }
}

// The context is lost: the view and the slot have ended, nothing was published, and nothing leaks.
void lost_device() {
    const Daemon daemon(gpu_daemon());
    Child broken([&] {
        const Caller caller;
        const Client client(daemon);
        const Space space(client);
        const OwnStream stream;
        const uakv_key key = make_key("read"), other = make_key("written");
        store_on_device(space, key, mebi);
        uakv_view view;
        uakv_slot slot;
        CHECK_STATUS(look_on_device(space, key, view), UAKV_OK);
        CHECK_STATUS(uakv_reserve_cuda(space, &other, mebi, 0, nullptr, &slot), UAKV_OK);
        fake().break_device(0, cuda::error_illegal_address);
        CHECK_STATUS(uakv_release_on_stream(&view, stream), UAKV_ERR_GPU);
        check_says("uakv_release_on_stream: cu");
        CHECK_STATUS(uakv_release(&view), UAKV_ERR_INVALID);
        CHECK_STATUS(uakv_commit_on_stream(&slot, stream), UAKV_ERR_GPU);
        check_says("uakv_commit_on_stream: cu");
        CHECK_STATUS(uakv_abort(&slot), UAKV_ERR_INVALID);
        CHECK(!is_on_device(space, other));
    });
    broken.join();
}

} // namespace
} // namespace uakv::test

int main() {
    using namespace uakv::test;
    use_stand_in();
    constexpr Case cases[] = {
        {"arguments", in_child<arguments>},
        {"mixed up", in_child<mixed_up>},
        {"no driver", in_child<no_driver>},
        {"daemon without a gpu", in_child<daemon_without_a_gpu>},
        {"forked", in_child<forked>},
        {"each call failing", in_child<each_call_failing>},
        {"no context of the caller's", in_child<no_context_of_the_callers>},
        {"lost device", lost_device},
    };
    return run_cases("gpu.client_misuse", cases);
}
