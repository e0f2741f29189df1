// No memory left: the machine's, or all of it leased or open. A status says so; nobody gets a signal.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <cerrno>
#include <cstddef>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t segment_bytes = 2 << 20;
constexpr size_t block_bytes = 500'000;

// From here on the kernel refuses to allocate segment_bytes or more of shared memory at once, as it does on a machine
// that is full. Index and sessions are smaller.
void refuse_large_allocations() {
    constexpr uint32_t nr = offsetof(seccomp_data, nr);
    constexpr uint32_t length_low = offsetof(seccomp_data, args) + 3 * sizeof(uint64_t);
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, nr),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, length_low),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, segment_bytes, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        _exit(126);
    }
}

size_t count_lines(const std::string &text, const std::string &word) {
    size_t count = 0;
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, text.find('\n', at))) {
        ++count;
    }
    return count;
}

void machine_is_full() {
    DaemonOptions options;
    options.before_exec = refuse_large_allocations;
    Daemon daemon(options);
    run_child([&] {
        Client client(daemon);
        Space space(client);
        for (size_t i = 0; i < 20; ++i) {
            CHECK_STATUS(store_block(space, make_key("block", i), block_bytes), UAKV_ERR_NO_SPACE);
            CHECK_MESSAGE(!last_error().empty(), "no detail");
        }
        uakv_slot slot;
        const uakv_key key = make_key("key");
        CHECK_STATUS(uakv_reserve(space, &key, 1, nullptr, &slot), UAKV_ERR_NO_SPACE);
        CHECK(!check_stored_or_missing(space, key, 1));
        const uakv_statistics statistics = client.statistics();
        CHECK_EQ(statistics.no_space, 21);
        CHECK_EQ(statistics.blocks, 0);
        CHECK_EQ(statistics.slots_granted, 0);
        CHECK_EQ(statistics.bytes_memory, 0);
    });
    CHECK_EQ(count_lines(daemon.log(), "has no"), 1);
}

// All that the daemon has is being read: nothing can be evicted.
void everything_is_leased() {
    DaemonOptions options;
    options.memory = "16MiB";
    Daemon daemon(options);
    Client client(daemon);
    Space space(client);
    std::vector<uakv_key> keys;
    std::vector<uakv_view> views;
    uakv_status status = UAKV_OK;
    for (size_t i = 0; i < 100 && status == UAKV_OK; ++i) {
        keys.push_back(make_key("leased", i));
        status = store_block(space, keys.back(), block_bytes);
        if (status == UAKV_OK) {
            CHECK_STATUS(uakv_retrieve(space, &keys.back(), nullptr, &views.emplace_back()), UAKV_OK);
        }
    }
    CHECK_STATUS(status, UAKV_ERR_NO_SPACE);
    CHECK(views.size() * block_bytes > (8 << 20));
    CHECK(client.statistics().no_space >= 1);
    for (size_t i = 0; i < views.size(); ++i) {
        check_block(views[i].data, views[i].nbytes, keys[i]);
        CHECK_STATUS(uakv_release(&views[i]), UAKV_OK);
    }
    CHECK_STATUS(store_block(space, keys.back(), block_bytes), UAKV_OK);
    check_stored(space, keys.back(), block_bytes);
}

// The same with slots that are open.
void everything_is_reserved() {
    DaemonOptions options;
    options.memory = "16MiB";
    Daemon daemon(options);
    Client client(daemon);
    Space space(client);
    std::vector<uakv_slot> slots;
    uakv_slot slot;
    uakv_status status = UAKV_OK;
    for (size_t i = 0; i < 100; ++i) {
        const uakv_key key = make_key("reserved", i);
        status = uakv_reserve(space, &key, block_bytes, nullptr, &slot);
        if (status != UAKV_OK) {
            break;
        }
        fill_block(slot.data, block_bytes, key);
        slots.push_back(slot);
    }
    CHECK_STATUS(status, UAKV_ERR_NO_SPACE);
    CHECK(slots.size() * block_bytes > (8 << 20));
    // Another client is refused too, and served when a slot has come back.
    Client other(daemon);
    Space same(other);
    CHECK_STATUS(store_block(same, make_key("other"), block_bytes), UAKV_ERR_NO_SPACE);
    client.disconnect();
    space.forget();
    await("a slot is free", [&] { return store_block(same, make_key("other"), block_bytes) == UAKV_OK; });
    check_stored(same, make_key("other"), block_bytes);
}

// One client cannot hold slots without limit.
void too_many_slots() {
    Daemon daemon;
    Client client(daemon);
    Client other(daemon);
    Space space(client);
    Space same(other);
    std::vector<uakv_slot> slots;
    uakv_slot slot;
    uakv_status status = UAKV_OK;
    while (status == UAKV_OK && slots.size() < 2000) {
        const uakv_key key = make_key("reserved", slots.size());
        status = uakv_reserve(space, &key, 100, nullptr, &slot);
        if (status == UAKV_OK) {
            slots.push_back(slot);
        }
    }
    CHECK_STATUS(status, UAKV_ERR_DENIED);
    CHECK_EQ(slots.size(), 512);
    CHECK_MESSAGE(last_error().find("512") != std::string::npos, last_error());
    CHECK_STATUS(store_block(same, make_key("other"), 100), UAKV_OK);
    for (uakv_slot &one : slots) {
        CHECK_STATUS(uakv_abort(&one), UAKV_OK);
    }
    CHECK_STATUS(store_block(space, make_key("again"), 100), UAKV_OK);
}

constexpr Case cases[] = {
    {"machine_is_full", machine_is_full},
    {"everything_is_leased", everything_is_leased},
    {"everything_is_reserved", everything_is_reserved},
    {"too_many_slots", too_many_slots},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("no_memory", uakv::test::cases);
}
