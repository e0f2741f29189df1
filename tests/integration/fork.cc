// fork(): the child has to connect for itself, and nothing that it does touches the connection of its parent.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <sys/mman.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 10'000;

bool is_mapped(const void *address) {
    const uintptr_t page = reinterpret_cast<uintptr_t>(address) & ~uintptr_t{4095};
    return msync(reinterpret_cast<void *>(page), 4096, MS_ASYNC) == 0;
}

// What the parent holds while its child tries everything.
struct Parent {
    Daemon daemon;
    Client client{daemon};
    Space space{client};
    uakv_key key = make_key("key"), next = make_key("next");
    uakv_view view = {};
    uakv_slot slot = {};

    Parent() {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
        CHECK_STATUS(uakv_reserve(space, &next, block_bytes, nullptr, &slot), UAKV_OK);
    }

    void check_alive() {
        check_block(view.data, view.nbytes, key);
        CHECK_EQ(client.statistics().leases, 1);
        CHECK_EQ(client.statistics().clients, 1);
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
        fill_block(slot.data, block_bytes, next);
        CHECK_STATUS(uakv_commit(&slot), UAKV_OK);
        check_stored(space, next, block_bytes);
    }
};

void every_call_in_the_child() {
    Parent parent;
    run_child([&] {
        uakv_space *const space = parent.space;
        uakv_view view;
        uakv_slot slot;
        uakv_space *opened = nullptr;
        size_t number = 0;
        uint8_t data[10] = {}, tier = 0;
        const void *pointer = data;
        const size_t length = sizeof data;
        uakv_statistics statistics = {};
        statistics.struct_size = sizeof statistics;
        CHECK_STATUS(uakv_space_open(parent.client, "x", nullptr, &opened), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_store(space, &parent.next, data, 10, nullptr), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_reserve(space, &parent.next, 10, nullptr, &slot), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_commit(&parent.slot), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_abort(&parent.slot), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_store_many(space, &parent.next, &pointer, &length, 1, nullptr), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_retrieve(space, &parent.key, nullptr, &view), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_retrieve_into(space, &parent.key, data, 10, nullptr, nullptr), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_retrieve_many(space, &parent.key, 1, &view, nullptr), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_release(&parent.view), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_match_prefix(space, &parent.key, 1, &number, nullptr), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_contains(space, &parent.key, 1, &tier), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_remove(space, &parent.key, 1, nullptr), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_stats(parent.client, &statistics), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_retrieve_or_reserve(space, &parent.next, 10, 0, &view, &slot), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_clear(space), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_pin(space, &parent.key, 1, 1), UAKV_ERR_FORKED);
        CHECK_MESSAGE(last_error().find("connect") != std::string::npos, last_error());
    });
    parent.check_alive();
}

void every_call_that_does_not_wait() {
    Parent parent;
    CHECK(uakv_event_fd(parent.client) >= 0);
    run_child([&] {
        uakv_space *const space = parent.space;
        uakv_view view;
        uakv_status each = UAKV_OK;
        uint8_t data[10] = {};
        const void *pointer = data;
        const size_t length = sizeof data;
        uakv_statistics statistics = {};
        statistics.struct_size = sizeof statistics;
        uakv_completion completion;
        CHECK_STATUS(uakv_store_submit(space, &parent.next, data, 10, nullptr, 1), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_reserve_submit(space, &parent.next, 10, nullptr, 1), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_commit_submit(&parent.slot, 1), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_store_many_submit(space, &parent.next, &pointer, &length, 1, &each, 1), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_retrieve_submit(space, &parent.key, nullptr, 1), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_retrieve_into_submit(space, &parent.key, data, 10, nullptr, 1), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_retrieve_many_submit(space, &parent.key, 1, &view, &each, 1), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_retrieve_or_reserve_submit(space, &parent.next, 10, 0, 1), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_remove_submit(space, &parent.key, 1, 1), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_clear_submit(space, 1), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_pin_submit(space, &parent.key, 1, 1, 1), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_stats_submit(parent.client, &statistics, 1), UAKV_ERR_FORKED);
        CHECK_EQ(uakv_event_fd(parent.client), -1);
        CHECK_EQ(uakv_poll(parent.client, &completion, 1, 0), 0);
    });
    parent.check_alive();
}

// However a child ends, also by exit() with its destructors, the parent's session goes on.
void child_exits() {
    Parent parent;
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        std::exit(0);
    }
    CHECK_EQ(wait_for_exit(pid), "exit status 0");
    parent.check_alive();
}

void not_mapped_in_the_child() {
    Parent parent;
    CHECK(is_mapped(parent.view.data) && is_mapped(parent.slot.data));
    run_child([&] { CHECK(!is_mapped(parent.view.data) && !is_mapped(parent.slot.data)); });
    parent.check_alive();
}

void child_disconnects() {
    Parent parent;
    run_child([&] {
        uakv_space_close(parent.space);
        uakv_disconnect(parent.client);
        parent.space.forget();
    });
    parent.check_alive();
}

void child_connects_for_itself() {
    Parent parent;
    run_child([&] {
        Client client(parent.daemon);
        Space space(client);
        check_stored(space, parent.key, block_bytes);
        const uakv_key key = make_key("of the child");
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        CHECK_STATUS(uakv_release(&parent.view), UAKV_ERR_FORKED);
        CHECK_EQ(client.statistics().clients, 2);
    });
    check_stored(parent.space, make_key("of the child"), block_bytes);
    await_equal("clients", 1, [&] { return parent.client.statistics().clients; });
    parent.check_alive();
}

// The grandchild has a copy of every descriptor of the one that died: its death counts all the same.
void dies_with_a_child_alive() {
    Daemon daemon;
    Client checker(daemon);
    checker.await_populated();
    const size_t descriptors = descriptor_count(daemon.pid());
    Shared<std::atomic<pid_t>> grandchild;
    Child child([&] {
        Client client(daemon);
        Space space(client);
        const uakv_key key = make_key("key"), next = make_key("next");
        uakv_view view;
        uakv_slot slot;
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
        CHECK_STATUS(uakv_reserve(space, &next, block_bytes, nullptr, &slot), UAKV_OK);
        const pid_t pid = fork();
        CHECK(pid >= 0);
        grandchild->store(pid == 0 ? getpid() : pid);
        for (;;) {
            pause();
        }
    });
    child.await("the grandchild lives", [&] { return grandchild->load() != 0; });
    CHECK_EQ(checker.statistics().clients, 2);
    child.kill();
    const pid_t orphan = grandchild->load();
    try {
        await_equal("clients", 1, [&] { return checker.statistics().clients; });
        await_equal("leases", 0, [&] { return checker.statistics().leases; });
        await_equal("slots_granted", 0, [&] { return checker.statistics().slots_granted; });
        await_equal("descriptors", descriptors, [&] { return descriptor_count(daemon.pid()); });
        CHECK_MESSAGE(kill(orphan, 0) == 0, "the grandchild was to outlive its parent");
    } catch (const Failure &) {
        kill(orphan, SIGKILL);
        throw;
    }
    kill(orphan, SIGKILL);
}

constexpr Case cases[] = {
    {"every_call_in_the_child", every_call_in_the_child},
    {"every_call_that_does_not_wait", every_call_that_does_not_wait},
    {"child_exits", child_exits},
    {"not_mapped_in_the_child", not_mapped_in_the_child},
    {"child_disconnects", child_disconnects},
    {"child_connects_for_itself", child_connects_for_itself},
    {"dies_with_a_child_alive", dies_with_a_child_alive},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("fork", uakv::test::cases);
}
