// The history of departures: the last ones are known, the oldest are forgotten, and it stays small.
#include "daemon/store/departures.h"
#include "sample.h"
#include "support/check.h"
#include "support/pattern.h"

#include <map>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint64_t seed = 7;

void check_left(const Departures &departures, SpaceId space, std::uint64_t number, Departure why,
                std::uint64_t left_ms) {
    const auto found = departures.find(space, sample_key(number));
    CHECK(found && found->why == why);
    CHECK_EQ(found->left_ms, left_ms);
}

void nobody_left() {
    const Departures departures(1000, seed);
    CHECK(!departures.find(0, sample_key(0)));
    CHECK_EQ(departures.since_ms(), 1000);
    CHECK_EQ(departures.count(), 0);
}

void last_departure_counts() {
    Departures departures(1000, seed);
    departures.add(0, sample_key(1), Departure::evicted, 1001);
    departures.add(1, sample_key(1), Departure::removed, 1002);
    departures.add(0, sample_key(2), Departure::corrupt, 1003);
    check_left(departures, 0, 1, Departure::evicted, 1001);
    check_left(departures, 1, 1, Departure::removed, 1002);
    check_left(departures, 0, 2, Departure::corrupt, 1003);
    for (SpaceId space = 2; space < 100'000; ++space) { // some share the chain
        CHECK(!departures.find(space, sample_key(1)));
    }
    CHECK(!departures.find(0, sample_key(3)));
    departures.add(0, sample_key(1), Departure::expired, 1004);
    check_left(departures, 0, 1, Departure::expired, 1004);
    CHECK_EQ(departures.since_ms(), 1000);
}

void oldest_are_forgotten() {
    Departures departures(0, seed);
    constexpr std::uint64_t all = Departures::capacity;
    for (std::uint64_t i = 0; i < all; ++i) {
        departures.add(0, sample_key(i), Departure::evicted, 100 + i);
    }
    CHECK_EQ(departures.since_ms(), 0);
    check_left(departures, 0, 0, Departure::evicted, 100);
    departures.add(0, sample_key(all), Departure::evicted, 100 + all);
    CHECK(!departures.find(0, sample_key(0)));
    check_left(departures, 0, 1, Departure::evicted, 101);
    CHECK_EQ(departures.since_ms(), 100);
    for (std::uint64_t i = all + 1; i < 5 * all; ++i) {
        departures.add(0, sample_key(i), Departure::evicted, 100 + i);
        CHECK_EQ(departures.count(), all);
    }
    for (std::uint64_t i = 0; i < 5 * all; ++i) {
        CHECK_EQ(departures.find(0, sample_key(i)).has_value(), i >= 4 * all);
    }
    CHECK_EQ(departures.since_ms(), 100 + 4 * all - 1);
}

// Few keys again and again, so that chains hold several records of one key.
void random_departures() {
    Departures departures(0, seed);
    Random random(11);
    std::vector<std::pair<SpaceId, std::uint64_t>> order;
    std::map<std::pair<SpaceId, std::uint64_t>, std::uint64_t> last;
    for (std::uint64_t now_ms = 0; now_ms < 60'000; ++now_ms) {
        const std::pair<SpaceId, std::uint64_t> key{static_cast<SpaceId>(random.below(3)),
                                                    random.below(20) == 0 ? random.below(100'000) : random.below(50)};
        departures.add(key.first, sample_key(key.second), Departure::cleared, now_ms);
        order.push_back(key);
        last[key] = now_ms;
        const auto &asked = order[random.below(order.size())];
        const auto found = departures.find(asked.first, sample_key(asked.second));
        const bool known = last[asked] + Departures::capacity > now_ms;
        CHECK_EQ(found.has_value(), known);
        CHECK(!found || found->left_ms == last[asked]);
    }
}

constexpr Case cases[] = {
    {"nobody_left", nobody_left},
    {"last_departure_counts", last_departure_counts},
    {"oldest_are_forgotten", oldest_are_forgotten},
    {"random_departures", random_departures},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("departures", uakv::test::cases);
}
