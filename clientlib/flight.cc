#include "clientlib/flight.h"

#include "clientlib/client.h"
#include "clientlib/errors.h"
#include "clientlib/retrieve.h"
#include "clientlib/store.h"
#include "ipc/sequence_point.h"

namespace uakv {

bool FlightCall::begin(std::size_t, std::size_t, Submission &submission) {
    const bool may_claim = writer_.check(*this, block_);
    if (!may_claim && !space_.client->read_only()) {
        return over(writer_.status());
    }
    const bool asks = look_or_claim(submission);
    return asks && !may_claim ? over(writer_.status()) : asks; // a reader can only take what is there
}

// The first of these may take turns with eviction: what is stored now may be gone when we look.
bool FlightCall::look_or_claim(Submission &submission) {
    RetrieveRequest request;
    request.timeout_ns = space_.client->timeout_ns;
    request.count_miss = false;
    if (const uakv_status status = retrieve(space_, key_, request, view_); status != UAKV_MISS) {
        return over(status);
    }
    submission = Submission{};
    submission.opcode = Opcode::claim;
    submission.space = writer_.space_id();
    submission.key = key_;
    submission.length = block_.length;
    return true;
}

bool FlightCall::go_on(std::size_t, const Completion &answer, Submission &submission) {
    switch (answer.status) {
    case UAKV_EXISTS:
        UAKV_SEQUENCE_POINT(flight_landed);
        return look_or_claim(submission);
    case UAKV_MISS:
        UAKV_SEQUENCE_POINT(flight_received);
        writer_.mark_flight();
        if (writer_.place(*this, answer, submission)) {
            return true;
        }
        add_relaxed(attachment().session().header.misses, 1U);
        return over(writer_.status() == UAKV_OK ? UAKV_MISS : writer_.status());
    case UAKV_ERR_TIMEOUT:
        return over(uakv::fail(UAKV_ERR_TIMEOUT,
                               "another process still computes this block of space \"%s\"; to compute it here too does "
                               "no harm",
                               space_.description.name));
    default:
        writer_.refuse(answer.status);
        return over(writer_.status());
    }
}

void FlightCall::fail(std::size_t, const Error &why, Sent) {
    over(uakv::fail(why));
}

uakv_slot FlightCall::take_slot() {
    return open_slot(writer_.take_reservation());
}

void FlightCall::give_result(uakv_completion &out) {
    if (status_ == UAKV_OK) {
        out.result.view = view_;
    } else if (status_ == UAKV_MISS) {
        out.result.slot = take_slot();
    }
}

} // namespace uakv
