#include "daemon/tiers/disk/flushes.h"

#include <algorithm>

namespace uakv::disk {

void Flushes::turn(bool can_reclaim) {
    if (flushes_.empty()) {
        return;
    }
    if (engine_.broken) {
        fail(true);
        return;
    }
    for (Flush &flush : flushes_) {
        if (!flush.syncing && parts_.writer.upkeep_written(flush.upkeep)) {
            flush.syncing = true;
            parts_.syncer.sync([this, number = flush.number](int error) { synced(number, error); });
        }
    }
    // Erasures that cannot be written now are tried again, but nobody waits for that.
    const bool no_room = parts_.writer.batches_under_way() == 0 && parts_.files.pages_left(Purpose::upkeep) == 0 &&
                         parts_.files.hopeless(can_reclaim).has_value();
    if (parts_.writer.in_trouble() || no_room) {
        fail(false);
    }
}

void Flushes::fail(bool with_syncing) {
    std::erase_if(flushes_, [&](const Flush &flush) {
        const bool fails = with_syncing || !flush.syncing;
        if (fails) {
            engine_.tell(Event::Kind::flushed, UAKV_ERR_IO, flush.tag);
        }
        return fails;
    });
}

void Flushes::synced(std::uint64_t number, int error) {
    const auto found = std::ranges::find(flushes_, number, &Flush::number);
    if (found == flushes_.end()) {
        return; // given up before
    }
    engine_.counts.flushes += error == 0 ? 1U : 0U;
    engine_.tell(Event::Kind::flushed, error == 0 ? UAKV_OK : UAKV_ERR_IO, found->tag);
    flushes_.erase(found);
}

} // namespace uakv::disk
