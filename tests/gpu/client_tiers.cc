// Blocks that go from a device to the host's memory and come back, as clients see it: through a whole daemon, against
// the stand-in driver.
#include "clientlib/dlpack/dlpack_abi.h"
#include "gpu/gpu_daemon.h"

#include <uakv_dlpack.h>

namespace uakv::test {
namespace {

constexpr std::size_t n = 20'000;

// Brought there, and complete.
void check_brought(uakv_space *space, const uakv_key &key, std::size_t length) {
    uakv_view view;
    CHECK_STATUS(uakv_retrieve_cuda(space, &key, 0, nullptr, &view), UAKV_OK);
    CHECK_EQ(view.tier, UAKV_TIER_GPU);
    CHECK_EQ(view.nbytes, length);
    check_block(bytes_of(view.data, length), length, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

bool is_in_host(uakv_space *space, const uakv_key &key) {
    std::uint8_t tiers = 0;
    CHECK_STATUS(uakv_contains(space, &key, 1, &tiers), UAKV_OK);
    return (tiers & UAKV_TIER_HOST) != 0;
}

void comes_up_when_it_is_wanted() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    const uakv_key key = make_key("wanted"), nowhere = make_key("nowhere");
    CHECK_STATUS(store_block(space, key, n), UAKV_OK);
    CHECK(!is_on_device(space, key));
    check_brought(space, key, n);
    CHECK(is_on_device(space, key));
    check_stored(space, key, n);
    uakv_view view;
    CHECK_STATUS(uakv_retrieve_cuda(space, &nowhere, 0, nullptr, &view), UAKV_MISS);
}

void comes_up_as_a_hint() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    const uakv_key keys[] = {make_key("first"), make_key("second"), make_key("nowhere")};
    CHECK_STATUS(store_block(space, keys[0], n), UAKV_OK);
    CHECK_STATUS(store_block(space, keys[1], n), UAKV_OK);
    CHECK_STATUS(uakv_prefetch_cuda(space, keys, 3, 0), UAKV_OK);
    await_on_device(space, keys[0]);
    await_on_device(space, keys[1]);
    check_on_device(space, keys[1], n);
    CHECK(!is_on_device(space, keys[2]));
}

// More than the device holds: all of it is found in the host's memory, and again on the device.
void goes_down_and_comes_back() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    constexpr std::uint64_t blocks = 2 * arena_blocks;
    for (std::uint64_t i = 0; i < blocks; ++i) {
        const uakv_key key = make_key("block", i);
        store_on_device(space, key, mebi);
        await("it is in the host's memory, too", [&] { return is_in_host(space, key); });
        check_stored(space, key, mebi);
    }
    std::uint64_t left = 0;
    for (std::uint64_t i = 0; i < blocks; ++i) {
        left += is_on_device(space, make_key("block", i)) ? 0U : 1U;
    }
    CHECK(left >= blocks - arena_blocks);
    for (std::uint64_t i = 0; i < blocks; ++i) {
        check_brought(space, make_key("block", i), mebi);
    }
}

// Whichever side it is removed on.
void removed_is_gone_everywhere() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    const uakv_key key = make_key("removed");
    store_on_device(space, key, n);
    await("it is in the host's memory, too", [&] { return is_in_host(space, key); });
    std::size_t removed = 0;
    CHECK_STATUS(uakv_remove(space, &key, 1, &removed), UAKV_OK);
    CHECK_EQ(removed, 1);
    CHECK(!is_on_device(space, key));
    CHECK(!is_in_host(space, key));
    uakv_view view;
    CHECK_STATUS(uakv_retrieve_cuda(space, &key, 0, nullptr, &view), UAKV_MISS);

    CHECK_STATUS(store_block(space, key, n), UAKV_OK);
    check_brought(space, key, n);
    CHECK_STATUS(uakv_clear(space), UAKV_OK);
    CHECK(!is_on_device(space, key));
    CHECK(!is_in_host(space, key));
}

// The view behind a tensor ends when the stream has come to where the deleter was called.
void as_a_tensor() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    const OwnStream stream;
    const uakv_key key = make_key("tensor"), nowhere = make_key("nowhere");
    store_on_device(space, key, mebi);
    DLManagedTensorVersioned *tensor = nullptr;
    CHECK_STATUS(uakv_retrieve_dlpack_cuda(space, &nowhere, 0, nullptr, stream, &tensor), UAKV_MISS);
    CHECK_STATUS(uakv_retrieve_dlpack_cuda(space, &key, 0, nullptr, stream, &tensor), UAKV_OK);
    CHECK_EQ(tensor->dl_tensor.device.device_type, dlpack::device_cuda);
    CHECK_EQ(tensor->dl_tensor.device.device_id, 0);
    CHECK_EQ(tensor->flags & dlpack::flag_read_only, dlpack::flag_read_only);
    CHECK_EQ(tensor->dl_tensor.shape[0], mebi);
    const std::uint8_t *bytes = bytes_of(tensor->dl_tensor.data, mebi);
    check_block(bytes, mebi, key);
    fake().hold(stream);
    tensor->deleter(tensor);
    for (std::uint64_t i = 0; i < 2 * arena_blocks; ++i) {
        store_on_device(space, make_key("pressure", i), mebi);
        check_block(bytes, mebi, key);
    }
    fake().step(stream, 1);
    std::uint64_t more = 0;
    await("the slot is used again", [&] {
        store_on_device(space, make_key("after", more++), mebi);
        return find_difference(bytes, mebi, key) < mebi;
    });
}

// Its writer dies; what it stored from the device another process finds in memory and on the device.
void outlives_its_writer() {
    const Daemon daemon(gpu_daemon());
    const uakv_key key = make_key("left");
    run_child([&] {
        const Caller caller;
        const Client client(daemon);
        const Space space(client);
        store_on_device(space, key, n);
    });
    run_child([&] {
        const Caller caller;
        const Client client(daemon);
        const Space space(client);
        check_brought(space, key, n);
        await("it is in the host's memory, too", [&] { return is_in_host(space, key); });
        check_stored(space, key, n);
    });
}

} // namespace
} // namespace uakv::test

int main() {
    using namespace uakv::test;
    use_stand_in();
    constexpr Case cases[] = {
        {"comes up when it is wanted", in_child<comes_up_when_it_is_wanted>},
        {"comes up as a hint", in_child<comes_up_as_a_hint>},
        {"goes down and comes back", in_child<goes_down_and_comes_back>},
        {"removed is gone everywhere", in_child<removed_is_gone_everywhere>},
        {"as a tensor", in_child<as_a_tensor>},
        {"outlives its writer", outlives_its_writer},
    };
    return run_cases("gpu.client_tiers", cases);
}
