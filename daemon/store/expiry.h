// When blocks with a lifetime are due: so that their memory comes back without anybody asking for them.
#pragma once

#include "ipc/index_layout.h"

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

namespace uakv {

class Expiry {
public:
    void add(std::uint64_t expires_ms, EntryId entry) { due_.emplace(expires_ms, entry); }
    void remove(std::uint64_t expires_ms, EntryId entry) { due_.erase({expires_ms, entry}); }

    // A block that is due at `now_ms` (boot_ms); it stays until it is removed.
    std::optional<EntryId> first_due(std::uint64_t now_ms) const {
        return !due_.empty() && due_.begin()->first <= now_ms ? std::optional(due_.begin()->second) : std::nullopt;
    }

    // When the next one is due; UINT64_MAX when none is.
    std::uint64_t next_ms() const { return due_.empty() ? UINT64_MAX : due_.begin()->first; }

private:
    std::set<std::pair<std::uint64_t, EntryId>> due_;
};

} // namespace uakv
