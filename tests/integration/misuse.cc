// Misuse gives a status and a sentence that names the thing, never a crash.
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <cerrno>
#include <cstring>

#include <unistd.h>

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

template <typename Options> Options sized(size_t struct_size) {
    Options options = {};
    options.struct_size = static_cast<uint32_t>(struct_size);
    return options;
}

// A struct of a later version: longer, with something in its tail or not.
template <typename Options> struct Longer {
    Options options = sized<Options>(sizeof(Longer));
    uint64_t tail = 0;
};

template <typename Options, typename Call> uakv_status with_flags(uint32_t flags, Call call) {
    Options options = sized<Options>(sizeof options);
    options.flags = flags;
    return call(&options);
}

template <typename Options, typename Call> uakv_status with_tail(uint64_t tail, Call call) {
    Longer<Options> longer;
    longer.tail = tail;
    return call(&longer.options);
}

template <typename Options, typename Call> uakv_status with_size(size_t size, Call call) {
    const Options options = sized<Options>(size);
    return call(&options);
}

// The four calls that take options, alike but for the type.
auto connecting(World &w) {
    return [&](const uakv_connect_options *options) {
        uakv_connect_options copy[2] = {};
        const size_t size = options->struct_size > sizeof copy ? sizeof copy : options->struct_size;
        std::memcpy(static_cast<void *>(copy), options, size);
        copy[0].socket_path = size >= offsetof(uakv_connect_options, tenant) ? w.daemon.socket_path().c_str() : nullptr;
        const uakv_status status = uakv_connect(copy, &w.client_out);
        if (status == UAKV_OK) {
            uakv_disconnect(w.client_out);
        }
        return status;
    };
}

auto opening(World &w) {
    return [&](const uakv_space_options *options) {
        const uakv_status status = uakv_space_open(w.client, "optional", options, &w.space_out);
        if (status == UAKV_OK) {
            uakv_space_close(w.space_out);
        }
        return status;
    };
}

auto storing(World &w) {
    return [&](const uakv_store_options *options) {
        const uakv_status status = uakv_store(w.space, &w.key, w.data, block_bytes, options);
        uakv_remove(w.space, &w.key, 1, nullptr);
        return status;
    };
}

auto retrieving(World &w) {
    return [&](const uakv_retrieve_options *options) {
        const uakv_status status = uakv_retrieve(w.space, &w.keys[0], options, &w.view);
        return status == UAKV_OK ? uakv_release(&w.view) : status;
    };
}

void options_of_another_size() {
    World world;
    CHECK_STATUS(store_block(world.space, world.keys[0], block_bytes), UAKV_OK);
    const auto check = [&]<typename Options>(const char *name, auto call, const Options &) {
        const auto expect = [&](uakv_status status, uakv_status expected, const char *what) {
            CHECK_MESSAGE(status == expected, std::string(name) + ", " + what + ": " + uakv_status_name(status) + " (" +
                                                  last_error() + ")");
        };
        expect(with_size<Options>(sizeof(Options), call), UAKV_OK, "its own size");
        expect(with_size<Options>(8, call), UAKV_OK, "size and flags only");
        expect(with_size<Options>(0, call), UAKV_ERR_INVALID, "struct_size 0");
        CHECK_MESSAGE(last_error().find("struct_size") != std::string::npos, last_error());
        expect(with_tail<Options>(0, call), UAKV_OK, "longer, the tail zero");
        expect(with_tail<Options>(1, call), UAKV_ERR_TOO_NEW, "longer, something in the tail");
        expect(with_flags<Options>(0x80000000u, call), UAKV_ERR_INVALID, "unknown flag");
        CHECK_MESSAGE(last_error().find("flags") != std::string::npos, last_error());
    };
    // A connect without a path of its own must not find some other daemon.
    setenv("UAKV_SOCKET", world.daemon.socket_path().c_str(), 1);
    check("connect", connecting(world), uakv_connect_options{});
    unsetenv("UAKV_SOCKET");
    check("space_open", opening(world), uakv_space_options{});
    check("store", storing(world), uakv_store_options{});
    check("retrieve", retrieving(world), uakv_retrieve_options{});
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
             uakv_store_options options = sized<uakv_store_options>(sizeof options);
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
    {"options_of_another_size", options_of_another_size},
    {"bad_values", bad_values},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("misuse", uakv::test::cases);
}
