// The asynchronous calls: each does what its twin does, and its completion comes once.
#include "support/async.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <map>
#include <vector>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 20'000;

void store_and_retrieve() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    constexpr size_t count = 500;
    const std::vector<uakv_key> keys = make_keys("many", count);
    std::vector<std::vector<uint8_t>> blocks;
    blocks.reserve(count);
    for (const uakv_key &key : keys) {
        blocks.push_back(make_block(block_bytes, key));
    }
    std::map<uint64_t, uakv_status> stored;
    Polled polled(client);
    for (size_t i = 0; i < count; ++i) {
        while (polled.in_flight() >= 64) {
            polled.take(stored);
        }
        polled.submitted(uakv_store_submit(space, &keys[i], blocks[i].data(), block_bytes, nullptr, i));
    }
    polled.take_all(stored);
    CHECK_EQ(stored.size(), count);
    for (const auto &[number, status] : stored) {
        CHECK_STATUS(status, UAKV_OK);
    }
    for (size_t i = 0; i < count; ++i) {
        check_stored(space, keys[i], block_bytes);
        polled.submitted(uakv_retrieve_submit(space, &keys[i], nullptr, i));
        const uakv_completion found = polled.next(UAKV_CALL_RETRIEVE, i);
        CHECK_STATUS(found.status, UAKV_OK);
        uakv_view view = found.result.view;
        CHECK_EQ(view.nbytes, block_bytes);
        check_block(view.data, view.nbytes, keys[i]);
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
}

void in_place() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    Polled polled(client);
    const uakv_key key = make_key("in place");
    polled.submitted(uakv_reserve_submit(space, &key, block_bytes, nullptr, 7));
    uakv_slot slot = polled.next(UAKV_CALL_RESERVE, 7).result.slot;
    fill_block(slot.data, slot.nbytes, key);
    CHECK(!contains(space, key));
    polled.submitted(uakv_commit_submit(&slot, 8));
    CHECK_STATUS(polled.next(UAKV_CALL_COMMIT, 8).status, UAKV_OK);
    check_stored(space, key, block_bytes);
    CHECK_STATUS(uakv_commit_submit(&slot, 9), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_abort(&slot), UAKV_ERR_INVALID);
    polled.submitted(uakv_reserve_submit(space, &key, block_bytes, nullptr, 10));
    CHECK_STATUS(polled.next(UAKV_CALL_RESERVE, 10).status, UAKV_EXISTS);
}

void many_at_once() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    Polled polled(client);
    constexpr size_t count = 100;
    const std::vector<uakv_key> keys = make_keys("batch", count);
    std::vector<std::vector<uint8_t>> blocks;
    std::vector<const void *> data;
    blocks.reserve(count);
    data.reserve(count);
    for (const uakv_key &key : keys) {
        blocks.push_back(make_block(block_bytes, key));
        data.push_back(blocks.back().data());
    }
    const std::vector<size_t> lengths(count, block_bytes);
    std::vector<uakv_status> each(count, UAKV_ERR_INTERNAL);
    CHECK_STATUS(store_block(space, keys[3], block_bytes), UAKV_OK);
    polled.submitted(uakv_store_many_submit(space, keys.data(), data.data(), lengths.data(), count, each.data(), 1));
    const uakv_completion stored = polled.next(UAKV_CALL_STORE_MANY, 1);
    CHECK_STATUS(stored.status, UAKV_OK);
    CHECK_EQ(stored.result.count, count);
    for (size_t i = 0; i < count; ++i) {
        CHECK_STATUS(each[i], i == 3 ? UAKV_EXISTS : UAKV_OK);
        check_stored(space, keys[i], block_bytes);
    }
    std::vector<uakv_view> views(count);
    CHECK_STATUS(uakv_remove(space, &keys[5], 1, nullptr), UAKV_OK);
    polled.submitted(uakv_retrieve_many_submit(space, keys.data(), count, views.data(), each.data(), 2));
    const uakv_completion found = polled.next(UAKV_CALL_RETRIEVE_MANY, 2);
    CHECK_STATUS(found.status, UAKV_MISS);
    CHECK_EQ(found.result.count, count - 1);
    for (size_t i = 0; i < count; ++i) {
        CHECK_STATUS(each[i], i == 5 ? UAKV_MISS : UAKV_OK);
        if (i != 5) {
            check_block(views[i].data, views[i].nbytes, keys[i]);
            CHECK_STATUS(uakv_release(&views[i]), UAKV_OK);
        }
    }
    polled.submitted(uakv_pin_submit(space, keys.data(), count, 60'000, 3));
    const uakv_completion pinned = polled.next(UAKV_CALL_PIN, 3);
    CHECK_STATUS(pinned.status, UAKV_MISS);
    CHECK_EQ(pinned.result.count, count - 1);
    polled.submitted(uakv_remove_submit(space, keys.data(), 50, 4));
    const uakv_completion removed = polled.next(UAKV_CALL_REMOVE, 4);
    CHECK_STATUS(removed.status, UAKV_OK);
    CHECK_EQ(removed.result.count, 49);
    CHECK_EQ(count_present(space, keys.data(), count), 50);
    polled.submitted(uakv_clear_submit(space, 5));
    CHECK_STATUS(polled.next(UAKV_CALL_CLEAR, 5).status, UAKV_OK);
    CHECK_EQ(count_present(space, keys.data(), count), 0);
    polled.submitted(uakv_store_many_submit(space, nullptr, nullptr, nullptr, 0, nullptr, 6));
    CHECK_STATUS(polled.next(UAKV_CALL_STORE_MANY, 6).status, UAKV_OK);
}

void copies_and_statistics() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    Polled polled(client);
    const uakv_key key = make_key("copied");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    std::vector<uint8_t> copy(block_bytes);
    polled.submitted(uakv_retrieve_into_submit(space, &key, copy.data(), copy.size(), nullptr, 1));
    const uakv_completion copied = polled.next(UAKV_CALL_RETRIEVE_INTO, 1);
    CHECK_STATUS(copied.status, UAKV_OK);
    CHECK_EQ(copied.result.count, block_bytes);
    check_block(copy.data(), block_bytes, key);
    polled.submitted(uakv_retrieve_into_submit(space, &key, copy.data(), 10, nullptr, 2));
    const uakv_completion large = polled.next(UAKV_CALL_RETRIEVE_INTO, 2);
    CHECK_STATUS(large.status, UAKV_ERR_TOO_LARGE);
    CHECK_EQ(large.result.count, block_bytes);
    uakv_statistics statistics = {};
    statistics.struct_size = sizeof statistics;
    polled.submitted(uakv_stats_submit(client, &statistics, 3));
    CHECK_STATUS(polled.next(UAKV_CALL_STATS, 3).status, UAKV_OK);
    CHECK_EQ(statistics.blocks, 1);
    CHECK_EQ(statistics.hits, 2);
}

