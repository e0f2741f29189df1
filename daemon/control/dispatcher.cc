#include "daemon/control/dispatcher.h"

#include "daemon/base/log.h"
#include "ipc/clock.h"
#include "ipc/untrusted.h"

#include <fmt/format.h>

namespace uakv {
namespace {

// Small enough that no client waits long for another's batch.
constexpr int batch = 64;

// How long a request for a slot waits for what is in use at the moment: views and slots are mostly held for much
// less, and a segment that a size class could take over is free of them at some instant.
constexpr std::uint64_t patience_ns = 20 * ns_per_ms;

Completion answer(std::uint64_t user_data, uakv_status status) {
    Completion completion{};
    completion.user_data = user_data;
    completion.status = status;
    return completion;
}

} // namespace

Dispatcher::Served Dispatcher::serve(Session &session, std::string &violation) {
    Served served = Served::nothing;
    for (int i = 0; i < batch; ++i) {
        Submission submission;
        const auto next = session.ring().next(submission, static_cast<std::uint32_t>(session.parked.size()));
        if (next == RingConsumer::Next::none) {
            break;
        }
        if (next == RingConsumer::Next::violation) {
            violation = "the heads and tails of its rings are impossible";
            return Served::violation;
        }
        if (!handle(session, submission, violation)) {
            return Served::violation;
        }
        served = Served::something;
    }
    woke_ = session.ring().publish() || woke_;
    return served;
}

bool Dispatcher::handle(Session &session, const Submission &submission, std::string &violation) {
    switch (submission.opcode) {
    case Opcode::grant:
        return grant(session, submission, violation);
    case Opcode::commit:
        return commit(session, submission, violation);
    case Opcode::abort:
        return abort(session, submission, violation);
    case Opcode::remove:
        return remove(session, submission, violation);
    case Opcode::check:
        return check(session, submission, violation);
    case Opcode::stats:
        return stats(session, submission, violation);
    }
    violation = fmt::format("it submitted opcode {}", static_cast<unsigned>(submission.opcode));
    return false;
}

bool Dispatcher::grant(Session &session, const Submission &submission, std::string &violation) {
    if (session.read_only() || submission.length == 0 || submission.length > store_.segment_bytes()) {
        violation = fmt::format("it asked for a slot of {} bytes", submission.length);
        return false;
    }
    if (session.grants() + session.parked.size() >= limits::grants_per_client_max) {
        session.ring().complete(answer(submission.user_data, UAKV_ERR_DENIED));
        return true;
    }
    session.parked.push_back({submission.user_data, submission.length, now_ns()});
    retry_parked(session);
    return true;
}

void Dispatcher::retry_parked(Session &session) {
    std::vector<Session::ParkedGrant> still;
    for (const Session::ParkedGrant &parked : session.parked) {
        const Store::Grant grant = find_slot(parked.length);
        const bool granted = grant.outcome == Store::GrantOutcome::granted;
        if (grant.outcome == Store::GrantOutcome::later || (!granted && now_ns() - parked.since_ns < patience_ns)) {
            still.push_back(parked);
            continue;
        }
        Completion completion = answer(parked.user_data, granted ? UAKV_OK : UAKV_ERR_NO_SPACE);
        if (granted) {
            hand_over(session, grant.slot, completion);
        } else {
            store_.count_refusal();
        }
        session.ring().complete(completion);
    }
    session.parked.swap(still);
}

// Before anybody is refused, slots that lie idle with clients are taken back.
Store::Grant Dispatcher::find_slot(std::uint64_t length) {
    const Store::Grant grant = store_.grant(length);
    return grant.outcome == Store::GrantOutcome::none && everybody_.reclaim() ? store_.grant(length) : grant;
}

void Dispatcher::hand_over(Session &session, SlotRef slot, Completion &completion) {
    session.take_hold(slot);
    completion.segment = slot.segment;
    completion.slot = slot.index;
    completion.offset = store_.slots().offset(slot);
    completion.capacity = store_.slots().slot_bytes(slot.segment);
}

// The next reserve of this size will then be served without asking.
void Dispatcher::grant_ahead(Session &session, SizeClass size_class, Completion &completion) {
    const std::uint64_t memory = store_.index().lookup().segment_capacity() * store_.segment_bytes();
    const std::uint64_t ahead = (session.grants() + 1) * slot_bytes_of(size_class);
    if (ahead > memory / limits::grants_ahead_fraction || session.grants() >= limits::grants_per_client_max) {
        return;
    }
    if (const auto slot = store_.grant_ahead(size_class)) {
        hand_over(session, *slot, completion);
    }
}

bool Dispatcher::commit(Session &session, const Submission &submission, std::string &violation) {
    const SlotRef slot{submission.segment, submission.slot};
    const SpaceDescription *space = store_.spaces().find(submission.space);
    if (!session.holds(slot) || space == nullptr) {
        violation = fmt::format("it committed slot {} of segment {}, which it was not granted, or to space {}",
                                submission.slot, submission.segment, submission.space);
        return false;
    }
    const std::uint64_t capacity = store_.slots().slot_bytes(slot.segment);
    if (submission.length == 0 || submission.length > capacity || submission.length > space->block_bytes) {
        violation = fmt::format("it committed {} bytes in a slot of {}", submission.length, capacity);
        return false;
    }
    Store::CommitRequest request;
    request.space = submission.space;
    request.key = submission.key;
    if ((submission.flags & submission_has_parent) != 0) {
        request.parent = submission.parent;
    }
    request.length = submission.length;
    request.checksum = submission.checksum;
    request.ttl_ms = submission.ttl_ms;
    Completion completion = answer(submission.user_data, store_.commit(slot, request));
    if (completion.status == UAKV_OK) {
        session.let_go(slot);
        grant_ahead(session, size_class_of(submission.length), completion);
    } else {
        hand_over(session, slot, completion); // unused, so it serves for the next
    }
    session.ring().complete(completion);
    return true;
}

bool Dispatcher::abort(Session &session, const Submission &submission, std::string &violation) {
    const SlotRef slot{submission.segment, submission.slot};
    if (!session.holds(slot)) {
        violation = fmt::format("it gave back slot {} of segment {}, which it was not granted", submission.slot,
                                submission.segment);
        return false;
    }
    session.let_go(slot);
    store_.give_back(slot);
    session.ring().complete(answer(submission.user_data, UAKV_OK));
    return true;
}

bool Dispatcher::remove(Session &session, const Submission &submission, std::string &violation) {
    if (session.read_only()) {
        violation = "it is read-only and removed a block";
        return false;
    }
    Completion completion = answer(submission.user_data, UAKV_OK);
    completion.value = store_.remove(submission.space, submission.key) ? 1 : 0;
    session.ring().complete(completion);
    return true;
}

// Also for read-only clients: the daemon believes only what it sees itself.
bool Dispatcher::check(Session &session, const Submission &submission, std::string &) {
    Completion completion = answer(submission.user_data, UAKV_OK);
    if (store_.drop_if_corrupt(submission.space, submission.key)) {
        completion.value = 1;
        log_error("a block of space \"{}\" was dropped: its checksum failed; a process wrote to it after its commit, "
                  "or the memory is faulty (found by {})",
                  store_.spaces().find(submission.space)->name, session.name());
    }
    session.ring().complete(completion);
    return true;
}

bool Dispatcher::stats(Session &session, const Submission &submission, std::string &) {
    SessionStatistics &shared = session.layout().statistics;
    const std::uint32_t sequence = (load_once(shared.sequence) | 1U);
    store_relaxed(shared.sequence, sequence);
    release_fence();
    write_words(shared.values, everybody_.statistics());
    store_release(shared.sequence, sequence + 1);
    session.ring().complete(answer(submission.user_data, UAKV_OK));
    return true;
}

} // namespace uakv
