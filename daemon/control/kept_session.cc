#include "daemon/control/kept_session.h"

#include "daemon/control/left_session.h"

#include <array>

namespace uakv {

Result<KeptSession> KeptSession::keep(Keeper &keeper, Tenant &tenant, std::uint32_t number,
                                      const Descriptors &descriptors) {
    KeptSession kept(keeper, tenant, number);
    const std::array<const Fd *, session_parts.size()> fds = {&descriptors.memory, &descriptors.rope,
                                                              &descriptors.process};
    for (std::size_t i = 0; i < session_parts.size(); ++i) {
        if (fds[i]->valid()) {
            keeper.keep(session_part_name(tenant.name(), number, session_parts[i]), *fds[i]);
        }
    }
    if (!tenant.store().note_session(number)) {
        return error(UAKV_ERR_DENIED, "there are as many sessions, those of daemons before included, as there can be");
    }
    return kept;
}

KeptSession::~KeptSession() {
    if (keeper_ == nullptr) {
        return;
    }
    tenant_->store().forget_session(number_);
    for (const std::string_view part : session_parts) {
        keeper_->drop(session_part_name(tenant_->name(), number_, part));
    }
}

} // namespace uakv
