// Daemons that end in order, one after another in one process, and what they leave, to be looked at and spoiled.
#pragma once

#include "ipc/memfd.h"
#include "kept_bench.h"

namespace uakv::test {

inline constexpr std::uint64_t big = segment_bytes / 4; // 32 of them fill the memory

struct World {
    KeeperSocket socket;
    SocketKeeper keeper{socket};
    std::unique_ptr<Store> store = create_kept(&keeper);
    std::unique_ptr<SessionLayout> session = std::make_unique<SessionLayout>();

    World() {
        take_all_segments(*store);
        CHECK(store->spaces().open(some_space("llama"), true).ok());
        CHECK(store->note_session(1));
        store->leases().attach(*session);
    }
    Result<std::unique_ptr<Store>> try_adopt(std::vector<FormerClient> clients) {
        store.reset();
        KeptFds kept = socket.copies();
        auto adopted = Store::adopt(kept_options(&keeper), kept, clients);
        CHECK(kept.empty());
        return adopted;
    }
    void adopt() {
        auto adopted = try_adopt({{1, session.get()}});
        CHECK(adopted.ok());
        store = std::move(adopted.value());
    }
    void lease(std::uint32_t word, std::uint64_t number) {
        const auto found = find_block(*store, number);
        CHECK(found.has_value());
        lease_cover(*session, word);
        CHECK(lease_begin(*session, word, store->index().entry(found->id), found->id, found->generation));
    }
    template <typename T> T &peek(const std::string &name, std::uint64_t offset) {
        KeptFds::One *one = socket.find(name);
        CHECK(one != nullptr);
        auto bytes = memfd_bytes(one->fd);
        CHECK(bytes.ok());
        auto mapping = Mapping::map(one->fd, bytes.value(), Access::read_write);
        CHECK(mapping.ok());
        peeked.push_back(std::move(mapping.value()));
        return peeked.back().at<T>(offset);
    }
    StateHeader &state() { return peek<StateHeader>(Keeping::state_name(tenant), 0); }
    IndexRegion index() { return IndexRegion::at(&peek<std::byte>(Keeping::index_name(tenant), 0)); }
    SlotRecord &record(SlotRef slot) {
        return peek<SlotRecord>(Keeping::state_name(tenant),
                                state_layout::slots_offset + slot.segment * state_layout::records_bytes(segment_bytes) +
                                    slot.index * sizeof(SlotRecord));
    }
    std::vector<Mapping> peeked;
};

} // namespace uakv::test
