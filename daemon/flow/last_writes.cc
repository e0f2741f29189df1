#include "daemon/flow/last_writes.h"

#include <algorithm>
#include <tuple>

namespace uakv::flow {

void LastWrites::choose() {
    const Store &store = context_.store;
    for (EntryId entry = 0; entry < store.index().entries_used(); ++entry) {
        const IndexEntry &block = store.index().entry(entry);
        const bool dirty = is_live(block.generation) && (home_of(block).flags & entry_on_disk) == 0;
        if (dirty && cleaner_.admits(entry)) {
            candidates_.push_back({store.uses(entry), store.policy().last_used(entry), entry});
        }
    }
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate &a, const Candidate &b) {
        return std::tie(a.uses, a.last_used) < std::tie(b.uses, b.last_used);
    });
}

bool LastWrites::turn() {
    while (!candidates_.empty() && writes_.begin(candidates_.back().entry, true) != Writes::Begun::not_now) {
        candidates_.pop_back();
    }
    return !candidates_.empty();
}

} // namespace uakv::flow
