#include "clientlib/arguments.h"

#include "clientlib/guarded.h"

namespace uakv {
namespace {

// Where a caller may want a block to be.
uakv_status check_tier(const char *call, std::uint8_t tier, std::uint8_t expected = UAKV_TIER_HOST) noexcept {
    if (tier == 0 || tier == expected) {
        return UAKV_OK;
    }
    return fail(UAKV_ERR_INVALID, "%s: tier is %u; expected 0 or %s (%u)", call, tier,
                expected == UAKV_TIER_GPU ? "UAKV_TIER_GPU" : "UAKV_TIER_HOST", expected);
}

} // namespace

uakv_status null_argument(const char *call, const char *name) noexcept {
    return fail(UAKV_ERR_INVALID, "%s: %s is NULL", call, name);
}

uakv_status forked_handle(const char *call) noexcept {
    return fail(UAKV_ERR_FORKED, "%s: this handle belongs to the parent process; connect again in the child", call);
}

uakv_status check_client(const char *call, const uakv_client *client) noexcept {
    if (client == nullptr) {
        return null_argument(call, "client");
    }
    return is_forked(client->fork_token) ? forked_handle(call) : UAKV_OK;
}

uakv_status check_block(const char *call, const uakv_space *space, const uakv_key *key, std::size_t n) noexcept {
    if (const uakv_status status = check_key(call, space, key); status != UAKV_OK) {
        return status;
    }
    return n > 0 ? UAKV_OK : fail(UAKV_ERR_INVALID, "%s: n is 0; a block has at least one byte", call);
}

uakv_status check_keys(const char *call, const uakv_space *space, const uakv_key *keys, std::size_t count) noexcept {
    if (const uakv_status status = check_space(call, space); status != UAKV_OK) {
        return status;
    }
    return keys == nullptr && count > 0 ? null_argument(call, "keys") : UAKV_OK;
}

uakv_status check_blocks(const char *call, const uakv_space *space, const uakv_key *keys, const void *const *data,
                         const std::size_t *n, std::size_t count) noexcept {
    if (const uakv_status status = check_keys(call, space, keys, count); status != UAKV_OK) {
        return status;
    }
    if (count > 0 && (data == nullptr || n == nullptr)) {
        return null_argument(call, data == nullptr ? "data" : "n");
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (data[i] == nullptr || n[i] == 0) {
            return fail(UAKV_ERR_INVALID, "%s: data[%zu] is NULL or n[%zu] is 0; nothing was stored", call, i, i);
        }
    }
    return UAKV_OK;
}

uakv_status check_copy_in(const char *call, const uakv_space *space, const uakv_key *key, const void *data,
                          std::size_t n) noexcept {
    if (const uakv_status status = check_block(call, space, key, n); status != UAKV_OK) {
        return status;
    }
    return data == nullptr ? null_argument(call, "data") : UAKV_OK;
}

uakv_status check_copy_out(const char *call, const uakv_space *space, const uakv_key *key, const void *dst,
                           std::size_t cap) noexcept {
    if (const uakv_status status = check_key(call, space, key); status != UAKV_OK) {
        return status;
    }
    return dst == nullptr && cap > 0 ? null_argument(call, "dst") : UAKV_OK;
}

uakv_status check_views(const char *call, const uakv_space *space, const uakv_key *keys, std::size_t count,
                        const uakv_view *views) noexcept {
    if (const uakv_status status = check_keys(call, space, keys, count); status != UAKV_OK) {
        return status;
    }
    return count > 0 && views == nullptr ? null_argument(call, "views") : UAKV_OK;
}

uakv_status check_prefetch(const char *call, const uakv_space *space, const uakv_key *keys, std::size_t count,
                           std::uint8_t tier) noexcept {
    if (const uakv_status status = check_keys(call, space, keys, count); status != UAKV_OK) {
        return status;
    }
    return check_tier(call, tier);
}

uakv_status check_statistics(const char *call, const uakv_client *client, const uakv_statistics *out) noexcept {
    if (client == nullptr || out == nullptr) {
        return null_argument(call, client == nullptr ? "client" : "out");
    }
    if (is_forked(client->fork_token)) {
        return forked_handle(call);
    }
    const std::size_t size = out->struct_size;
    if (size < offsetof(uakv_statistics, misses) || size > options_bytes_max) {
        return fail(UAKV_ERR_INVALID, "%s: struct_size is %zu; expected %zu (sizeof the struct)", call, size,
                    sizeof(uakv_statistics));
    }
    return UAKV_OK;
}

uakv_status read_store_options(const char *call, const uakv_store_options *given, uakv_store_options &options,
                               std::uint8_t tier) noexcept {
    if (const uakv_status status = read_options(call, given, options); status != UAKV_OK) {
        return status;
    }
    if (const uakv_status status = check_flags(call, options.flags, 0); status != UAKV_OK) {
        return status;
    }
    return check_tier(call, options.tier, tier);
}

uakv_status read_given_options(const char *call, const uakv_retrieve_options &given,
                               RetrieveRequest &request) noexcept {
    uakv_retrieve_options options;
    if (const uakv_status status = read_options(call, &given, options); status != UAKV_OK) {
        return status;
    }
    request.verify = (options.flags & UAKV_VERIFY) != 0;
    request.resident_only = (options.flags & UAKV_RESIDENT_ONLY) != 0;
    if (options.timeout_ms != 0) {
        request.timeout_ns = options.timeout_ms * ns_per_ms;
    }
    return check_flags(call, options.flags, UAKV_VERIFY | UAKV_RESIDENT_ONLY);
}

} // namespace uakv
