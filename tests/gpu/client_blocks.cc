// Blocks on a device, through real daemons and processes: what is stored is found, when its stream has got there and
// not before; what is read stays until its stream is through.
#include "gpu/gpu_daemon.h"

#include <algorithm>
#include <set>
#include <thread>

namespace uakv::test {
namespace {

// One process writes, another one reads, each at its own address.
void between_processes() {
    const Daemon daemon(gpu_daemon());
    const Stage stage;
    const uakv_key ordered = make_key("ordered"), waited = make_key("waited");
    Child writer([&] {
        const Caller caller;
        const Client client(daemon);
        const Space space(client);
        const OwnStream stream;
        std::vector<std::uint8_t> source;
        store_on_stream(space, ordered, mebi, stream, source);
        store_on_device(space, waited, mebi / 2);
        await_on_device(space, ordered);
        stage.reach(1);
        stage.await_stage(2);
    });
    Child reader([&] {
        stage.await_stage(1);
        const Caller caller;
        const Client client(daemon, UAKV_READ_ONLY);
        const Space space(client);
        check_on_device(space, ordered, mebi);
        check_on_device(space, waited, mebi / 2);
        CHECK(!is_on_device(space, make_key("nobody's")));
        stage.reach(2);
    });
    reader.join();
    writer.join();
}

void not_before_its_stream() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client writer(daemon), reader(daemon);
    const Space written(writer), space(reader);
    const OwnStream stream;
    const uakv_key key = make_key("later");
    std::vector<std::uint8_t> source;
    fake().hold(stream);
    store_on_stream(written, key, mebi, stream, source);
    CHECK(!is_on_device(space, key));
    store_on_device(written, make_key("another"), mebi); // the daemon has taken the commit: it came before
    await_on_device(space, make_key("another"));
    CHECK(!is_on_device(space, key));
    CHECK_EQ(fake().step(stream, 1), 1); // the bytes
    store_on_device(written, make_key("one more"), mebi);
    CHECK(!is_on_device(space, key));
    CHECK_EQ(fake().step(stream, 1), 1); // the mark
    await_on_device(space, key);
    check_on_device(space, key, mebi);
}

// What a held stream still reads is not given to anybody, however little room there is.
void kept_for_its_stream() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client reader(daemon), writer(daemon);
    const Space space(reader), written(writer);
    const OwnStream stream;
    const uakv_key key = make_key("read");
    store_on_device(written, key, mebi);
    uakv_view view;
    CHECK_STATUS(look_on_device(space, key, view), UAKV_OK);
    const std::uint8_t *bytes = bytes_of(view.data, mebi);
    fake().hold(stream);
    CHECK_STATUS(uakv_release_on_stream(&view, stream), UAKV_OK);
    CHECK_STATUS(uakv_release_on_stream(&view, stream), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_release(&view), UAKV_ERR_INVALID);
    for (std::uint64_t i = 0; i < 3 * arena_blocks; ++i) {
        store_on_device(written, make_key("pressure", i), mebi);
        check_block(bytes, mebi, key);
    }
    CHECK_EQ(fake().step(stream, 1), 1);
    std::uint64_t more = 0;
    await("the slot is used again", [&] {
        store_on_device(written, make_key("after", more++), mebi);
        return find_difference(bytes, mebi, key) < mebi;
    });
}

// The daemon itself sees that a stream has got there, though the client does not come back.
void let_go_without_a_call() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client reader(daemon), writer(daemon);
    const Space space(reader), written(writer);
    const OwnStream stream;
    for (std::uint64_t i = 0; i < arena_blocks; ++i) {
        store_on_device(written, make_key("viewed", i), mebi);
        uakv_view view;
        CHECK_STATUS(look_on_device(space, make_key("viewed", i), view), UAKV_OK);
        CHECK_STATUS(uakv_release_on_stream(&view, stream), UAKV_OK);
    }
    CHECK_EQ(driver().stream_synchronize(stream), cuda::success);
    for (std::uint64_t i = 0; i < 2 * arena_blocks; ++i) {
        store_on_device(written, make_key("next", i), mebi);
    }
}

