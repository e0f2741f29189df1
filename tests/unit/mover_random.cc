// Store, mover and disk tier together on the simulated disk, by seed: blocks are stored, removed, evicted, loaded,
// flushed and cleared, until the power fails at some call of the device; what survives is looked at, and life goes on.
// UAKV_SEED=N runs one seed, and UAKV_RUNS=N so many.
#include "mover_bench.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

namespace uakv::test {
namespace {

constexpr std::uint64_t keys = 48; // of up to half a MiB: more than the memory of 16 MiB holds
constexpr std::uint64_t absent = 0;
constexpr std::uint64_t lives = 3;
constexpr std::uint64_t disk_bytes = 512ULL << 20; // so much that nothing leaves it for want of room

// What a key may be found to have: blocks of a key differ by their lengths, and `absent` is none.
struct Key {
    std::uint64_t now = absent;
    bool kept = true; // `now` is what a crash leaves, and what a load gives
    std::set<std::uint64_t> after_crash{absent};

    void become(std::uint64_t length) {
        now = length;
        kept = false;
        after_crash.insert(length);
    }
    void keep() {
        kept = true;
        after_crash = {now};
    }
};

struct Tally {
    std::uint64_t loads = 0;
    std::uint64_t flushes = 0;
    std::uint64_t crashes = 0;
    std::uint64_t survived = 0;
    std::uint64_t cold = 0;
};

class Life {
public:
    Life(Random &random, std::map<std::uint64_t, Key> &model, SimImage image, Tally &tally)
        : bench_(random.below(2) == 0 ? MoverBench::plain() : MoverBench::compressing(), std::move(image), disk_bytes),
          space_(bench_.open("a")), random_(random), model_(model), tally_(tally) {
        bench_.device().options().latency_ns_max = random_.below(3) * 100'000;
        bench_.device().options().bytes_per_second = random_.below(2) * (200ULL << 20);
    }

    // What the crash before has left.
    void look_after_crash() {
        for (auto &[number, key] : model_) {
            const auto found = bench_.store().find(number, space_);
            const std::uint64_t length = found ? found->length : absent;
            CHECK_MESSAGE(key.after_crash.contains(length), "block " + std::to_string(number) + " has " +
                                                                std::to_string(length) + " bytes after a crash");
            key.now = length;
            key.keep();
            tally_.survived += length != absent ? 1U : 0U;
            load(number);
        }
    }

    SimImage run(std::uint64_t steps) {
        bench_.device().crash_after(random_.below(250));
        for (std::uint64_t i = 0; i < steps && !bench_.device().crashed(); ++i) {
            step();
        }
        tally_.crashes += bench_.device().crashed() ? 1U : 0U;
        return bench_.device().crash();
    }

    SimImage end() {
        for (auto &[number, key] : model_) {
            load(number);
        }
        flush();
        bench_.check_quiet();
        for (auto &[number, key] : model_) {
            CHECK(key.kept);
        }
        return bench_.stop();
    }

private:
    void step() {
        const std::uint64_t number = random_.below(keys);
        switch (random_.below(12)) {
        case 0:
        case 1:
        case 2:
        case 3:
            put(number);
            break;
        case 4:
        case 5:
        case 6:
            load(number);
            break;
        case 7:
            remove(number);
            break;
        case 8:
            flush();
            break;
        case 9:
            if (random_.below(20) == 0) {
                clear();
            }
            break;
        default:
            for (std::uint64_t i = random_.below(20); i > 0; --i) {
                bench_.turn();
            }
        }
    }

    void put(std::uint64_t number) {
        const Store::Grant grant = bench_->grant(1 + random_.below(512 << 10));
        if (grant.outcome != Store::GrantOutcome::granted) {
            bench_.turn();
            return;
        }
        const std::uint64_t slot_bytes = bench_->slots().slot_bytes(grant.slot.segment);
        const std::uint64_t length = slot_bytes - random_.below(slot_bytes / 8);
        Store::CommitRequest request;
        request.space = space_;
        const uakv_status status = bench_.store().commit(grant.slot, number, length, request);
        if (status == UAKV_OK) {
            model_[number].become(absent); // an older block of the key is given up first
            model_[number].become(length);
        } else {
            CHECK_STATUS(status, UAKV_EXISTS);
            bench_->give_back(grant.slot);
        }
    }

