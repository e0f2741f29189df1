// Completions that are written while a client's own request is not what is being served: they are put into its ring at
// once, and shown to it by publish(), in the same turn of the reactor.
#pragma once

#include "daemon/control/session.h"

#include <cstdint>
#include <vector>

namespace uakv {

class Answers {
public:
    void complete(Session &session, const Completion &completion);
    void complete(Session &session, std::uint64_t user_data, uakv_status status);

    // It is not served any more, and may be gone before publish().
    void forget(const Session &session);

    // True when a sleeping client was woken.
    bool publish();

private:
    std::vector<Session *> answered_; // since the last publish()
};

} // namespace uakv
