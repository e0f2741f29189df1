#include "daemon/store/adoption.h"

#include "ipc/sequence_point.h"

#include <algorithm>

namespace uakv {

Adoption::Adoption(State &state, IndexWriter &index, std::span<const FormerClient> clients, const LeaseTables &leases)
    : state_(state), index_(index), clients_(clients), leases_(leases) {
    for (SegmentId segment = 0; segment < state.segments(); ++segment) {
        const auto size_class = state.class_of(segment);
        classes_.push_back(size_class);
        claims_.emplace_back(size_class ? state.slots_of(*size_class) : 0, none);
    }
    for (const FormerClient &client : clients) {
        outcome_.of_clients[client.number];
    }
}

Adoption::Outcome Adoption::run() {
    outcome_.index = index_.mend([this](EntryId id) { return is_believable(id); });
    claim_slots();
    find_leased();
    for (SegmentId segment = 0; segment < classes_.size(); ++segment) {
        SlotRecord *records = state_.records(segment);
        for (std::uint32_t index = 0; index < claims_[segment].size(); ++index) {
            settle_slot({segment, index}, records[index]);
        }
    }
    index_.find_free(outcome_.limbo);
    return std::move(outcome_);
}

// Where the entry says that its block lies; nothing when there is no such slot.
std::optional<SlotRef> Adoption::place_of(const IndexEntry &entry) const {
    const EntryHome home = home_of(entry);
    if (home.segment >= classes_.size() || !classes_[home.segment]) {
        return std::nullopt;
    }
    const std::uint64_t slot_bytes = slot_bytes_of(*classes_[home.segment]);
    const std::uint64_t number = entry.offset / slot_bytes;
    if (entry.offset % slot_bytes != 0 || number >= claims_[home.segment].size()) {
        return std::nullopt;
    }
    return SlotRef{home.segment, static_cast<std::uint32_t>(number)};
}

bool Adoption::is_believable(EntryId id) const {
    constexpr unsigned known = entry_expires | entry_has_parent | entry_on_disk | entry_encoded;
    const IndexEntry &entry = index_.entry(id);
    const EntryHome home = home_of(entry);
    const bool expires = (home.flags & entry_expires) != 0;
    const bool encoded = (home.flags & entry_encoded) != 0;
    const std::uint64_t stored = encoded ? entry.stored_bytes : entry.length;
    const auto place = place_of(entry);
    return place && (home.flags & ~known) == 0 && home.space < state_.spaces() &&
           expires == (entry.expires_ms != UINT64_MAX) && entry.length > 0 &&
           entry.length <= state_.header().segment_bytes && stored > 0 &&
           stored <= slot_bytes_of(*classes_[place->segment]);
}

// Two blocks cannot lie in one slot: the record says whose it is.
void Adoption::claim_slots() {
    for (EntryId id = 0; id < index_.entries_used(); ++id) {
        if (!is_live(index_.entry(id).generation)) {
            continue;
        }
        const SlotRef slot = *place_of(index_.entry(id));
        EntryId &claim = claim_at(slot);
        if (claim == none) {
            claim = id;
            continue;
        }
        const bool ours = state_.records(slot.segment)[slot.index].owner == owner_of_entry(id);
        index_.retire(ours ? std::exchange(claim, id) : id);
        ++outcome_.doubly;
    }
}

// E2 and E3 of ipc/lease_table.h, for all that was retired here and before. Words are what clients wrote.
void Adoption::find_leased() {
    full_fence();
    for (const FormerClient &client : clients_) {
        leases_.scan_one(*client.session, [this](EntryId id, std::uint64_t word) {
            if (id >= index_.entries_used()) {
                return;
            }
            const IndexEntry &entry = index_.entry(id);
            const auto place = place_of(entry);
            if (is_live(entry.generation) || !lease_matches(word, id, entry.generation) || !place) {
                return;
            }
            const OwnerWord owner = state_.records(place->segment)[place->index].owner;
            const auto [known, first] = leased_.emplace(key_of(*place), id);
            if (!first && owner == owner_of_entry(id)) {
                known->second = id;
            }
        });
    }
}

void Adoption::settle_slot(SlotRef slot, SlotRecord &record) {
    OwnerWord owner = owner_nobody;
    if (const EntryId claim = claim_at(slot); claim != none) {
        owner = owner_of_entry(claim);
        if (record.owner != owner) { // what it says besides is of somebody else
            store_relaxed(record.used, State::tick_now());
            store_release(record.pinned_until_ms, 0);
        }
    } else if (const auto leased = leased_.find(key_of(slot));
               is_granted(record.owner) && record.owner != owner_daemon &&
               outcome_.of_clients.count(session_of_owner(record.owner)) != 0) {
        owner = record.owner;
        outcome_.of_clients[session_of_owner(owner)].push_back(slot);
    } else if (leased != leased_.end()) {
        owner = owner_of_entry(leased->second);
        outcome_.limbo.push_back(leased->second);
    } else if (record.owner == owner_daemon) {
        owner = record.owner;
        outcome_.abandoned.push_back(slot);
    }
    if (record.owner != owner) {
        store_release(record.owner, owner);
        UAKV_SEQUENCE_POINT(slot_settled);
    }
}

} // namespace uakv
