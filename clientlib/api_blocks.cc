// Storing and retrieving blocks: each exported function checks its arguments and calls one thing.
#include "clientlib/guarded.h"
#include "clientlib/retrieve.h"
#include "clientlib/store.h"
#include "ipc/clock.h"

using namespace uakv;

namespace {

// Checks what every call on a space begins with.
uakv_status check_space(const char *call, const uakv_space *space) noexcept {
    if (space == nullptr) {
        return null_argument(call, "space");
    }
    return is_forked(space->client->fork_token) ? forked_handle(call) : UAKV_OK;
}

uakv_status check_block(const char *call, const uakv_space *space, const uakv_key *key, std::size_t n) noexcept {
    if (const uakv_status status = check_space(call, space); status != UAKV_OK) {
        return status;
    }
    if (key == nullptr) {
        return null_argument(call, "key");
    }
    return n > 0 ? UAKV_OK : fail(UAKV_ERR_INVALID, "%s: n is 0; a block has at least one byte", call);
}

uakv_status check_keys(const char *call, const uakv_space *space, const uakv_key *keys, std::size_t count) noexcept {
    if (const uakv_status status = check_space(call, space); status != UAKV_OK) {
        return status;
    }
    return keys == nullptr && count > 0 ? null_argument(call, "keys") : UAKV_OK;
}

uakv_status read_store_options(const char *call, const uakv_store_options *given,
                               uakv_store_options &options) noexcept {
    if (const uakv_status status = read_options(call, given, options); status != UAKV_OK) {
        return status;
    }
    if (const uakv_status status = check_flags(call, options.flags, 0); status != UAKV_OK) {
        return status;
    }
    if (options.tier != 0 && options.tier != UAKV_TIER_HOST) {
        return fail(UAKV_ERR_INVALID, "%s: tier is %u; expected 0 or UAKV_TIER_HOST (%u)", call, options.tier,
                    UAKV_TIER_HOST);
    }
    return UAKV_OK;
}

uakv_status read_request(const char *call, const uakv_space &space, const uakv_retrieve_options *given,
                         RetrieveRequest &request) noexcept {
    request.timeout_ns = space.client->timeout_ns;
    if (given == nullptr) {
        return UAKV_OK;
    }
    uakv_retrieve_options options;
    if (const uakv_status status = read_options(call, given, options); status != UAKV_OK) {
        return status;
    }
    request.verify = (options.flags & UAKV_VERIFY) != 0;
    if (options.timeout_ms != 0) {
        request.timeout_ns = options.timeout_ms * ns_per_ms;
    }
    return check_flags(call, options.flags, UAKV_VERIFY);
}

} // namespace

extern "C" {

uakv_status uakv_store(uakv_space *space, const uakv_key *key, const void *data, size_t n,
                       const uakv_store_options *options) {
    constexpr const char *call = "uakv_store";
    return guarded(call, [&]() -> uakv_status {
        uakv_store_options complete;
        if (const uakv_status status = check_block(call, space, key, n); status != UAKV_OK) {
            return status;
        }
        if (data == nullptr) {
            return null_argument(call, "data");
        }
        const uakv_status status = read_store_options(call, options, complete);
        return status != UAKV_OK ? status : store(*space, *key, data, n, complete);
    });
}

uakv_status uakv_reserve(uakv_space *space, const uakv_key *key, size_t n, const uakv_store_options *options,
                         uakv_slot *out) {
    constexpr const char *call = "uakv_reserve";
    return guarded(call, [&]() -> uakv_status {
        uakv_store_options complete;
        if (const uakv_status status = check_block(call, space, key, n); status != UAKV_OK) {
            return status;
        }
        if (out == nullptr) {
            return null_argument(call, "out");
        }
        const uakv_status status = read_store_options(call, options, complete);
        return status != UAKV_OK ? status : reserve(*space, *key, n, complete, *out);
    });
}

uakv_status uakv_commit(uakv_slot *slot) {
    constexpr const char *call = "uakv_commit";
    return guarded(call, [&] { return slot == nullptr ? null_argument(call, "slot") : commit(*slot); });
}

uakv_status uakv_abort(uakv_slot *slot) {
    constexpr const char *call = "uakv_abort";
    return guarded(call, [&] { return slot == nullptr ? null_argument(call, "slot") : abort(*slot); });
}

uakv_status uakv_store_many(uakv_space *space, const uakv_key *keys, const void *const *data, const size_t *n,
                            size_t count, uakv_status *each) {
    constexpr const char *call = "uakv_store_many";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_keys(call, space, keys, count); status != UAKV_OK) {
            return status;
        }
        if (count > 0 && (data == nullptr || n == nullptr)) {
            return null_argument(call, data == nullptr ? "data" : "n");
        }
        for (size_t i = 0; i < count; ++i) {
            if (data[i] == nullptr || n[i] == 0) {
                return fail(UAKV_ERR_INVALID, "%s: data[%zu] is NULL or n[%zu] is 0; nothing was stored", call, i, i);
            }
        }
        return store_many(*space, {keys, count}, data, n, each);
    });
}

