// uakv-hits SOCKET BLOCKS BYTES COUNT: hits COUNT of the blocks that the bench stored, at random, and ends. For tools
// that count what a process does, such as callgrind: they look into uakv_bench_hits() alone.
#include "bench/blocks.h"
#include "bench/client.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

extern "C" __attribute__((noinline)) void uakv_bench_hits(uakv_space *space, const uakv_key *keys, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        uakv_view view;
        uakv::bench::require_ok(uakv_retrieve(space, &keys[i], nullptr, &view), "uakv_retrieve");
        uakv::bench::require_ok(uakv_release(&view), "uakv_release");
    }
}

int main(int count, char **arguments) {
    using namespace uakv::bench;
    if (count != 5) {
        std::fprintf(stderr, "uakv-hits: expected SOCKET BLOCKS BYTES COUNT; uakv-peers starts it\n");
        return 2;
    }
    const std::uint64_t blocks = std::strtoull(arguments[2], nullptr, 10);
    const std::uint64_t block_bytes = std::strtoull(arguments[3], nullptr, 10);
    if (blocks == 0 || block_bytes == 0) {
        std::fprintf(stderr, "uakv-hits: BLOCKS and BYTES are numbers above 0\n");
        return 2;
    }
    try {
        const Client client(arguments[1]);
        const Space space(client, block_bytes);
        Random random(1);
        std::vector<uakv_key> keys(std::strtoull(arguments[4], nullptr, 10));
        for (uakv_key &key : keys) {
            key = key_of_block(0, random.below(blocks));
        }
        for (std::uint64_t index = 0; index < blocks; ++index) { // maps all that will be read
            const uakv_key key = key_of_block(0, index);
            uakv_view view;
            require_ok(uakv_retrieve(space.handle(), &key, nullptr, &view), "uakv_retrieve");
            require_ok(uakv_release(&view), "uakv_release");
        }
        uakv_bench_hits(space.handle(), keys.data(), keys.size());
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "uakv-hits: %s\n", failure.what());
        return 1;
    }
    return 0;
}
