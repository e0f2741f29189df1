// Quotas of memory are hard: greedy processes get exactly as many bytes as their tenant has, views and pins as many as
// it allows, and other tenants lose nothing.
#include "support/pattern.h"
#include "two_quotas.h"

#include <algorithm>
#include <atomic>
#include <filesystem>

#include <sys/stat.h>

namespace uakv::test {
namespace {

// ---- memory -----------------------------------------------------------------------------------------------------

// What the machine really gave for blocks, of all tenants.
uint64_t allocated_bytes(pid_t pid) {
    uint64_t bytes = 0;
    std::vector<ino_t> seen; // a segment is open twice: also for readers
    for (const auto &entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
        std::error_code gone;
        if (std::filesystem::read_symlink(entry.path(), gone).string().find("uakv-segment") == std::string::npos) {
            continue;
        }
        struct stat status = {};
        CHECK(stat(entry.path().c_str(), &status) == 0);
        if (std::find(seen.begin(), seen.end(), status.st_ino) == seen.end()) {
            seen.push_back(status.st_ino);
            bytes += static_cast<uint64_t>(status.st_blocks) * 512;
        }
    }
    return bytes;
}

void store_greedily(const Daemon &daemon, int number) {
    const Client client(daemon, "chat");
    Space space(client);
    Random random(static_cast<uint64_t>(number));
    for (const uakv_key &key : make_keys("greedy " + std::to_string(number), 400)) {
        const uakv_status status = store_block(space, key, 1 + random.below(1 << (10 + random.below(11))));
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_ERR_NO_SPACE, uakv_status_name(status));
    }
}

void memory() {
    const TwoTenants daemon("");
    const Client chat(daemon, "chat"), batch(daemon, "batch");
    chat.await_populated();
    batch.await_populated();
    Space space(batch);
    const std::vector<uakv_key> kept = make_keys("kept", 400); // 25 of 32 MiB
    for (const uakv_key &key : kept) {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    }
    const auto greedy = start_greedy([&](int i) { store_greedily(daemon, i); });
    const Daemon &served = daemon;
    do {
        CHECK_EQ(chat.statistics().bytes_memory, tenant_bytes);
        CHECK_EQ(batch.statistics().bytes_memory, tenant_bytes);
        CHECK_EQ(allocated_bytes(served.pid()), 2 * tenant_bytes);
        CHECK(chat.statistics().bytes_blocks <= tenant_bytes);
    } while (chat.statistics().clients > 1 || chat.statistics().stores == 0);
    join_all(greedy);
    CHECK(chat.statistics().bytes_stored > 2 * tenant_bytes); // greedy indeed
    CHECK(chat.statistics().evictions > 0);
    CHECK_EQ(batch.statistics().evictions, 0);
    for (const uakv_key &key : kept) {
        check_stored(space, key, block_bytes);
    }
    CHECK_EQ(allocated_bytes(served.pid()), 2 * tenant_bytes);
}

// ---- views ------------------------------------------------------------------------------------------------------

constexpr const char *leased_mebibyte = "    leased_memory: 1MiB\n";
constexpr size_t views_max = (1 << 20) / block_bytes;

uakv_status hold(uakv_space *space, const uakv_key &key, std::vector<uakv_view> &views) {
    uakv_view view;
    const uakv_status status = uakv_retrieve(space, &key, nullptr, &view);
    if (status == UAKV_OK) {
        views.push_back(view);
    }
    return status;
}

void release_last(std::vector<uakv_view> &views) {
    CHECK_STATUS(uakv_release(&views.back()), UAKV_OK);
    views.pop_back();
}

// To the byte, and again after each release.
void hold_all_that_may_be(uakv_space *space, const std::vector<uakv_key> &keys, const uakv_key &byte,
                          const uakv_key &all_but_a_byte) {
    std::vector<uakv_view> views;
    for (size_t i = 0; i < views_max; ++i) {
        CHECK_STATUS(hold(space, keys[i], views), UAKV_OK);
    }
    CHECK_STATUS(hold(space, keys[views_max], views), UAKV_ERR_DENIED);
    CHECK_MESSAGE(last_error().find("leased_memory") != std::string::npos, last_error());
    CHECK_STATUS(hold(space, byte, views), UAKV_ERR_DENIED);
    std::vector<uint8_t> copy(block_bytes);
    CHECK_STATUS(uakv_retrieve_into(space, &byte, copy.data(), copy.size(), nullptr, nullptr), UAKV_ERR_DENIED);
    release_last(views);
    CHECK_STATUS(hold(space, all_but_a_byte, views), UAKV_OK);
    CHECK_STATUS(hold(space, all_but_a_byte, views), UAKV_ERR_DENIED);
    CHECK_STATUS(hold(space, byte, views), UAKV_OK);
    CHECK_STATUS(hold(space, byte, views), UAKV_ERR_DENIED);
    release_last(views);
    release_last(views);
    for (int round = 0; round < 20'000; ++round) { // as long as there is room, each hit is a hit
        CHECK_STATUS(hold(space, keys[views_max], views), UAKV_OK);
        release_last(views);
    }
    while (!views.empty()) {
        release_last(views);
    }
}

void leased_memory() {
    const TwoTenants daemon(leased_mebibyte);
    const Client chat(daemon, "chat");
    Space space(chat);
    const std::vector<uakv_key> keys = make_keys("leased", views_max + 1);
    const uakv_key byte = make_key("byte"), all_but_a_byte = make_key("all but a byte");
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    }
    CHECK_STATUS(store_block(space, byte, 1), UAKV_OK);
    CHECK_STATUS(store_block(space, all_but_a_byte, block_bytes - 1), UAKV_OK);
    hold_all_that_may_be(space, keys, byte, all_but_a_byte);

