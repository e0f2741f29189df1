// More than memory holds: what left it is found again, whole, in each of the ways to retrieve.
#include "disk_blocks.h"
#include "support/async.h"

#include <algorithm>
#include <map>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 1 << 20;
constexpr size_t count = 160; // of 64 that memory holds

// A daemon that has stored them all, and a client.
struct Fixture {
    Daemon daemon{with_disk()};
    Client client{daemon};
    Space space{client};
    std::vector<uakv_key> keys = make_keys("cold", count);

    Fixture() { store_safely(space, keys, block_bytes); }

    size_t cold() {
        return static_cast<size_t>(std::count_if(
            keys.begin(), keys.end(), [this](const uakv_key &key) { return tiers_of(space, key) == UAKV_TIER_DISK; }));
    }
};

void views() {
    Fixture f;
    CHECK(f.cold() >= count - 64);
    for (const uakv_key &key : f.keys) {
        check_stored(f.space, key, block_bytes);
    }
    for (auto key = f.keys.rbegin(); key != f.keys.rend(); ++key) { // and those that have just left
        check_stored(f.space, *key, block_bytes);
    }
    const uakv_statistics statistics = f.client.statistics();
    CHECK(statistics.loads >= count - 64);
    CHECK(statistics.bytes_loaded >= (count - 64) * block_bytes);
    CHECK_EQ(statistics.misses, 0);
    CHECK_EQ(statistics.hits, 2 * count);
    CHECK_EQ(statistics.evictions_unsaved, 0);
}

void copies() {
    Fixture f;
    std::vector<uint8_t> copy(block_bytes);
    uakv_retrieve_options options = {};
    options.struct_size = sizeof options;
    for (size_t i = 0; i < count; ++i) {
        options.flags = i % 2 == 0 ? UAKV_VERIFY : 0;
        size_t n = 0;
        std::fill(copy.begin(), copy.end(), uint8_t{0});
        CHECK_STATUS(uakv_retrieve_into(f.space, &f.keys[i], copy.data(), copy.size(), &n, &options), UAKV_OK);
        CHECK_EQ(n, block_bytes);
        check_block(copy.data(), n, f.keys[i]);
    }
}

void too_small_a_buffer() {
    Fixture f;
    const uakv_key &key = f.keys[0];
    push_out(f.client, f.space, key, block_bytes);
    uint8_t byte = 77;
    size_t n = 0;
    CHECK_STATUS(uakv_retrieve_into(f.space, &key, &byte, 1, &n, nullptr), UAKV_ERR_TOO_LARGE);
    CHECK_EQ(n, block_bytes);
    CHECK_EQ(byte, 77);
    push_out(f.client, f.space, key, block_bytes);
    Polled polled(f.client);
    polled.submitted(uakv_retrieve_into_submit(f.space, &key, &byte, 1, nullptr, 1));
    const uakv_completion done = polled.next(UAKV_CALL_RETRIEVE_INTO, 1);
    CHECK_STATUS(done.status, UAKV_ERR_TOO_LARGE);
    CHECK_EQ(done.result.count, block_bytes);
}

// With a missing one in the middle, twenty at a time: more at once than have a lane.
void many() {
    Fixture f;
    constexpr size_t batch = 20;
    for (size_t first = 0; first < count; first += batch) {
        std::vector<uakv_key> keys(f.keys.begin() + static_cast<ptrdiff_t>(first),
                                   f.keys.begin() + static_cast<ptrdiff_t>(first + batch));
        keys[7] = make_key("missing", first);
        std::vector<uakv_view> views(batch);
        std::vector<uakv_status> each(batch, UAKV_ERR_INTERNAL);
        CHECK_STATUS(uakv_retrieve_many(f.space, keys.data(), batch, views.data(), each.data()), UAKV_MISS);
        for (size_t i = 0; i < batch; ++i) {
            CHECK_STATUS(each[i], i == 7 ? UAKV_MISS : UAKV_OK);
            if (i != 7) {
                CHECK_EQ(views[i].nbytes, block_bytes);
                check_block(views[i].data, views[i].nbytes, keys[i]);
                CHECK_STATUS(uakv_release(&views[i]), UAKV_OK);
            } else {
                CHECK(views[i].data == nullptr);
            }
        }
    }
    CHECK_EQ(f.client.statistics().misses, count / batch);
}

