// What a daemon has left, judged: which entries are blocks, and who has each slot. Writes that into the index and the
// state, one word at a time, so that the daemon may be killed anywhere in it and the next one begins it anew. Clients
// read meanwhile. The rules, and why they are safe, stand in docs/hot-restart.md.
#pragma once

#include "daemon/store/index_writer.h"
#include "daemon/store/lease_tables.h"
#include "daemon/store/slots.h"
#include "daemon/store/state.h"
#include "ipc/session_layout.h"

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace uakv {

// A client of a daemon before, which is there still: the session by which it knew that daemon.
struct FormerClient {
    std::uint32_t number = 0;               // 0: of one that there is, nothing can be told
    const SessionLayout *session = nullptr; // null: it should be there, and is not
};

class Adoption {
public:
    // `leases` knows how to read what the clients share.
    Adoption(State &state, IndexWriter &index, std::span<const FormerClient> clients, const LeaseTables &leases);

    struct Outcome {
        IndexRepair::Outcome index;
        std::uint64_t doubly = 0;   // entries that are retired because another has their slot
        std::vector<EntryId> limbo; // entries that are not live and whose slots are read still
        std::unordered_map<std::uint32_t, std::vector<SlotRef>> of_clients;
        std::vector<SlotRef> abandoned; // the daemon before was reading into them from disk
    };
    Outcome run();

private:
    std::optional<SlotRef> place_of(const IndexEntry &entry) const;
    bool is_believable(EntryId id) const;
    void claim_slots();
    void find_leased();
    void settle_slot(SlotRef slot, SlotRecord &record);

    EntryId &claim_at(SlotRef slot) { return claims_[slot.segment][slot.index]; }
    static std::uint64_t key_of(SlotRef slot) { return static_cast<std::uint64_t>(slot.segment) << 32 | slot.index; }

    static constexpr EntryId none = UINT32_MAX;

    State &state_;
    IndexWriter &index_;
    std::span<const FormerClient> clients_;
    const LeaseTables &leases_;
    std::vector<std::optional<SizeClass>> classes_;     // of segments
    std::vector<std::vector<EntryId>> claims_;          // by segment and slot: the live entry that lies there
    std::unordered_map<std::uint64_t, EntryId> leased_; // by slot: the retired entry that is read there
    Outcome outcome_;
};

} // namespace uakv