// As other views and slots, once the caller has waited for his stream.
void ended_as_others() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    const uakv_key key = make_key("plain");
    uakv_slot slot, copy;
    CHECK_STATUS(uakv_reserve_cuda(space, &key, mebi, 0, nullptr, &slot), UAKV_OK);
    copy = slot;
    CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
    CHECK_STATUS(uakv_commit(&copy), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_commit_on_stream(&copy, nullptr), UAKV_ERR_INVALID);
    CHECK(!is_on_device(space, key));
    store_on_device(space, key, mebi);
    CHECK_STATUS(uakv_reserve_cuda(space, &key, mebi, 0, nullptr, &slot), UAKV_EXISTS);
    check_on_device(space, key, mebi);
    uakv_view view;
    CHECK_STATUS(look_on_device(space, key, view), UAKV_OK);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    CHECK_STATUS(uakv_release_on_stream(&view, nullptr), UAKV_ERR_INVALID);
}

// A call on a stream that is captured does nothing, and the view or slot goes on.
void captured() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    const OwnStream stream;
    const uakv_key key = make_key("graph");
    uakv_slot slot;
    CHECK_STATUS(uakv_reserve_cuda(space, &key, mebi, 0, nullptr, &slot), UAKV_OK);
    std::vector<std::uint8_t> source;
    enqueue_fill(slot, key, stream, source);
    fake().set_capture(stream, cuda::capture_active);
    CHECK_STATUS(uakv_commit_on_stream(&slot, stream), UAKV_ERR_UNSUPPORTED);
    CHECK(last_error().find("captured") != std::string::npos);
    fake().set_capture(stream, cuda::capture_none);
    CHECK_STATUS(uakv_commit_on_stream(&slot, stream), UAKV_OK);
    CHECK_STATUS(uakv_commit_on_stream(&slot, stream), UAKV_ERR_INVALID);
    await_on_device(space, key);
    uakv_view view;
    CHECK_STATUS(look_on_device(space, key, view), UAKV_OK);
    fake().set_capture(stream, cuda::capture_active);
    CHECK_STATUS(uakv_release_on_stream(&view, stream), UAKV_ERR_UNSUPPORTED);
    CHECK_EQ(fake().captured(stream), 0);
    fake().set_capture(stream, cuda::capture_none);
    check_block(bytes_of(view.data, mebi), mebi, key);
    CHECK_STATUS(uakv_release_on_stream(&view, stream), UAKV_OK);
}

// Without memops and without functions on the host, the calls wait for the stream: never wrong, only later.
void by_waiting() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    const OwnStream stream;
    fake().fail("cuStreamWriteValue64", 1, true, cuda::error_not_supported);
    for (const bool host_functions : {true, false}) {
        if (!host_functions) {
            fake().fail("cuLaunchHostFunc", 1, true, cuda::error_not_supported);
        }
        for (std::uint64_t i = 0; i < 2 * arena_blocks; ++i) {
            const uakv_key key = make_key(host_functions ? "host function" : "synchronised", i);
            std::vector<std::uint8_t> source;
            store_on_stream(space, key, mebi, stream, source);
            await_on_device(space, key);
            uakv_view view;
            CHECK_STATUS(look_on_device(space, key, view), UAKV_OK);
            check_block(bytes_of(view.data, mebi), mebi, key);
            CHECK_STATUS(uakv_release_on_stream(&view, stream), UAKV_OK);
        }
    }
}

// As many commits as may wait for streams; the next one waits for them.
void many_commits() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon, 0, 500);
    const Space space(client);
    const OwnStream stream;
    constexpr std::size_t most = 192, bytes = 4096;
    std::vector<std::vector<std::uint8_t>> sources(most + 1);
    fake().hold(stream);
    for (std::size_t i = 0; i < most; ++i) {
        store_on_stream(space, make_key("many", i), bytes, stream, sources[i]);
    }
    const uakv_key last = make_key("many", most);
    uakv_slot slot;
    CHECK_STATUS(uakv_reserve_cuda(space, &last, bytes, 0, nullptr, &slot), UAKV_OK);
    enqueue_fill(slot, last, stream, sources[most]);
    CHECK_STATUS(uakv_commit_on_stream(&slot, stream), UAKV_ERR_BUSY);
    fake().let_go(stream);
    CHECK_STATUS(uakv_commit_on_stream(&slot, stream), UAKV_OK);
    for (std::size_t i = 0; i <= most; ++i) {
        await_on_device(space, make_key("many", i));
        check_on_device(space, make_key("many", i), bytes);
    }
}

