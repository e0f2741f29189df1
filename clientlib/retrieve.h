// Reading blocks: lookup, lease, view. The path of a hit takes no lock and makes no system call.
#pragma once

#include "clientlib/client.h"

#include <span>

namespace uakv {

struct RetrieveRequest {
    bool verify = false;
    bool count_miss = true;
    bool resident_only = false;   // what would have to be loaded is a miss
    bool as_stored = false;       // a frame will do, for it is decoded while it is copied
    bool may_wait = true;         // for another daemon, as long as timeout_ns; else only for a moment
    std::uint64_t timeout_ns = 0; // used only where the daemon must be asked
};

// The outcome inside the library of looking for a block that is there but has to be loaded first (loads.h).
constexpr uakv_status needs_load = UAKV_STATUS_ENUM_END_;
// The same for one in a segment that is not mapped here yet, when the daemon has gone: it waits for the next one.
constexpr uakv_status needs_daemon = static_cast<uakv_status>(UAKV_STATUS_ENUM_END_ - 1);

// Looks and asks nobody: UAKV_OK, UAKV_MISS, needs_load or an error; the view is set only with UAKV_OK.
uakv_status look(uakv_space &space, const uakv_key &key, RetrieveRequest request, uakv_view &view);

// The same, and waits for what has to be loaded.
uakv_status retrieve(uakv_space &space, const uakv_key &key, RetrieveRequest request, uakv_view &view);

uakv_status release(uakv_view &view);

// Counts it, if that is wanted; returns UAKV_MISS.
uakv_status note_miss(const Attachment &attachment, RetrieveRequest request, bool expired);

uakv_status match_prefix(uakv_space &space, std::span<const uakv_key> keys, std::size_t &matched, std::uint8_t *tiers);
uakv_status contains(uakv_space &space, std::span<const uakv_key> keys, std::uint8_t *tiers);

} // namespace uakv