void submitted() {
    Fixture f;
    Polled polled(f.client);
    constexpr size_t batch = 32;
    std::vector<std::vector<uint8_t>> copies(count);
    for (size_t first = 0; first < count; first += batch) {
        for (size_t i = first; i < first + batch; ++i) {
            if (i % 2 == 0) {
                polled.submitted(uakv_retrieve_submit(f.space, &f.keys[i], nullptr, i));
            } else {
                copies[i].resize(block_bytes);
                polled.submitted(
                    uakv_retrieve_into_submit(f.space, &f.keys[i], copies[i].data(), block_bytes, nullptr, i));
            }
        }
        for (size_t taken = 0; taken < batch; ++taken) {
            uakv_completion done = {};
            CHECK_EQ(uakv_poll(f.client, &done, 1, 20'000), 1);
            polled.taken(1);
            CHECK_STATUS(done.status, UAKV_OK);
            const uakv_key &key = f.keys[done.user_data];
            if (done.user_data % 2 == 0) {
                CHECK_EQ(done.kind, UAKV_CALL_RETRIEVE);
                check_block(done.result.view.data, done.result.view.nbytes, key);
                CHECK_STATUS(uakv_release(&done.result.view), UAKV_OK);
            } else {
                CHECK_EQ(done.kind, UAKV_CALL_RETRIEVE_INTO);
                CHECK_EQ(done.result.count, block_bytes);
                check_block(copies[done.user_data].data(), block_bytes, key);
            }
        }
    }
}

void many_submitted() {
    Fixture f;
    Polled polled(f.client);
    constexpr size_t batch = 20;
    for (size_t first = 0; first < count; first += batch) {
        std::vector<uakv_view> views(batch);
        std::vector<uakv_status> each(batch, UAKV_ERR_INTERNAL);
        polled.submitted(uakv_retrieve_many_submit(f.space, &f.keys[first], batch, views.data(), each.data(), first));
        const uakv_completion done = polled.next(UAKV_CALL_RETRIEVE_MANY, first);
        CHECK_STATUS(done.status, UAKV_OK);
        CHECK_EQ(done.result.count, batch);
        for (size_t i = 0; i < batch; ++i) {
            CHECK_STATUS(each[i], UAKV_OK);
            check_block(views[i].data, views[i].nbytes, f.keys[first + i]);
            CHECK_STATUS(uakv_release(&views[i]), UAKV_OK);
        }
    }
}

// Several clients want the same at once, and the daemon reads it once for all.
void the_same_for_all() {
    Fixture f;
    const uakv_key &key = f.keys[1];
    push_out(f.client, f.space, key, block_bytes);
    const uint64_t loads = f.client.statistics().loads;
    Polled polled(f.client);
    constexpr size_t askers = 30;
    for (size_t i = 0; i < askers; ++i) {
        polled.submitted(uakv_retrieve_submit(f.space, &key, nullptr, i));
    }
    for (size_t i = 0; i < askers; ++i) {
        uakv_completion done = {};
        CHECK_EQ(uakv_poll(f.client, &done, 1, 20'000), 1);
        polled.taken(1);
        CHECK_STATUS(done.status, UAKV_OK);
        check_block(done.result.view.data, done.result.view.nbytes, key);
        CHECK_STATUS(uakv_release(&done.result.view), UAKV_OK);
    }
    CHECK_EQ(f.client.statistics().loads, loads + 1);
}

void check_copy(uakv_space *space, const uakv_key &key, const std::vector<uint8_t> &expected, uint32_t flags) {
    std::vector<uint8_t> copy(expected.size());
    uakv_retrieve_options how = {};
    how.struct_size = sizeof how;
    how.flags = flags;
    CHECK_STATUS(uakv_retrieve_into(space, &key, copy.data(), copy.size(), nullptr, &how), UAKV_OK);
    CHECK(copy == expected);
}

void check_view(uakv_space *space, const uakv_key &key, const std::vector<uint8_t> &expected) {
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
    CHECK_EQ(view.nbytes, expected.size());
    CHECK(std::equal(expected.begin(), expected.end(), static_cast<const uint8_t *>(view.data)));
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

// Tensors that are compressed on their way to disk: each bit comes back, copied or in place, in whichever order.
void compressed() {
    constexpr size_t tensor_bytes = 256 << 10;
    Daemon daemon(with_disk());
    Client client(daemon);
    uakv_space_options options = {};
    options.struct_size = sizeof options;
    options.layout.dtype = UAKV_DTYPE_BF16;
    options.layout.ndim = 2;
    options.layout.shape[0] = 128;
    options.layout.shape[1] = tensor_bytes / 2 / 128;
    Space space(client, "tensors", &options);
    const std::vector<uakv_key> keys = make_keys("tensor", 40);
    for (size_t i = 0; i < keys.size(); ++i) {
        const std::vector<uint8_t> tensor = make_tensor(tensor_bytes, i);
        CHECK_STATUS(uakv_store(space, &keys[i], tensor.data(), tensor.size(), nullptr), UAKV_OK);
    }
    for (size_t round = 0; round < 4; ++round) {
        push_out(client, space, keys.back(), tensor_bytes);
        for (size_t i = 0; i < keys.size(); ++i) {
            const std::vector<uint8_t> tensor = make_tensor(tensor_bytes, i);
            if ((i + round) % 2 == 0) { // from disk as a copy, then from memory as a view
                check_copy(space, keys[i], tensor, round < 2 ? 0 : UAKV_VERIFY);
                check_view(space, keys[i], tensor);
            } else {
                check_view(space, keys[i], tensor);
                check_copy(space, keys[i], tensor, 0);
            }
        }
    }
    CHECK_EQ(client.statistics().corruptions, 0);
}

constexpr Case cases[] = {
    {"views", views},
    {"copies", copies},
    {"too_small_a_buffer", too_small_a_buffer},
    {"many", many},
    {"submitted", submitted},
    {"many_submitted", many_submitted},
    {"the_same_for_all", the_same_for_all},
    {"compressed", compressed},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("disk_retrieve", uakv::test::cases);
}
