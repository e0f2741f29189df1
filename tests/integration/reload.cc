// SIGHUP: the settings are read again. What can change while the daemon serves does; of the rest it says so, and it
// never stops serving over it.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/configured.h"
#include "support/pattern.h"
#include "support/process.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

namespace uakv::test {
namespace {

constexpr const char *read_again = "the settings were read again";
constexpr const char *stay = "the settings stay as they are";

std::string tenant(const std::string &name, const std::string &more) {
    return "  - name: " + name + "\n    users: [" + std::to_string(::geteuid()) + "]\n" + more;
}

bool can_connect(const Daemon &daemon) {
    uakv_client *client = nullptr;
    const uakv_status status = connect_to(daemon.socket_path(), 0, 0, &client);
    uakv_disconnect(client);
    return status == UAKV_OK;
}

void what_can_change_does() {
    Configured configured("tenants:\n" + tenant("chat", "    clients: 1\n"));
    uakv_client *client = nullptr;
    await("a place is free", [&] { // after the one that saw the daemon start
        return connect_to(configured.daemon().socket_path(), 0, 0, &client) == UAKV_OK;
    });
    Space space(client);
    const uakv_key key = make_keys("key", 1)[0];
    CHECK_STATUS(store_block(space, key, 5000), UAKV_OK);
    CHECK(!can_connect(configured.daemon()));
    configured.reload("tenants:\n" + tenant("chat", "    clients: 2\n"), read_again);
    CHECK(can_connect(configured.daemon()));
    check_stored(space, key, 5000); // and nothing is lost
    space.forget();
    uakv_disconnect(client);
}

void what_cannot_change_is_named() {
    Configured configured("tenants:\n" + tenant("chat", ""));
    const Client client(configured.daemon());
    const std::string said =
        configured.reload("tenants:\n" + tenant("chat", "") + tenant("batch", ""), "until uakvd is started again");
    CHECK_MESSAGE(said.find("the new tenant \"batch\"") != std::string::npos, said);
    CHECK_MESSAGE(said.find("another memory of tenant \"chat\"") != std::string::npos, said);
    CHECK_EQ(client.statistics().bytes_capacity, 64U << 20);
    CHECK(can_connect(configured.daemon()));
}

// All that is wrong is said, and where.
void nonsense_changes_nothing() {
    const Configured configured("tenants:\n" + tenant("chat", "    clients: 1\n"));
    const std::string said =
        configured.reload("tenants:\n" + tenant("chat", "    clients: 9\n    klients: 2\n    memory: 8GB\n"), stay);
    CHECK_MESSAGE(said.find(configured.path() + ":5: tenant chat: klients: unknown key") != std::string::npos, said);
    CHECK_MESSAGE(said.find(configured.path() + ":6: tenant chat: memory: \"8GB\"") != std::string::npos, said);
    uakv_client *client = nullptr;
    await("a place is free", [&] { return connect_to(configured.daemon().socket_path(), 0, 0, &client) == UAKV_OK; });
    CHECK(!can_connect(configured.daemon())); // nor is anything else of it applied
    configured.reload("tenants: [\n", stay);
    CHECK(!can_connect(configured.daemon()));
    configured.reload("tenants:\n" + tenant("chat", ""), read_again);
    CHECK(can_connect(configured.daemon()));
    uakv_disconnect(client);
}

void lost_file_changes_nothing() {
    const Configured configured("tenants:\n" + tenant("chat", ""));
    const Client client(configured.daemon());
    std::filesystem::rename(configured.path(), configured.path() + ".old");
    CHECK(kill(configured.daemon().pid(), SIGHUP) == 0);
    await("the daemon says so", [&] { return configured.daemon().log().find(stay) != std::string::npos; });
    CHECK_MESSAGE(configured.daemon().log().find(configured.path()) != std::string::npos, configured.daemon().log());
    CHECK_EQ(client.statistics().clients, 1);
}

uakv_status ask(uakv_client *client) {
    uakv_statistics values = {};
    values.struct_size = sizeof values;
    return uakv_stats(client, &values);
}

void operations_per_second() {
    const std::string unlimited = "tenants:\n" + tenant("chat", "");
    const Configured configured(unlimited);
    const Client client(configured.daemon());
    const auto any_refused = [&] {
        for (int i = 0; i < 1000; ++i) {
            if (const uakv_status status = ask(client); status != UAKV_OK) {
                CHECK_STATUS(status, UAKV_ERR_BUSY);
                return true;
            }
        }
        return false;
    };
    CHECK(!any_refused());
    configured.reload("tenants:\n" + tenant("chat", "    operations_per_second: 5\n"), read_again);
    await("some are refused", any_refused);
    configured.reload(unlimited, read_again);
    CHECK(!any_refused());
    CHECK_EQ(client.statistics().clients, 1); // the same one, all the time
}

// Who is connected goes on with what was agreed; who comes later gets what is agreed now.
void leased_memory() {
    const Configured configured("tenants:\n" + tenant("chat", "    leased_memory: 1MiB\n"));
    const Client before(configured.daemon());
    Space space(before);
    const uakv_key key = make_key("key");
    CHECK_STATUS(store_block(space, key, 600'000), UAKV_OK);
    const auto count_views = [&](uakv_space *through) {
        std::vector<uakv_view> views(5);
        size_t held = 0;
        while (held < views.size() && uakv_retrieve(through, &key, nullptr, &views[held]) == UAKV_OK) {
            ++held;
        }
        for (size_t i = 0; i < held; ++i) {
            CHECK_STATUS(uakv_release(&views[i]), UAKV_OK);
        }
        return held;
    };
    CHECK_EQ(count_views(space), 1);
    configured.reload("tenants:\n" + tenant("chat", "    leased_memory: 2MiB\n"), read_again);
    const Client after(configured.daemon());
    CHECK_EQ(count_views(Space(after)), 3);
    CHECK_EQ(count_views(space), 1);
    configured.reload("tenants:\n" + tenant("chat", ""), read_again);
    const Client last(configured.daemon());
    CHECK_EQ(count_views(Space(last)), 5);
}

void pinned_memory() {
    const Configured configured("tenants:\n" + tenant("chat", "    pinned_memory: 64KiB\n"));
    const Client client(configured.daemon());
    Space space(client);
    const std::vector<uakv_key> keys = make_keys("key", 2);
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(space, key, 64 << 10), UAKV_OK);
    }
    CHECK_STATUS(uakv_pin(space, keys.data(), 2, UAKV_PIN_FOREVER), UAKV_ERR_NO_SPACE);
    configured.reload("tenants:\n" + tenant("chat", "    pinned_memory: 128KiB\n"), read_again);
    CHECK_STATUS(uakv_pin(space, keys.data(), 2, UAKV_PIN_FOREVER), UAKV_OK);
    configured.reload("tenants:\n" + tenant("chat", "    pinned_memory: 64KiB\n"), read_again);
    CHECK_EQ(client.statistics().blocks_pinned, 2); // what is pinned stays
}

constexpr User daemons = {61301, 61301};
constexpr User old_one = {61302, 61302};
constexpr User new_one = {61303, 61303};

std::string members(const std::string &more) {
    return "tenants:\n  - name: chat\n" + more;
}

// A client of another user that stores a block each time it is told to.
class Storing {
public:
    Storing(const Daemon &daemon, const User &user, uint32_t flags)
        : child_([&daemon, user, flags, this] {
              become(user);
              const Client client(daemon, flags);
              Space space(client);
              for (int done = 0;; ++done) {
                  *ready_ = 1 + done;
                  await("something to do", [&] { return *wanted_ > done; });
                  CHECK_STATUS(store_block(space, make_key("key", static_cast<uint64_t>(done)), 100), UAKV_OK);
              }
          }) {
        child_.await("the client is connected", [&] { return *ready_ == 1; });
    }

