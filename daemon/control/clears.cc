#include "daemon/control/clears.h"

#include "ipc/sequence_point.h"

#include <algorithm>

namespace uakv {
namespace {

// Well below a millisecond, even when each entry is a block that goes.
constexpr std::uint32_t entries_per_turn = 2048;

} // namespace

void Clears::begin(Session &session, SpaceId space, std::uint64_t user_data) {
    ++session.running_clears;
    Clear clear;
    clear.cache = &session.cache();
    clear.session = &session;
    clear.user_data = user_data;
    clear.space = space;
    clear.places = session.tenant().places_of(session.cache(), space, true);
    for (const Tenant::Place &place : clear.places) {
        place.cache->store().begin_clear(place.space);
    }
    running_.push_back(std::move(clear));
}

// A block that lies in several caches counts once: so the most that were in one are told of.
void Clears::end_place(Clear &clear) {
    const Tenant::Place place = clear.places.back();
    place.cache->store().end_clear(place.space);
    clear.removed = std::max(clear.removed, std::exchange(clear.removed_here, 0));
    clear.cursor = 0;
    clear.places.pop_back();
}

bool Clears::go_on() {
    if (running_.empty()) {
        return false;
    }
    Clear clear = std::move(running_.front());
    running_.pop_front();
    const Tenant::Place place = clear.places.back();
    if (place.cache->store().clear_some(place.space, clear.cursor, entries_per_turn, clear.removed_here)) {
        end_place(clear);
    }
    if (!clear.places.empty()) {
        running_.push_back(std::move(clear));
        UAKV_SEQUENCE_POINT(clear_step);
        return true;
    }
    if (clear.session != nullptr) {
        Session &session = *clear.session;
        --session.running_clears;
        Completion completion{};
        completion.user_data = clear.user_data;
        completion.status = UAKV_OK;
        completion.value = static_cast<std::uint32_t>(std::min<std::uint64_t>(clear.removed, UINT32_MAX));
        session.ring().complete(completion);
        session.ring().publish();
    }
    return !running_.empty();
}

void Clears::leave(Session &session) {
    session.running_clears = 0;
    for (Clear &clear : running_) {
        clear.session = clear.session == &session ? nullptr : clear.session;
    }
    const auto is_double = [&](const Clear &clear) {
        const auto same = std::count_if(running_.begin(), running_.end(), [&](const Clear &other) {
            return other.cache == clear.cache && other.space == clear.space;
        });
        return clear.session == nullptr && same > 1;
    };
    for (auto clear = running_.begin(); clear != running_.end();) {
        if (!is_double(*clear)) {
            ++clear;
            continue;
        }
        while (!clear->places.empty()) {
            end_place(*clear);
        }
        clear = running_.erase(clear);
    }
}

} // namespace uakv
