// uakvctl and blocks that lie on disk: where they are, how the disk does, checking it, bringing them back, copying
// them.
#include "ctl_process.h"
#include "disk_blocks.h"
#include "support/check.h"
#include "support/client.h"
#include "support/configured.h"
#include "support/pattern.h"
#include "support/process.h"
#include "two_users.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 300'000;

// The largest file below the directory: a log file, not a checkpoint.
std::string largest_file(const std::string &directory) {
    std::string path;
    std::uintmax_t bytes = 0;
    for (const auto &entry : std::filesystem::recursive_directory_iterator(directory)) {
        if (entry.is_regular_file() && entry.file_size() >= bytes) {
            bytes = entry.file_size();
            path = entry.path();
        }
    }
    CHECK(!path.empty());
    return path;
}

void without_a_disk() {
    Daemon daemon;
    const std::string &socket = daemon.socket_path();
    ctl(daemon, {"put", "text:a", "--space", "notes"}, 0, "a");
    check_has(ctl(daemon, {"disk"}), "tenant default|no disk|enable_persistence");
    check_has(ctl(daemon, {"disk", "--json"}), "\"disk\":null");
    check_refused(run_uakvctl({"--socket", socket, "verify"}), 4, "has no disk|enable_persistence: true");
    check_refused(run_uakvctl({"--socket", socket, "warm", "notes"}), 4, "has no disk");
    check_refused(run_uakvctl({"--socket", socket, "warm", "notes", "0"}), 2, "\"0\" is no number of blocks");
    const std::string status = ctl(daemon, {"status"});
    CHECK_MESSAGE(status.find("DISK") == std::string::npos, status);
}

void what_is_shown() {
    Daemon daemon(with_disk());
    Client client(daemon);
    Space space(client, "notes");
    const uakv_key key = make_key("one");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    CHECK_STATUS(uakv_flush(space), UAKV_OK);
    check_has(ctl(daemon, {"why", hex_of(key)}), "stored, in host memory and on disk");
    check_has(ctl(daemon, {"disk"}),
              "state|good|" + daemon.disk_path() + "/default|of 512 MiB|live share|wear|checkpoint");
    check_has(ctl(daemon, {"status"}), "DISK|512 MiB");
    push_out(client, space, key, block_bytes);
    check_has(ctl(daemon, {"why", hex_of(key)}), "stored, on disk: 293.0 KiB, brought into memory when it is wanted");
    check_has(ctl(daemon, {"ls", "--space", "notes"}), hex_of(key) + "|disk");
    check_has(ctl(daemon, {"top", "--count", "1"}), "ON DISK|ALONE|LOADS");
    check_stored(space, key, block_bytes);
    check_has(ctl(daemon, {"stats"}), "of the hits loaded from disk|blocks_cold|bytes_disk_written");
    check_has(ctl(daemon, {"disk", "--json"}), "\"loads\":1,|\"breaker_open\":false|\"verify\":{\"running\":false");
}

void warming() {
    Daemon daemon(with_disk());
    Client client(daemon);
    Space space(client, "notes");
    const std::vector<uakv_key> keys = make_keys("key", 20);
    store_safely(space, keys, block_bytes);
    for (const uakv_key &key : keys) {
        push_out(client, space, key, block_bytes);
    }
    CHECK_STATUS(uakv_clear(Space(client, "fillers")), UAKV_OK);
    check_has(ctl(daemon, {"warm", "notes", "5"}), "space notes|at most 5");
    await("five are in memory", [&] {
        return std::count_if(keys.begin(), keys.end(),
                             [&](const uakv_key &key) { return (tiers_of(space, key) & UAKV_TIER_HOST) != 0; }) >= 5;
    });
    check_refused(run_uakvctl({"--socket", daemon.socket_path(), "warm", "none"}), 1, "no space \"none\"");
}

