// What the store does for the tier below memory: blocks that come from there, and those that are on their way to it.
#include "daemon/store/store.h"

#include "ipc/clock.h"

namespace uakv {

void Store::set_below(Below *below) {
    below_ = below;
    evictor_.set_below(below);
}

std::optional<EntryId> Store::find(SpaceId space, const uakv_key &key) const {
    Lookup::Found found;
    return index_.lookup().find(space, key, found) ? std::optional(found.id) : std::nullopt;
}

std::optional<EntryId> Store::find_even_expired(SpaceId space, const uakv_key &key) const {
    Lookup::Found found;
    return index_.lookup().find_even_expired(space, key, found) ? std::optional(found.id) : std::nullopt;
}

std::span<std::byte> Store::bytes_of(SlotRef slot) {
    UAKV_ASSERT(is_addressable());
    return {segments_[slot.segment].mapping.data() + slots_.offset(slot), slots_.slot_bytes(slot.segment)};
}

std::span<const std::byte> Store::bytes_of(EntryId entry) const {
    const IndexEntry &block = index_.entry(entry);
    const EntryHome home = home_of(block);
    UAKV_ASSERT(is_addressable() && !is_cold(entry));
    return {segments_[home.segment].mapping.data() + block.offset,
            (home.flags & entry_encoded) != 0 ? block.stored_bytes : block.length};
}

std::span<std::byte> Store::segment_memory(SegmentId segment) {
    UAKV_ASSERT(is_addressable());
    return {segments_[segment].mapping.data(), segment_bytes_};
}

Result<EntryId> Store::publish_cold(const BlockDescription &block) {
    return cold_.publish(block);
}

Result<EntryId> Store::publish_loaded(SlotRef slot, EntryId from, std::uint64_t stored_bytes, std::uint32_t uses) {
    const BlockDescription before = index_.describe(from);
    UAKV_ASSERT(before.cold || before.stored_bytes != 0);
    BlockDescription block = before;
    block.cold = false;
    block.segment = slot.segment;
    block.offset = slots_.offset(slot);
    block.stored_bytes = stored_bytes;
    auto published = index_.replace(from, block);
    if (!published.ok()) {
        return published;
    }
    const EntryId entry = published.value();
    if (before.cold) {
        cold_.replaced(before, from);
        counters_.loaded(block.space, block.length);
    } else {
        const auto pinned_until_ms = pins_.end_of(from);
        evictor_.leave(from);
        entered(slot, entry, block, uses);
        if (pinned_until_ms) {
            pins_.keep(entry, slot.segment, slots_.slot_bytes(slot.segment), *pinned_until_ms);
            slots_.note_pinned(slot, *pinned_until_ms);
        }
        return published;
    }
    entered(slot, entry, block, uses);
    return published;
}

void Store::drop_cold(EntryId entry, Departure why) {
    cold_.retire(entry, why);
}

SizeClass Store::size_class_of_block(EntryId entry) const {
    return size_class_of(slots_.slot_bytes(home_of(index_.entry(entry)).segment));
}

bool Store::is_pressed(SizeClass size_class, double part) const {
    if (maker_->promising()) {
        return false;
    }
    const std::uint64_t unassigned = slots_.unassigned_segments() * (segment_bytes_ / slot_bytes_of(size_class));
    const std::uint64_t free = slots_.free_slots(size_class) + unassigned;
    return static_cast<double>(free) < part * static_cast<double>(slots_.total_slots(size_class) + unassigned);
}

bool Store::has_free_room(std::uint64_t length) const {
    const SizeClass size_class = size_class_of(length);
    return slots_.unassigned_segments() > 0 || slots_.free_slots(size_class) > free_goal(size_class);
}

} // namespace uakv
