#include "daemon/control/old_views.h"

#include "daemon/base/units.h"
#include "ipc/clock.h"

#include <algorithm>
#include <fmt/format.h>

namespace uakv {
namespace {

constexpr std::uint64_t ticks_per_age = 8; // a view is found at most an eighth too late, and the look after that

// Where views count until they are released.
constexpr std::uint64_t tick_ns = 10 * ns_per_s;
constexpr std::uint64_t old_ns = 30 * ns_per_s;

// Rounded down: it is at least that.
std::string rough_duration(std::uint64_t age_ns) {
    if (age_ns < 10 * ns_per_s) {
        return fmt::format("{} ms", age_ns / ns_per_ms);
    }
    const std::uint64_t seconds = age_ns / ns_per_s;
    return seconds < 300 ? fmt::format("{} s", seconds) : fmt::format("{} min", seconds / 60);
}

} // namespace

std::vector<OldViewsOf> find_old_views(Cache &cache, std::uint64_t now) {
    const std::uint64_t age_ns_max = cache.tenant().settings().lease_ms_max * ns_per_ms;
    Store &store = cache.store();
    if (!store.tick_leases(now, age_ns_max != 0 ? age_ns_max / ticks_per_age : tick_ns)) {
        return {};
    }
    std::vector<OldViewsOf> found;
    const auto look_at = [&](const auto &holder, OldViewsOf old) {
        if (holder.leases_taken()) {
            return;
        }
        old.views = store.old_views(holder.layout(), now, age_ns_max != 0 ? age_ns_max : old_ns);
        if (old.views.views > 0) {
            found.push_back(old);
        }
    };
    cache.for_each_session([&](Session &session) { look_at(session, {&session, nullptr, {}}); });
    cache.for_each_orphan([&](Orphan &orphan) { look_at(orphan, {nullptr, &orphan, {}}); });
    std::sort(found.begin(), found.end(),
              [](const OldViewsOf &a, const OldViewsOf &b) { return a.views.bytes > b.views.bytes; });
    return found;
}

std::string OldViewsOf::name() const {
    return session != nullptr ? session->name() : orphan->name();
}

std::string describe(const Store::OldViews &views) {
    return fmt::format("has held {} view{} on {} for at least {}", views.views, views.views == 1 ? "" : "s",
                       format_size(views.bytes), rough_duration(views.age_ns));
}

} // namespace uakv