// What is wrong at once is said at once, and no completion comes; what the daemon would say comes as completion.
void refusals() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    Polled polled(client);
    const uakv_key key = make_key("refused");
    const std::vector<uint8_t> block = make_block(block_bytes, key);
    CHECK_STATUS(uakv_store_submit(space, &key, nullptr, block_bytes, nullptr, 1), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_store_submit(space, nullptr, block.data(), block_bytes, nullptr, 1), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_store_submit(nullptr, &key, block.data(), block_bytes, nullptr, 1), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_reserve_submit(space, &key, 0, nullptr, 1), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_commit_submit(nullptr, 1), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_remove_submit(space, nullptr, 1, 1), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_stats_submit(client, nullptr, 1), UAKV_ERR_INVALID);
    uakv_completion completion;
    CHECK_EQ(uakv_poll(client, &completion, 1, 0), 0);
    CHECK_EQ(uakv_poll(client, nullptr, 1, 0), 0);
    CHECK_EQ(uakv_poll(nullptr, &completion, 1, 0), 0);
    CHECK_EQ(uakv_event_fd(nullptr), -1);

    Client reader(daemon, UAKV_READ_ONLY);
    Space read(reader);
    Polled of_reader(reader);
    of_reader.submitted(uakv_store_submit(read, &key, block.data(), block_bytes, nullptr, 2));
    CHECK_STATUS(of_reader.next(UAKV_CALL_STORE, 2).status, UAKV_ERR_DENIED);
    of_reader.submitted(uakv_retrieve_submit(read, &key, nullptr, 3));
    CHECK_STATUS(of_reader.next(UAKV_CALL_RETRIEVE, 3).status, UAKV_MISS);
    of_reader.submitted(uakv_clear_submit(read, 4));
    CHECK_STATUS(of_reader.next(UAKV_CALL_CLEAR, 4).status, UAKV_ERR_DENIED);
}

void in_a_child() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    CHECK(uakv_event_fd(client) >= 0);
    run_child([&] {
        const uakv_key key = make_key("child");
        uakv_completion completion;
        CHECK_STATUS(uakv_store_submit(space, &key, "x", 1, nullptr, 1), UAKV_ERR_FORKED);
        CHECK_EQ(uakv_event_fd(client), -1);
        CHECK_EQ(uakv_poll(client, &completion, 1, 0), 0);
    });
}

constexpr Case cases[] = {
    {"store_and_retrieve", store_and_retrieve},       {"in_place", in_place}, {"many_at_once", many_at_once},
    {"copies_and_statistics", copies_and_statistics}, {"refusals", refusals}, {"in_a_child", in_a_child},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("async", uakv::test::cases);
}
