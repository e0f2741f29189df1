// uakvctl persist and load: blocks go from one daemon to another through a file, whole or not at all.
#include "ctl_process.h"
#include "support/check.h"
#include "support/client.h"
#include "support/pattern.h"
#include "support/process.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

namespace uakv::test {
namespace {

DaemonOptions of_memory(const std::string &memory) {
    DaemonOptions options;
    options.memory = memory;
    return options;
}

uakv_space_options with_layout() {
    uakv_space_options options = {};
    options.struct_size = sizeof options;
    options.layout.dtype = UAKV_DTYPE_BF16;
    options.layout.ndim = 2;
    options.layout.shape[0] = 16;
    options.layout.shape[1] = 128;
    options.layout.axis[0] = UAKV_AXIS_TOKEN;
    options.layout.axis[1] = UAKV_AXIS_CHANNEL;
    options.ttl_ms = 3'600'000;
    options.fingerprint[31] = 0x5a;
    return options;
}

uakv_status store_child(uakv_space *space, const uakv_key &key, const uakv_key *parent, std::size_t bytes,
                        std::uint32_t ttl_ms = 0) {
    uakv_store_options options = {};
    options.struct_size = sizeof options;
    options.parent = parent;
    options.ttl_ms = ttl_ms;
    const std::vector<uint8_t> data = make_block(bytes, key);
    return uakv_store(space, &key, data.data(), data.size(), &options);
}

void store_prefix(uakv_space *space, const std::vector<uakv_key> &keys, std::size_t bytes) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
        CHECK_STATUS(store_child(space, keys[i], i == 0 ? nullptr : &keys[i - 1], bytes), UAKV_OK);
    }
}

// Layouts, lengths, parents and what is left of lifetimes, all at another daemon, which has less memory.
void to_another_daemon() {
    const Directory directory;
    const std::vector<uakv_key> keys = make_keys("key", 40);
    const uakv_space_options layout = with_layout();
    {
        Daemon daemon;
        Client client(daemon);
        Space plain(client, "plain"), llama(client, "llama", &layout), empty(client, "empty");
        store_prefix(plain, keys, 5001);
        store_prefix(llama, keys, 4096);
        CHECK_STATUS(store_child(plain, make_key("short"), nullptr, 100, 1'800'000), UAKV_OK);
        check_has(ctl(daemon, {"persist", directory.path() + "/copy"}),
                  "copied 81 blocks|of 3 spaces|" + directory.path() + "/copy/copy.uakv");
    }
    Daemon daemon(of_memory("32MiB"));
    check_has(ctl(daemon, {"load", directory.path() + "/copy"}), "loaded 81 blocks");
    Client client(daemon);
    Space plain(client, "plain"), llama(client, "llama", &layout), empty(client, "empty");
    for (const uakv_key &key : keys) {
        check_stored(plain, key, 5001);
        check_stored(llama, key, 4096);
    }
    const std::string listed = ctl(daemon, {"ls", "--space", "plain", "--json"});
    CHECK_EQ(std::count(listed.begin(), listed.end(), '{'), 42);
    check_has(listed, "\"parent\":\"" + hex_of(keys[7]) + "\"|\"expires_in_ms\":17"); // just under 30 min
    check_has(ctl(daemon, {"ls"}), "bf16 16x128 (token channel)|1 h");
    // Once more: all of it is there.
    check_has(ctl(daemon, {"load", directory.path() + "/copy"}), "loaded 0 blocks|81 blocks were stored already");
}

void one_space_of_several() {
    const Directory directory;
    Daemon daemon;
    Client client(daemon);
    for (const char *name : {"a", "b/c", "d"}) {
        Space space(client, name);
        CHECK_STATUS(store_block(space, make_key(name), 3000), UAKV_OK);
    }
    check_has(ctl(daemon, {"persist", directory.path() + "/one", "--space", "b/c"}), "copied 1 block,|of 1 space ");
    check_has(ctl(daemon, {"persist", directory.path() + "/all"}), "copied 3 blocks");
    Daemon other;
    Client its(other);
    check_has(ctl(other, {"load", directory.path() + "/one"}), "loaded 1 block,");
    CHECK(contains(Space(its, "b/c"), make_key("b/c")));
    check_has(ctl(other, {"load", directory.path() + "/all", "--space", "d"}), "loaded 1 block,");
    CHECK(contains(Space(its, "d"), make_key("d")));
    CHECK(!contains(Space(its, "a"), make_key("a")));
    check_refused(run_uakvctl({"--socket", other.socket_path(), "load", directory.path() + "/all", "--space", "e"}), 1,
                  "no space \"e\"");
    check_refused(run_uakvctl({"--socket", other.socket_path(), "persist", directory.path() + "/e", "--space", "e"}), 1,
                  "no space \"e\"");
    CHECK(!std::filesystem::exists(directory.path() + "/e/copy.uakv"));
}