    void remove(std::uint64_t number) {
        const bool there = bench_->remove(space_, sample_key(number));
        Key &key = model_[number];
        CHECK(there || !key.kept || key.now == absent || bench_.device().crashed());
        key.become(absent);
        key.kept = !bench_.device().crashed(); // it stays away while there is no crash
    }

    // Never another block than the newest; none only where it was not kept.
    void load(std::uint64_t number) {
        Key &key = model_[number];
        const bool cold = bench_.is_cold(number, space_);
        const uakv_status status = bench_.load(number, space_);
        if (bench_.device().crashed()) {
            return;
        }
        if (status == UAKV_OK) {
            bench_.check(number, key.now, space_);
            ++tally_.loads;
            tally_.cold += cold ? 1U : 0U;
            return;
        }
        CHECK_STATUS(status, UAKV_MISS);
        const bool crowded = bench_.mover().statistics().load_no_room > 0;
        CHECK_MESSAGE(!key.kept || key.now == absent || crowded, "block " + std::to_string(number) + " is lost");
    }

    void flush() {
        if (bench_.flush(space_) != UAKV_OK || bench_.device().crashed()) {
            return; // some blocks had to leave before they were written, or the disk is down
        }
        ++tally_.flushes;
        for (auto &[number, key] : model_) {
            const auto found = bench_.store().find(number, space_);
            CHECK(!found || found->length == key.now);
            if (found || key.now == absent) {
                key.keep();
            }
        }
    }

    void clear() {
        bench_->begin_clear(space_);
        EntryId cursor = 0;
        std::uint64_t removed = 0;
        while (!bench_->clear_some(space_, cursor, 10, removed)) {
            bench_.turn();
        }
        bench_->end_clear(space_);
        for (auto &[number, key] : model_) {
            key.become(absent);
            key.kept = true;
        }
    }

    MoverBench bench_;
    SpaceId space_;
    Random &random_;
    std::map<std::uint64_t, Key> &model_;
    Tally &tally_;
};

void run_seed(std::uint64_t seed, Tally &tally) {
    Random random(seed);
    std::map<std::uint64_t, Key> model;
    SimImage image;
    for (std::uint64_t life = 0; life < lives; ++life) {
        Life one(random, model, image, tally);
        one.look_after_crash();
        image = one.run(400);
    }
    Life last(random, model, image, tally);
    last.look_after_crash();
    image = last.end();
    Life after(random, model, image, tally);
    after.look_after_crash();
}

std::uint64_t number_from(const char *name, std::uint64_t otherwise) {
    const char *text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

void crashes_anywhere() {
    Tally tally;
    const std::uint64_t first = number_from("UAKV_SEED", 1);
    const std::uint64_t runs = number_from("UAKV_RUNS", std::getenv("UAKV_SEED") != nullptr ? 1 : 40);
    for (std::uint64_t seed = first; seed < first + runs; ++seed) {
        std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
        std::fflush(stdout);
        run_seed(seed, tally);
    }
    std::printf("%llu crashes, %llu blocks survived, %llu loads, %llu of them from disk, %llu flushes\n",
                static_cast<unsigned long long>(tally.crashes), static_cast<unsigned long long>(tally.survived),
                static_cast<unsigned long long>(tally.loads), static_cast<unsigned long long>(tally.cold),
                static_cast<unsigned long long>(tally.flushes));
    CHECK(runs < 10 ||
          (tally.crashes > runs && tally.survived > 10 * runs && tally.cold > runs && tally.flushes > runs));
}

constexpr Case cases[] = {
    {"crashes_anywhere", crashes_anywhere},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("mover_random", uakv::test::cases);
}