    void store() {
        ++*wanted_;
        child_.await("the client has stored", [&] { return *ready_ == 1 + *wanted_; });
    }

private:
    Shared<std::atomic<int>> ready_; // connected, and how often it has stored since
    Shared<std::atomic<int>> wanted_;
    Child child_;
};

// With these flags.
bool may_connect(const Daemon &daemon, const User &user, uint32_t flags) {
    Shared<std::atomic<int>> status;
    run_child([&] {
        become(user);
        uakv_client *client = nullptr;
        *status = connect_to(daemon.socket_path(), flags, 0, &client);
        uakv_disconnect(client);
    });
    CHECK(*status == UAKV_OK || *status == UAKV_ERR_DENIED);
    return *status == UAKV_OK;
}

void members_and_readers() {
    if (geteuid() != 0) {
        throw Skip("only root can run daemon and clients as different users");
    }
    DaemonOptions options;
    options.user = daemons;
    const Configured configured(members("    users: [61302]\n"), options);
    const Daemon &daemon = configured.daemon();
    Storing connected(daemon, old_one, 0);
    CHECK(!may_connect(daemon, new_one, 0) && !may_connect(daemon, new_one, UAKV_READ_ONLY));

    configured.reload(members("    users: [61302]\n    read_only_users: [61303]\n"), read_again);
    CHECK(!may_connect(daemon, new_one, 0) && may_connect(daemon, new_one, UAKV_READ_ONLY));
    CHECK(may_connect(daemon, old_one, 0));

    configured.reload(members("    groups: [61303]\n"), read_again);
    CHECK(may_connect(daemon, new_one, 0));
    CHECK(!may_connect(daemon, old_one, 0) && !may_connect(daemon, old_one, UAKV_READ_ONLY));
    connected.store(); // nobody is thrown out

    const std::string said = configured.reload(members(""), stay); // a tenant for nobody is a mistake
    CHECK_MESSAGE(said.find(configured.path() + ":2: tenant chat") != std::string::npos, said);
    CHECK(may_connect(daemon, new_one, 0));
    connected.store();
}

// A daemon of which everything comes from the file, so that all of it can be changed there.
void socket_memory_and_log_level() {
    const Directory directory;
    const std::string file = directory.path() + "/uakvd.yaml", log = directory.path() + "/log";
    const std::string first = directory.path() + "/first.sock", second = directory.path() + "/second.sock";
    const auto write = [&](const std::string &socket, const std::string &more) {
        std::ofstream(file) << "socket: " << socket << "\n" << more;
    };
    write(first, "memory: 32MiB\nlog_level: info\n");
    const pid_t uakvd = start_uakvd({"--config", file}, log);
    Child keeper([&] { // ends the daemon if the test fails
        const auto says = [&](const std::string &words) {
            await("the daemon says \"" + words + "\"", [&] { return read_file(log).find(words) != std::string::npos; });
        };
        uakv_client *client = nullptr;
        await("uakvd serves", [&] { return connect_to(first, 0, 0, &client) == UAKV_OK; });
        CHECK(read_file(log).find("debug:") == std::string::npos);
        write(second, "memory: 48MiB\nlog_level: debug\n");
        CHECK(kill(uakvd, SIGHUP) == 0);
        says("started again");
        const std::string said = read_file(log);
        CHECK_MESSAGE(said.find("warn: this has to wait until uakvd is started again: ") != std::string::npos, said);
        CHECK_MESSAGE(said.find("the socket " + second) != std::string::npos, said);
        CHECK_MESSAGE(said.find("a memory of 48 MiB") != std::string::npos, said);
        CHECK(!std::filesystem::exists(second));
        uakv_client *another = nullptr;
        CHECK_STATUS(connect_to(first, 0, 0, &another), UAKV_OK);
        says("debug: client"); // the level counts at once
        uakv_statistics values = {};
        values.struct_size = sizeof values;
        CHECK_STATUS(uakv_stats(client, &values), UAKV_OK);
        CHECK_EQ(values.bytes_capacity, 32 << 20);
        uakv_disconnect(client);
        uakv_disconnect(another);
    });
    std::string end;
    try {
        keeper.join();
        kill(uakvd, SIGTERM);
        await("uakvd ends", [&] { return !(end = poll_for_exit(uakvd)).empty(); });
    } catch (const Failure &failure) {
        kill(uakvd, SIGKILL);
        wait_for_exit(uakvd);
        throw Failure(std::string(failure.what()) + "; its log:\n" + read_file(log));
    }
    CHECK_EQ(end, "exit status 0");
}

constexpr Case cases[] = {
    {"what_can_change_does", what_can_change_does},
    {"what_cannot_change_is_named", what_cannot_change_is_named},
    {"nonsense_changes_nothing", nonsense_changes_nothing},
    {"lost_file_changes_nothing", lost_file_changes_nothing},
    {"operations_per_second", operations_per_second},
    {"leased_memory", leased_memory},
    {"pinned_memory", pinned_memory},
    {"members_and_readers", members_and_readers},
    {"socket_memory_and_log_level", socket_memory_and_log_level},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("reload", uakv::test::cases);
}
