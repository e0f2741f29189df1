// Parts of the disk tier by themselves: budgets of bytes, growing pauses.
#include "daemon/tiers/disk/admission.h"
#include "daemon/tiers/disk/backoff.h"
#include "disk_fixture.h"

namespace uakv::test {
namespace {

using disk::Admission;
using disk::Backoff;

constexpr std::uint64_t day_ms = 86'400'000;

void no_limit() {
    Admission admission;
    admission.turn(ns_per_s, wall_start_ms);
    for (int i = 0; i < 100; ++i) {
        CHECK(admission.admits());
        admission.expect(1ULL << 40);
    }
}

void bytes_per_second() {
    Admission admission;
    admission.set_limits(1000, 0);
    std::uint64_t now_ns = 100 * ns_per_s;
    admission.turn(now_ns, wall_start_ms);
    std::uint64_t admitted = 0;
    for (int i = 0; i < 100'000; ++i) {
        now_ns += ns_per_ms;
        admission.turn(now_ns, wall_start_ms);
        while (admission.admits()) {
            admission.expect(300);
            admission.wrote(300);
            admitted += 300;
        }
    }
    CHECK(admitted >= 100'000 && admitted <= 101'300); // a second's worth saved up, and the last one
}

// What nobody could refuse is paid for by those that come later.
void debts() {
    Admission admission;
    admission.set_limits(1000, 0);
    admission.turn(100 * ns_per_s, wall_start_ms);
    admission.wrote(6000);
    for (std::uint64_t second = 101; second <= 105; ++second) {
        CHECK(!admission.admits());
        admission.turn(second * ns_per_s, wall_start_ms);
    }
    admission.turn(106 * ns_per_s, wall_start_ms);
    CHECK(admission.admits());
}

void bytes_per_day() {
    Admission admission;
    admission.set_limits(0, 10'000);
    const std::uint64_t midnight_ms = (wall_start_ms / day_ms + 1) * day_ms;
    admission.turn(ns_per_s, midnight_ms - 1000);
    admission.expect(9999);
    CHECK(admission.admits());
    admission.wrote(9999);
    CHECK(admission.admits());
    admission.expect(1);
    CHECK(!admission.admits());
    admission.wrote(1);
    CHECK(!admission.admits());
    CHECK_EQ(admission.today(), 10'000);
    admission.turn(2 * ns_per_s, midnight_ms);
    CHECK(admission.admits());
    CHECK_EQ(admission.today(), 0);
}

void pauses_grow() {
    Backoff backoff;
    std::uint64_t now_ns = 5 * ns_per_s;
    std::uint64_t last_ns = 0;
    for (int i = 0; i < 20; ++i) {
        backoff.failed(now_ns);
        CHECK(backoff.waiting(now_ns));
        const std::uint64_t pause_ns = backoff.until_ns() - now_ns;
        CHECK(pause_ns >= last_ns && pause_ns <= Backoff::longest_ns);
        last_ns = pause_ns;
        now_ns = backoff.until_ns();
        CHECK(!backoff.waiting(now_ns));
    }
    CHECK_EQ(last_ns, Backoff::longest_ns);
    backoff.worked();
    backoff.failed(now_ns);
    CHECK_EQ(backoff.until_ns() - now_ns, Backoff::shortest_ns);
}

// The tier keeps to them: refused, not delayed; what a flush wants passes.
void tier_refuses_what_is_over_budget() {
    DiskOptions options = TierOnSim::small();
    options.write_bytes_per_second = 100 * 4096;
    TierOnSim on(options);
    std::uint64_t good = 0;
    std::uint64_t refused = 0;
    for (const uakv_status status : on.write_all(0, 1000)) {
        good += status == UAKV_OK ? 1U : 0U;
        refused += status == UAKV_ERR_BUSY ? 1U : 0U;
    }
    CHECK_EQ(good, 100);
    CHECK_EQ(refused, 900);
    CHECK_EQ(on.statistics().refused_budget, 900);
    CHECK_EQ(on.write(2000, 4096, UINT64_MAX, true), UAKV_OK);
    CHECK_EQ(on.write(2001), UAKV_ERR_BUSY);
    on.run_for(2 * ns_per_s);
    CHECK_EQ(on.write(2001), UAKV_OK);
}

void tier_counts_the_day() {
    DiskOptions options = TierOnSim::small();
    options.write_bytes_per_day = mib;
    TierOnSim on(options);
    std::uint64_t good = 0;
    for (std::uint64_t i = 0; i < 1000; i += 20) {
        for (const uakv_status status : on.write_all(i, 20)) {
            good += status == UAKV_OK ? 1U : 0U;
        }
    }
    CHECK(good > 200 && good <= 256);
    CHECK(on.statistics().bytes_written_today >= mib && on.statistics().bytes_written_today < mib + 200'000);
    on.wall_skip_ms = day_ms;
    on.turn();
    CHECK_EQ(on.write(5000), UAKV_OK);
}

constexpr Case cases[] = {
    {"admission: no limit", no_limit},
    {"admission: bytes per second", bytes_per_second},
    {"admission: debts", debts},
    {"admission: bytes per day", bytes_per_day},
    {"pauses grow", pauses_grow},
    {"the tier refuses what is over budget", tier_refuses_what_is_over_budget},
    {"the tier counts the day", tier_counts_the_day},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("disk_parts", uakv::test::cases);
}
