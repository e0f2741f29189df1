// A store of 16 MiB above a simulated disk, with the mover between them, all in one thread: time passes when it is
// waited for.
#pragma once

#include "daemon/flow/mover.h"
#include "sim/sim_device.h"
#include "store_bench.h"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace uakv::test {

inline constexpr std::uint64_t half = big / 2;

class MoverBench {
public:
    // `before` fills memory before the mover finds it, as a daemon before would have left it.
    explicit MoverBench(const Mover::Options &options = plain(), SimImage image = {},
                        std::uint64_t disk_bytes = 64 << 20, const std::function<void(MoverBench &)> &before = {})
        : store_({.memory_bytes = 0, .cold_blocks_max = 1000}), device_(clock_, 1, {}, std::move(image)) {
        auto workers = Workers::start(0);
        CHECK(workers.ok());
        workers_ = std::move(workers.value());
        disk::DiskOptions disk_options;
        disk_options.bytes_max = disk_bytes;
        disk_options.file_bytes = 4 << 20;
        auto tier = disk::DiskTier::open(device_, *workers_, disk_options, 7, [this] { return moment(); });
        CHECK_MESSAGE(tier.ok(), tier.ok() ? "" : tier.error().detail);
        tier_ = std::move(tier.value());
        if (before) {
            before(*this);
        }
        auto mover = Mover::create(*store_.operator->(), *tier_, *workers_, options, [this] { return moment(); });
        CHECK(mover.ok());
        mover_ = std::move(mover.value());
    }

    static Mover::Options plain() {
        Mover::Options options;
        options.compress = false;
        options.buffer_bytes = 8 << 20;
        return options;
    }
    static Mover::Options compressing() {
        Mover::Options options = plain();
        options.compress = true;
        return options;
    }

    Bench &store() { return store_; }
    Store *operator->() { return store_.operator->(); }
    Mover &mover() { return *mover_; }
    disk::DiskTier &tier() { return *tier_; }
    SimDevice &device() { return device_; }
    disk::Moment moment() const { return {clock_.now_ns, 1'700'000'000'000 + clock_.now_ns / ns_per_ms}; }

    SpaceId open(const std::string &name, std::uint32_t flags = 0, std::uint32_t dtype = UAKV_DTYPE_OPAQUE) {
        SpaceDescription space;
        space.dtype = dtype;
        space.block_bytes = segment_bytes;
        space.flags = flags;
        name.copy(space.name, sizeof space.name - 1);
        auto opened = store_->spaces().open(space, true);
        CHECK(opened.ok());
        return opened.value();
    }

    // Until the condition holds; a second of the simulation at most.
    void turn_until(const std::string &what, const std::function<bool()> &condition) {
        const std::uint64_t end_ns = clock_.now_ns + 10 * ns_per_s;
        while (!condition()) {
            CHECK_MESSAGE(clock_.now_ns < end_ns, "in vain: " + what);
            turn();
        }
    }
    void turn() {
        const std::uint64_t next = mover_->turn();
        store_->maintain();
        for (const Mover::Answer &answer : mover_->take_answers()) {
            answers_.push_back(answer);
        }
        if (next == 0) {
            return;
        }
        const std::uint64_t before = clock_.now_ns;
        device_.wait();
        if (clock_.now_ns == before) {
            clock_.now_ns += std::min<std::uint64_t>(next, ns_per_ms);
        }
    }

    // Those that have all these bits in their tags: out of here.
    std::vector<Mover::Answer> take_answers_with(Mover::Tag bits) {
        std::vector<Mover::Answer> taken;
        std::erase_if(answers_, [&](const Mover::Answer &answer) {
            const bool is_one = (answer.tag & bits) == bits;
            if (is_one) {
                taken.push_back(answer);
            }
            return is_one;
        });
        return taken;
    }
    std::optional<uakv_status> answer(Mover::Tag tag) const {
        for (const Mover::Answer &answer : answers_) {
            if (answer.tag == tag) {
                return answer.status;
            }
        }
        return std::nullopt;
    }
    uakv_status await_answer(Mover::Tag tag) {
        turn_until("an answer", [&] { return answer(tag).has_value(); });
        CHECK_EQ(std::count_if(answers_.begin(), answers_.end(), [&](const auto &each) { return each.tag == tag; }), 1);
        return *answer(tag);
    }

    Mover::Load load_of(std::uint64_t number, Mover::Tag tag, SpaceId space = 0, bool as_stored = false) const {
        return {space, sample_key(number), clock_.now_ns + ns_per_s, as_stored, tag};
    }
    Mover::Tag begin_load(std::uint64_t number, SpaceId space = 0, bool as_stored = false) {
        mover_->load(load_of(number, ++tag_, space, as_stored));
        return tag_;
    }
    uakv_status load(std::uint64_t number, SpaceId space = 0, bool as_stored = false) {
        return await_answer(begin_load(number, space, as_stored));
    }
    uakv_status flush(SpaceId space = 0) {
        mover_->flush(space, ++tag_);
        return await_answer(tag_);
    }

    std::uint16_t flags(std::uint64_t number, SpaceId space = 0) const {
        const auto found = store_.find(number, space);
        return found ? found->flags : std::uint16_t{0};
    }
    bool is_cold(std::uint64_t number, SpaceId space = 0) const { return (flags(number, space) & entry_cold) != 0; }
    bool on_disk(std::uint64_t number, SpaceId space = 0) const { return (flags(number, space) & entry_on_disk) != 0; }
    bool in_memory(std::uint64_t number, SpaceId space = 0) const {
        return store_.find(number, space).has_value() && !is_cold(number, space);
    }

    // What lies in memory under the key is what put() stored.
    void check(std::uint64_t number, std::uint64_t length, SpaceId space = 0) {
        const auto found = store_.find(number, space);
        CHECK(found && (found->flags & (entry_cold | entry_encoded)) == 0);
        CHECK_EQ(found->length, length);
        check_block(store_->bytes_of(found->id).data(), length, sample_key(number));
    }

    // All of memory with others, so that what is on disk goes there.
    void push_out(std::uint64_t length = big) {
        const SpaceId others = open("others");
        for (std::uint64_t bytes = 0; bytes < limits::memory_bytes_min; bytes += length) {
            Store::CommitRequest request;
            request.space = others;
            store_.put(other_++, length, request);
            turn();
        }
    }

    // Nothing is under way, and nothing was forgotten.
    void check_quiet() {
        for (int i = 0; i < 1000; ++i) {
            turn();
        }
        store_->revisit_limbo();
        const uakv_statistics now = store_.statistics();
        CHECK_EQ(now.slots_granted, 0);
        CHECK_EQ(now.slots_limbo, 0);
    }

    // As the daemon stops; what lies on the disk then.
    SimImage stop(std::uint64_t timeout_ns = 10 * ns_per_s) {
        mover_->stop(timeout_ns, [this] {
            const std::uint64_t before = clock_.now_ns;
            device_.wait();
            clock_.now_ns += clock_.now_ns == before ? ns_per_ms : 0;
        });
        return device_.crash();
    }

private:
    Bench store_;
    SimClock clock_;
    std::unique_ptr<Workers> workers_;
    std::unique_ptr<Mover> mover_;
    SimDevice device_;
    std::unique_ptr<disk::DiskTier> tier_;
    std::vector<Mover::Answer> answers_;
    Mover::Tag tag_ = 0;
    std::uint64_t other_ = 1'000'000;
};

} // namespace uakv::test
