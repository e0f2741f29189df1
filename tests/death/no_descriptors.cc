// No descriptor left, in the daemon or in a client: a clear error, nothing lost, and all well again when some are free.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"

#include <atomic>
#include <memory>

#include <sys/resource.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 10'000;
constexpr rlim_t daemon_limit = 70;

// The soft limit; the hard one stays, so that it can be raised again.
void allow_descriptors(rlim_t count) {
    rlimit limit = {};
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = count == 0 ? limit.rlim_max : count;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

// The limit is on the number of a descriptor: the lowest that is free, and so many more.
void leave_descriptors(rlim_t count) {
    const int lowest = dup(STDIN_FILENO);
    CHECK(lowest >= 0);
    close(lowest);
    allow_descriptors(static_cast<rlim_t>(lowest) + count);
}

void skip_where_sanitized() {
    if (sanitized) {
        throw Skip("the undefined-behaviour sanitizer opens a pipe to look at the type of an object");
    }
}

size_t count_lines(const std::string &text, const std::string &word) {
    size_t count = 0;
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, text.find('\n', at))) {
        ++count;
    }
    return count;
}

void daemon_has_none() {
    DaemonOptions options;
    options.memory = "16MiB";
    options.before_exec = [] {
        const rlimit limit = {daemon_limit, daemon_limit};
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    };
    Daemon daemon(options);
    std::vector<std::unique_ptr<Client>> clients;
    clients.push_back(std::make_unique<Client>(daemon));
    clients[0]->await_populated();
    uakv_status status = UAKV_OK;
    while (status == UAKV_OK && clients.size() < daemon_limit) {
        uakv_client *client = nullptr;
        status = connect_to(daemon.socket_path(), 0, 300, &client);
        uakv_disconnect(client);
        if (status == UAKV_OK) {
            clients.push_back(std::make_unique<Client>(daemon));
        }
    }
    const std::string why = last_error();
    CHECK_MESSAGE(status == UAKV_ERR_TIMEOUT || status == UAKV_ERR_NO_MEMORY, uakv_status_name(status));
    CHECK_MESSAGE(why.size() > 20, why);
    CHECK(clients.size() > 3);
    for (int again = 0; again < 20; ++again) {
        uakv_client *client = nullptr;
        CHECK(connect_to(daemon.socket_path(), 0, 20, &client) != UAKV_OK);
    }
    for (size_t i = 0; i < clients.size(); ++i) {
        Space space(*clients[i]);
        CHECK_STATUS(store_block(space, make_key("key", i), block_bytes), UAKV_OK);
        check_stored(space, make_key("key", i), block_bytes);
    }
    // One for each of the two that may be what there is no descriptor for.
    const std::string log = daemon.log();
    CHECK_MESSAGE(count_lines(log, "cannot accept") <= 1 && count_lines(log, "was refused") <= 1, log);
    CHECK(count_lines(log, "warn") >= 1);
    clients.resize(2);
    await("a client is let in again", [&] {
        uakv_client *client = nullptr;
        const bool connected = connect_to(daemon.socket_path(), 0, 1'000, &client) == UAKV_OK;
        uakv_disconnect(client);
        return connected;
    });
    await_equal("clients", 2, [&] { return clients[0]->statistics().clients; });
}

// What a process of its own does, with a daemon and a block in it.
struct Scene {
    Daemon daemon;
    uakv_key key = make_key("key");

    Scene() {
        Client client(daemon);
        client.await_populated();
        Space space(client);
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    }
};

void client_has_none_to_connect() {
    Scene scene;
    run_child([&] {
        const size_t before = descriptor_count(getpid());
        size_t refused = 0;
        uakv_client *client = nullptr;
        for (rlim_t left = 0; client == nullptr; ++left) {
            CHECK(left < 20);
            leave_descriptors(left);
            const uakv_status status = connect_to(scene.daemon.socket_path(), 0, 2'000, &client);
            const std::string why = last_error();
            allow_descriptors(0);
            if (status == UAKV_OK) {
                break;
            }
            ++refused;
            CHECK_MESSAGE(status == UAKV_ERR_NO_MEMORY, std::string(uakv_status_name(status)) + ": " + why);
            CHECK_MESSAGE(why.find("descriptor") != std::string::npos || why.find("open files") != std::string::npos,
                          why);
            CHECK_EQ(descriptor_count(getpid()), before);
        }
        CHECK(refused >= 2);
        Space space(client);
        check_stored(space, scene.key, block_bytes);
        space.forget();
        uakv_disconnect(client);
    });
    Client checker(scene.daemon);
    await_equal("clients", 1, [&] { return checker.statistics().clients; });
}

void client_has_none_for_a_segment() {
    skip_where_sanitized();
    Scene scene;
    run_child([&] {
        Client client(scene.daemon);
        leave_descriptors(0);
        Space space(client); // needs none
        const uakv_key other = make_key("other");
        uakv_view view;
        uakv_slot slot;
        CHECK_STATUS(uakv_retrieve(space, &scene.key, nullptr, &view), UAKV_ERR_NO_MEMORY);
        CHECK_MESSAGE(last_error().find("open files") != std::string::npos, last_error());
        CHECK_STATUS(uakv_reserve(space, &other, block_bytes, nullptr, &slot), UAKV_ERR_NO_MEMORY);
        CHECK_STATUS(store_block(space, other, block_bytes), UAKV_ERR_NO_MEMORY);
        CHECK_STATUS(uakv_retrieve_or_reserve(space, &other, block_bytes, 0, &view, &slot), UAKV_ERR_NO_MEMORY);
        CHECK_EQ(client.statistics().leases, 0);
        await_equal("flights", 0, [&] { return client.statistics().flights; });
        CHECK(client.statistics().slots_granted <= 1);
        allow_descriptors(0);
        check_stored(space, scene.key, block_bytes);
        CHECK_STATUS(store_block(space, other, block_bytes), UAKV_OK);
        check_stored(space, other, block_bytes);
    });
}

void client_has_none_to_connect_anew() {
    Scene scene;
    Shared<std::atomic<bool>> holds, replaced;
    Child child([&] {
        Client client(scene.daemon);
        Space space(client);
        uakv_view view;
        CHECK_STATUS(uakv_retrieve(space, &scene.key, nullptr, &view), UAKV_OK);
        holds->store(true);
        await("another daemon serves", [&] { return replaced->load(); });
        const uakv_key key = make_key("after");
        const size_t before = descriptor_count(getpid());
        leave_descriptors(0);
        for (int i = 0; i < 10; ++i) {
            CHECK_STATUS(store_block(space, key, block_bytes), UAKV_ERR_DISCONNECTED);
        }
        await("it says why", [&] {
            CHECK_STATUS(store_block(space, key, block_bytes), UAKV_ERR_DISCONNECTED);
            return last_error().find("open files") != std::string::npos ||
                   last_error().find("descriptor") != std::string::npos;
        });
        check_block(view.data, view.nbytes, scene.key);
        allow_descriptors(0);
        CHECK_EQ(descriptor_count(getpid()), before);
        await("the client is back", [&] { return store_block(space, key, block_bytes) == UAKV_OK; });
        check_stored(space, key, block_bytes);
        check_block(view.data, view.nbytes, scene.key);
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    });
    child.await("the child holds a view", [&] { return holds->load(); });
    scene.daemon.kill();
    scene.daemon.start();
    replaced->store(true);
    child.join();
}

void client_has_none_for_events() {
    skip_where_sanitized();
    Scene scene;
    run_child([&] {
        Client client(scene.daemon);
        Space space(client);
        check_stored(space, scene.key, block_bytes);
        const uakv_key key = make_key("submitted");
        const std::vector<uint8_t> block = make_block(block_bytes, key);
        for (rlim_t left = 0; left < 3; ++left) { // it takes three
            const size_t before = descriptor_count(getpid());
            leave_descriptors(left);
            CHECK_EQ(uakv_event_fd(client), -1);
            CHECK_MESSAGE(last_error().find("open files") != std::string::npos, last_error());
            allow_descriptors(0);
            CHECK_EQ(descriptor_count(getpid()), before);
        }
        leave_descriptors(0);
        CHECK_STATUS(uakv_store_submit(space, &key, block.data(), block.size(), nullptr, 7), UAKV_PENDING);
        uakv_completion done = {};
        await("the completion", [&] { return uakv_poll(client, &done, 1, 0) == 1; });
        CHECK_STATUS(done.status, UAKV_OK);
        CHECK_EQ(done.user_data, 7);
        allow_descriptors(0);
        CHECK(uakv_event_fd(client) >= 0);
        check_stored(space, key, block_bytes);
    });
}

constexpr Case cases[] = {
    {"daemon_has_none", daemon_has_none},
    {"client_has_none_to_connect", client_has_none_to_connect},
    {"client_has_none_for_a_segment", client_has_none_for_a_segment},
    {"client_has_none_to_connect_anew", client_has_none_to_connect_anew},
    {"client_has_none_for_events", client_has_none_for_events},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("no_descriptors", uakv::test::cases);
}
