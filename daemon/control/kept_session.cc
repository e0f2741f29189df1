#include "daemon/control/kept_session.h"

#include "daemon/control/cache.h"
#include "daemon/control/left_session.h"

#include <array>

namespace uakv {

Result<KeptSession> KeptSession::keep(Keeper &keeper, Cache &cache, std::uint32_t number,
                                      const Descriptors &descriptors) {
    KeptSession kept(keeper, cache, number);
    const std::array<const Fd *, session_parts.size()> fds = {&descriptors.memory, &descriptors.rope,
                                                              &descriptors.process};
    for (std::size_t i = 0; i < session_parts.size(); ++i) {
        if (fds[i]->valid()) {
            keeper.keep(session_part_name(number, session_parts[i]), *fds[i]);
        }
    }
    if (!cache.store().note_session(number)) {
        return error(UAKV_ERR_DENIED, "there are as many sessions, those of daemons before included, as there can be");
    }
    return kept;
}

KeptSession::~KeptSession() {
    if (keeper_ == nullptr) {
        return;
    }
    cache_->store().forget_session(number_);
    for (const SessionPart part : session_parts) {
        keeper_->drop(session_part_name(number_, part));
    }
}

} // namespace uakv
