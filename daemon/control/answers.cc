#include "daemon/control/answers.h"

namespace uakv {

void Answers::complete(Session &session, const Completion &completion) {
    session.ring().complete(completion);
    if (answered_.empty() || answered_.back() != &session) {
        answered_.push_back(&session);
    }
}

void Answers::complete(Session &session, std::uint64_t user_data, uakv_status status) {
    Completion completion{};
    completion.user_data = user_data;
    completion.status = status;
    complete(session, completion);
}

void Answers::forget(const Session &session) {
    std::erase(answered_, &session);
}

bool Answers::publish() {
    bool woke = false;
    for (Session *session : answered_) {
        woke = session->ring().publish() || woke;
    }
    answered_.clear();
    return woke;
}

} // namespace uakv
