// uakvctl on blocks: put, get, rm, clear, pin and unpin, beside a client that sees what they did.
#include "ctl_process.h"
#include "support/check.h"
#include "support/client.h"
#include "support/pattern.h"
#include "support/process.h"

#include <cstring>
#include <filesystem>
#include <fstream>

namespace uakv::test {
namespace {

const std::string bytes_of_all = [] {
    std::string bytes(1000, '\0');
    for (size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<char>(i);
    }
    return bytes;
}();

uakv_key key_of(const std::string &text) {
    return uakv_key_of(text.data(), text.size());
}

void there_and_back() {
    Daemon daemon;
    Directory directory;
    const std::string file = directory.path() + "/block", copy = directory.path() + "/copy";
    std::ofstream(file, std::ios::binary) << bytes_of_all;
    check_has(ctl(daemon, {"put", "text:a", file, "--space", "notes"}),
              "stored|" + hex_of(key_of("a")) + "|1000 bytes");
    check_has(ctl(daemon, {"put", "text:b", "--space", "notes"}, 0, "from standard input"), "19 bytes");
    CHECK_EQ(ctl(daemon, {"get", "text:a", copy, "--space", "notes"}), "");
    CHECK(read_file(copy) == bytes_of_all);
    CHECK(ctl(daemon, {"get", hex_of(key_of("a")), "--space", "notes"}) == bytes_of_all);
    CHECK_EQ(ctl(daemon, {"get", "text:b", "-", "--space", "notes"}), "from standard input");
    // Another client finds them under the same keys.
    Client client(daemon);
    Space space(client, "notes");
    char buffer[2000];
    size_t n = 0;
    const uakv_key key = key_of("a");
    CHECK_STATUS(uakv_retrieve_into(space, &key, buffer, sizeof buffer, &n, nullptr), UAKV_OK);
    CHECK(std::string(buffer, n) == bytes_of_all);
}

// Equal key means equal content, so what is there stays.
void stored_already() {
    Daemon daemon;
    ctl(daemon, {"put", "text:a", "--space", "notes"}, 0, "first");
    check_has(ctl(daemon, {"put", "text:a", "--space", "notes"}, 0, "second"), "already|nothing was written");
    CHECK_EQ(ctl(daemon, {"get", "text:a", "--space", "notes"}), "first");
}

void lifetimes_and_parents() {
    Daemon daemon;
    ctl(daemon, {"put", "text:a", "--space", "notes"}, 0, "a");
    ctl(daemon, {"put", "text:b", "--space", "notes", "--ttl", "1h", "--parent", "text:a"}, 0, "b");
    check_has(ctl(daemon, {"ls", "--space", "notes", "--json"}),
              "\"parent\":\"" + hex_of(key_of("a")) + "\"|\"expires_in_ms\":35");
    ctl(daemon, {"put", "text:c", "--space", "notes", "--ttl", "1ms"}, 0, "c");
    await("it expires", [&] {
        return run_uakvctl({"--socket", daemon.socket_path(), "get", "text:c", "--space", "notes"}).end ==
               "exit status 1";
    });
}

uakv_space_options with_layout() {
    uakv_space_options options = {};
    options.struct_size = sizeof options;
    options.layout.dtype = UAKV_DTYPE_BF16;
    options.layout.ndim = 2;
    options.layout.shape[0] = 4;
    options.layout.shape[1] = 125;
    options.layout.axis[0] = UAKV_AXIS_TOKEN;
    options.layout.axis[1] = UAKV_AXIS_CHANNEL;
    options.ttl_ms = 3'600'000;
    options.fingerprint[0] = 0xa5;
    return options;
}

// A space that somebody made with a layout is opened with that layout.
void spaces_with_a_layout() {
    Daemon daemon;
    Client client(daemon);
    const uakv_space_options options = with_layout();
    Space space(client, "llama", &options);
    ctl(daemon, {"put", "text:a", "--space", "llama"}, 0, bytes_of_all);
    CHECK(contains(space, key_of("a")));
    CHECK(ctl(daemon, {"get", "text:a", "--space", "llama"}) == bytes_of_all);
    check_refused(run_uakvctl({"--socket", daemon.socket_path(), "put", "text:b", "--space", "llama"}, "short"), 4,
                  "5|1000");
    check_refused(
        run_uakvctl({"--socket", daemon.socket_path(), "put", "text:b", "--space", "llama"}, bytes_of_all + "more"), 4,
        "more than 1000 bytes|llama");
    check_has(ctl(daemon, {"ls"}), "llama|bf16 4x125 (token channel)|1000 bytes|1 h");
}

void what_is_not_there() {
    Daemon daemon;
    const std::string &socket = daemon.socket_path();
    check_refused(run_uakvctl({"--socket", socket, "get", "text:a", "--space", "none"}), 1, "no space \"none\"|ls");
    ctl(daemon, {"put", "text:a", "--space", "notes"}, 0, "a");
    check_refused(run_uakvctl({"--socket", socket, "get", "text:b", "--space", "notes"}), 1,
                  "notes does not hold " + hex_of(key_of("b")));
    check_has(ctl(daemon, {"rm", "text:a", "text:b", "--space", "notes"}, 1), "removed 1 of 2 blocks");
    check_has(ctl(daemon, {"rm", "text:a", "--space", "notes"}, 1), "removed 0 of 1 block");
    check_refused(run_uakvctl({"--socket", socket, "clear", "--space", "none"}), 1, "no space \"none\"");
    CHECK_EQ(ctl(daemon, {"ls", "--space", "notes"}), "space notes has no blocks\n"); // and none was made
}

void pins() {
    Daemon daemon;
    Client client(daemon);
    ctl(daemon, {"put", "text:a", "--space", "notes"}, 0, "a");
    ctl(daemon, {"put", "text:b", "--space", "notes"}, 0, "b");
    check_has(ctl(daemon, {"pin", "text:a", "text:b", "--space", "notes"}), "pinned 2 blocks");
    CHECK_EQ(client.statistics().blocks_pinned, 2);
    check_has(ctl(daemon, {"ls", "--space", "notes"}), "yes");
    check_has(ctl(daemon, {"unpin", "text:a", "--space", "notes"}), "unpinned 1 block");
    CHECK_EQ(client.statistics().blocks_pinned, 1);
    check_has(ctl(daemon, {"pin", "text:c", "--space", "notes"}, 1), "does not hold this block");
    check_has(ctl(daemon, {"pin", "text:a", "--space", "notes", "--ttl", "50ms"}), "pinned 1 block of|for 50 ms");
    await_equal("blocks_pinned", 1, [&] { return client.statistics().blocks_pinned; });
}

void clearing() {
    Daemon daemon;
    Client client(daemon);
    Space space(client, "notes");
    Space other(client, "other");
    const std::vector<uakv_key> keys = make_keys("key", 50);
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(space, key, 1024), UAKV_OK);
        CHECK_STATUS(store_block(other, key, 1024), UAKV_OK);
    }
    check_has(ctl(daemon, {"clear", "--space", "notes"}), "cleared space notes|50 blocks|50 KiB");
    CHECK_EQ(count_present(space, keys.data(), keys.size()), 0);
    CHECK_EQ(count_present(other, keys.data(), keys.size()), 50);
}

