// Eight processes, a million operations on a memory too small for their blocks, half of the processes killed again and
// again: every byte is right, and in the end every slot, lease and descriptor is accounted for.
//
// UAKV_STRESS_OPS and UAKV_STRESS_SEED choose the number of operations and the seed; the seed in use is printed.
#include "stress/worker.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"

#include <cstdio>
#include <cstdlib>
#include <memory>

namespace uakv::test {
namespace {

constexpr size_t memory_mib = 32;
constexpr size_t segment_bytes = 2 << 20;
constexpr size_t block_count = 8000;
constexpr size_t victims = workers / 2; // the first half of the workers
constexpr uint64_t kills = 100;

uint64_t number_from_environment(const char *name, uint64_t otherwise) {
    const char *text = std::getenv(name);
    return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : otherwise;
}

uint64_t now_ns() {
    return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

class Stress {
public:
    Stress(const Daemon &daemon, uint64_t operations, uint64_t seed)
        : daemon_(daemon), blocks_(block_count), random_(seed), operations_(operations) {}

    void run();
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
    uint64_t operations_;
};

// The deadline starts anew with each bit of progress.
void Stress::await_operations(uint64_t count) {
    for (uint64_t done = progress_->operations(); done < count; done = progress_->operations()) {
        await("another operation", [&] { return progress_->operations() > done; });
    }
}

void Stress::run() {
    for (size_t number = 0; number < workers; ++number) {
        children_.push_back(std::make_unique<Child>(start(number)));
    }
    for (uint64_t killed = 0; killed < kills; ++killed) {
        await_operations((operations_ * killed + random_.below(operations_)) / kills);
        const size_t victim = random_.below(victims);
        children_[victim]->kill();
        children_[victim] = std::make_unique<Child>(start(victim));
    }
    await_operations(operations_);
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
    const uint64_t operations = number_from_environment("UAKV_STRESS_OPS", sanitized ? 60'000 : 1'000'000);
    const uint64_t seed = number_from_environment("UAKV_STRESS_SEED", now_ns());
    std::printf("%llu operations, UAKV_STRESS_SEED=%llu\n", static_cast<unsigned long long>(operations),
                static_cast<unsigned long long>(seed));
    DaemonOptions options;
    options.memory = std::to_string(memory_mib) + "MiB";
    Daemon daemon(options);
    Client checker(daemon);
    Space space(checker);
    checker.await_populated();
    const size_t descriptors = descriptor_count(daemon.pid());

    Stress stress(daemon, operations, seed);
    CHECK(stress.blocks().bytes() > memory_mib * (3 << 19)); // or nothing would be evicted
    stress.run();

    const uakv_statistics statistics = checker.statistics();
    std::printf("%llu hits, %llu stores, %llu evictions, %llu without room\n",
                static_cast<unsigned long long>(stress.progress().hits()),
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
