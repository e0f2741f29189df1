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
    running_.push_back({&session, user_data, space, 0, 0});
}

bool Clears::go_on() {
    if (running_.empty()) {
        return false;
    }
    Clear clear = running_.front();
    running_.pop_front();
    Session &session = *clear.session;
    if (!session.tenant().store().clear_some(clear.space, clear.cursor, entries_per_turn, clear.removed)) {
        running_.push_back(clear);
        UAKV_SEQUENCE_POINT(clear_step);
        return true;
    }
    --session.running_clears;
    Completion completion{};
    completion.user_data = clear.user_data;
    completion.status = UAKV_OK;
    completion.value = static_cast<std::uint32_t>(std::min<std::uint64_t>(clear.removed, UINT32_MAX));
    session.ring().complete(completion);
    session.ring().publish();
    return !running_.empty();
}

void Clears::leave(Session &session) {
    session.running_clears = 0;
    std::erase_if(running_, [&](const Clear &clear) { return clear.session == &session; });
}

} // namespace uakv
