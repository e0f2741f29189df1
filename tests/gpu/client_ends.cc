// How what a client has begun on a device ends: with its disconnect, its death, or its daemon's.
#include "gpu/gpu_daemon.h"
#include "support/keeper.h"

#include <thread>

namespace uakv::test {
namespace {

// All the room that there is, held by nobody.
void await_all_room(uakv_space *space, const std::string &name) {
    await("all slots can be had", [&] {
        std::vector<uakv_slot> slots;
        for (std::uint64_t i = 0; i < arena_blocks; ++i) {
            const uakv_key key = make_key(name, i);
            uakv_slot slot;
            if (uakv_reserve_cuda(space, &key, mebi, 0, nullptr, &slot) == UAKV_OK) {
                slots.push_back(slot);
            }
        }
        for (uakv_slot &slot : slots) {
            CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
        }
        return slots.size() == arena_blocks;
    });
}

// The commit of a process that was killed before its stream got there is never seen, and its slot comes back.
void killed_writer() {
    const Daemon daemon(gpu_daemon());
    const Stage stage;
    const uakv_key key = make_key("never");
    Child writer([&] {
        const Caller caller;
        const Client client(daemon);
        const Space space(client);
        const OwnStream stream;
        std::vector<std::uint8_t> source;
        fake().hold(stream);
        store_on_stream(space, key, mebi, stream, source);
        stage.reach(1);
        stage.await_stage(2);
    });
    stage.await_stage(1);
    writer.kill();
    run_child([&] {
        const Caller caller;
        const Client client(daemon);
        const Space space(client);
        CHECK(!is_on_device(space, key));
        await_all_room(space, "after");
        CHECK(!is_on_device(space, key));
    });
}

// A disconnect waits for what streams were told: the commit is seen, and nothing was unmapped under a stream.
void disconnect_waits() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client reader(daemon);
    const Space read(reader);
    const OwnStream stream;
    const uakv_key key = make_key("late"), viewed = make_key("viewed");
    std::vector<std::uint8_t> source;
    store_on_device(read, viewed, mebi);
    {
        const Client writer(daemon);
        Space written(writer);
        uakv_view view;
        CHECK_STATUS(look_on_device(written, viewed, view), UAKV_OK);
        fake().hold(stream);
        CHECK_STATUS(uakv_release_on_stream(&view, stream), UAKV_OK);
        store_on_stream(written, key, mebi, stream, source);
        CHECK(!is_on_device(read, key));
        written.forget();
        std::thread later([&] {
            const Caller own;
            while (fake().pending(stream) > 0) {
                fake().step(stream, 1);
            }
        });
        later.detach();
    }
    check_on_device(read, key, mebi);
}

// It does not wait for ever; what the stream may still use stays as it is.
void disconnect_gives_up() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const OwnStream stream;
    const uakv_key key = make_key("stuck");
    std::vector<std::uint8_t> source;
    const void *data = nullptr;
    {
        const Client writer(daemon, 0, 200);
        Space written(writer);
        fake().hold(stream);
        uakv_slot slot;
        CHECK_STATUS(uakv_reserve_cuda(written, &key, mebi, 0, nullptr, &slot), UAKV_OK);
        data = slot.data;
        enqueue_fill(slot, key, stream, source);
        CHECK_STATUS(uakv_commit_on_stream(&slot, stream), UAKV_OK);
        written.forget();
    }
    CHECK(fake().host_address(address_of(data), mebi) != nullptr);
    fake().let_go(stream);
    CHECK_EQ(driver().stream_synchronize(stream), cuda::success);
    check_block(bytes_of(data, mebi), mebi, key);
}

// ---- the daemon's death -----------------------------------------------------------------------------------

void await_attached(uakv_space *space, std::uint64_t &number) {
    await("something can be stored again", [&] {
        const uakv_key key = make_key("attached", number++);
        uakv_slot slot;
        return uakv_reserve_cuda(space, &key, mebi, 0, nullptr, &slot) == UAKV_OK && uakv_commit(&slot) == UAKV_OK;
    });
}

