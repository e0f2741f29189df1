// What uakvctl shows of a daemon: ping, status, stats, top, ls, why.
#include "ctl_process.h"
#include "support/check.h"
#include "support/client.h"
#include "support/pattern.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include <unistd.h>

namespace uakv::test {
namespace {

using Json = nlohmann::json;

// The answer of a command as JSON, which has to be one line.
Json json(const Daemon &daemon, std::vector<std::string> arguments, int status = 0) {
    arguments.emplace_back("--json");
    const std::string text = ctl(daemon, std::move(arguments), status);
    CHECK_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    Json document = Json::parse(text, nullptr, false);
    CHECK_MESSAGE(!document.is_discarded(), text);
    return document;
}

size_t lines_of(const std::string &text) {
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

void pings() {
    Daemon daemon;
    check_has(ctl(daemon, {"ping"}), daemon.socket_path() + "|answers|connected in|took");
    CHECK_EQ(json(daemon, {"ping"}).at("socket"), daemon.socket_path());
    CHECK(json(daemon, {"ping"}).at("request_ns").get<uint64_t>() > 0);
}

void statuses() {
    Daemon daemon;
    Client client(daemon);
    client.await_populated();
    Space space(client);
    CHECK_STATUS(store_block(space, make_key("a"), 4096), UAKV_OK);
    const std::string text = ctl(daemon, {"status"});
    CHECK_MESSAGE(text.starts_with("healthy\n"), text);
    check_has(text, daemon.socket_path() + "|pid " + std::to_string(daemon.pid()) + "|TENANT|default|4 KiB|64 MiB");
    const Json status = json(daemon, {"status"});
    CHECK(status.at("healthy").get<bool>());
    CHECK_EQ(status.at("tenants").at(0).at("blocks").get<int>(), 1);
    CHECK_EQ(status.at("version").get<std::string>(), uakv_version_string());
}

// All memory in the hands of one client, and another slot refused.
void not_healthy() {
    DaemonOptions options;
    options.memory = "16MiB";
    Daemon daemon(options);
    Client client(daemon);
    client.await_populated();
    Space space(client);
    std::vector<uakv_slot> slots;
    uakv_status status = UAKV_OK;
    for (uint64_t i = 0; status == UAKV_OK; ++i) {
        const uakv_key key = make_key("slot", i);
        uakv_slot slot = {};
        status = uakv_reserve(space, &key, 400'000, nullptr, &slot);
        if (status == UAKV_OK) {
            slots.push_back(slot);
        }
    }
    CHECK_STATUS(status, UAKV_ERR_NO_SPACE);
    const std::string text = ctl(daemon, {"status"}, 1);
    CHECK_MESSAGE(text.starts_with("not healthy\n  tenant \"default\" refused"), text);
    CHECK(!json(daemon, {"status"}, 1).at("healthy").get<bool>());
    check_has(ctl(daemon, {"top", "--count", "1"}), "NOT HEALTHY");
    for (uakv_slot &slot : slots) {
        CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
    }
}

// Where nothing is evicted, other advice helps.
void not_healthy_without_eviction() {
    DaemonOptions options;
    options.memory = "16MiB";
    options.environment = {{"UAKV_ENABLE_GC", "false"}};
    Daemon daemon(options);
    Client client(daemon);
    client.await_populated();
    Space space(client);
    uakv_status status = UAKV_OK;
    for (uint64_t i = 0; status == UAKV_OK; ++i) {
        status = store_block(space, make_key("block", i), 400'000);
    }
    CHECK_STATUS(status, UAKV_ERR_NO_SPACE);
    check_has(ctl(daemon, {"status"}, 1), "refused slots|enable_gc: false|clear spaces");
}

void counters() {
    DaemonOptions options;
    options.environment = {{"UAKV_ENABLE_PROFILING", "true"}};
    Daemon daemon(options);
    Client client(daemon);
    Space space(client);
    for (uint64_t i = 0; i < 3; ++i) {
        CHECK_STATUS(store_block(space, make_key("a", i), 4096), UAKV_OK);
        check_stored(space, make_key("a", i), 4096);
    }
    CHECK(!check_stored_or_missing(space, make_key("b"), 4096));
    check_has(ctl(daemon, {"stats"}), "hit rate|75.0 %|bytes_stored|12 KiB|P99.9|turn");
    const Json stats = json(daemon, {"stats"});
    CHECK(stats.at("profiling").get<bool>());
    const Json &tenant = stats.at("tenants").at(0);
    CHECK_EQ(tenant.at("name"), "default");
    CHECK_EQ(tenant.at("hits").get<int>(), 3);
    CHECK_EQ(tenant.at("misses").get<int>(), 1);
    CHECK_EQ(tenant.at("latencies").at("store").at("count").get<int>(), 3);
}

void watching() {
    Daemon daemon;
    const std::string text = ctl(daemon, {"stats", "--watch", "10ms", "--count", "25"});
    CHECK_EQ(lines_of(text), 25 + 2); // its titles each 20 lines
    CHECK_MESSAGE(text.starts_with("HIT RATE"), text);
    std::istringstream lines(ctl(daemon, {"stats", "--watch=10ms", "--count", "3", "--json"}));
    unsigned count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        CHECK_MESSAGE(Json::parse(line, nullptr, false).contains("tenants"), line);
    }
    CHECK_EQ(count, 3);
}

// Without a terminal: plain pictures, one below the other, with what went on in between.
void pictures() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    CHECK_STATUS(store_block(space, make_key("a"), 1 << 20), UAKV_OK);
    check_stored(space, make_key("a"), 1 << 20);
    const std::string text = ctl(daemon, {"top", "--count", "2", "--interval", "50ms"});
    CHECK_MESSAGE(text.find('\033') == std::string::npos, text);
    check_has(text, "since its start|of the last|HIT RATE|100.0 %|1 MiB|64 MiB|CALL|store|healthy");
}

void listings() {
    Daemon daemon;
    Client client(daemon);
    CHECK_EQ(ctl(daemon, {"ls"}), "tenant default has no spaces yet\n");
    Space space(client, "many");
    const std::vector<uakv_key> keys = make_keys("key", 2500);
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(space, key, 100), UAKV_OK);
    }
    check_has(ctl(daemon, {"ls"}), "SPACE|many|2500|244.1 KiB|opaque");
    CHECK_EQ(json(daemon, {"ls"}).at("spaces").at(0).at("blocks").get<int>(), 2500);
    const std::string all = ctl(daemon, {"ls", "--space", "many"});
    CHECK_EQ(lines_of(all), 2501);
    for (const uakv_key &key : keys) {
        CHECK_MESSAGE(all.find(hex_of(key)) != std::string::npos, "a block is missing in the list");
    }
    CHECK_EQ(json(daemon, {"ls", "--space", "many"}).at("blocks").size(), 2500);
    CHECK_EQ(lines_of(ctl(daemon, {"ls", "--space", "many", "--limit", "1700"})), 1701);
    CHECK_EQ(json(daemon, {"ls", "--space", "many", "--limit", "3"}).at("blocks").size(), 3);
    check_refused(run_uakvctl({"--socket", daemon.socket_path(), "ls", "--space", "none"}), 1, "no space \"none\"");
}

void reasons() {
    DaemonOptions options;
    options.memory = "16MiB";
    Daemon daemon(options);
    Client client(daemon);
    Space space(client, "one");
    Space other(client, "two");
    const auto why = [&](const uakv_key &key, int status) { return ctl(daemon, {"why", hex_of(key)}, status); };
    const uakv_key key = make_key("a"), evicted = make_key("old");
    check_has(why(key, 1), "all spaces: never stored");
    CHECK_STATUS(store_block(space, evicted, 400'000), UAKV_OK);
    for (uint64_t i = 0; i < 60; ++i) {
        CHECK_STATUS(store_block(space, make_key("filler", i), 400'000), UAKV_OK);
    }
    CHECK_STATUS(store_block(space, key, 5000), UAKV_OK);
    uakv_view view = {};
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
    check_has(why(key, 0), "one: stored, in host memory: 4.9 KiB|read by 1 view");
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    check_has(ctl(daemon, {"why", hex_of(key), "--space", "two"}, 1),
              "two: never stored|but it is stored in space one");
    CHECK_EQ(json(daemon, {"why", hex_of(key)}).at("state"), "resident");
    check_has(why(evicted, 1), "one: evicted|ago");
    CHECK_EQ(json(daemon, {"why", hex_of(evicted)}, 1).at("reason"), "evicted");
    CHECK_STATUS(uakv_remove(space, &key, 1, nullptr), UAKV_OK);
    check_has(why(key, 1), "one: removed|ago");
    CHECK_STATUS(store_block(space, key, 5000), UAKV_OK);
    CHECK_STATUS(uakv_clear(space), UAKV_OK);
    check_has(why(key, 1), "one: gone|cleared");
    check_has(ctl(daemon, {"why", hex_of(key), "--space", "three"}, 1), "three: there is no such space");
}

// A user of two tenants: the first one, unless another is named.
void tenants() {
    const Directory directory;
    const std::string file = directory.path() + "/uakvd.yaml", user = std::to_string(geteuid());
    std::ofstream(file) << "tenants:\n  - name: chat\n    memory: 48MiB\n    users: [" << user
                        << "]\n  - name: batch\n    users: [" << user << "]\n";
    DaemonOptions options;
    options.arguments = {"--config", file};
    Daemon daemon(options);
    ctl(daemon, {"put", "text:a", "--space", "notes", "--tenant", "batch"}, 0, "for batch");
    CHECK_EQ(ctl(daemon, {"ls"}), "tenant chat has no spaces yet\n");
    check_has(ctl(daemon, {"ls", "--tenant", "batch"}), "notes");
    CHECK_EQ(ctl(daemon, {"get", "text:a", "--space", "notes", "--tenant", "batch"}), "for batch");
    check_has(ctl(daemon, {"why", "text:a"}, 1), "all spaces: never stored");
    check_has(ctl(daemon, {"status"}), "\nchat |\nbatch |48 MiB|16 MiB");
    check_has(ctl(daemon, {"stats"}), "chat|batch");
    check_has(ctl(daemon, {"top", "--count", "1"}), "\nchat |\nbatch ");
    CHECK_EQ(json(daemon, {"status", "--tenant", "batch"}).at("tenants").size(), 1);
}

constexpr Case cases[] = {
    {"pings", pings},
    {"statuses", statuses},
    {"not_healthy", not_healthy},
    {"not_healthy_without_eviction", not_healthy_without_eviction},
    {"counters", counters},
    {"watching", watching},
    {"pictures", pictures},
    {"listings", listings},
    {"reasons", reasons},
    {"tenants", tenants},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ctl_shows", uakv::test::cases);
}
