// A client for the scenarios, which are shell: one command, one connection.
//
//   uakv-test-client COMMAND [NAME COUNT BYTES]      (the socket: as UAKV_SOCKET says, or the usual one)
//
//   store     stores the blocks NAME/0 to NAME/COUNT-1, of BYTES each; it fails unless each is stored anew
//   find      retrieves them and checks each byte; it fails where one is missing
//   count     prints how many of them are there, and fails where a byte of these is wrong
//   hold      retrieves them, says "held", waits for the end of its input, checks each byte again and releases
//   connect   connects, and prints the name of the status that it got; it fails unless that is UAKV_OK
#include "support/client.h"
#include "support/check.h"
#include "support/pattern.h"

#include <cstdio>
#include <string>
#include <vector>

#include <unistd.h>

namespace uakv::test {
namespace {

struct Blocks {
    std::string name;
    std::size_t count;
    std::size_t bytes;
};

void store(uakv_space *space, const Blocks &blocks) {
    for (const uakv_key &key : make_keys(blocks.name, blocks.count)) {
        CHECK_STATUS(store_block(space, key, blocks.bytes), UAKV_OK);
    }
}

std::size_t count(uakv_space *space, const Blocks &blocks) {
    std::size_t found = 0;
    for (const uakv_key &key : make_keys(blocks.name, blocks.count)) {
        found += check_stored_or_missing(space, key, blocks.bytes) ? 1u : 0u;
    }
    return found;
}

void hold(uakv_space *space, const Blocks &blocks) {
    const std::vector<uakv_key> keys = make_keys(blocks.name, blocks.count);
    std::vector<uakv_view> views(blocks.count);
    CHECK_STATUS(uakv_retrieve_many(space, keys.data(), keys.size(), views.data(), nullptr), UAKV_OK);
    std::printf("held\n");
    std::fflush(stdout);
    char ignored[64];
    while (read(STDIN_FILENO, ignored, sizeof ignored) > 0) {
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
        CHECK_EQ(views[i].nbytes, blocks.bytes);
        check_block(views[i].data, views[i].nbytes, keys[i]);
        CHECK_STATUS(uakv_release(&views[i]), UAKV_OK);
    }
}

void run_with_blocks(uakv_client *client, const std::string &command, const Blocks &blocks) {
    const Space space(client, "scenario");
    if (command == "store") {
        store(space, blocks);
    } else if (command == "find") {
        CHECK_EQ(count(space, blocks), blocks.count);
    } else if (command == "count") {
        std::printf("%zu\n", count(space, blocks));
    } else if (command == "hold") {
        hold(space, blocks);
    } else {
        throw Failure("it does not know " + command);
    }
}

void run(const std::vector<std::string> &words) {
    CHECK_MESSAGE(words.size() == 1 || words.size() == 4, "give it COMMAND, or COMMAND NAME COUNT BYTES");
    uakv_client *client = nullptr;
    const uakv_status status = uakv_connect(nullptr, &client);
    if (words[0] == "connect") {
        std::printf("%s\n", uakv_status_name(status));
    }
    CHECK_STATUS(status, UAKV_OK);
    if (words.size() == 4) {
        run_with_blocks(client, words[0], {words[1], std::stoull(words[2]), std::stoull(words[3])});
    }
    uakv_disconnect(client);
}

} // namespace
} // namespace uakv::test

int main(int argc, char **argv) {
    try {
        uakv::test::run({argv + 1, argv + argc});
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "uakv-test-client: %s\n", failure.what());
        return 1;
    }
    return 0;
}
