// A store that stands for the arena of a device above one of the host, with the mover between them, all in one thread.
// A copier of the simulation moves the bytes, late: what was not held by then is no longer what it was.
#pragma once

#include "daemon/flow/device_mover.h"
#include "store_bench.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace uakv::test {

class SimCopier final : public BlockCopier {
public:
    struct Options {
        std::uint64_t turns_max = 1; // a copy takes up to so many
        std::uint32_t failures = 0;  // of 10,000
        bool reorder = false;
    };
    SimCopier(Bench &arena, Bench &host, std::uint64_t seed) : arena_(arena), host_(host), random_(seed) {}

    Options options;
    bool broken = false;  // the device has failed for good
    bool stalled = false; // nothing gets done
    std::uint64_t copies = 0;
    std::uint64_t failed = 0;
    std::uint64_t under_way_max = 0;
    std::uint64_t bytes_max = 0; // under way

    void begin(const Copy &copy) override {
        for (const Pending &other : pending_) {
            CHECK_MESSAGE(target(other.copy) != target(copy), "two copies have one target");
        }
        pending_.push_back({copy, turn_ + 1 + random_.below(options.turns_max)});
        ++copies;
        under_way_max = std::max<std::uint64_t>(under_way_max, pending_.size());
        std::uint64_t bytes = 0;
        for (const Pending &each : pending_) {
            bytes += each.copy.bytes;
        }
        bytes_max = std::max(bytes_max, bytes);
    }

    void take_done(std::vector<Done> &done) override {
        turn_ += stalled ? 0 : 1;
        std::vector<Pending> due;
        std::erase_if(pending_, [&](const Pending &each) {
            const bool is_due = !stalled && (broken || each.due <= turn_);
            if (is_due) {
                due.push_back(each);
            }
            return is_due;
        });
        while (!due.empty()) {
            const std::uint64_t next = options.reorder ? random_.below(due.size()) : 0;
            done.push_back({due[next].copy.tag, finish(due[next].copy)});
            due.erase(due.begin() + static_cast<std::ptrdiff_t>(next));
        }
    }

    bool has_failed() const override { return broken; }
    std::size_t under_way() const { return pending_.size(); }

private:
    struct Pending {
        Copy copy;
        std::uint64_t due = 0;
    };

    static std::byte *at(Bench &store, const Place &place) {
        return store->segment_memory(place.segment).data() + place.offset;
    }
    std::byte *target(const Copy &copy) {
        return copy.way == Way::down ? at(host_, copy.host) : at(arena_, copy.device);
    }

    uakv_status finish(const Copy &copy) {
        if (broken || random_.below(10'000) < options.failures) {
            std::memset(target(copy), 0xEE, copy.bytes / 2);
            ++failed;
            return UAKV_ERR_GPU;
        }
        const std::byte *source = copy.way == Way::down ? at(arena_, copy.device) : at(host_, copy.host);
        std::memcpy(target(copy), source, copy.bytes);
        return UAKV_OK;
    }

    Bench &arena_;
    Bench &host_;
    Random random_;
    std::uint64_t turn_ = 0;
    std::vector<Pending> pending_;
};

class DeviceMoverBench {
public:
    // With `host` and `host_mover` of somebody else, who takes turns of his own; otherwise the host has no disk.
    explicit DeviceMoverBench(std::uint64_t seed = 1, Bench *host = nullptr, Mover *host_mover = nullptr)
        : own_host_(host == nullptr ? std::make_unique<Bench>() : nullptr), host_(host == nullptr ? *own_host_ : *host),
          copier_(std::make_unique<SimCopier>(arena_, host_, seed)) {
        auto workers = Workers::start(0);
        CHECK(workers.ok());
        workers_ = std::move(workers.value());
        begin(host_mover);
    }
    ~DeviceMoverBench() {
        copier_.reset();
        mover_.reset();
    }

    Bench &arena() { return arena_; }
    Bench &host() { return host_; }
    SimCopier &copier() { return *copier_; }
    DeviceMover &mover() { return *mover_; }
    std::uint64_t &now_ns() { return now_ns_; }

    // As a daemon would begin above the stores as they are.
    void begin(Mover *host_mover = nullptr) {
        mover_.reset();
        mover_ = std::make_unique<DeviceMover>(*arena_.operator->(), DeviceMover::Host{*host_.operator->(), host_mover},
                                               *copier_, *workers_, 3, [this] { return now_ns_; });
    }

