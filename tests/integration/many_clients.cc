// 64 processes at once: each stores, and each reads what all the others stored.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"

#include <atomic>
#include <memory>

namespace uakv::test {
namespace {

constexpr size_t processes = 64;
constexpr size_t blocks_each = 20;
constexpr size_t block_bytes = 8000;

uakv_key key_of(size_t process, size_t block) {
    return make_key("process " + std::to_string(process), block);
}

void store_and_read(const Daemon &daemon, size_t number, std::atomic<size_t> &connected, std::atomic<size_t> &stored,
                    std::atomic<bool> &counted) {
    Client client(daemon);
    Space space(client);
    connected.fetch_add(1);
    await("all are connected", [&] { return connected.load() == processes; });
    for (size_t block = 0; block < blocks_each; ++block) {
        CHECK_STATUS(store_block(space, key_of(number, block), block_bytes), UAKV_OK);
    }
    stored.fetch_add(1);
    await("all have stored", [&] { return stored.load() == processes && counted.load(); });
    for (size_t i = 0; i < processes; ++i) {
        for (size_t block = 0; block < blocks_each; ++block) {
            check_stored(space, key_of((number + i) % processes, block), block_bytes);
        }
    }
}

void all_at_once() {
    Daemon daemon;
    Client checker(daemon);
    checker.await_populated();
    const size_t descriptors = descriptor_count(daemon.pid());
    Shared<std::atomic<size_t>> connected, stored;
    Shared<std::atomic<bool>> counted;
    std::vector<Child> children;
    for (size_t number = 0; number < processes; ++number) {
        children.emplace_back([&, number] { store_and_read(daemon, number, *connected, *stored, *counted); });
    }
    await("all have stored", [&] { return stored->load() == processes; });
    CHECK_EQ(checker.statistics().clients, processes + 1);
    CHECK_EQ(checker.statistics().blocks, processes * blocks_each);
    counted->store(true);
    for (Child &child : children) {
        child.join();
    }
    await_equal("clients", 1, [&] { return checker.statistics().clients; });
    await_equal("descriptors of the daemon", descriptors, [&] { return descriptor_count(daemon.pid()); });
    const uakv_statistics statistics = checker.statistics();
    CHECK_EQ(statistics.hits, processes * processes * blocks_each);
    CHECK_EQ(statistics.misses, 0);
    CHECK_EQ(statistics.slots_granted, 0);
}

// A process may have 64 clients, and is told so at the 65th.
void many_in_one_process() {
    Daemon daemon;
    std::vector<std::unique_ptr<Client>> clients;
    for (size_t i = 0; i < 64; ++i) {
        clients.push_back(std::make_unique<Client>(daemon));
    }
    uakv_client *more = nullptr;
    CHECK_STATUS(connect_to(daemon.socket_path(), 0, 0, &more), UAKV_ERR_NO_MEMORY);
    CHECK_MESSAGE(last_error().find("64") != std::string::npos, last_error());
    CHECK(more == nullptr);
    const uakv_key key = make_key("key");
    {
        Space space(*clients[0]);
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    }
    for (const auto &client : clients) {
        Space space(*client);
        check_stored(space, key, block_bytes);
    }
    clients.pop_back();
    clients.push_back(std::make_unique<Client>(daemon));
    await_equal("clients", 64, [&] { return clients.back()->statistics().clients; });
}

constexpr Case cases[] = {
    {"all_at_once", all_at_once},
    {"many_in_one_process", many_in_one_process},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("many_clients", uakv::test::cases);
}
