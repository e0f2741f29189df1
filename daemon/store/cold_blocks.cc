#include "daemon/store/cold_blocks.h"

#include "ipc/clock.h"

namespace uakv {

Result<EntryId> ColdBlocks::publish(BlockDescription block) {
    block.cold = true;
    auto entry = index_.publish(block);
    if (entry.ok()) {
        entered(block, entry.value());
    }
    return entry;
}

Result<EntryId> ColdBlocks::replace(EntryId resident) {
    BlockDescription block = index_.describe(resident);
    block.cold = true;
    auto entry = index_.replace(resident, block);
    if (entry.ok()) {
        entered(block, entry.value());
    }
    return entry;
}

void ColdBlocks::replaced(const BlockDescription &block, EntryId entry) {
    left(block, entry);
    records_.counters.left_cold(block.space, block.length);
}

void ColdBlocks::retire(EntryId entry, Departure why) {
    const BlockDescription block = index_.describe(entry);
    index_.retire(entry);
    left(block, entry);
    records_.counters.left_cold(block.space, block.length, why);
    records_.departures.add(block.space, block.key, why, boot_ms());
}

void ColdBlocks::entered(const BlockDescription &block, EntryId entry) {
    if (block.expires_ms != UINT64_MAX) {
        records_.expiry.add(block.expires_ms, entry);
    }
    records_.counters.entered_cold(block.space, block.length);
}

void ColdBlocks::left(const BlockDescription &block, EntryId entry) {
    if (block.expires_ms != UINT64_MAX) {
        records_.expiry.remove(block.expires_ms, entry);
    }
    index_.release(entry);
}

} // namespace uakv
