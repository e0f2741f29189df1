// The calls about the disk tier, misused; and a disk whose bytes were changed behind the daemon's back.
#include "disk_blocks.h"
#include "support/async.h"
#include "support/child.h"

#include <array>
#include <fcntl.h>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 300'000;

void arguments() {
    Daemon daemon(with_disk());
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("one");
    CHECK_STATUS(uakv_flush(nullptr), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_flush_submit(nullptr, 1), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_prefetch(nullptr, &key, 1, 0), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_prefetch(space, nullptr, 1, 0), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_prefetch(space, nullptr, 0, 0), UAKV_OK);
    for (const uint8_t tier : std::initializer_list<uint8_t>{1, 3, 4, 6, 8, 255}) {
        CHECK_STATUS(uakv_prefetch(space, &key, 1, tier), UAKV_ERR_INVALID);
        CHECK_STATUS(uakv_prefetch_submit(space, &key, 1, tier, 1), UAKV_ERR_INVALID);
    }
    CHECK_STATUS(uakv_prefetch(space, &key, 1, UAKV_TIER_HOST), UAKV_OK); // is nowhere: no harm
    uakv_space_options options = {};
    options.struct_size = sizeof options;
    options.flags = UAKV_SPACE_DURABLE << 1;
    uakv_space *refused = nullptr;
    CHECK_STATUS(uakv_space_open(client, "flags", &options, &refused), UAKV_ERR_INVALID);
    uakv_retrieve_options how = {};
    how.struct_size = sizeof how;
    how.flags = UAKV_RESIDENT_ONLY << 1;
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &key, &how, &view), UAKV_ERR_INVALID);
    uakv_completion none;
    CHECK_EQ(uakv_poll(client, &none, 1, 0), 0);
}

void in_a_forked_child() {
    Daemon daemon(with_disk());
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("one");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    push_out(client, space, key, block_bytes);
    Child child([&] {
        uakv_view view;
        CHECK_STATUS(uakv_flush(space), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_prefetch(space, &key, 1, 0), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_ERR_FORKED);
        CHECK_STATUS(uakv_flush_submit(space, 1), UAKV_ERR_FORKED);
    });
    child.join();
    check_stored(space, key, block_bytes);
}