// A daemon that goes on with the memory: views and blocks are where they were, and what streams had been told counts.
void kept() {
    KeptDaemon daemon(gpu_daemon());
    const Caller caller;
    uakv_client *handle = nullptr;
    CHECK_STATUS(connect_to(daemon.socket_path(), 0, 0, &handle), UAKV_OK);
    uakv_client *other_handle = nullptr;
    CHECK_STATUS(connect_to(daemon.socket_path(), 0, 0, &other_handle), UAKV_OK);
    {
        const Space space(handle), other(other_handle);
        const OwnStream stream, held;
        const uakv_key kept_key = make_key("kept"), pending = make_key("pending"), open = make_key("open");
        store_on_device(space, kept_key, mebi);
        uakv_view view, released;
        CHECK_STATUS(look_on_device(space, kept_key, view), UAKV_OK);
        CHECK_STATUS(look_on_device(space, kept_key, released), UAKV_OK);
        const void *const address = view.data;
        std::vector<std::uint8_t> source, open_source;
        fake().hold(held);
        store_on_stream(space, pending, mebi, held, source);
        CHECK_STATUS(uakv_release_on_stream(&released, held), UAKV_OK);
        uakv_slot slot;
        CHECK_STATUS(uakv_reserve_cuda(space, &open, mebi, 0, nullptr, &slot), UAKV_OK);
        enqueue_fill(slot, open, held, open_source);

        daemon.restart();
        check_block(bytes_of(view.data, mebi), mebi, kept_key);
        std::uint64_t number = 0;
        await_attached(space, number);
        uakv_view again;
        CHECK_STATUS(look_on_device(space, kept_key, again), UAKV_OK);
        CHECK(again.data == address); // one mapping for both
        CHECK_STATUS(uakv_release_on_stream(&again, stream), UAKV_OK);
        CHECK_STATUS(uakv_commit_on_stream(&slot, held), UAKV_OK); // granted by the daemon before
        CHECK(!is_on_device(other, pending));
        for (std::uint64_t i = 0; i < 2 * arena_blocks; ++i) { // none of the three slots is given away
            store_on_device(other, make_key("pressure", i), mebi);
            check_block(bytes_of(view.data, mebi), mebi, kept_key);
        }
        fake().let_go(held);
        CHECK_EQ(driver().stream_synchronize(held), cuda::success);
        await("what was pending is seen", [&] {
            static_cast<void>(is_on_device(space, make_key("nobody's"))); // one of the next calls
            return is_on_device(other, pending) && is_on_device(other, open);
        });
        check_on_device(other, pending, mebi);
        check_on_device(other, open, mebi);
        CHECK_STATUS(uakv_release_on_stream(&view, stream), UAKV_OK); // on the session before
        await_all_room(other, "all");
    }
    uakv_disconnect(handle);
    uakv_disconnect(other_handle);
}

// One that begins anew: what is pending is dropped, and its memory kept until the stream is through.
void begun_anew() {
    Daemon daemon(gpu_daemon());
    const Caller caller;
    {
        const Client client(daemon);
        const Space space(client);
        const OwnStream held;
        const uakv_key key = make_key("dropped");
        std::vector<std::uint8_t> source;
        fake().hold(held);
        uakv_slot slot;
        CHECK_STATUS(uakv_reserve_cuda(space, &key, mebi, 0, nullptr, &slot), UAKV_OK);
        const void *const data = slot.data;
        enqueue_fill(slot, key, held, source);
        CHECK_STATUS(uakv_commit_on_stream(&slot, held), UAKV_OK);
        const std::uint64_t mappings = fake().counts().mappings;
        daemon.kill();
        daemon.start();
        std::uint64_t number = 0;
        await_attached(space, number);
        CHECK(fake().counts().mappings > mappings);
        fake().let_go(held);
        CHECK_EQ(driver().stream_synchronize(held), cuda::success);
        check_block(bytes_of(data, mebi), mebi, key);
        await("the memory of before is let go", [&] {
            static_cast<void>(is_on_device(space, make_key("nobody's")));
            return fake().host_address(address_of(data), mebi) == nullptr;
        });
        CHECK(!is_on_device(space, key));
    }
    CHECK_EQ(fake().counts().mappings, 0);
    CHECK_EQ(fake().counts().reservations, 0);
    CHECK_EQ(fake().counts().registrations, 0);
}

// With no daemon at all a slot is committed all the same, and nobody is kept waiting.
void no_daemon() {
    Daemon daemon(gpu_daemon());
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
    daemon.kill();
    check_on_device(space, key, mebi); // what is mapped is still found
    std::vector<std::uint8_t> source;
    enqueue_fill(slot, other, stream, source);
    CHECK_STATUS(uakv_commit_on_stream(&slot, stream), UAKV_OK);
    CHECK_STATUS(uakv_release_on_stream(&view, stream), UAKV_OK);
    CHECK_EQ(driver().stream_synchronize(stream), cuda::success);
    CHECK_STATUS(uakv_reserve_cuda(space, &other, mebi, 0, nullptr, &slot), UAKV_ERR_DISCONNECTED);
}

} // namespace
} // namespace uakv::test

int main() {
    using namespace uakv::test;
    use_stand_in();
    constexpr Case cases[] = {
        {"killed writer", killed_writer},
        {"disconnect waits", in_child<disconnect_waits>},
        {"disconnect gives up", in_child<disconnect_gives_up>},
        {"kept", in_child<kept>},
        {"begun anew", in_child<begun_anew>},
        {"no daemon", in_child<no_daemon>},
    };
    return run_cases("gpu.client_ends", cases);
}
