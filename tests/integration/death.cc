// A process that dies leaves nothing behind but the blocks that it committed.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"

#include <atomic>

#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 20000;
constexpr size_t count = 50;

void check_as_before(const Client &checker, const Daemon &daemon, const uakv_statistics &before, size_t descriptors) {
    await_equal("clients", before.clients, [&] { return checker.statistics().clients; });
    await_equal("slots_granted", before.slots_granted, [&] { return checker.statistics().slots_granted; });
    await_equal("slots_limbo", before.slots_limbo, [&] { return checker.statistics().slots_limbo; });
    await_equal("leases", before.leases, [&] { return checker.statistics().leases; });
    await_equal("descriptors of the daemon", descriptors, [&] { return descriptor_count(daemon.pid()); });
}

// Commits `count` blocks, holds views on them and as many open slots, and says so.
void hold_much(const Daemon &daemon, std::atomic<bool> &holding) {
    Client client(daemon);
    Space space(client);
    const auto keys = make_keys("committed", count);
    const auto open_keys = make_keys("open", count);
    std::vector<uakv_view> views(count);
    std::vector<uakv_slot> slots(count);
    for (size_t i = 0; i < count; ++i) {
        CHECK_STATUS(store_block(space, keys[i], block_bytes), UAKV_OK);
        CHECK_STATUS(uakv_retrieve(space, &keys[i], nullptr, &views[i]), UAKV_OK);
        CHECK_STATUS(uakv_reserve(space, &open_keys[i], block_bytes, nullptr, &slots[i]), UAKV_OK);
        fill_block(slots[i].data, block_bytes / 2, open_keys[i]);
    }
    holding.store(true);
    for (;;) {
        pause();
    }
}

void killed() {
    Daemon daemon;
    Client checker(daemon);
    checker.await_populated();
    Space space(checker);
    CHECK_STATUS(store_block(space, make_key("first"), block_bytes), UAKV_OK);
    const uakv_statistics before = checker.statistics();
    const size_t descriptors = descriptor_count(daemon.pid());

    Shared<std::atomic<bool>> holding;
    Child child([&] { hold_much(daemon, *holding); });
    child.await("the child holds its slots and views", [&] { return holding->load(); });
    const uakv_statistics during = checker.statistics();
    CHECK_EQ(during.clients, before.clients + 1);
    CHECK_EQ(during.leases, before.leases + count);
    CHECK(during.slots_granted >= before.slots_granted + count);
    CHECK(descriptor_count(daemon.pid()) > descriptors);
    child.kill();

    check_as_before(checker, daemon, before, descriptors);
    for (const uakv_key &key : make_keys("committed", count)) {
        check_stored(space, key, block_bytes);
    }
    CHECK_EQ(count_present(space, make_keys("open", count).data(), count), 0);
}

// As killed, but the blocks were removed while the child was reading them: limbo empties too.
void killed_with_removed_blocks() {
    Daemon daemon;
    Client checker(daemon);
    checker.await_populated();
    Space space(checker);
    const uakv_statistics before = checker.statistics();
    const size_t descriptors = descriptor_count(daemon.pid());
    Shared<std::atomic<bool>> holding;
    Child child([&] { hold_much(daemon, *holding); });
    child.await("the child holds its slots and views", [&] { return holding->load(); });
    const auto keys = make_keys("committed", count);
    CHECK_STATUS(uakv_remove(space, keys.data(), count, nullptr), UAKV_OK);
    await_equal("slots_limbo", count, [&] { return checker.statistics().slots_limbo; });
    child.kill();
    check_as_before(checker, daemon, before, descriptors);
    CHECK_EQ(checker.statistics().blocks, 0);
}

// exit() without disconnect is a death like any other.
void exits_without_a_word() {
    Daemon daemon;
    Client checker(daemon);
    checker.await_populated();
    const uakv_statistics before = checker.statistics();
    const size_t descriptors = descriptor_count(daemon.pid());
    run_child([&] {
        uakv_client *client = nullptr;
        CHECK_STATUS(connect_to(daemon.socket_path(), 0, 0, &client), UAKV_OK);
        Space space(client);
        const uakv_key key = make_key("open");
        uakv_slot slot;
        CHECK_STATUS(uakv_reserve(space, &key, block_bytes, nullptr, &slot), UAKV_OK);
    });
    check_as_before(checker, daemon, before, descriptors);
}

// An orderly disconnect with everything still open.
void disconnected() {
    Daemon daemon;
    Client checker(daemon);
    checker.await_populated();
    const uakv_statistics before = checker.statistics();
    const size_t descriptors = descriptor_count(daemon.pid());
    run_child([&] {
        Client client(daemon);
        Space space(client);
        const uakv_key key = make_key("stored"), open_key = make_key("open");
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        uakv_view view;
        uakv_slot slot;
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
        CHECK_STATUS(uakv_reserve(space, &open_key, block_bytes, nullptr, &slot), UAKV_OK);
        space.forget();
        client.disconnect();
        CHECK_STATUS(uakv_release(&view), UAKV_ERR_INVALID);
        CHECK_STATUS(uakv_commit(&slot), UAKV_ERR_INVALID);
        CHECK_STATUS(uakv_abort(&slot), UAKV_ERR_INVALID);
    });
    check_as_before(checker, daemon, before, descriptors);
}

// Many deaths in turn: the space that they held is there for the next.
void killed_again_and_again() {
    DaemonOptions options;
    options.memory = "16MiB";
    Daemon daemon(options);
    Client checker(daemon);
    checker.await_populated();
    const uakv_statistics before = checker.statistics();
    const size_t descriptors = descriptor_count(daemon.pid());
    for (int round = 0; round < 20; ++round) {
        Shared<std::atomic<bool>> holding;
        Child child([&] {
            Client client(daemon);
            Space space(client);
            const auto keys = make_keys("round", 6);
            uakv_slot slots[6];
            for (size_t i = 0; i < 6; ++i) { // 6 of the 16 MiB at least
                CHECK_STATUS(uakv_reserve(space, &keys[i], 1 << 20, nullptr, &slots[i]), UAKV_OK);
            }
            holding->store(true);
            for (;;) {
                pause();
            }
        });
        child.await("the child holds its slots", [&] { return holding->load(); });
        child.kill();
        await_equal("slots_granted", before.slots_granted, [&] { return checker.statistics().slots_granted; });
    }
    check_as_before(checker, daemon, before, descriptors);
}

constexpr Case cases[] = {
    {"killed", killed},
    {"killed_with_removed_blocks", killed_with_removed_blocks},
    {"exits_without_a_word", exits_without_a_word},
    {"disconnected", disconnected},
    {"killed_again_and_again", killed_again_and_again},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("death", uakv::test::cases);
}
