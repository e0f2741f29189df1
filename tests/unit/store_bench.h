// A store of 16 MiB with all its memory, and a client of it that reads and writes.
#pragma once

#include "daemon/store/store.h"
#include "ipc/hashing.h"
#include "sample.h"
#include "support/check.h"
#include "support/pattern.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace uakv::test {

inline constexpr std::uint32_t segments = 8;
inline constexpr std::uint64_t segment_bytes = limits::segment_bytes_min;
inline constexpr std::uint64_t big = segment_bytes / 4; // 32 of them fill the memory
inline constexpr std::uint32_t all_big = 32;

class Bench {
public:
    explicit Bench(StoreOptions options = {}) {
        options.memory_bytes = limits::memory_bytes_min;
        auto made = Store::create(options);
        CHECK(made.ok());
        store_ = std::move(made.value());
        await("all segments are made", [this] {
            store_->take_segments();
            return store_->slots().segments() == segments;
        });
        store_->leases().attach(*session_);
        for (SegmentId segment = 0; segment < segments; ++segment) {
            auto mapping = Mapping::map(*store_->segment_fd(segment, false), segment_bytes, Access::read_write);
            CHECK(mapping.ok());
            mappings_.push_back(std::move(mapping.value()));
        }
    }

    Store *operator->() { return store_.get(); }
    SessionLayout &session() { return *session_; }

    SlotRef grant(std::uint64_t length) {
        const Store::Grant grant = store_->grant(length);
        CHECK(grant.outcome == Store::GrantOutcome::granted);
        return grant.slot;
    }

    uakv_status commit(SlotRef slot, std::uint64_t number, std::uint64_t length, Store::CommitRequest request = {}) {
        request.key = sample_key(number);
        request.length = length;
        fill_block(at(slot), length, request.key);
        request.checksum = checksum_of(at(slot), length);
        return store_->commit(slot, request);
    }

    SlotRef put(std::uint64_t number, std::uint64_t length, const Store::CommitRequest &request = {}) {
        const SlotRef slot = grant(length);
        CHECK_STATUS(commit(slot, number, length, request), UAKV_OK);
        return slot;
    }

    // `count` blocks that fill a quarter of a segment each, from number `first` on.
    void put_big(std::uint64_t count, std::uint64_t first = 0) {
        for (std::uint64_t i = 0; i < count; ++i) {
            put(first + i, big);
        }
    }

    bool has(std::uint64_t number, SpaceId space = 0) const { return find(number, space).has_value(); }

    std::optional<Lookup::Found> find(std::uint64_t number, SpaceId space = 0) const {
        Lookup::Found found;
        return store_->index().lookup().find(space, sample_key(number), found) ? std::optional(found) : std::nullopt;
    }

    void lease(std::uint32_t word, std::uint64_t number) {
        const auto found = find(number);
        CHECK(found.has_value());
        lease_cover(*session_, word);
        CHECK(lease_begin(*session_, word, store_->index().entry(found->id), found->id, found->generation));
    }

    std::byte *at(SlotRef slot) const { return mappings_[slot.segment].data() + store_->slots().offset(slot); }

    uakv_statistics statistics() const {
        uakv_statistics values{};
        store_->describe(values);
        return values;
    }

private:
    std::unique_ptr<Store> store_;
    std::unique_ptr<SessionLayout> session_ = std::make_unique<SessionLayout>();
    std::vector<Mapping> mappings_;
};

} // namespace uakv::test
