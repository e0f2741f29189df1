// A store whose daemon is a child that gets killed, and what it leaves with a keeper that outlives it. What the child
// did is written into memory that the test sees.
#pragma once

#include "daemon/store/store.h"
#include "ipc/hashing.h"
#include "ipc/sequence_point.h"
#include "ipc/unix_socket.h"
#include "sample.h"
#include "support/check.h"
#include "support/child.h"
#include "support/pattern.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace uakv::test {

inline constexpr std::uint32_t segments = 8;
inline constexpr std::uint64_t segment_bytes = limits::segment_bytes_min;
inline const std::string tenant = "prod.eu";

// A socket in which messages wait, descriptors and all, when their sender is long dead: as the service manager's.
class KeeperSocket {
public:
    KeeperSocket() {
        int ends[2];
        CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        ours_ = Fd(ends[0]);
        theirs_ = Fd(ends[1]);
    }
    const Fd &daemons_end() const { return theirs_; }

    // What is kept now: all that was sent is heard first.
    std::vector<KeptFds::One> &kept() {
        for (;;) {
            auto received = receive_message(ours_, AcceptFds::yes);
            CHECK(received.ok());
            if (received.value().state != Received::State::message) {
                return kept_;
            }
            const auto *text = reinterpret_cast<const char *>(received.value().bytes.data());
            const std::string name(text + 1, received.value().length - 1);
            std::erase_if(kept_, [&](const auto &one) { return one.name == name; });
            if (text[0] == 'k') {
                CHECK_EQ(received.value().fds.size(), 1);
                kept_.push_back({name, std::move(received.value().fds[0])});
            }
        }
    }

    // For the next daemon. What it does not drop stays kept.
    KeptFds copies() {
        std::vector<KeptFds::One> all;
        for (const auto &one : kept()) {
            all.push_back({one.name, duplicate(one.fd)});
        }
        return KeptFds(std::move(all));
    }

    KeptFds::One *find(const std::string &name) {
        const auto found =
            std::find_if(kept().begin(), kept().end(), [&](const auto &one) { return one.name == name; });
        return found == kept_.end() ? nullptr : &*found;
    }

private:
    Fd ours_;
    Fd theirs_;
    std::vector<KeptFds::One> kept_;
};

class SocketKeeper final : public Keeper {
public:
    explicit SocketKeeper(const KeeperSocket &socket) : socket_(socket.daemons_end()) {}

    bool keep(const std::string &name, const Fd &fd) override {
        if (refused == name) {
            return false;
        }
        const int number = fd.get();
        send('k', name, {&number, 1});
        return true;
    }
    void drop(const std::string &name) override { send('d', name, {}); }

    std::string refused;

private:
    void send(char what, const std::string &name, std::span<const int> fds) {
        const std::string message = what + name;
        CHECK(send_message(socket_, std::as_bytes(std::span(message)), fds).ok());
    }
    const Fd &socket_;
};

inline StoreOptions kept_options(Keeper *keeper) {
    StoreOptions options;
    options.memory_bytes = limits::memory_bytes_min;
    options.pinned_bytes_max = limits::memory_bytes_min;
    options.name = tenant;
    options.keeper = keeper;
    return options;
}

inline void take_all_segments(Store &store) {
    await("all segments are made", [&] {
        store.take_segments();
        return store.slots().segments() == segments;
    });
}

inline std::unique_ptr<Store> create_kept(Keeper *keeper) {
    auto made = Store::create(kept_options(keeper));
    CHECK(made.ok());
    return std::move(made.value());
}

inline SpaceDescription some_space(const char *name) {
    SpaceDescription space;
    std::strncpy(space.name, name, sizeof space.name - 1);
    space.block_bytes = segment_bytes;
    return space;
}

inline std::optional<Lookup::Found> find_block(const Store &store, std::uint64_t number) {
    Lookup::Found found;
    return store.index().lookup().find(0, sample_key(number), found) ? std::optional(found) : std::nullopt;
}

inline uakv_status commit_block(Store &store, SlotRef slot, std::uint64_t number, std::uint64_t length,
                                Store::CommitRequest request = {}) {
    request.key = sample_key(number);
    request.length = length;
    fill_block(store.bytes_of(slot).data(), length, request.key);
    request.checksum = checksum_of(store.bytes_of(slot).data(), length);
    return store.commit(slot, request);
}

inline SlotRef put_block(Store &store, std::uint64_t number, std::uint64_t length, std::uint32_t client = 1,
                         const Store::CommitRequest &request = {}) {
    const Store::Grant grant = store.grant(length, client);
    CHECK(grant.outcome == Store::GrantOutcome::granted);
    CHECK_STATUS(commit_block(store, grant.slot, number, length, request), UAKV_OK);
    return grant.slot;
}

// It is there, with its bytes.
inline void check_there(const Store &store, std::uint64_t number) {
    const auto found = find_block(store, number);
    CHECK(found.has_value());
    const auto bytes = store.bytes_of(found->id);
    check_block(bytes.data(), bytes.size(), sample_key(number));
}

// Every slot has exactly one owner, and the counts are those of the owners.
inline void check_partition(const Store &store) {
    std::uint64_t live = 0, granted = 0, gone = 0;
    for (SegmentId segment = 0; segment < store.slots().segments(); ++segment) {
        store.slots().for_each_used(segment, [&](std::optional<EntryId> entry) {
            if (!entry) {
                ++granted;
                return;
            }
            const IndexEntry &block = store.index().entry(*entry);
            CHECK(store.slots().is_block(store.slots().slot_at(home_of(block).segment, block.offset), *entry));
            ++(is_live(block.generation) ? live : gone);
        });
    }
    uakv_statistics now{};
    store.describe(now);
    CHECK_EQ(live, now.blocks);
    CHECK_EQ(granted, now.slots_granted);
    CHECK_EQ(gone, now.slots_limbo);
    std::uint64_t entries = 0;
    for (EntryId id = 0; id < store.index().entries_used(); ++id) {
        entries += is_live(store.index().entry(id).generation) ? 1U : 0U;
    }
    CHECK_EQ(entries, live);
}

// Once nobody has anything, all is free and nothing is in the index.
inline void check_empties(Store &store) {
    EntryId cursor = 0;
    std::uint64_t removed = 0;
    for (SpaceId space = 0; space < 4; ++space) {
        for (cursor = 0; !store.clear_some(space, cursor, 1000, removed);) {
        }
    }
    store.maintain();
    store.revisit_limbo();
    CHECK(!store.has_limbo());
    CHECK_EQ(store.slots().granted_slots(), 0);
    CHECK_EQ(store.slots().unassigned_segments(), store.slots().segments());
    CHECK_EQ(store.slots().classes_in_use(), 0);
    auto fd = store.index().reopen();
    CHECK(fd.ok());
    auto mapping = Mapping::map(fd.value(), store.index().bytes(), Access::read_only);
    CHECK(mapping.ok());
    const IndexRegion region = IndexRegion::at(mapping.value().data());
    for (std::uint64_t i = 0; i < region.header->bucket_count; ++i) {
        CHECK_EQ(region.buckets[i].passed, 0);
        for (const std::uint64_t reference : region.buckets[i].references) {
            CHECK_EQ(reference, 0);
        }
    }
}

} // namespace uakv::test
