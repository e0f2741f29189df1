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
    session.tenant().store().begin_clear(space);
    running_.push_back({&session.tenant(), &session, user_data, space, 0, 0});
}

bool Clears::go_on() {
    if (running_.empty()) {
        return false;
    }
    Clear clear = running_.front();
    running_.pop_front();
    Store &store = clear.tenant->store();
    if (!store.clear_some(clear.space, clear.cursor, entries_per_turn, clear.removed)) {
        running_.push_back(clear);
        UAKV_SEQUENCE_POINT(clear_step);
        return true;
    }
    store.end_clear(clear.space);
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
            return other.tenant == clear.tenant && other.space == clear.space;
        });
        return clear.session == nullptr && same > 1;
    };
    for (auto clear = running_.begin(); clear != running_.end();) {
        if (!is_double(*clear)) {
            ++clear;
            continue;
        }
        clear->tenant->store().end_clear(clear->space);
        clear = running_.erase(clear);
    }
}

} // namespace uakv
