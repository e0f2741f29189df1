#include "clientlib/flight.h"

#include "clientlib/client.h"
#include "clientlib/errors.h"
#include "clientlib/loads.h"
#include "clientlib/store.h"
#include "ipc/sequence_point.h"

namespace uakv {

bool FlightCall::begin(std::size_t, std::size_t, Submission &submission) {
    may_claim_ = writer_.check(*this, block_);
    if (!may_claim_ && !space_.client->read_only()) {
        return over(writer_.status());
    }
    return look_around(submission);
}

// May take turns with eviction: what is stored now may be gone when we look.
bool FlightCall::look_around(Submission &submission) {
    RetrieveRequest request;
    request.timeout_ns = space_.client->timeout_ns;
    request.count_miss = false;
    request.may_wait = false;
    uakv_status status = look(space_, key_, request, view_);
    if (status != needs_load) {
        return status == UAKV_MISS ? claim(false, submission) : over(status);
    }
    status = ask_load(*this, space_, key_, false, submission);
    loading_ = status == UAKV_OK;
    if (loading_) {
        return true;
    }
    return status == UAKV_MISS ? claim(true, submission) : over(status); // no time is left for a load
}

// A block that lies on disk and cannot be had is computed anew. A reader can only take what is there.
bool FlightCall::loaded(uakv_status answer, Submission &submission) {
    loading_ = false;
    if (answer == UAKV_OK) {
        return look_around(submission);
    }
    const uakv_status status = load_outcome(answer, space_);
    const bool is_lost = status == UAKV_MISS || status == UAKV_ERR_IO || status == UAKV_ERR_CORRUPT;
    return is_lost && (may_claim_ || status == UAKV_MISS) ? claim(true, submission) : over(status);
}

bool FlightCall::claim(bool anew, Submission &submission) {
    if (!may_claim_) {
        return over(writer_.status());
    }
    submission = Submission{};
    submission.opcode = Opcode::claim;
    submission.flags = anew ? submission_anew : 0;
    submission.space = writer_.space_id();
    submission.key = key_;
    submission.length = block_.length;
    return true;
}

bool FlightCall::go_on(std::size_t, const Completion &answer, Submission &submission) {
    if (loading_) {
        return loaded(answer.status, submission);
    }
    switch (answer.status) {
    case UAKV_EXISTS:
        UAKV_SEQUENCE_POINT(flight_landed);
        return look_around(submission);
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

bool find_without_daemon(uakv_space &space, const uakv_key &key, uakv_view &view) {
    RetrieveRequest request;
    request.count_miss = false;
    request.resident_only = true;
    request.may_wait = false;
    return look(space, key, request, view) == UAKV_OK;
}

} // namespace uakv
