// Tenants of different users are apart: no call of one reaches what belongs to another, and each may do only what it
// was admitted for.
#include "passed.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/pattern.h"
#include "two_users.h"

#include <atomic>
#include <utility>

#include <grp.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr uint64_t tenant_bytes = 32 << 20;
constexpr size_t block_bytes = 100'000;

// The sentence of a refusal.
std::string refused(const Daemon &daemon, const char *tenant, uint32_t flags = 0) {
    uakv_client *client = nullptr;
    CHECK_STATUS(connect_to_tenant(daemon, tenant, flags, &client), UAKV_ERR_DENIED);
    CHECK(!last_error().empty());
    return last_error();
}

// Nothing tells a tenant of others from one that does not exist.
void check_hidden(const Daemon &daemon, const std::string &tenant) {
    std::string other = tenant;
    std::swap(other.front(), other.back());
    for (const uint32_t flags : {0U, UAKV_READ_ONLY}) {
        std::string missing = refused(daemon, other.c_str(), flags);
        const size_t at = missing.find(other);
        CHECK_MESSAGE(at != std::string::npos, missing);
        CHECK_EQ(refused(daemon, tenant.c_str(), flags), missing.replace(at, other.size(), tenant));
    }
}

void by_name() {
    const Configured configured = start_two_tenants();
    const Daemon &daemon = configured.daemon();
    as_user(alice, [&] {
        check_hidden(daemon, "batch");
        const Client named(daemon, "chat");
        CHECK_EQ(Client(daemon).statistics().bytes_capacity, tenant_bytes);
    });
    as_user(bob, [&] {
        check_hidden(daemon, "chat");
        const Client named(daemon, "batch");
    });
    as_user(carol, [&] { check_hidden(daemon, "batch"); });
    as_user(nobody, [&] {
        for (const char *tenant : {static_cast<const char *>(nullptr), "chat", "batch", "neither"}) {
            const std::string why = refused(daemon, tenant);
            CHECK_EQ(refused(daemon, tenant, UAKV_READ_ONLY), why);
            CHECK_EQ(refused(daemon, nullptr), why); // it does not matter what is asked for
        }
    });
}

// The bytes of a tenant's block are those of another key, so that each knows its own.
uakv_key content_of(const std::string &tenant, const uakv_key &key) {
    return make_key(tenant, key.bytes[0]);
}

void store_own(uakv_space *space, const std::string &tenant, const uakv_key &key) {
    const std::vector<uint8_t> block = make_block(block_bytes, content_of(tenant, key));
    CHECK_STATUS(uakv_store(space, &key, block.data(), block.size(), nullptr), UAKV_OK);
}

void check_own(uakv_space *space, const std::string &tenant, const uakv_key &key) {
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
    CHECK_EQ(view.nbytes, block_bytes);
    check_block(view.data, view.nbytes, content_of(tenant, key));
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

// No call of bob's finds, holds or ends anything of these keys.
void check_out_of_reach(uakv_space *space, const std::vector<uakv_key> &keys) {
    uakv_view view;
    size_t count = 99;
    CHECK_EQ(count_present(space, keys.data(), keys.size()), 0);
    CHECK_STATUS(uakv_match_prefix(space, keys.data(), keys.size(), &count, nullptr), UAKV_OK);
    CHECK_EQ(count, 0);
    for (const uakv_key &key : keys) {
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_MISS);
    }
    CHECK_STATUS(uakv_remove(space, keys.data(), keys.size(), &count), UAKV_OK);
    CHECK_EQ(count, 0);
    CHECK_STATUS(uakv_pin(space, keys.data(), keys.size(), UAKV_PIN_FOREVER), UAKV_MISS);
    CHECK_STATUS(uakv_clear(space), UAKV_OK);
}

void same_space_and_keys() {
    const Configured configured = start_two_tenants();
    const Daemon &daemon = configured.daemon();
    const std::vector<uakv_key> keys = make_keys("same", 20);
    as_user(alice, [&] {
        const Client client(daemon);
        Space space(client);
        for (const uakv_key &key : keys) {
            store_own(space, "chat", key);
        }
    });
    as_user(bob, [&] {
        const Client client(daemon);
        CHECK_EQ(client.statistics().spaces, 0);
        Space space(client);
        check_out_of_reach(space, keys);
        for (const uakv_key &key : keys) {
            store_own(space, "batch", key); // UAKV_OK: the key is free
            check_own(space, "batch", key);
        }
        CHECK_STATUS(uakv_remove(space, keys.data(), 1, nullptr), UAKV_OK);
        CHECK_STATUS(uakv_clear(space), UAKV_OK);
        CHECK_EQ(client.statistics().blocks, 0);
    });
    as_user(alice, [&] {
        const Client client(daemon);
        Space space(client);
        for (const uakv_key &key : keys) {
            check_own(space, "chat", key);
        }
        const uakv_statistics values = client.statistics();
        CHECK_EQ(values.blocks, keys.size());
        CHECK_EQ(values.removals, 0);
        CHECK_EQ(values.blocks_pinned, 0);
    });
}

