#include "clientlib/call.h"

#include "ipc/clock.h"

#include <array>

namespace uakv {
namespace {

struct Waiting {
    std::size_t lane = 0;
    Submitter::Number number = 0;
};

// Sends what the lane asks. False when that could not be done, and the part is over.
bool send(Call &call, const Submission &submission, Waiting &waiting) {
    auto number = call.attachment().submitter().submit(submission, call.deadline_ns());
    if (!number.ok()) {
        call.fail(waiting.lane, number.error(), Call::Sent::no);
        return false;
    }
    waiting.number = number.value();
    return true;
}

// Waits until the part is over.
void land(Call &call, Waiting &waiting) {
    for (;;) {
        auto answer = call.attachment().submitter().wait(waiting.number, call.deadline_ns());
        if (!answer.ok()) {
            call.fail(waiting.lane, answer.error(), Call::Sent::yes);
            return;
        }
        Submission next{};
        if (!call.go_on(waiting.lane, answer.value(), next) || !send(call, next, waiting)) {
            return;
        }
    }
}

} // namespace

void Call::record_latency() const {
    if (timed_) {
        Histogram &latencies = attachment().session().latencies[static_cast<std::size_t>(*timed_)];
        histogram_record(latencies, now_ns() - started_ns_);
    }
}

// The oldest part is waited for first: the daemon answers about in order.
uakv_status run(Call &call) {
    std::array<Waiting, lanes_max> on_their_way;
    std::size_t started = 0;
    std::size_t landed = 0;
    for (std::size_t part = 0; part < call.parts(); ++part) {
        if (started - landed == call.lanes()) {
            land(call, on_their_way[landed++ % call.lanes()]);
        }
        Waiting &waiting = on_their_way[started % call.lanes()];
        waiting.lane = started % call.lanes();
        Submission submission{};
        if (call.begin(part, waiting.lane, submission) && send(call, submission, waiting)) {
            ++started;
        }
    }
    while (landed < started) {
        land(call, on_their_way[landed++ % call.lanes()]);
    }
    call.record_latency();
    return call.status();
}

} // namespace uakv
