// Options of earlier and later versions: shorter, longer, with flags that nobody knows.
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 1000;

// What the calls below act on.
struct World {
    Daemon daemon;
    Client client{daemon};
    Space space{client};
    uakv_key stored = make_key("stored"), key = make_key("key");
    uint8_t data[block_bytes] = {};
};

template <typename Options> Options sized(size_t struct_size) {
    Options options = {};
    options.struct_size = static_cast<uint32_t>(struct_size);
    return options;
}

// A struct of a later version: longer, with something in its tail or not.
template <typename Options> struct Longer {
    Options options = sized<Options>(sizeof(Longer));
    uint32_t tail[2] = {}; // no padding before it
};

template <typename Options, typename Call> uakv_status with_flags(uint32_t flags, Call call) {
    Options options = sized<Options>(sizeof options);
    options.flags = flags;
    return call(&options);
}

template <typename Options, typename Call> uakv_status with_tail(uint32_t tail, Call call) {
    Longer<Options> longer;
    longer.tail[1] = tail;
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
        uakv_client *client = nullptr;
        const uakv_status status = uakv_connect(copy, &client);
        if (status == UAKV_OK) {
            uakv_disconnect(client);
        }
        return status;
    };
}

auto opening(World &w) {
    return [&](const uakv_space_options *options) {
        uakv_space *space = nullptr;
        const uakv_status status = uakv_space_open(w.client, "optional", options, &space);
        if (status == UAKV_OK) {
            uakv_space_close(space);
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
        uakv_view view;
        const uakv_status status = uakv_retrieve(w.space, &w.stored, options, &view);
        return status == UAKV_OK ? uakv_release(&view) : status;
    };
}

void options_of_another_size() {
    World world;
    CHECK_STATUS(store_block(world.space, world.stored, block_bytes), UAKV_OK);
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

constexpr Case cases[] = {{"options_of_another_size", options_of_another_size}};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("misuse_options", uakv::test::cases);
}
