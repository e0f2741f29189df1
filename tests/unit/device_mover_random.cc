// Arena, host and the mover between them, by seed: blocks are stored on both sides, loaded, removed, cleared, leased
// and evicted while copies take their time, come in any order and fail. What is found is what was stored; what was
// removed stays away until it is stored again. UAKV_SEED=N runs one seed, and UAKV_RUNS=N so many.
#include "device_mover_bench.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace uakv::test {
namespace {

constexpr std::uint64_t keys = 60; // of up to half a MiB: more than 16 MiB hold
constexpr std::uint32_t words = 8;

struct Tally {
    std::uint64_t down = 0;
    std::uint64_t up = 0;
    std::uint64_t unsaved = 0;
    std::uint64_t removed_under_way = 0;
    std::uint64_t failed = 0;
    std::uint64_t loads = 0;
    std::uint64_t misses = 0;
};

class Run {
public:
    Run(std::uint64_t seed, Tally &tally) : random_(seed), bench_(seed), space_(bench_.open("a")), tally_(tally) {
        bench_.open_in(bench_.host(), "before");
        bench_.copier().options.turns_max = 1 + random_.below(30);
        bench_.copier().options.failures = random_.below(3) == 0 ? 500 : 0;
        bench_.copier().options.reorder = random_.below(2) == 0;
    }

    void go(std::uint64_t steps) {
        for (std::uint64_t i = 0; i < steps; ++i) {
            step();
        }
        while (!leased_.empty()) {
            end_lease(leased_.begin()->first);
        }
        bench_.check_quiet();
        look_at_all();
        const DeviceMover::Statistics now = bench_.mover().statistics();
        tally_.down += now.down;
        tally_.up += now.up;
        tally_.unsaved += now.unsaved;
        tally_.failed += now.errors;
        CHECK_EQ(now.errors, bench_.copier().failed);
    }

private:
    void step() {
        const std::uint64_t number = random_.below(keys);
        switch (random_.below(14)) {
        case 0:
        case 1:
        case 2:
            put(bench_.arena(), space_, number);
            break;
        case 3:
        case 4:
            put(bench_.host(), bench_.host_space(space_), number);
            break;
        case 5:
        case 6:
            load(number);
            break;
        case 7:
        case 8:
            remove(number);
            break;
        case 9:
            lease(number);
            break;
        case 10:
            if (random_.below(15) == 0) {
                clear();
            }
            break;
        case 11:
            bench_.mover().prefetch(space_, sample_key(number));
            break;
        default:
            for (std::uint64_t i = random_.below(10); i > 0; --i) {
                bench_.turn();
            }
        }
        check(random_.below(keys));
    }

    std::uint64_t length_of(std::uint64_t number) const { return 4096 + number * 8123 % (512 << 10); }

    void put(Bench &store, SpaceId space, std::uint64_t number) {
        const std::uint64_t length = length_of(number);
        const Store::Grant grant = store->grant(length);
        if (grant.outcome != Store::GrantOutcome::granted) {
            return;
        }
        Store::CommitRequest request;
        request.space = space;
        const uakv_status status = store.commit(grant.slot, number, length, request);
        if (status == UAKV_OK) {
            may_be_[number] = true;
        } else {
            CHECK_STATUS(status, UAKV_EXISTS);
            store->give_back(grant.slot);
        }
    }

    void load(std::uint64_t number) {
        const bool below = bench_.below(number, space_);
        const bool removed = !may_be_[number];
        const uakv_status status = bench_.load(number, space_);
        if (status == UAKV_OK) {
            CHECK(!removed);
            bench_.check_above(number, space_);
            ++tally_.loads;
            return;
        }
        CHECK(status == UAKV_MISS || (status == UAKV_ERR_GPU && bench_.copier().failed > 0));
        tally_.misses += below ? 1U : 0U;
    }

