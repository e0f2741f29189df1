// Misuse gives a status and a sentence that names the thing, never a crash.
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 1000;

// What the calls below act on.
struct World {
    Daemon daemon;
    Client client{daemon};
    Space space{client};
    uakv_key key = make_key("key");
    uint8_t data[block_bytes] = {};
    const void *data_pointers[2] = {data, data};
    uakv_key keys[2] = {make_key("keys", 0), make_key("keys", 1)};
    size_t lengths[2] = {block_bytes, block_bytes};
    uakv_status each[2] = {};
    uakv_view view = {};
    uakv_slot slot = {};
    uakv_space *space_out = nullptr;
    uakv_client *client_out = nullptr;
    size_t number = 0;
    uint8_t tiers[2] = {};
};

// A call that must fail, how, and words of which its detail must hold each (separated by '|').
struct Misuse {
    const char *name;
    uakv_status (*call)(World &);
    uakv_status expected;
    const char *words;
};

void check_table(World &world, std::span<const Misuse> table) {
    for (const Misuse &misuse : table) {
        const uakv_status status = misuse.call(world);
        CHECK_MESSAGE(status == misuse.expected,
                      std::string(misuse.name) + " gave " + uakv_status_name(status) + " (" + last_error() + ")");
        const std::string detail = last_error();
        std::istringstream words(misuse.words);
        for (std::string word; std::getline(words, word, '|');) {
            CHECK_MESSAGE(detail.find(word) != std::string::npos,
                          std::string(misuse.name) + ": \"" + detail + "\" does not name \"" + word + "\"");
        }
    }
}

void null_pointers() {
    static const Misuse table[] = {
        {"connect out", [](World &) { return uakv_connect(nullptr, nullptr); }, UAKV_ERR_INVALID, "out"},
        {"space_open client", [](World &w) { return uakv_space_open(nullptr, "x", nullptr, &w.space_out); },
         UAKV_ERR_INVALID, "client"},
        {"space_open name", [](World &w) { return uakv_space_open(w.client, nullptr, nullptr, &w.space_out); },
         UAKV_ERR_INVALID, "name"},
        {"space_open out", [](World &w) { return uakv_space_open(w.client, "x", nullptr, nullptr); }, UAKV_ERR_INVALID,
         "out"},
        {"store space", [](World &w) { return uakv_store(nullptr, &w.key, w.data, 1, nullptr); }, UAKV_ERR_INVALID,
         "space"},
        {"store key", [](World &w) { return uakv_store(w.space, nullptr, w.data, 1, nullptr); }, UAKV_ERR_INVALID,
         "key"},
        {"store data", [](World &w) { return uakv_store(w.space, &w.key, nullptr, 1, nullptr); }, UAKV_ERR_INVALID,
         "data"},
        {"reserve space", [](World &w) { return uakv_reserve(nullptr, &w.key, 1, nullptr, &w.slot); }, UAKV_ERR_INVALID,
         "space"},
        {"reserve key", [](World &w) { return uakv_reserve(w.space, nullptr, 1, nullptr, &w.slot); }, UAKV_ERR_INVALID,
         "key"},
        {"reserve out", [](World &w) { return uakv_reserve(w.space, &w.key, 1, nullptr, nullptr); }, UAKV_ERR_INVALID,
         "out"},
        {"commit", [](World &) { return uakv_commit(nullptr); }, UAKV_ERR_INVALID, "slot"},
        {"abort", [](World &) { return uakv_abort(nullptr); }, UAKV_ERR_INVALID, "slot"},
        {"release", [](World &) { return uakv_release(nullptr); }, UAKV_ERR_INVALID, "view"},
        {"retrieve space", [](World &w) { return uakv_retrieve(nullptr, &w.key, nullptr, &w.view); }, UAKV_ERR_INVALID,
         "space"},
        {"retrieve key", [](World &w) { return uakv_retrieve(w.space, nullptr, nullptr, &w.view); }, UAKV_ERR_INVALID,
         "key"},
        {"retrieve out", [](World &w) { return uakv_retrieve(w.space, &w.key, nullptr, nullptr); }, UAKV_ERR_INVALID,
         "out"},
        {"retrieve_into space",
         [](World &w) { return uakv_retrieve_into(nullptr, &w.key, w.data, 1, &w.number, nullptr); }, UAKV_ERR_INVALID,
         "space"},
        {"retrieve_into key",
         [](World &w) { return uakv_retrieve_into(w.space, nullptr, w.data, 1, &w.number, nullptr); }, UAKV_ERR_INVALID,
         "key"},
        {"retrieve_into dst",
         [](World &w) { return uakv_retrieve_into(w.space, &w.key, nullptr, 1, &w.number, nullptr); }, UAKV_ERR_INVALID,
         "dst"},
        {"stats client",
         [](World &) {
             uakv_statistics out = {};
             out.struct_size = sizeof out;
             return uakv_stats(nullptr, &out);
         },
         UAKV_ERR_INVALID, "client"},
        {"stats out", [](World &w) { return uakv_stats(w.client, nullptr); }, UAKV_ERR_INVALID, "out"},
    };
    World world;
    check_table(world, table);
    uakv_disconnect(nullptr);
    uakv_space_close(nullptr);
    check_stored(world.space, (store_block(world.space, world.key, block_bytes), world.key), block_bytes);
}

