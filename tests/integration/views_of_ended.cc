// The daemon has ended a session, for what its client did, and lives on. The client connects anew by itself; the views
// that it holds from before stay what they are until they are released, or are taken back.
#include "support/check.h"
#include "support/client.h"
#include "support/configured.h"
#include "support/pattern.h"
#include "support/process.h"

#include <algorithm>
#include <string>
#include <vector>

#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 256 << 10;
constexpr uint64_t blocks_that_fit = 64;

std::string text(const std::string &setting) {
    return "tenants:\n  - name: chat\n    users: [" + std::to_string(geteuid()) + "]\n" + setting;
}

DaemonOptions small() {
    DaemonOptions options;
    options.memory = "16MiB";
    return options;
}

uint8_t *session_memory() {
    for (const Mapping &mapping : own_mappings()) {
        if (mapping.name.find("uakv-session") != std::string::npos && mapping.protection.starts_with("rw")) {
            return reinterpret_cast<uint8_t *>(mapping.begin);
        }
    }
    throw Failure("no session is mapped");
}

// Says that ten hits were on entries that cannot be; see ipc/PROTOCOL.md.
void misbehave(uint8_t *session) {
    auto *touch_tail = reinterpret_cast<uint64_t *>(session + 256);
    auto *touches = reinterpret_cast<uint32_t *>(session + 81920);
    for (size_t i = 0; i < 4096; ++i) {
        __atomic_store_n(touches + i, UINT32_MAX, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(touch_tail, 10, __ATOMIC_RELEASE);
}

// A client that has views, was ended and has a session again; and one that stores.
struct Ended {
    explicit Ended(const Configured &configured, size_t count)
        : daemon(configured.daemon()), client(daemon), keys(make_keys("held", count)) {
        client.await_populated();
        for (const uakv_key &key : keys) {
            CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
            CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &views.emplace_back()), UAKV_OK);
        }
        misbehave(session_memory());
        await("the session is ended", [&] {
            store_block(space, make_key("poke", ++pokes), 100);
            return daemon.log().find("it reported a hit on an entry that cannot exist") != std::string::npos;
        });
        await("there is another", [&] { return store_block(space, make_key("back"), 100) >= UAKV_OK; });
    }

    const Daemon &daemon;
    Client client;
    Space space{client};
    std::vector<uakv_key> keys;
    std::vector<uakv_view> views;
    uint64_t pokes = 0;
};

void stay_until_released() {
    const Configured configured(text(""), small());
    Ended ended(configured, 8);
    const Client writer(configured.daemon());
    Space space(writer);
    for (uint64_t i = 0; i < 5 * blocks_that_fit; ++i) {
        CHECK_STATUS(store_block(space, make_key("new", i), block_bytes), UAKV_OK);
    }
    for (size_t i = 0; i < ended.keys.size(); ++i) {
        check_block(ended.views[i].data, ended.views[i].nbytes, ended.keys[i]);
    }
    CHECK_EQ(writer.statistics().leases, ended.keys.size());
    for (uakv_view &view : ended.views) {
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
    await_equal("leases", 0, [&] { return writer.statistics().leases; }); // and the old session has gone
    await_equal("clients", 2, [&] { return writer.statistics().clients; });
}

void are_taken_back() {
    const Configured configured(text("    lease_max_age: 200ms\n"), small());
    Ended ended(configured, blocks_that_fit - 8);
    const Client writer(configured.daemon());
    Space space(writer);
    std::vector<uakv_slot> slots;
    await("more is free than was left", [&] {
        uakv_slot slot;
        const uakv_key key = make_key("slot", slots.size());
        const uakv_status status = uakv_reserve(space, &key, block_bytes, nullptr, &slot);
        if (status == UAKV_OK) {
            slots.push_back(slot);
        }
        return slots.size() > 16;
    });
    CHECK_MESSAGE(configured.daemon().log().find("which was disconnected before, loses its views: it has held") !=
                      std::string::npos,
                  configured.daemon().log());
    for (uakv_view &view : ended.views) {
        CHECK_STATUS(uakv_release(&view), UAKV_ERR_REVOKED);
    }
    CHECK_EQ(writer.statistics().sessions_revoked, 1);
}

constexpr Case cases[] = {
    {"stay_until_released", stay_until_released},
    {"are_taken_back", are_taken_back},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("views_of_ended", uakv::test::cases);
}