// What is true of the whole copy: what was there from its begin to its end is in it, while others store and remove.
void while_the_daemon_serves() {
    const Directory directory;
    Daemon daemon;
    Client client(daemon);
    Space space(client, "busy");
    const std::vector<uakv_key> keys = make_keys("stays", 300);
    store_prefix(space, keys, 20'000);
    std::atomic<bool> stop = false;
    std::jthread others([&] {
        const std::vector<uakv_key> moving = make_keys("moves", 50);
        while (!stop) {
            store_prefix(space, moving, 9000);
            size_t removed = 0;
            CHECK_STATUS(uakv_remove(space, moving.data(), moving.size(), &removed), UAKV_OK);
        }
    });
    const std::string said = ctl(daemon, {"persist", directory.path()});
    stop = true;
    others.join();
    Daemon other;
    ctl(other, {"load", directory.path()});
    Client its(other);
    Space loaded(its, "busy");
    for (const uakv_key &key : keys) {
        check_stored(loaded, key, 20'000);
    }
    for (const uakv_key &key : make_keys("moves", 50)) {
        if (contains(loaded, key)) {
            check_stored(loaded, key, 9000);
        }
    }
}

void damaged_copies() {
    const Directory directory;
    const std::vector<uakv_key> keys = make_keys("key", 20);
    {
        Daemon daemon;
        Client client(daemon);
        Space space(client, "a");
        store_prefix(space, keys, 8192);
        ctl(daemon, {"persist", directory.path()});
    }
    const std::string path = directory.path() + "/copy.uakv";
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    for (const std::streamoff at : {20'000, 60'000}) { // in two blocks
        file.seekp(at);
        file.put('!').put('?');
    }
    file.close();
    Daemon daemon;
    check_has(ctl(daemon, {"load", directory.path()}, 4), "loaded 18 blocks|2 records are of the copy damaged");
    Client client(daemon);
    Space space(client, "a");
    std::size_t good = 0;
    for (const uakv_key &key : keys) {
        if (contains(space, key)) {
            check_stored(space, key, 8192);
            ++good;
        }
    }
    CHECK_EQ(good, 18);
    std::filesystem::resize_file(path, 100'000);
    Daemon third;
    check_has(ctl(third, {"load", directory.path(), "--json"}, 4), "\"complete\":false|\"damaged\":2");
    std::ofstream(path, std::ios::trunc) << "nothing of the kind";
    check_refused(run_uakvctl({"--socket", third.socket_path(), "load", directory.path()}), 2, "no copy of blocks");
}

// What finds no room, or does not fit, is counted by its reason; the rest is loaded.
void what_cannot_be_stored() {
    const Directory directory;
    const std::vector<uakv_key> keys = make_keys("key", 12);
    const uakv_space_options layout = with_layout();
    {
        Daemon daemon(of_memory("256MiB"));
        Client client(daemon);
        Space space(client, "large"), llama(client, "llama", &layout);
        store_prefix(space, keys, 1 << 20);
        CHECK_STATUS(store_child(space, make_key("huge"), nullptr, 6 << 20), UAKV_OK);
        store_prefix(llama, keys, 4096);
        ctl(daemon, {"persist", directory.path()});
    }
    Daemon small(of_memory("64MiB"));
    Client client(small);
    uakv_space_options other = layout;
    other.fingerprint[0] = 1;
    Space llama(client, "llama", &other);
    const std::string said = ctl(small, {"load", directory.path()}, 4);
    check_has(said, "loaded 12 blocks|1 block was not stored (UAKV_ERR_TOO_LARGE)|12 blocks were not stored "
                    "(UAKV_ERR_LAYOUT)|fingerprint");
    for (const uakv_key &key : keys) {
        check_stored(Space(client, "large"), key, 1 << 20);
    }
}

void lifetimes_that_are_over() {
    const Directory directory;
    {
        Daemon daemon;
        Client client(daemon);
        Space space(client, "a");
        CHECK_STATUS(store_child(space, make_key("long"), nullptr, 100, 3'600'000), UAKV_OK);
        CHECK_STATUS(store_child(space, make_key("short"), nullptr, 100, 1500), UAKV_OK);
        ctl(daemon, {"persist", directory.path()});
        await("its lifetime is over", [&] { return !contains(space, make_key("short")); });
    }
    Daemon daemon;
    check_has(ctl(daemon, {"load", directory.path()}), "loaded 1 block,|1 block has expired meanwhile");
}

void directories_that_do_not_work() {
    const Directory directory;
    Daemon daemon;
    const std::string &socket = daemon.socket_path();
    ctl(daemon, {"put", "text:a", "--space", "a"}, 0, "a");
    ctl(daemon, {"persist", directory.path() + "/copy"});
    check_refused(run_uakvctl({"--socket", socket, "persist", directory.path() + "/copy"}), 4,
                  "holds a copy already|not overwritten");
    check_refused(run_uakvctl({"--socket", socket, "persist", directory.path() + "/no/copy"}), 4,
                  directory.path() + "/no/copy|No such file");
    check_refused(run_uakvctl({"--socket", socket, "load", directory.path()}), 4, directory.path() + "|No such file");
    check_refused(run_uakvctl({"--socket", socket, "persist"}), 2, "persist needs a DIR|usage: uakvctl persist DIR");
    if (std::filesystem::exists("/proc/self")) {
        check_refused(run_uakvctl({"--socket", socket, "persist", "/proc/self"}), 4,
                      "cannot make /proc/self/copy.uakv");
    }
}

// From then on Ctrl-C no longer ends it at once.
void await_readiness_for_control_c(pid_t pid) {
    await("uakvctl waits for Ctrl-C", [pid] {
        std::ifstream file("/proc/" + std::to_string(pid) + "/status");
        for (std::string line; std::getline(file, line);) {
            if (line.starts_with("SigBlk:")) {
                return (std::stoull(line.substr(7), nullptr, 16) >> (SIGINT - 1) & 1) != 0;
            }
        }
        return false;
    });
}

// Who is stopped in the middle leaves no half of a copy, and who comes after is not hindered.
void interrupted() {
    const Directory directory;
    Daemon daemon;
    Client client(daemon);
    Space space(client, "a");
    store_prefix(space, make_keys("key", 50), 100'000);
    const auto interrupt = [&](const std::string &command) {
        daemon.pause(); // so that it surely is in the middle
        OnTerminal ctl_on_terminal({"--socket", daemon.socket_path(), "--timeout", "10min", command, directory.path()});
        await_readiness_for_control_c(ctl_on_terminal.pid());
        ctl_on_terminal.type("\x03");
        daemon.resume();
        CHECK_EQ(ctl_on_terminal.await_end(), "exit status 4");
        check_has(ctl_on_terminal.seen(), "interrupted");
    };
    interrupt("persist");
    CHECK(std::filesystem::is_empty(directory.path()));
    check_has(ctl(daemon, {"persist", directory.path()}), "copied 50 blocks");
    interrupt("load");
    check_has(ctl(daemon, {"load", directory.path()}), "50 blocks were stored already");
}

void in_json() {
    const Directory directory;
    Daemon daemon;
    ctl(daemon, {"put", "text:a", "--space", "a"}, 0, "abc");
    CHECK_EQ(ctl(daemon, {"persist", directory.path(), "--json"}),
             "{\"file\":\"" + directory.path() +
                 "/copy.uakv\",\"spaces\":1,\"blocks\":1,\"bytes\":3,\"left\":0,\"damaged\":0,\"unread\":0}\n");
    ctl(daemon, {"clear", "--space", "a"});
    CHECK_EQ(ctl(daemon, {"load", directory.path(), "--json"}),
             "{\"file\":\"" + directory.path() +
                 "/copy.uakv\",\"stored\":1,\"bytes\":3,\"existed\":0,\"expired\":0,\"refused\":0,\"damaged\":0,"
                 "\"complete\":true}\n");
}

constexpr Case cases[] = {
    {"to_another_daemon", to_another_daemon},
    {"one_space_of_several", one_space_of_several},
    {"while_the_daemon_serves", while_the_daemon_serves},
    {"damaged_copies", damaged_copies},
    {"what_cannot_be_stored", what_cannot_be_stored},
    {"lifetimes_that_are_over", lifetimes_that_are_over},
    {"directories_that_do_not_work", directories_that_do_not_work},
    {"interrupted", interrupted},
    {"in_json", in_json},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ctl_copies", uakv::test::cases);
}
