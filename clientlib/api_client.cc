// Connections, spaces and statistics: each exported function checks its arguments and calls one thing.
#include "clientlib/arguments.h"
#include "clientlib/calls.h"

using namespace uakv;

namespace {

constexpr std::uint32_t bits_per_element(std::uint32_t dtype) {
    switch (dtype) {
    case UAKV_DTYPE_F32:
        return 32;
    case UAKV_DTYPE_F16:
    case UAKV_DTYPE_BF16:
        return 16;
    default:
        return 8;
    }
}

// Checks a layout and gives the bytes of its block; 0 for an opaque one.
Result<std::uint64_t> block_bytes_of(const uakv_layout &layout) {
    if (layout.dtype > UAKV_DTYPE_U8) {
        return error(UAKV_ERR_INVALID, "uakv_space_open: layout.dtype is %u; expected a UAKV_DTYPE_* (0 to %u)",
                     layout.dtype, UAKV_DTYPE_U8);
    }
    if (layout.ndim > UAKV_NDIM_MAX) {
        return error(UAKV_ERR_INVALID, "uakv_space_open: layout.ndim is %u; expected 0 to %d", layout.ndim,
                     UAKV_NDIM_MAX);
    }
    std::uint64_t bytes = layout.ndim == 0 ? 0 : bits_per_element(layout.dtype) / 8;
    for (std::uint32_t i = 0; i < UAKV_NDIM_MAX; ++i) {
        if (i >= layout.ndim) {
            if (layout.shape[i] != 0 || layout.axis[i] != 0) {
                return error(UAKV_ERR_INVALID, "uakv_space_open: layout.shape[%u] or axis[%u] is set beyond ndim %u", i,
                             i, layout.ndim);
            }
            continue;
        }
        if (layout.axis[i] > UAKV_AXIS_CHANNEL) {
            return error(UAKV_ERR_INVALID, "uakv_space_open: layout.axis[%u] is %u; expected a UAKV_AXIS_*", i,
                         layout.axis[i]);
        }
        if (layout.shape[i] == 0 || __builtin_mul_overflow(bytes, layout.shape[i], &bytes)) {
            return error(UAKV_ERR_INVALID,
                         "uakv_space_open: layout.shape[%u] is %llu; expected a size that is not 0 "
                         "and fits with the others into 64 bits",
                         i, static_cast<unsigned long long>(layout.shape[i]));
        }
    }
    return bytes;
}

uakv_status check_name(const char *name) {
    const std::size_t length = std::strlen(name);
    if (length == 0 || length > UAKV_SPACE_NAME_MAX) {
        return fail(UAKV_ERR_INVALID, "uakv_space_open: the name has %zu bytes; expected 1 to %d", length,
                    UAKV_SPACE_NAME_MAX);
    }
    for (std::size_t i = 0; i < length; ++i) {
        if (name[i] <= ' ' || name[i] > '~') {
            return fail(UAKV_ERR_INVALID,
                        "uakv_space_open: byte %zu of the name is 0x%02x; expected printable ASCII without blanks", i,
                        static_cast<unsigned>(static_cast<unsigned char>(name[i])));
        }
    }
    return UAKV_OK;
}

// Fills in block_bytes from the layout, and checks it against what fits into a segment.
uakv_status complete_space(uakv_client &client, uakv_space_options &options) {
    auto layout_bytes = block_bytes_of(options.layout);
    if (!layout_bytes.ok()) {
        return fail(layout_bytes.error());
    }
    const std::uint64_t bytes = layout_bytes.value();
    if (bytes != 0 && options.block_bytes != 0 && options.block_bytes != bytes) {
        return fail(UAKV_ERR_INVALID, "uakv_space_open: block_bytes is %llu, but the layout has %llu; leave it 0",
                    static_cast<unsigned long long>(options.block_bytes), static_cast<unsigned long long>(bytes));
    }
    if (bytes != 0) {
        options.block_bytes = bytes;
    }
    const std::uint64_t segment_bytes = client.attachments.visit()->segments().bytes();
    if (options.block_bytes > segment_bytes) {
        return fail(UAKV_ERR_TOO_LARGE,
                    "uakv_space_open: blocks of %llu bytes do not fit the daemon's segments of %llu; give it more "
                    "memory (--memory), or use smaller blocks",
                    static_cast<unsigned long long>(options.block_bytes),
                    static_cast<unsigned long long>(segment_bytes));
    }
    return UAKV_OK;
}

} // namespace

extern "C" {

uakv_status uakv_connect(const uakv_connect_options *options, uakv_client **out) {
    constexpr const char *call = "uakv_connect";
    return guarded(call, [&]() -> uakv_status {
        if (out == nullptr) {
            return null_argument(call, "out");
        }
        uakv_connect_options complete;
        if (const uakv_status status = read_options(call, options, complete); status != UAKV_OK) {
            return status;
        }
        if (const uakv_status status = check_flags(call, complete.flags, UAKV_READ_ONLY); status != UAKV_OK) {
            return status;
        }
        auto client = make_client(complete);
        if (!client.ok()) {
            return fail(client.error());
        }
        *out = client.value().release();
        return UAKV_OK;
    });
}

void uakv_disconnect(uakv_client *client) {
    if (client != nullptr) {
        destroy_client(client);
    }
}

uakv_status uakv_space_open(uakv_client *client, const char *name, const uakv_space_options *options,
                            uakv_space **out) {
    constexpr const char *call = "uakv_space_open";
    return guarded(call, [&]() -> uakv_status {
        if (client == nullptr || name == nullptr || out == nullptr) {
            return null_argument(call, client == nullptr ? "client" : name == nullptr ? "name" : "out");
        }
        if (is_forked(client->fork_token)) {
            return forked_handle(call);
        }
        if (const uakv_status status = check_name(name); status != UAKV_OK) {
            return status;
        }
        uakv_space_options complete;
        if (const uakv_status status = read_options(call, options, complete); status != UAKV_OK) {
            return status;
        }
        if (const uakv_status status = check_flags(call, complete.flags, UAKV_SPACE_DURABLE); status != UAKV_OK) {
            return status;
        }
        if (const uakv_status status = complete_space(*client, complete); status != UAKV_OK) {
            return status;
        }
        auto space = open_space(*client, name, complete);
        if (!space.ok()) {
            return fail(space.error());
        }
        *out = space.value();
        return UAKV_OK;
    });
}

void uakv_space_close(uakv_space *space) {
    if (space != nullptr) {
        close_space(space);
    }
}

uakv_status uakv_stats(uakv_client *client, uakv_statistics *out) {
    constexpr const char *call = "uakv_stats";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_statistics(call, client, out); status != UAKV_OK) {
            return status;
        }
        auto setting = begin_call(*client, std::nullopt);
        if (!setting.ok()) {
            return fail(setting.error());
        }
        StatisticsCall asked(std::move(setting.value()), *out);
        return run(asked);
    });
}

} // extern "C"