// More views than words, were those not given back whose streams have got there.
void many_views() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    const OwnStream first, second;
    const uakv_key key = make_key("hot");
    store_on_device(space, key, mebi);
    for (int i = 0; i < 50'000; ++i) {
        uakv_view view;
        CHECK_STATUS(look_on_device(space, key, view), UAKV_OK);
        CHECK_STATUS(uakv_release_on_stream(&view, i % 2 == 0 ? first : second), UAKV_OK);
        if (i % 8'000 == 0) {
            CHECK_EQ(driver().stream_synchronize(first), cuda::success);
            CHECK_EQ(driver().stream_synchronize(second), cuda::success);
        }
    }
}

// A thread for each of several streams, all over the same blocks, with eviction under them.
void threads() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    constexpr std::size_t bytes = 256 << 10, keys = 100;
    std::atomic<std::uint64_t> hits{0};
    const auto work = [&](std::uint64_t seed) {
        const Caller own;
        const OwnStream stream;
        Random random(seed);
        std::vector<std::vector<std::uint8_t>> sources(50);
        for (auto &source : sources) {
            const uakv_key key = make_key("shared", random.below(keys));
            uakv_view view;
            if (look_on_device(space, key, view) == UAKV_OK) {
                check_block(bytes_of(view.data, bytes), bytes, key);
                CHECK_STATUS(uakv_release_on_stream(&view, stream), UAKV_OK);
                ++hits;
                continue;
            }
            uakv_slot slot;
            const uakv_status status = uakv_reserve_cuda(space, &key, bytes, 0, nullptr, &slot);
            CHECK(status == UAKV_OK || status == UAKV_EXISTS);
            if (status == UAKV_OK) {
                enqueue_fill(slot, key, stream, source);
                CHECK_STATUS(uakv_commit_on_stream(&slot, stream), UAKV_OK);
            }
        }
        CHECK_EQ(driver().stream_synchronize(stream), cuda::success); // the sources go
    };
    std::vector<std::exception_ptr> failures(4);
    std::vector<std::thread> all;
    for (std::size_t i = 0; i < failures.size(); ++i) {
        all.emplace_back([&, i] {
            try {
                work(i + 1);
            } catch (...) {
                failures[i] = std::current_exception();
            }
        });
    }
    for (std::thread &thread : all) {
        thread.join();
    }
    for (const std::exception_ptr &failure : failures) {
        if (failure) {
            std::rethrow_exception(failure);
        }
    }
    CHECK(hits > 0);
}

// Nothing of it is the host's: there it is not stored, and the other way round.
void apart_from_the_host() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    const uakv_key below = make_key("below");
    CHECK_STATUS(store_block(space, below, 20'000), UAKV_OK);
    CHECK(!is_on_device(space, below));
    check_stored(space, below, 20'000);
    CHECK_STATUS(uakv_prefetch_cuda(space, &below, 1, 0), UAKV_OK);
    CHECK_STATUS(uakv_prefetch_cuda(space, nullptr, 0, 0), UAKV_OK);
}

} // namespace
} // namespace uakv::test

int main() {
    using namespace uakv::test;
    use_stand_in();
    constexpr Case cases[] = {
        {"between processes", between_processes},
        {"not before its stream", in_child<not_before_its_stream>},
        {"kept for its stream", in_child<kept_for_its_stream>},
        {"let go without a call", in_child<let_go_without_a_call>},
        {"ended as others", in_child<ended_as_others>},
        {"captured", in_child<captured>},
        {"by waiting", in_child<by_waiting>},
        {"many commits", in_child<many_commits>},
        {"many views", in_child<many_views>},
        {"threads", in_child<threads>},
        {"apart from the host", in_child<apart_from_the_host>},
    };
    return run_cases("gpu.client_blocks", cases);
}
