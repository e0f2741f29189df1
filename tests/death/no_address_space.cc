// No memory or threads to be had, at each size of too little: a status or a sentence says so; nobody ends by a signal,
// and nothing is lost.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"

#include <csignal>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 10'000;
constexpr uint64_t mebibyte = 1 << 20;

void skip_where_sanitized() {
    if (sanitized) {
        throw Skip("a sanitizer takes terabytes of address space");
    }
}

uint64_t own_address_space() {
    uint64_t bytes = 0;
    for (const Mapping &mapping : own_mappings()) {
        bytes += mapping.end - mapping.begin;
    }
    return bytes;
}

void allow_address_space(rlim_t bytes) {
    rlimit limit = {};
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

// One look at what a client does with so much more memory than the process has, and once more with all.
void use_client_with(const Daemon &daemon, uint64_t more_bytes, const uakv_key &stored, size_t &refused) {
    const size_t descriptors = descriptor_count(getpid());
    const uakv_key key = make_key("with", more_bytes);
    const std::vector<uint8_t> block = make_block(block_bytes, key);
    const auto enough = [&](uakv_status status) {
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_ERR_NO_MEMORY,
                      std::string(uakv_status_name(status)) + ": " + last_error());
        refused += status == UAKV_OK ? 0U : 1U;
        return status == UAKV_OK;
    };
    uakv_client *client = nullptr;
    uakv_space *space = nullptr;
    uakv_view view = {};
    allow_address_space(own_address_space() + more_bytes);
    const bool connected = enough(connect_to(daemon.socket_path(), 0, 0, &client));
    const bool opened = connected && enough(uakv_space_open(client, "test", nullptr, &space));
    const bool found = opened && enough(uakv_retrieve(space, &stored, nullptr, &view));
    const bool kept = opened && enough(uakv_store(space, &key, block.data(), block.size(), nullptr));
    const bool submitted = opened && uakv_remove_submit(space, &key, 1, 1) == UAKV_PENDING;
    allow_address_space(0);
    if (found) {
        check_block(view.data, view.nbytes, stored);
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
    if (submitted) {
        uakv_completion done = {};
        CHECK_EQ(uakv_poll(client, &done, 1, 20'000), 1);
    }
    if (opened) {
        check_stored(space, stored, block_bytes);
        const uakv_status status = uakv_store(space, &key, block.data(), block.size(), nullptr);
        CHECK(status == UAKV_OK || (kept && status == UAKV_EXISTS));
    }
    uakv_disconnect(client);
    CHECK_EQ(descriptor_count(getpid()), descriptors);
}

void client_has_too_little() {
    skip_where_sanitized();
    Daemon daemon;
    const uakv_key key = make_key("stored");
    Client checker(daemon);
    checker.await_populated();
    run_child([&] {
        Client client(daemon);
        Space space(client);
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    });
    run_child([&] {
        size_t refused = 0, last = 1;
        for (uint64_t more = 0; last != 0; more += mebibyte / 4) {
            CHECK_MESSAGE(more < 512 * mebibyte, "it never is enough");
            const size_t before = refused;
            use_client_with(daemon, more, key, refused);
            last = refused - before;
        }
        CHECK_MESSAGE(refused > 5, std::to_string(refused));
    });
    await_equal("clients", 1, [&] { return checker.statistics().clients; });
    await_equal("leases", 0, [&] { return checker.statistics().leases; });
    await_equal("slots_granted", 0, [&] { return checker.statistics().slots_granted; });
}

// In the loader; or in the C++ runtime, while a library that we link against sets up what it has in static storage.
bool ended_before_main(const std::string &end, const std::string &log) {
    if (end == "exit status 127") {
        return true;
    }
    return end.starts_with("signal 6") && log.find("uakvd: ") == std::string::npos &&
           log.find("terminate called without an active exception") != std::string::npos;
}

// A daemon that cannot begin says why; one that can serves, and refuses what it cannot do.
bool serves_with(int resource, rlim_t bytes) {
    Directory directory;
    const std::string socket_path = directory.path() + "/uakvd.sock";
    const pid_t pid =
        start_uakvd({"--socket", socket_path, "--memory", "32MiB"}, directory.path() + "/log", {}, [resource, bytes] {
            const rlimit limit = {bytes, bytes};
            CHECK(setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0);
        });
    std::string end;
    uakv_client *client = nullptr;
    uakv_status connected = UAKV_ERR_DISCONNECTED;
    await("uakvd serves or says why not", [&] {
        end = poll_for_exit(pid);
        connected = end.empty() ? connect_to(socket_path, 0, 1'000, &client) : UAKV_ERR_DISCONNECTED;
        return !end.empty() || (connected != UAKV_ERR_DISCONNECTED && connected != UAKV_ERR_TIMEOUT);
    });
    bool stored = false;
    if (end.empty() && connected != UAKV_OK) { // it has just not enough for a client
        CHECK_MESSAGE(connected == UAKV_ERR_NO_SPACE || connected == UAKV_ERR_NO_MEMORY, uakv_status_name(connected));
        kill(pid, SIGTERM);
        CHECK_EQ(wait_for_exit(pid), "exit status 0");
    } else if (end.empty()) {
        Space space(client);
        const uakv_status status = store_block(space, make_key("key"), block_bytes);
        stored = status == UAKV_OK;
        CHECK_MESSAGE(stored || status == UAKV_ERR_NO_SPACE, uakv_status_name(status));
        if (stored) {
            check_stored(space, make_key("key"), block_bytes);
        }
        space.forget();
        uakv_disconnect(client);
        kill(pid, SIGTERM);
        CHECK_EQ(wait_for_exit(pid), "exit status 0");
    } else if (!ended_before_main(end, read_file(directory.path() + "/log"))) {
        CHECK_MESSAGE(end == "exit status 1", end + " with " + std::to_string(bytes) + " bytes; its log:\n" +
                                                  read_file(directory.path() + "/log"));
        CHECK(read_file(directory.path() + "/log").find("uakvd: error: ") != std::string::npos);
    }
    return stored;
}

void daemon_has_too_little(int resource, uint64_t step, uint64_t most) {
    skip_where_sanitized();
    uint64_t bytes = 4 * mebibyte;
    while (!serves_with(resource, bytes)) {
        bytes += step;
        CHECK_MESSAGE(bytes < most, "it never is enough");
    }
    CHECK(serves_with(resource, 2 * bytes));
}

void daemon_has_too_little_address_space() {
    daemon_has_too_little(RLIMIT_AS, mebibyte, 512 * mebibyte);
}

void daemon_has_too_little_data() {
    daemon_has_too_little(RLIMIT_DATA, mebibyte / 2, 64 * mebibyte);
}

// No more threads for this user: the worker that makes memory cannot start.
void daemon_has_no_thread() {
    if (geteuid() != 0) {
        throw Skip("needs root, to become a user who may have one process");
    }
    static constexpr User nobody = {65'534, 65'534};
    Directory directory;
    CHECK(chown(directory.path().c_str(), nobody.uid, nobody.gid) == 0);
    const std::string log_path = directory.path() + "/log";
    // At the end the sanitizer would look for leaks in a thread of its own.
    const Environment environment = {{"ASAN_OPTIONS", "abort_on_error=1:detect_leaks=0"}};
    const pid_t pid =
        start_uakvd({"--socket", directory.path() + "/uakvd.sock", "--memory", "32MiB"}, log_path, environment, [] {
            const rlimit limit = {1, 1};
            CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0);
            become(nobody);
        });
    const std::string end = wait_for_exit(pid);
    const std::string log = read_file(log_path);
    CHECK_MESSAGE(end == "exit status 1", end + "; its log:\n" + log);
    CHECK_MESSAGE(log.find("uakvd: error: ") != std::string::npos && log.find("thread") != std::string::npos, log);
}

constexpr Case cases[] = {
    {"client_has_too_little", client_has_too_little},
    {"daemon_has_too_little_address_space", daemon_has_too_little_address_space},
    {"daemon_has_too_little_data", daemon_has_too_little_data},
    {"daemon_has_no_thread", daemon_has_no_thread},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("no_address_space", uakv::test::cases);
}