// A space of the same name may be another one altogether.
void same_space_of_another_layout() {
    const Configured configured = start_two_tenants();
    const Daemon &daemon = configured.daemon();
    uakv_space_options options = {};
    options.struct_size = sizeof options;
    options.block_bytes = 4096;
    options.fingerprint[0] = 7;
    as_user(alice, [&] {
        const Client client(daemon);
        const Space space(client, "model", &options);
    });
    as_user(bob, [&] {
        const Client client(daemon);
        options.block_bytes = 8192;
        const Space space(client, "model", &options);
        CHECK_EQ(client.statistics().spaces, 1);
    });
}

// Nobody waits for what a process of another tenant computes, and nothing ends by it.
void flights_are_apart() {
    const Configured configured = start_two_tenants();
    const Daemon &daemon = configured.daemon();
    const uakv_key key = make_key("flown");
    Shared<std::atomic<int>> step;
    Child one([&] {
        become(alice);
        const Client client(daemon);
        Space space(client);
        uakv_view view;
        uakv_slot slot;
        CHECK_STATUS(uakv_retrieve_or_reserve(space, &key, block_bytes, 0, &view, &slot), UAKV_MISS);
        *step = 1;
        await("bob has computed it too", [&] { return *step == 2; });
        CHECK(!contains(space, key));
        CHECK_EQ(client.statistics().flights, 1);
        CHECK_STATUS(uakv_commit(&slot), UAKV_OK);
    });
    one.await("alice computes it", [&] { return *step == 1; });
    as_user(bob, [&] {
        const Client client(daemon);
        Space space(client);
        uakv_view view;
        uakv_slot slot;
        CHECK_STATUS(uakv_retrieve_or_reserve(space, &key, block_bytes, 0, &view, &slot), UAKV_MISS);
        CHECK_EQ(client.statistics().flights, 1);
        CHECK_EQ(client.statistics().flight_waits, 0);
        CHECK_STATUS(uakv_commit(&slot), UAKV_OK);
    });
    *step = 2;
    one.join();
}

void numbers_count_only_own() {
    const Configured configured = start_two_tenants();
    const Daemon &daemon = configured.daemon();
    Shared<std::atomic<int>> step;
    Child one([&] {
        become(alice);
        const Client client(daemon);
        Space space(client);
        for (const uakv_key &key : make_keys("counted", 30)) {
            store_own(space, "chat", key);
        }
        const uakv_key key = make_key("counted");
        uakv_view held;
        uakv_slot slot;
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &held), UAKV_OK);
        const uakv_key missing = make_key("missing"), next = make_key("next");
        CHECK_STATUS(uakv_retrieve(space, &missing, nullptr, &held), UAKV_MISS);
        CHECK_STATUS(uakv_reserve(space, &next, block_bytes, nullptr, &slot), UAKV_OK);
        CHECK_STATUS(uakv_pin(space, &key, 1, UAKV_PIN_FOREVER), UAKV_OK);
        *step = 1;
        await("bob has looked", [&] { return *step == 2; });
    });
    one.await("alice has stored", [&] { return *step == 1; });
    as_user(bob, [&] {
        const Client client(daemon);
        client.await_populated();
        const uakv_statistics values = client.statistics();
        CHECK_EQ(values.clients, 1);
        CHECK_EQ(values.bytes_capacity, tenant_bytes);
        CHECK_EQ(values.bytes_memory, tenant_bytes);
        for (const uint64_t number :
             {values.hits, values.misses, values.stores, values.bytes_stored, values.blocks, values.bytes_blocks,
              values.slots_granted, values.leases, values.bytes_leased, values.spaces, values.blocks_pinned,
              values.bytes_pinned, values.bytes_hit, values.removals, values.exists}) {
            CHECK_EQ(number, 0);
        }
    });
    *step = 2;
    one.join();
}

