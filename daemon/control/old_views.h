// Views that are held for long while their tenant has no room. Where the operator says how long a view counts
// (lease_max_age), those who hold one for longer lose all of theirs; where not, the log names who should be looked
// after.
#pragma once

#include "daemon/control/orphans.h"
#include "daemon/control/session.h"

#include <cstdint>
#include <string>
#include <vector>

namespace uakv {

struct OldViewsOf {
    Session *session = nullptr; // null: an orphan has them
    Orphan *orphan = nullptr;
    Store::OldViews views;

    std::string name() const;
};

// To be called while the cache is short of memory, as often as one likes: moves its clock of leases on when that is
// due, and only then finds anything. Who keeps the most comes first.
std::vector<OldViewsOf> find_old_views(Cache &cache, std::uint64_t now);

// "has held 3 views on 4 MiB for at least 30 s".
std::string describe(const Store::OldViews &views);

} // namespace uakv