void null_arrays() {
    static const Misuse table[] = {
        {"store_many space",
         [](World &w) { return uakv_store_many(nullptr, w.keys, w.data_pointers, w.lengths, 2, w.each); },
         UAKV_ERR_INVALID, "space"},
        {"store_many keys",
         [](World &w) { return uakv_store_many(w.space, nullptr, w.data_pointers, w.lengths, 2, w.each); },
         UAKV_ERR_INVALID, "keys"},
        {"store_many data", [](World &w) { return uakv_store_many(w.space, w.keys, nullptr, w.lengths, 2, w.each); },
         UAKV_ERR_INVALID, "data"},
        {"store_many n", [](World &w) { return uakv_store_many(w.space, w.keys, w.data_pointers, nullptr, 2, w.each); },
         UAKV_ERR_INVALID, "n"},
        {"retrieve_many space", [](World &w) { return uakv_retrieve_many(nullptr, w.keys, 2, &w.view, w.each); },
         UAKV_ERR_INVALID, "space"},
        {"retrieve_many keys", [](World &w) { return uakv_retrieve_many(w.space, nullptr, 2, &w.view, w.each); },
         UAKV_ERR_INVALID, "keys"},
        {"retrieve_many views", [](World &w) { return uakv_retrieve_many(w.space, w.keys, 2, nullptr, w.each); },
         UAKV_ERR_INVALID, "views"},
        {"match_prefix space", [](World &w) { return uakv_match_prefix(nullptr, w.keys, 2, &w.number, w.tiers); },
         UAKV_ERR_INVALID, "space"},
        {"match_prefix keys", [](World &w) { return uakv_match_prefix(w.space, nullptr, 2, &w.number, w.tiers); },
         UAKV_ERR_INVALID, "keys"},
        {"match_prefix matched", [](World &w) { return uakv_match_prefix(w.space, w.keys, 2, nullptr, w.tiers); },
         UAKV_ERR_INVALID, "matched"},
        {"contains space", [](World &w) { return uakv_contains(nullptr, w.keys, 2, w.tiers); }, UAKV_ERR_INVALID,
         "space"},
        {"contains keys", [](World &w) { return uakv_contains(w.space, nullptr, 2, w.tiers); }, UAKV_ERR_INVALID,
         "keys"},
        {"contains tiers", [](World &w) { return uakv_contains(w.space, w.keys, 2, nullptr); }, UAKV_ERR_INVALID,
         "tiers"},
        {"remove space", [](World &w) { return uakv_remove(nullptr, w.keys, 2, nullptr); }, UAKV_ERR_INVALID, "space"},
        {"remove keys", [](World &w) { return uakv_remove(w.space, nullptr, 2, nullptr); }, UAKV_ERR_INVALID, "keys"},
    };
    World world;
    check_table(world, table);
}

void bad_values() {
    static const std::string long_name(UAKV_SPACE_NAME_MAX + 1, 'x');
    static const Misuse table[] = {
        {"empty name", [](World &w) { return uakv_space_open(w.client, "", nullptr, &w.space_out); }, UAKV_ERR_INVALID,
         "name"},
        {"long name", [](World &w) { return uakv_space_open(w.client, long_name.c_str(), nullptr, &w.space_out); },
         UAKV_ERR_INVALID, "name|127"},
        {"name with a newline", [](World &w) { return uakv_space_open(w.client, "a\nb", nullptr, &w.space_out); },
         UAKV_ERR_INVALID, "name"},
        {"name beyond ASCII", [](World &w) { return uakv_space_open(w.client, "caf\xc3\xa9", nullptr, &w.space_out); },
         UAKV_ERR_INVALID, "name"},
        {"store of nothing", [](World &w) { return uakv_store(w.space, &w.key, w.data, 0, nullptr); }, UAKV_ERR_INVALID,
         "0"},
        {"reserve of nothing", [](World &w) { return uakv_reserve(w.space, &w.key, 0, nullptr, &w.slot); },
         UAKV_ERR_INVALID, "0"},
        {"store too large", [](World &w) { return uakv_store(w.space, &w.key, w.data, 3 << 20, nullptr); },
         UAKV_ERR_TOO_LARGE, "3145728|2097152"},
        {"reserve too large", [](World &w) { return uakv_reserve(w.space, &w.key, SIZE_MAX, nullptr, &w.slot); },
         UAKV_ERR_TOO_LARGE, "2097152"},
        {"unknown tier",
         [](World &w) {
             uakv_store_options options = {};
             options.struct_size = sizeof options;
             options.tier = 64;
             return uakv_store(w.space, &w.key, w.data, 10, &options);
         },
         UAKV_ERR_INVALID, "tier|64"},
        {"stats of no size",
         [](World &w) {
             uakv_statistics out = {};
             return uakv_stats(w.client, &out);
         },
         UAKV_ERR_INVALID, "struct_size"},
        {"tokens without a block size",
         [](World &w) {
             const uint32_t tokens[2] = {1, 2};
             return uakv_keys_of_tokens(tokens, 2, 0, nullptr, 0, w.keys, nullptr);
         },
         UAKV_ERR_INVALID, "block_tokens"},
        {"no tokens", [](World &w) { return uakv_keys_of_tokens(nullptr, 2, 1, nullptr, 0, w.keys, nullptr); },
         UAKV_ERR_INVALID, "tokens"},
        {"no salt",
         [](World &w) {
             const uint32_t tokens[2] = {1, 2};
             return uakv_keys_of_tokens(tokens, 2, 1, nullptr, 3, w.keys, nullptr);
         },
         UAKV_ERR_INVALID, "salt"},
        {"no out",
         [](World &) {
             const uint32_t tokens[2] = {1, 2};
             return uakv_keys_of_tokens(tokens, 2, 1, nullptr, 0, nullptr, nullptr);
         },
         UAKV_ERR_INVALID, "out"},
    };
    World world;
    check_table(world, table);
    CHECK_EQ(world.client.statistics().blocks, 0);
}

constexpr Case cases[] = {
    {"null_pointers", null_pointers},
    {"null_arrays", null_arrays},
    {"bad_values", bad_values},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("misuse", uakv::test::cases);
}
