// Operations per second: a second's worth at once, then exactly the rate, for every rate.
#include "daemon/base/token_bucket.h"
#include "support/check.h"
#include "support/pattern.h"

namespace uakv::test {
namespace {

constexpr std::uint64_t start_ns = 1'000'000 * ns_per_s; // some moment, not the beginning of time

std::uint64_t take_all(TokenBucket &bucket, std::uint64_t now_ns) {
    std::uint64_t taken = 0;
    while (bucket.take(now_ns)) {
        ++taken;
    }
    return taken;
}

void no_limit() {
    TokenBucket bucket;
    for (int i = 0; i < 1'000'000; ++i) {
        CHECK(bucket.take(start_ns));
    }
    bucket.set_rate(TokenBucket::rate_max + 1);
    CHECK(bucket.take(start_ns));
}

void one_second_at_once() {
    TokenBucket bucket(100);
    CHECK_EQ(take_all(bucket, start_ns), 100);
    CHECK(!bucket.take(start_ns + ns_per_s / 100 - 1));
    CHECK(bucket.take(start_ns + ns_per_s / 100));
    CHECK(!bucket.take(start_ns + ns_per_s / 100));
}

void nothing_is_saved_beyond_a_second() {
    TokenBucket bucket(100);
    take_all(bucket, start_ns);
    CHECK_EQ(take_all(bucket, start_ns + 3600 * ns_per_s), 100);
}

// However often and unevenly it is asked: what gets through is the rate times the time, to the permit.
void exact_in_the_long_run() {
    Random random(11);
    for (const std::uint64_t rate : {3ULL, 7'000ULL, 333'333ULL}) {
        TokenBucket bucket(rate);
        CHECK_EQ(take_all(bucket, start_ns), rate); // what was saved up
        std::uint64_t now = start_ns;
        std::uint64_t taken = 0;
        for (int i = 0; i < 30'000; ++i) {
            now += random.below(ns_per_s / rate);
            taken += take_all(bucket, now);
        }
        const std::uint64_t elapsed_ns = now - start_ns;
        CHECK_EQ(taken, elapsed_ns / ns_per_s * rate + elapsed_ns % ns_per_s * rate / ns_per_s);
    }
}

void another_rate() {
    TokenBucket bucket(100);
    take_all(bucket, start_ns);
    bucket.set_rate(10);
    CHECK(!bucket.take(start_ns));
    CHECK_EQ(take_all(bucket, start_ns + ns_per_s), 10);
    bucket.set_rate(0);
    CHECK(bucket.take(start_ns + ns_per_s));
    bucket.set_rate(5); // from no limit: begins full
    CHECK_EQ(take_all(bucket, start_ns + ns_per_s), 5);
    bucket.set_rate(50); // what was used up is not given again
    CHECK_EQ(take_all(bucket, start_ns + ns_per_s), 0);
}

constexpr Case cases[] = {
    {"no_limit", no_limit},
    {"one_second_at_once", one_second_at_once},
    {"nothing_is_saved_beyond_a_second", nothing_is_saved_beyond_a_second},
    {"exact_in_the_long_run", exact_in_the_long_run},
    {"another_rate", another_rate},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("token_bucket", uakv::test::cases);
}