void in_json() {
    Daemon daemon;
    Directory directory;
    const std::string name = hex_of(key_of("a"));
    CHECK_EQ(ctl(daemon, {"put", "text:a", "--space", "notes", "--json"}, 0, "abc"),
             "{\"space\":\"notes\",\"key\":\"" + name + "\",\"bytes\":3,\"stored\":true}\n");
    CHECK_EQ(ctl(daemon, {"put", "text:a", "--space", "notes", "--json"}, 0, "abc"),
             "{\"space\":\"notes\",\"key\":\"" + name + "\",\"bytes\":3,\"stored\":false}\n");
    const std::string file = directory.path() + "/file";
    CHECK_EQ(ctl(daemon, {"get", "text:a", file, "--space", "notes", "--json"}),
             "{\"space\":\"notes\",\"key\":\"" + name + "\",\"bytes\":3,\"file\":\"" + file + "\"}\n");
    CHECK_EQ(read_file(file), "abc");
    CHECK_EQ(ctl(daemon, {"pin", "text:a", "--space", "notes", "--json"}),
             "{\"space\":\"notes\",\"asked\":1,\"all_stored\":true}\n");
    CHECK_EQ(ctl(daemon, {"unpin", "text:b", "--space", "notes", "--json"}, 1),
             "{\"space\":\"notes\",\"asked\":1,\"all_stored\":false}\n");
    CHECK_EQ(ctl(daemon, {"rm", "text:b", "--space", "notes", "--json"}, 1),
             "{\"space\":\"notes\",\"asked\":1,\"removed\":0}\n");
    CHECK_EQ(ctl(daemon, {"clear", "--space", "notes", "--json"}), "{\"space\":\"notes\",\"blocks_before\":1}\n");
}

// A file that cannot be read or written, and a block that is damaged, end with a sentence and no half of a file.
void files_that_do_not_work() {
    Daemon daemon;
    const std::string &socket = daemon.socket_path();
    check_refused(run_uakvctl({"--socket", socket, "put", "text:a", "/nonexistent/file", "--space", "notes"}), 4,
                  "/nonexistent/file|No such file");
    check_refused(run_uakvctl({"--socket", socket, "put", "text:a", daemon.directory(), "--space", "notes"}), 4,
                  daemon.directory() + "|directory");
    ctl(daemon, {"put", "text:a", "--space", "notes"}, 0, "abc");
    check_refused(run_uakvctl({"--socket", socket, "get", "text:a", "/nonexistent/file", "--space", "notes"}), 4,
                  "/nonexistent/file|No such file");
    if (std::filesystem::exists("/dev/full")) {
        check_refused(run_uakvctl({"--socket", socket, "get", "text:a", "/dev/full", "--space", "notes"}), 4,
                      "/dev/full|No space left");
    }
}

constexpr Case cases[] = {
    {"there_and_back", there_and_back},
    {"stored_already", stored_already},
    {"lifetimes_and_parents", lifetimes_and_parents},
    {"spaces_with_a_layout", spaces_with_a_layout},
    {"what_is_not_there", what_is_not_there},
    {"pins", pins},
    {"clearing", clearing},
    {"in_json", in_json},
    {"files_that_do_not_work", files_that_do_not_work},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ctl_blocks", uakv::test::cases);
}
