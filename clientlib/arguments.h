// The checks that several exported functions begin with: each says what is wrong and with which argument.
#pragma once

#include "clientlib/client.h"
#include "clientlib/retrieve.h"

#include <cstddef>

namespace uakv {

[[gnu::cold]] uakv_status null_argument(const char *call, const char *name) noexcept;
[[gnu::cold]] uakv_status forked_handle(const char *call) noexcept;

// The ones of a hit are compiled into it.
inline uakv_status check_space(const char *call, const uakv_space *space) noexcept {
    if (space == nullptr) [[unlikely]] {
        return null_argument(call, "space");
    }
    return is_forked(space->client->fork_token) ? forked_handle(call) : UAKV_OK;
}
inline uakv_status check_key(const char *call, const uakv_space *space, const uakv_key *key) noexcept {
    if (const uakv_status status = check_space(call, space); status != UAKV_OK) [[unlikely]] {
        return status;
    }
    return key == nullptr ? null_argument(call, "key") : UAKV_OK;
}

uakv_status check_client(const char *call, const uakv_client *client) noexcept;
uakv_status check_block(const char *call, const uakv_space *space, const uakv_key *key, std::size_t n) noexcept;
uakv_status check_keys(const char *call, const uakv_space *space, const uakv_key *keys, std::size_t count) noexcept;
uakv_status check_blocks(const char *call, const uakv_space *space, const uakv_key *keys, const void *const *data,
                         const std::size_t *n, std::size_t count) noexcept;
uakv_status check_copy_in(const char *call, const uakv_space *space, const uakv_key *key, const void *data,
                          std::size_t n) noexcept;
uakv_status check_copy_out(const char *call, const uakv_space *space, const uakv_key *key, const void *dst,
                           std::size_t cap) noexcept;
uakv_status check_views(const char *call, const uakv_space *space, const uakv_key *keys, std::size_t count,
                        const uakv_view *views) noexcept;
uakv_status check_prefetch(const char *call, const uakv_space *space, const uakv_key *keys, std::size_t count,
                           std::uint8_t tier) noexcept;
uakv_status check_statistics(const char *call, const uakv_client *client, const uakv_statistics *out) noexcept;

// Null stands for all defaults.
uakv_status read_store_options(const char *call, const uakv_store_options *given, uakv_store_options &options,
                               std::uint8_t tier = UAKV_TIER_HOST) noexcept;
uakv_status read_given_options(const char *call, const uakv_retrieve_options &given, RetrieveRequest &request) noexcept;
inline uakv_status read_retrieve_options(const char *call, const uakv_space &space, const uakv_retrieve_options *given,
                                         RetrieveRequest &request) noexcept {
    request.timeout_ns = space.client->timeout_ns;
    if (given == nullptr) {
        return UAKV_OK;
    }
    RetrieveRequest asked = request; // what has an address is not kept in a register
    const uakv_status status = read_given_options(call, *given, asked);
    request = asked;
    return status;
}

} // namespace uakv