    // In the arena; the host gets its own once something is copied.
    SpaceId open(const std::string &name, std::uint64_t block_bytes = segment_bytes) {
        return open_in(arena_, name, block_bytes);
    }
    static SpaceId open_in(Bench &store, const std::string &name, std::uint64_t block_bytes = segment_bytes) {
        SpaceDescription space;
        space.dtype = UAKV_DTYPE_OPAQUE;
        space.block_bytes = block_bytes;
        name.copy(space.name, sizeof space.name - 1);
        auto opened = store->spaces().open(space, true);
        CHECK(opened.ok());
        return opened.value();
    }
    SpaceId host_space(SpaceId space) {
        const auto found = mover_->host_space(space);
        CHECK(found.has_value());
        return *found;
    }

    // How long it wanted to wait.
    std::uint64_t turn() {
        const std::uint64_t next = mover_->turn();
        arena_->maintain();
        host_->maintain();
        for (const Mover::Answer &answer : mover_->take_answers()) {
            answers_.push_back(answer);
        }
        now_ns_ += next == 0 ? 1000 : std::min<std::uint64_t>(next, ns_per_ms);
        return next;
    }
    void turn_until(const std::string &what, const std::function<bool()> &condition) {
        for (int turns = 0; !condition(); ++turns) {
            CHECK_MESSAGE(turns < 100'000, "in vain: " + what);
            turn();
        }
    }

    DeviceMover::Tag begin_load(std::uint64_t number, SpaceId space, std::uint64_t timeout_ns = ns_per_s) {
        mover_->load({space, sample_key(number), now_ns_ + timeout_ns, ++tag_});
        return tag_;
    }
    DeviceMover::Tag begin_flush(SpaceId space) {
        mover_->flush(space, ++tag_);
        return tag_;
    }
    std::optional<uakv_status> answer(DeviceMover::Tag tag) const {
        for (const Mover::Answer &answer : answers_) {
            if (answer.tag == tag) {
                return answer.status;
            }
        }
        return std::nullopt;
    }
    uakv_status await_answer(DeviceMover::Tag tag) {
        turn_until("an answer", [&] { return answer(tag).has_value(); });
        CHECK_EQ(std::count_if(answers_.begin(), answers_.end(), [&](const auto &each) { return each.tag == tag; }), 1);
        return *answer(tag);
    }
    uakv_status load(std::uint64_t number, SpaceId space) { return await_answer(begin_load(number, space)); }

    // As the tenant does, whoever of its clients asks.
    bool remove_everywhere(std::uint64_t number, SpaceId space) {
        const bool was_above = mover_->remove(space, sample_key(number));
        const bool was_below = host_->remove(host_space(space), sample_key(number));
        return was_above || was_below;
    }

    bool above(std::uint64_t number, SpaceId space) const { return arena_.has(number, space); }
    bool below(std::uint64_t number, SpaceId space) { return host_.has(number, host_space(space)); }

    // What lies there is what was stored under the key, and what the host says of it is true.
    void check_above(std::uint64_t number, SpaceId space) { check_in(arena_, number, space, false); }
    void check_below(std::uint64_t number, SpaceId space) { check_in(host_, number, host_space(space), true); }

    SlotRef put(std::uint64_t number, SpaceId space, std::uint64_t length = big, std::uint32_t ttl_ms = 0) {
        Store::CommitRequest request;
        request.space = space;
        request.ttl_ms = ttl_ms;
        return arena_.put(number, length, request);
    }
    void put_below(std::uint64_t number, SpaceId space, std::uint64_t length = big, std::uint32_t ttl_ms = 0) {
        Store::CommitRequest request;
        request.space = host_space(space);
        request.ttl_ms = ttl_ms;
        host_.put(number, length, request);
    }

    void settle() {
        turn_until("nothing moves", [&] {
            const DeviceMover::Statistics now = mover_->statistics();
            return now.waiting == 0 && now.under_way == 0;
        });
    }

    // Nothing is under way, and nothing was forgotten.
    void check_quiet() {
        settle();
        for (Bench *store : {&arena_, &host_}) {
            (*store)->revisit_limbo();
            CHECK_EQ(store->statistics().slots_granted, 0);
            CHECK_EQ(store->statistics().slots_limbo, 0);
        }
    }

private:
    static void check_in(Bench &store, std::uint64_t number, SpaceId space, bool summed) {
        const auto found = store.find(number, space);
        CHECK(found.has_value());
        const std::byte *bytes = store->bytes_of(found->id).data();
        check_block(bytes, found->length, sample_key(number));
        if (summed) {
            CHECK_EQ(store->index().describe(found->id).checksum, checksum_of(bytes, found->length));
        }
    }

    std::unique_ptr<Bench> own_host_;
    Bench arena_;
    Bench &host_;
    std::unique_ptr<SimCopier> copier_;
    std::unique_ptr<Workers> workers_;
    std::unique_ptr<DeviceMover> mover_;
    std::uint64_t now_ns_ = ns_per_s;
    std::vector<Mover::Answer> answers_;
    DeviceMover::Tag tag_ = 0;
};

} // namespace uakv::test