void check_only_reads(uakv_client *client, uakv_space *space, const uakv_key &key) {
    const uakv_key next = make_key("next");
    uakv_slot slot;
    uakv_view view;
    uakv_space *created = nullptr;
    CHECK_STATUS(store_block(space, next, 100), UAKV_ERR_DENIED);
    CHECK_STATUS(uakv_reserve(space, &next, 100, nullptr, &slot), UAKV_ERR_DENIED);
    CHECK_STATUS(uakv_retrieve_or_reserve(space, &next, 100, 0, &view, &slot), UAKV_ERR_DENIED);
    CHECK_STATUS(uakv_remove(space, &key, 1, nullptr), UAKV_ERR_DENIED);
    CHECK_STATUS(uakv_pin(space, &key, 1, UAKV_PIN_FOREVER), UAKV_ERR_DENIED);
    CHECK_STATUS(uakv_pin(space, &key, 1, 0), UAKV_ERR_DENIED);
    CHECK_STATUS(uakv_clear(space), UAKV_ERR_DENIED);
    CHECK_STATUS(uakv_space_open(client, "new", nullptr, &created), UAKV_ERR_DENIED);
}

void readers_only_read() {
    const Configured configured = start_two_tenants();
    const Daemon &daemon = configured.daemon();
    const uakv_key key = make_key("read");
    as_user(alice, [&] {
        const Client client(daemon);
        Space space(client);
        store_own(space, "chat", key);
    });
    as_user(carol, [&] {
        forget_passed();
        for (const char *tenant : {static_cast<const char *>(nullptr), "chat"}) {
            const std::string why = refused(daemon, tenant);
            CHECK_MESSAGE(why.find("UAKV_READ_ONLY") != std::string::npos, why);
        }
        CHECK_EQ(passed_memory().size(), 0);
        const Client client(daemon, UAKV_READ_ONLY);
        Space space(client);
        check_own(space, "chat", key);
        check_only_reads(client, space, key);
        CHECK_EQ(check_mappings(), 2); // index and segment
        for (const int fd : passed_memory()) {
            check_cannot_write(fd);
        }
        check_own(space, "chat", key);
        CHECK_EQ(client.statistics().blocks, 1);
    });
}

void stores_in(const Daemon &daemon, const char *tenant, const char *key) {
    const Client client(daemon, tenant);
    Space space(client);
    CHECK_STATUS(store_block(space, make_key(key), block_bytes), UAKV_OK);
}

void admins_may_use_each() {
    const Configured configured = start_two_tenants();
    const Daemon &daemon = configured.daemon();
    stores_in(daemon, "chat", "root");
    stores_in(daemon, "batch", "root");
    for (const User &user : {operator_, keeper}) {
        as_user(user, [&] {
            const std::string key = "of " + std::to_string(user.uid);
            stores_in(daemon, "chat", key.c_str());
            stores_in(daemon, "batch", key.c_str());
            CHECK(refused(daemon, "butch").find("butch") != std::string::npos);
            const Client client(daemon); // without a name: the first
            Space space(client);
            check_stored(space, make_key("root"), block_bytes);
        });
    }
    const Client chat(daemon, "chat"), batch(daemon, "batch");
    CHECK_EQ(chat.statistics().blocks, 3);
    CHECK_EQ(batch.statistics().blocks, 3);
}

// Members by a group belong as much as those by name: by their first group or by another one.
void groups_count() {
    const Configured configured = start_two_tenants();
    const Daemon &daemon = configured.daemon();
    as_user(colleague, [&] { stores_in(daemon, "chat", "first"); });
    run_child([&] {
        CHECK(setgroups(1, &colleague.gid) == 0);
        CHECK(setresgid(nobody.gid, nobody.gid, nobody.gid) == 0);
        CHECK(setresuid(nobody.uid, nobody.uid, nobody.uid) == 0);
        stores_in(daemon, "chat", "other");
        check_hidden(daemon, "batch");
    });
}

constexpr Case cases[] = {
    {"by_name", by_name},
    {"same_space_and_keys", same_space_and_keys},
    {"same_space_of_another_layout", same_space_of_another_layout},
    {"flights_are_apart", flights_are_apart},
    {"numbers_count_only_own", numbers_count_only_own},
    {"readers_only_read", readers_only_read},
    {"admins_may_use_each", admins_may_use_each},
    {"groups_count", groups_count},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("tenants_apart", uakv::test::cases);
}