// More calls than there are numbers: each that was not accepted leaves nothing behind.
void too_many_at_once() {
    Daemon daemon(with_disk());
    Client client(daemon);
    Space space(client);
    const std::vector<uakv_key> keys = make_keys("cold", 2);
    store_safely(space, keys, block_bytes);
    for (const uakv_key &key : keys) {
        push_out(client, space, key, block_bytes);
    }
    check_stored(space, keys[0], block_bytes);
    daemon.pause();
    size_t accepted = 0;
    uakv_status status = UAKV_PENDING;
    while ((status = uakv_retrieve_submit(space, &keys[1], nullptr, accepted)) == UAKV_PENDING) {
        ++accepted;
    }
    CHECK_STATUS(status, UAKV_ERR_BUSY);
    CHECK_EQ(accepted, 256);
    std::vector<uakv_view> views(2);
    CHECK_STATUS(uakv_retrieve_many_submit(space, keys.data(), 2, views.data(), nullptr, 999), UAKV_ERR_BUSY);
    CHECK(views[0].data == nullptr); // though that block is in memory
    daemon.resume();
    for (size_t i = 0; i < accepted; ++i) {
        uakv_completion done = {};
        CHECK_EQ(uakv_poll(client, &done, 1, 20'000), 1);
        CHECK_STATUS(done.status, UAKV_OK);
        check_block(done.result.view.data, done.result.view.nbytes, keys[1]);
        CHECK_STATUS(uakv_release(&done.result.view), UAKV_OK);
    }
    CHECK_EQ(client.statistics().leases, 0);
}

// Who goes in the middle of loads takes them along; those of others go on.
void gone_while_it_waits() {
    Daemon daemon(with_disk());
    Client client(daemon);
    Space space(client);
    const std::vector<uakv_key> keys = make_keys("cold", 60);
    store_safely(space, keys, block_bytes);
    push_out(client, space, keys.back(), block_bytes);
    for (int round = 0; round < 5; ++round) {
        Client other(daemon);
        Space own(other);
        for (size_t i = 0; i < keys.size(); ++i) {
            CHECK_STATUS(uakv_retrieve_submit(own, &keys[i], nullptr, i), UAKV_PENDING);
        }
        CHECK_STATUS(uakv_flush_submit(own, 1'000), UAKV_PENDING);
        own.forget();
        other.disconnect();
    }
    for (const uakv_key &key : keys) {
        check_stored(space, key, block_bytes);
    }
    await_equal("the others' leases and slots are back", 0, [&] { return client.statistics().leases; });
}

// All of memory is being read: a load is a miss, and who wants to compute the block instead hears that there is no
// room, not that somebody else computes it.
void no_room_in_memory() {
    constexpr size_t large = 1 << 20;
    Daemon daemon(with_disk());
    Client client(daemon);
    Space space(client);
    const std::vector<uakv_key> keys = make_keys("large", 100);
    store_safely(space, keys, large);
    std::vector<uakv_view> held;
    std::vector<uakv_key> cold;
    for (const uakv_key &key : keys) {
        uakv_view view;
        const uakv_status status = uakv_retrieve(space, &key, nullptr, &view);
        if (status == UAKV_OK) {
            held.push_back(view);
        } else {
            CHECK_STATUS(status, UAKV_MISS);
            CHECK_EQ(tiers_of(space, key), UAKV_TIER_DISK);
            cold.push_back(key);
        }
    }
    // Some slots lie idle with the client since it stored.
    std::vector<uakv_slot> slots;
    uakv_status status = UAKV_MISS;
    for (auto key = cold.begin(); status == UAKV_MISS; ++key) {
        CHECK(key != cold.end());
        uakv_view view;
        uakv_slot slot;
        status = uakv_retrieve_or_reserve(space, &*key, large, 0, &view, &slot);
        if (status == UAKV_MISS) {
            slots.push_back(slot);
        }
    }
    CHECK_STATUS(status, UAKV_ERR_NO_SPACE);
    for (uakv_slot &each : slots) {
        CHECK_STATUS(uakv_abort(&each), UAKV_OK);
    }
    for (uakv_view &each : held) {
        CHECK_STATUS(uakv_release(&each), UAKV_OK);
    }
    check_stored(space, cold.front(), large);
}

// Writes over the log wherever it has bytes of a block; past the page cache, as the daemon reads it.
void damage(const Daemon &daemon) {
    for (const auto &entry : std::filesystem::recursive_directory_iterator(daemon.disk_path())) {
        if (!entry.is_regular_file() || entry.file_size() < 2 * block_bytes) {
            continue;
        }
        const int fd = ::open(entry.path().c_str(), O_WRONLY | O_CLOEXEC | O_DIRECT);
        CHECK(fd >= 0);
        alignas(4096) std::array<char, 4096> garbage;
        garbage.fill('x');
        for (uint64_t offset = 8192; offset + 4096 < entry.file_size(); offset += 65536) {
            CHECK(::pwrite(fd, garbage.data(), garbage.size(), static_cast<off_t>(offset)) == 4096);
        }
        ::close(fd);
    }
}

// An error, once, and never other bytes; from then on it is a miss, and somebody may compute it.
void a_damaged_disk() {
    Daemon daemon(with_disk());
    Client client(daemon);
    Space space(client);
    const std::vector<uakv_key> keys = make_keys("spoilt", 4);
    store_safely(space, keys, block_bytes);
    for (const uakv_key &key : keys) {
        push_out(client, space, key, block_bytes);
    }
    damage(daemon);
    uakv_view view;
    uakv_slot slot;
    CHECK_STATUS(uakv_retrieve(space, &keys[0], nullptr, &view), UAKV_ERR_CORRUPT);
    CHECK(last_error().find("damaged") != std::string::npos);
    CHECK_STATUS(uakv_retrieve(space, &keys[0], nullptr, &view), UAKV_MISS);
    std::vector<uint8_t> copy(block_bytes);
    CHECK_STATUS(uakv_retrieve_into(space, &keys[1], copy.data(), copy.size(), nullptr, nullptr), UAKV_ERR_CORRUPT);
    CHECK_STATUS(uakv_retrieve_or_reserve(space, &keys[2], block_bytes, 0, &view, &slot), UAKV_MISS);
    fill_block(slot.data, slot.nbytes, keys[2]);
    CHECK_STATUS(uakv_commit(&slot), UAKV_OK);
    check_stored(space, keys[2], block_bytes);
    uakv_status each = UAKV_OK;
    CHECK_STATUS(uakv_retrieve_many(space, &keys[3], 1, &view, &each), UAKV_ERR_CORRUPT);
    CHECK(client.statistics().corruptions >= 4);
}

constexpr Case cases[] = {
    {"arguments", arguments},
    {"in_a_forked_child", in_a_forked_child},
    {"too_many_at_once", too_many_at_once},
    {"gone_while_it_waits", gone_while_it_waits},
    {"no_room_in_memory", no_room_in_memory},
    {"a_damaged_disk", a_damaged_disk},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("disk_misuse", uakv::test::cases);
}
