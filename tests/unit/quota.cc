// Quotas: what is charged is never more than the quota, and comes back with its holder.
#include "daemon/base/quota.h"
#include "support/check.h"
#include "support/pattern.h"

#include <utility>
#include <vector>

namespace uakv::test {
namespace {

void to_the_last_one() {
    Quota quota(10);
    auto most = quota.charge(9);
    CHECK(most.has_value());
    CHECK(!quota.charge(2));
    CHECK_EQ(quota.used(), 9); // nothing was taken by the refusal
    auto last = quota.charge(1);
    CHECK(last.has_value());
    CHECK(!quota.charge(1));
    CHECK(quota.charge(0).has_value());
    CHECK_EQ(quota.used(), 10);
}

void comes_back_with_its_holder() {
    Quota quota(10);
    {
        const auto charge = quota.charge(10);
        CHECK(charge.has_value());
    }
    CHECK_EQ(quota.used(), 0);
    CHECK(quota.charge(10).has_value());
}

void moves_with_its_holder() {
    Quota quota(10);
    std::vector<Charge> holder;
    {
        auto charge = quota.charge(4);
        holder.push_back(std::move(*charge));
    }
    CHECK_EQ(quota.used(), 4); // the one that was moved from gives nothing back
    Charge other;
    other = std::move(holder[0]);
    CHECK_EQ(quota.used(), 4);
    holder.clear();
    CHECK_EQ(quota.used(), 4);
    other = std::move(*quota.charge(6)); // what it held before goes back
    CHECK_EQ(quota.used(), 6);
    other = Charge();
    CHECK_EQ(quota.used(), 0);
}

void no_limit() {
    Quota quota(Quota::no_limit);
    const auto half = quota.charge(UINT64_MAX / 2);
    const auto rest = quota.charge(UINT64_MAX - UINT64_MAX / 2);
    CHECK(half.has_value() && rest.has_value());
    CHECK(!quota.charge(1)); // and the sum does not come round
}

void smaller_than_what_is_held() {
    Quota quota(10);
    auto charge = quota.charge(8);
    quota.set_max(5);
    CHECK_EQ(quota.used(), 8);
    CHECK(!quota.charge(0).has_value());
    CHECK(!quota.charge(1).has_value());
    charge.reset();
    CHECK(quota.charge(5).has_value());
    CHECK(!quota.charge(6).has_value());
}

void random_charges() {
    Random random(7);
    Quota quota(1000);
    std::vector<std::pair<Charge, std::uint64_t>> held;
    std::uint64_t sum = 0;
    for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t amount = random.below(200);
        auto charge = quota.charge(amount);
        CHECK_EQ(charge.has_value(), sum + amount <= 1000);
        if (charge) {
            sum += amount;
            held.emplace_back(std::move(*charge), amount);
        } else {
            const std::size_t place = random.below(held.size());
            sum -= held[place].second;
            held.erase(held.begin() + static_cast<std::ptrdiff_t>(place));
        }
        CHECK_EQ(quota.used(), sum);
    }
}

constexpr Case cases[] = {
    {"to_the_last_one", to_the_last_one},
    {"comes_back_with_its_holder", comes_back_with_its_holder},
    {"moves_with_its_holder", moves_with_its_holder},
    {"no_limit", no_limit},
    {"smaller_than_what_is_held", smaller_than_what_is_held},
    {"random_charges", random_charges},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("quota", uakv::test::cases);
}