    void remove(std::uint64_t number) {
        tally_.removed_under_way += bench_.copier().under_way() > 0 ? 1U : 0U;
        bench_.remove_everywhere(number, space_);
        may_be_[number] = false;
        check(number);
    }

    void clear() {
        const SpaceId host_space = bench_.host_space(space_);
        bench_.arena()->begin_clear(space_);
        bench_.host()->begin_clear(host_space);
        EntryId above = 0;
        EntryId below = 0;
        std::uint64_t removed = 0;
        bool done = false;
        while (!done) {
            const bool done_above = bench_.arena()->clear_some(space_, above, 10, removed);
            done = bench_.host()->clear_some(host_space, below, 10, removed) && done_above;
            bench_.turn();
        }
        bench_.arena()->end_clear(space_);
        bench_.host()->end_clear(host_space);
        may_be_.clear();
        look_at_all();
    }

    // A client reads in the arena; what it reads must not change, wherever the block goes.
    void lease(std::uint64_t number) {
        const auto word = static_cast<std::uint32_t>(random_.below(words));
        if (leased_.contains(word)) {
            end_lease(word);
            return;
        }
        const auto found = bench_.arena().find(number, space_);
        if (!found) {
            return;
        }
        SessionLayout &session = bench_.arena().session();
        lease_cover(session, word);
        CHECK(lease_begin(session, word, bench_.arena()->index().entry(found->id), found->id, found->generation));
        leased_[word] = {bench_.arena()->bytes_of(found->id), number};
    }
    void end_lease(std::uint32_t word) {
        const auto &[bytes, number] = leased_.at(word);
        check_block(bytes.data(), bytes.size(), sample_key(number));
        lease_end(bench_.arena().session(), word);
        leased_.erase(word);
    }

    void check(std::uint64_t number) {
        const bool above = bench_.above(number, space_);
        const bool below = bench_.below(number, space_);
        CHECK_MESSAGE(may_be_[number] || (!above && !below),
                      "block " + std::to_string(number) + " was removed, and is there");
        if (above) {
            bench_.check_above(number, space_);
        }
        if (below) {
            bench_.check_below(number, space_);
        }
    }
    void look_at_all() {
        for (std::uint64_t number = 0; number < keys; ++number) {
            check(number);
        }
    }

    struct Leased {
        std::span<const std::byte> bytes;
        std::uint64_t number = 0;
    };

    Random random_;
    DeviceMoverBench bench_;
    SpaceId space_;
    Tally &tally_;
    std::map<std::uint64_t, bool> may_be_; // was stored since it was removed last
    std::map<std::uint32_t, Leased> leased_;
};

std::uint64_t number_from(const char *name, std::uint64_t otherwise) {
    const char *text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

void copies_anywhere() {
    Tally tally;
    const std::uint64_t first = number_from("UAKV_SEED", 1);
    const std::uint64_t runs = number_from("UAKV_RUNS", std::getenv("UAKV_SEED") != nullptr ? 1 : 20);
    for (std::uint64_t seed = first; seed < first + runs; ++seed) {
        std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
        std::fflush(stdout);
        Run(seed, tally).go(1000);
    }
    std::printf("%llu down, %llu up, %llu unsaved, %llu failed, %llu loads, %llu in vain, %llu removed under way\n",
                static_cast<unsigned long long>(tally.down), static_cast<unsigned long long>(tally.up),
                static_cast<unsigned long long>(tally.unsaved), static_cast<unsigned long long>(tally.failed),
                static_cast<unsigned long long>(tally.loads), static_cast<unsigned long long>(tally.misses),
                static_cast<unsigned long long>(tally.removed_under_way));
    CHECK(runs < 10 ||
          (tally.down > 10 * runs && tally.up > runs && tally.failed > 0 && tally.removed_under_way > runs));
}

constexpr Case cases[] = {
    {"copies_anywhere", copies_anywhere},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("device_mover_random", uakv::test::cases);
}