// Everything is read; what is damaged is found, said, and gone; and then all is good.
void verifying() {
    const std::vector<uakv_key> keys = make_keys("key", 20);
    Daemon daemon(with_disk());
    {
        Client client(daemon);
        Space space(client, "notes");
        store_safely(space, keys, block_bytes);
        CHECK_STATUS(uakv_flush(space), UAKV_OK);
        check_has(ctl(daemon, {"verify"}), "checked 20 blocks|all of them are good");
    }
    daemon.stop();
    const std::string path = largest_file(daemon.disk_path());
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(3'000'000); // in the middle of some block
    file << std::string(64, '!');
    file.close();
    daemon.start();
    check_has(ctl(daemon, {"verify"}, 1), "1 was damaged, and dropped");
    check_has(ctl(daemon, {"verify", "--json"}), "\"running\":false|\"checked\":19|\"dropped\":0");
    Client client(daemon);
    Space space(client, "notes");
    size_t good = 0;
    for (const uakv_key &key : keys) {
        good += check_stored_or_missing(space, key, block_bytes) ? 1U : 0U;
    }
    CHECK_EQ(good, 19);
}

// A copy has what is in memory and what is on disk, and can be loaded where there is no disk.
void copying() {
    const Directory directory;
    const std::vector<uakv_key> keys = make_keys("key", 60);
    uakv_space_options durable = {};
    durable.struct_size = sizeof durable;
    durable.flags = UAKV_SPACE_DURABLE;
    {
        Daemon daemon(with_disk());
        Client client(daemon);
        Space space(client, "notes"), kept(client, "kept", &durable);
        store_safely(space, keys, block_bytes);
        push_out(client, space, keys[0], block_bytes);
        CHECK_STATUS(store_block(kept, keys[1], block_bytes), UAKV_OK);
        check_has(ctl(daemon, {"persist", directory.path() + "/copy", "--space", "notes"}), "copied 60 blocks");
        check_has(ctl(daemon, {"persist", directory.path() + "/kept", "--space", "kept"}), "copied 1 block,");
    }
    DaemonOptions options;
    options.memory = "256MiB";
    Daemon daemon(options);
    check_has(ctl(daemon, {"load", directory.path() + "/copy"}), "loaded 60 blocks");
    check_has(ctl(daemon, {"load", directory.path() + "/kept"}), "loaded 1 block,");
    Client client(daemon);
    Space space(client, "notes"), kept(client, "kept");
    for (const uakv_key &key : keys) {
        check_stored(space, key, block_bytes);
    }
    check_stored(kept, keys[1], block_bytes);
}

// Readers may look; what does something is for who may store.
void readers_only_look() {
    const Configured configured = start_two_tenants();
    const std::string &socket = configured.daemon().socket_path();
    as_user(carol, [&] {
        check_has(run_uakvctl({"--socket", socket, "disk"}).output, "tenant chat|no disk");
        check_refused(run_uakvctl({"--socket", socket, "verify"}), 4, "only who may store in tenant \"chat\"");
        check_refused(run_uakvctl({"--socket", socket, "warm", "notes"}), 4, "only who may store in tenant \"chat\"");
    });
    as_user(alice, [&] { check_refused(run_uakvctl({"--socket", socket, "verify"}), 4, "has no disk"); });
}

// What SIGHUP changes while the daemon serves; and what takes the disk away waits, and keeps every block.
void reloading() {
    const Directory directory;
    const std::string own = "tenants:\n  - {name: chat, users: [" + std::to_string(::geteuid()) + "]}\n";
    const std::string disk = "enable_persistence: true\npersistence_path: " + directory.path() + "/kv\n";
    Configured configured(disk + "disk_size: 128MiB\n" + own);
    const Daemon &daemon = configured.daemon();
    Client client(daemon);
    Space space(client);
    const std::vector<uakv_key> keys = make_keys("key", 10);
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    }
    CHECK_STATUS(uakv_flush(space), UAKV_OK);
    configured.reload(disk + "disk_size: 256MiB\ndisk_write_rate: 200MiB\n" + own, "the settings were read again");
    check_has(ctl(daemon, {"disk", "--json"}), "\"bytes_max\":268435456|\"limit_per_second\":209715200");
    const std::string said = configured.reload(own, "until uakvd is started again");
    check_has(said, "enable_persistence: false");
    check_has(ctl(daemon, {"disk", "--json"}), "\"bytes_max\":268435456|\"blocks\":10,");
}

constexpr Case cases[] = {
    {"without_a_disk", without_a_disk},
    {"what_is_shown", what_is_shown},
    {"warming", warming},
    {"verifying", verifying},
    {"copying", copying},
    {"readers_only_look", readers_only_look},
    {"reloading", reloading},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ctl_disk", uakv::test::cases);
}
