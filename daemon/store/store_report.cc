// What the store tells of itself: counters for clients, and single blocks for operators.
#include "daemon/store/store.h"

#include "ipc/clock.h"

#include <algorithm>
#include <iterator>

namespace uakv {
namespace {

// So that a listing keeps nobody waiting for more than about a millisecond.
constexpr std::uint32_t entries_per_listing = 65536;

} // namespace

void Store::describe(uakv_statistics &statistics) const {
    statistics.stores = counters_.stores;
    statistics.bytes_stored = counters_.bytes_stored;
    statistics.exists = counters_.exists;
    statistics.evictions = counters_.evictions;
    statistics.evictions_rebalance = counters_.evictions_rebalance;
    statistics.bytes_evicted = counters_.bytes_evicted;
    statistics.removals = counters_.removals;
    statistics.expirations = counters_.expirations;
    statistics.corruptions = counters_.corruptions;
    statistics.no_space = counters_.no_space;
    statistics.blocks = counters_.blocks;
    statistics.bytes_blocks = counters_.bytes_blocks;
    statistics.blocks_cold = counters_.blocks_cold;
    statistics.bytes_cold = counters_.bytes_cold;
    statistics.blocks_pinned = pins_.count();
    statistics.bytes_pinned = pins_.bytes();
    statistics.bytes_memory = segments_.size() * segment_bytes_;
    statistics.bytes_capacity = segment_count_ * segment_bytes_;
    statistics.bytes_index = index_.bytes_allocated();
    statistics.slots_granted = slots_.granted_slots();
    statistics.slots_limbo = evictor_.limbo();
    statistics.spaces = spaces_.count();
    statistics.leases = 0;
    statistics.bytes_leased = 0;
    std::vector<bool> seen(index_.entries_used());
    leases_.scan([&](EntryId entry, std::uint64_t word) {
        ++statistics.leases;
        if (is_leased_by(entry, word) && !seen[entry]) {
            seen[entry] = true;
            statistics.bytes_leased += index_.entry(entry).length;
        }
    });
}

std::uint64_t Store::leased_bytes(const SessionLayout &session) const {
    const std::vector<EntryId> before = leased_by(session);
    const std::vector<EntryId> after = leased_by(session);
    std::vector<EntryId> leased;
    std::set_intersection(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(leased));
    std::uint64_t bytes = 0;
    for (const EntryId entry : leased) {
        bytes += index_.entry(entry).length;
    }
    return bytes;
}

Store::OldViews Store::old_views(const SessionLayout &session, std::uint64_t now_ns, std::uint64_t age_ns_min) const {
    OldViews old;
    std::vector<EntryId> entries;
    leases_.scan_one(session, [&](EntryId entry, std::uint64_t word) {
        const std::uint64_t age_ns = lease_clock_.age_ns(stamp_of_lease(word), now_ns);
        if (age_ns >= age_ns_min && is_leased_by(entry, word) && would_make_room(entry)) {
            ++old.views;
            old.age_ns = std::max(old.age_ns, age_ns);
            entries.push_back(entry);
        }
    });
    std::sort(entries.begin(), entries.end());
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    for (const EntryId entry : entries) {
        old.bytes += index_.entry(entry).length;
    }
    return old;
}

bool Store::would_make_room(EntryId entry) const {
    return !uakv::is_live(index_.entry(entry).generation) || (evict_ && !pins_.is_pinned(entry));
}

// In order, each once.
std::vector<EntryId> Store::leased_by(const SessionLayout &session) const {
    std::vector<EntryId> leased;
    leases_.scan_one(session, [&](EntryId entry, std::uint64_t word) {
        if (is_leased_by(entry, word)) {
            leased.push_back(entry);
        }
    });
    std::sort(leased.begin(), leased.end());
    leased.erase(std::unique(leased.begin(), leased.end()), leased.end());
    return leased;
}

// The word is what a client wrote. It counts when the entry has its slot still, in the generation in which it was live
// last. Nothing is leased that is on disk alone.
bool Store::is_leased_by(EntryId entry, std::uint64_t word) const {
    if (entry >= index_.entries_used()) {
        return false;
    }
    const IndexEntry &block = index_.entry(entry);
    return lease_matches(word, entry, block.generation) &&
           slots_.is_block(slots_.slot_at(home_of(block).segment, block.offset), entry);
}

SpaceCounters Store::space_counters(SpaceId space) const {
    return space < counters_.spaces.size() ? counters_.spaces[space] : SpaceCounters{};
}

std::optional<BlockReport> Store::describe_block(SpaceId space, const uakv_key &key) const {
    Lookup::Found found;
    if (!index_.lookup().find(space, key, found)) {
        return std::nullopt;
    }
    BlockReport report = report_of(found.id);
    count_leases({&found.id, 1}, {&report, 1});
    return report;
}

std::optional<EntryId> Store::list_blocks(SpaceId space, EntryId cursor, std::uint32_t limit,
                                          std::vector<BlockReport> &out) const {
    const std::uint64_t now_ms = boot_ms();
    const std::size_t before = out.size();
    std::vector<EntryId> entries;
    EntryId next = cursor;
    for (std::uint32_t steps = 0; steps < entries_per_listing; ++steps, ++next) {
        next = index_.first_from(next);
        if (entries.size() == limit || next == UINT32_MAX) {
            break;
        }
        const IndexEntry &entry = index_.entry(next);
        if (uakv::is_live(entry.generation) && home_of(entry).space == space && now_ms < entry.expires_ms) {
            entries.push_back(next);
            out.push_back(report_of(next));
        }
    }
    count_leases(entries, std::span(out).subspan(before));
    next = index_.first_from(next);
    return next != UINT32_MAX ? std::optional(next) : std::nullopt;
}

BlockReport Store::report_of(EntryId entry) const {
    const IndexEntry &block = index_.entry(entry);
    const EntryHome home = home_of(block);
    BlockReport report;
    report.key = block.key;
    if ((home.flags & entry_has_parent) != 0) {
        report.parent = block.parent;
    }
    report.bytes = block.length;
    report.segment = home.segment;
    report.expires_ms = block.expires_ms;
    report.pinned = pins_.is_pinned(entry);
    report.cold = is_cold(entry);
    report.on_disk = (home.flags & entry_on_disk) != 0;
    report.stored_bytes = (home.flags & entry_encoded) != 0 ? block.stored_bytes : 0;
    report.uses = report.cold ? 0 : uses(entry);
    return report;
}

// For the reports of these entries, which are in order.
void Store::count_leases(std::span<const EntryId> entries, std::span<BlockReport> reports) const {
    leases_.scan([&](EntryId entry, std::uint64_t word) {
        const auto found = std::lower_bound(entries.begin(), entries.end(), entry);
        if (found != entries.end() && *found == entry && is_leased_by(entry, word)) {
            ++reports[static_cast<std::size_t>(found - entries.begin())].leases;
        }
    });
}

} // namespace uakv
