// Eight processes, operations by the million on a memory too small for their blocks, half of the processes killed again
// and again: every byte is right, and in the end every slot, lease and descriptor is accounted for.
#include "stress/worker.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/effort.h"
#include "support/pattern.h"
#include "support/process.h"

#include <cstdio>
#include <memory>

namespace uakv::test {
namespace {

constexpr size_t memory_mib = 32;
constexpr size_t segment_bytes = 2 << 20;
constexpr size_t block_count = 8000;
constexpr size_t victims = workers / 2;                            // the first half of the workers
constexpr uint64_t operations_per_kill = sanitized ? 600 : 10'000; // at most twice that
constexpr uint64_t operations_min = sanitized ? 60'000 : 300'000;  // the memory is full well before

class Stress {
public:
    Stress(const Daemon &daemon, uint64_t seed) : daemon_(daemon), blocks_(block_count), random_(seed) {}

    void run(std::chrono::milliseconds time);
    const Blocks &blocks() const { return blocks_; }
    const Progress &progress() const { return *progress_; }

private:
    Child start(size_t number) {
        return Child(
            [this, number, seed = random_.next()] { work(daemon_.socket_path(), blocks_, *progress_, number, seed); });
    }
    void await_operations(uint64_t count);

    const Daemon &daemon_;
    const Blocks blocks_;
    Shared<Progress> progress_;
    std::vector<std::unique_ptr<Child>> children_;
    Random random_;
};

// The deadline starts anew with each bit of progress.
void Stress::await_operations(uint64_t count) {
    for (uint64_t done = progress_->operations(); done < count; done = progress_->operations()) {
        await("another operation", [&] { return progress_->operations() > done; });
    }
}

void Stress::run(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    for (size_t number = 0; number < workers; ++number) {
        children_.push_back(std::make_unique<Child>(start(number)));
    }
    while (std::chrono::steady_clock::now() < end || progress_->operations() < operations_min) {
        await_operations(progress_->operations() + random_.below(2 * operations_per_kill));
        const size_t victim = random_.below(victims);
        children_[victim]->kill();
        children_[victim] = std::make_unique<Child>(start(victim));
    }
    progress_->stop.store(true);
    for (const auto &child : children_) {
        child->join();
    }
}

void check_nothing_is_held(const Client &checker, const Daemon &daemon, size_t descriptors) {
    await_equal("clients", 1, [&] { return checker.statistics().clients; });
    await_equal("leases", 0, [&] { return checker.statistics().leases; });
    await_equal("slots_granted", 0, [&] { return checker.statistics().slots_granted; });
    await_equal("slots_limbo", 0, [&] { return checker.statistics().slots_limbo; });
    await_equal("descriptors of the daemon", descriptors, [&] { return descriptor_count(daemon.pid()); });
}

// What the daemon counts as stored is what a client finds, byte for byte.
void check_blocks(const Client &checker, uakv_space *space, const Blocks &blocks) {
    const uakv_statistics statistics = checker.statistics();
    size_t present = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < blocks.count(); ++i) {
        const bool contained = contains(space, blocks.key(i));
        CHECK_EQ(check_stored_or_missing(space, blocks.key(i), blocks.length(i)), contained);
        present += contained ? 1 : 0;
        bytes += contained ? blocks.length(i) : 0;
    }
    CHECK_EQ(statistics.blocks, present);
    CHECK_EQ(statistics.bytes_blocks, bytes);
    CHECK_EQ(statistics.corruptions, 0);
    CHECK_EQ(statistics.stores - statistics.evictions - statistics.removals - statistics.expirations, present);
    CHECK(present > 100);
}

// Once all blocks are removed, the memory takes as many of the largest as on the first day.
void check_all_memory_is_usable(const Client &checker, uakv_space *space, const Blocks &blocks) {
    CHECK_STATUS(uakv_remove(space, blocks.keys(), blocks.count(), nullptr), UAKV_OK);
    CHECK_EQ(checker.statistics().blocks, 0);
    CHECK_EQ(checker.statistics().bytes_blocks, 0);
    const auto keys = make_keys("large", memory_mib * (1 << 20) / segment_bytes);
    uakv_slot slot;
    std::vector<uakv_slot> slots;
    for (const uakv_key &key : keys) {
        CHECK_STATUS(uakv_reserve(space, &key, segment_bytes, nullptr, &slot), UAKV_OK);
        slots.push_back(slot);
    }
    for (uakv_slot &one : slots) {
        CHECK_STATUS(uakv_abort(&one), UAKV_OK);
    }
}

void accounting() {
    std::printf("UAKV_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed()));
    DaemonOptions options;
    options.memory = std::to_string(memory_mib) + "MiB";
    Daemon daemon(options);
    Client checker(daemon);
    Space space(checker);
    checker.await_populated();
    const size_t descriptors = descriptor_count(daemon.pid());

    Stress stress(daemon, seed());
    CHECK(stress.blocks().bytes() > memory_mib * (3 << 19)); // or nothing would be evicted
    stress.run(effort(std::chrono::seconds(8)));

    const uint64_t operations = stress.progress().operations();
    const uakv_statistics statistics = checker.statistics();
    std::printf("%llu operations, %llu hits, %llu stores, %llu evictions, %llu without room\n",
                static_cast<unsigned long long>(operations), static_cast<unsigned long long>(stress.progress().hits()),
                static_cast<unsigned long long>(statistics.stores),
                static_cast<unsigned long long>(statistics.evictions),
                static_cast<unsigned long long>(stress.progress().no_space()));
    CHECK(stress.progress().hits() > operations / 20);
    CHECK(statistics.evictions > operations / 100);
    CHECK(stress.progress().no_space() < operations / 20);
    check_nothing_is_held(checker, daemon, descriptors);
    check_blocks(checker, space, stress.blocks());
    check_all_memory_is_usable(checker, space, stress.blocks());
}

constexpr Case cases[] = {{"accounting", accounting}};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("stress", uakv::test::cases);
}