    // Each client may as much, and those who hold all that they may do not disturb the others.
    Shared<std::atomic<int>> full;
    const auto greedy = start_greedy([&](int) {
        const Client client(daemon, "chat");
        Space own(client);
        std::vector<uakv_view> views;
        while (hold(own, keys[0], views) == UAKV_OK) {
        }
        CHECK_EQ(views.size(), views_max);
        ++*full;
        pause();
    });
    await("all hold what they may", [&] { return *full == processes; });
    CHECK_EQ(chat.statistics().leases, processes * views_max);
    hold_all_that_may_be(space, keys, byte, all_but_a_byte);
    for (const auto &child : greedy) {
        child->kill();
    }
    await_equal("bytes_leased", 0, [&] { return chat.statistics().bytes_leased; });
    CHECK_EQ(chat.statistics().leases, 0);

    const Client batch(daemon, "batch"); // has no such quota
    Space others(batch);
    CHECK_STATUS(store_block(others, byte, 1 << 20), UAKV_OK);
    std::vector<uakv_view> views;
    for (int i = 0; i < 4; ++i) {
        CHECK_STATUS(hold(others, byte, views), UAKV_OK);
    }
}

// ---- pins ---------------------------------------------------------------------------------------------------------

void pinned_memory() {
    const TwoTenants daemon("    pinned_memory: 1MiB\n");
    const Client chat(daemon, "chat"), batch(daemon, "batch");
    Space space(chat), others(batch);
    const std::vector<uakv_key> keys = make_keys("pinned", views_max + 1);
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        CHECK_STATUS(store_block(others, key, block_bytes), UAKV_OK);
    }
    const uakv_key &first = keys.front(), &last = keys.back();
    const auto check_full = [&](const uakv_key &one_more) {
        CHECK_EQ(chat.statistics().bytes_pinned, 1 << 20);
        CHECK_STATUS(uakv_pin(space, &one_more, 1, UAKV_PIN_FOREVER), UAKV_ERR_NO_SPACE);
        CHECK_EQ(chat.statistics().blocks_pinned, views_max);
    };
    const auto pin_last = [&] { CHECK_STATUS(uakv_pin(space, &last, 1, UAKV_PIN_FOREVER), UAKV_OK); };
    CHECK_STATUS(uakv_pin(space, keys.data(), views_max, UAKV_PIN_FOREVER), UAKV_OK);
    check_full(last);
    CHECK_STATUS(uakv_pin(space, keys.data(), views_max, UAKV_PIN_FOREVER), UAKV_OK); // once more: no more bytes
    check_full(last);
    CHECK_STATUS(uakv_pin(others, keys.data(), keys.size(), UAKV_PIN_FOREVER), UAKV_OK); // as much as it wants

    CHECK_STATUS(uakv_pin(space, &first, 1, 0), UAKV_OK); // unpinned
    pin_last();
    check_full(first);
    CHECK_STATUS(uakv_remove(space, &last, 1, nullptr), UAKV_OK); // removed
    CHECK_STATUS(store_block(space, last, block_bytes), UAKV_OK);
    pin_last();
    check_full(first);
    CHECK_STATUS(uakv_pin(space, &last, 1, 50), UAKV_OK); // over after 50 ms
    await_equal("bytes_pinned", (1 << 20) - block_bytes, [&] { return chat.statistics().bytes_pinned; });
    pin_last();
    check_full(first);
    CHECK_STATUS(uakv_clear(space), UAKV_OK); // cleared
    CHECK_EQ(chat.statistics().bytes_pinned, 0);
    CHECK_EQ(chat.statistics().blocks_pinned, 0);
    CHECK_EQ(batch.statistics().blocks_pinned, keys.size());
}

constexpr Case cases[] = {
    {"memory", memory},
    {"leased_memory", leased_memory},
    {"pinned_memory", pinned_memory},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("quotas", uakv::test::cases);
}
