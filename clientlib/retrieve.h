// Reading blocks: lookup, lease, view. The path of a hit takes no lock and makes no system call.
#pragma once

#include "clientlib/client.h"

#include <span>

namespace uakv {

struct RetrieveRequest {
    bool verify = false;
    bool count_miss = true;
    std::uint64_t timeout_ns = 0; // used only where the daemon must be asked
};

// UAKV_OK, UAKV_MISS or an error; the view is set only with UAKV_OK.
uakv_status retrieve(uakv_space &space, const uakv_key &key, RetrieveRequest request, uakv_view &view);
uakv_status retrieve_into(uakv_space &space, const uakv_key &key, RetrieveRequest request, void *target,
                          std::size_t capacity, std::size_t *length);
uakv_status retrieve_many(uakv_space &space, std::span<const uakv_key> keys, uakv_view *views, uakv_status *each);
uakv_status release(uakv_view &view);

uakv_status match_prefix(uakv_space &space, std::span<const uakv_key> keys, std::size_t &matched, std::uint8_t *tiers);
uakv_status contains(uakv_space &space, std::span<const uakv_key> keys, std::uint8_t *tiers);

} // namespace uakv