uakv_status uakv_retrieve(uakv_space *space, const uakv_key *key, const uakv_retrieve_options *options,
                          uakv_view *out) {
    constexpr const char *call = "uakv_retrieve";
    return guarded(call, [&]() -> uakv_status {
        RetrieveRequest request;
        if (const uakv_status status = check_block(call, space, key, 1); status != UAKV_OK) {
            return status;
        }
        if (out == nullptr) {
            return null_argument(call, "out");
        }
        const uakv_status status = read_request(call, *space, options, request);
        return status != UAKV_OK ? status : retrieve(*space, *key, request, *out);
    });
}

uakv_status uakv_release(uakv_view *view) {
    constexpr const char *call = "uakv_release";
    return guarded(call, [&] { return view == nullptr ? null_argument(call, "view") : release(*view); });
}

uakv_status uakv_retrieve_into(uakv_space *space, const uakv_key *key, void *dst, size_t cap, size_t *n,
                               const uakv_retrieve_options *options) {
    constexpr const char *call = "uakv_retrieve_into";
    return guarded(call, [&]() -> uakv_status {
        RetrieveRequest request;
        if (const uakv_status status = check_block(call, space, key, 1); status != UAKV_OK) {
            return status;
        }
        if (dst == nullptr && cap > 0) {
            return null_argument(call, "dst");
        }
        const uakv_status status = read_request(call, *space, options, request);
        return status != UAKV_OK ? status : retrieve_into(*space, *key, request, dst, cap, n);
    });
}

uakv_status uakv_retrieve_many(uakv_space *space, const uakv_key *keys, size_t count, uakv_view *views,
                               uakv_status *each) {
    constexpr const char *call = "uakv_retrieve_many";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_keys(call, space, keys, count); status != UAKV_OK) {
            return status;
        }
        return count > 0 && views == nullptr ? null_argument(call, "views")
                                             : retrieve_many(*space, {keys, count}, views, each);
    });
}

uakv_status uakv_match_prefix(uakv_space *space, const uakv_key *keys, size_t count, size_t *matched, uint8_t *tiers) {
    constexpr const char *call = "uakv_match_prefix";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_keys(call, space, keys, count); status != UAKV_OK) {
            return status;
        }
        if (matched == nullptr) {
            return null_argument(call, "matched");
        }
        *matched = match_prefix(*space, {keys, count}, tiers);
        return UAKV_OK;
    });
}

uakv_status uakv_contains(uakv_space *space, const uakv_key *keys, size_t count, uint8_t *tiers) {
    constexpr const char *call = "uakv_contains";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_keys(call, space, keys, count); status != UAKV_OK) {
            return status;
        }
        if (count > 0 && tiers == nullptr) {
            return null_argument(call, "tiers");
        }
        contains(*space, {keys, count}, tiers);
        return UAKV_OK;
    });
}

uakv_status uakv_remove(uakv_space *space, const uakv_key *keys, size_t count, size_t *removed) {
    constexpr const char *call = "uakv_remove";
    return guarded(call, [&]() -> uakv_status {
        const uakv_status status = check_keys(call, space, keys, count);
        return status != UAKV_OK ? status : remove(*space, {keys, count}, removed);
    });
}

} // extern "C"
