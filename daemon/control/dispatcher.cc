#include "daemon/control/dispatcher.h"

#include "daemon/control/orphans.h"
#include "ipc/sequence_point.h"
#include "ipc/untrusted.h"

#include <fmt/format.h>

namespace uakv {
namespace {

// Small enough that no client waits long for another's batch.
constexpr int batch = 64;

Completion answer(const Submission &submission, uakv_status status) {
    Completion completion{};
    completion.user_data = submission.user_data;
    completion.status = status;
    return completion;
}

// One of these is as much as a batch of the others: a check reads a whole block, statistics ask all clients.
bool is_heavy(Opcode opcode) {
    return opcode == Opcode::check || opcode == Opcode::stats;
}

// What gives something back is never refused.
bool counts_as_operation(Opcode opcode) {
    return opcode != Opcode::abort && opcode != Opcode::cancel;
}

} // namespace

Dispatcher::Served Dispatcher::serve(Session &session, std::uint64_t now, std::string &violation) {
    StageTimer timer(stages_, Stage::serve);
    now_ = now;
    Served served = Served::nothing;
    for (int i = 0; i < batch; ++i) {
        Submission submission;
        const auto next = session.ring().next(submission, session.unanswered());
        if (next == RingConsumer::Next::none) {
            break;
        }
        if (next == RingConsumer::Next::violation) {
            violation = "the heads and tails of its rings are impossible";
            served = Served::violation;
            break;
        }
        UAKV_SEQUENCE_POINT(submission_taken);
        if (!handle(session, submission, violation)) {
            served = Served::violation;
            break;
        }
        served = Served::something;
        if (is_heavy(submission.opcode)) {
            break;
        }
    }
    if (served == Served::nothing) {
        timer.discard();
    }
    // In this order, so that a violation does not keep others from their answers.
    woke_ = requests_.publish() || woke_;
    woke_ = loads_.publish() || woke_;
    if (served != Served::violation) {
        woke_ = session.ring().publish() || woke_;
    }
    return served;
}

bool Dispatcher::handle(Session &session, const Submission &submission, std::string &violation) {
    const bool ends_slot = submission.opcode == Opcode::commit || submission.opcode == Opcode::abort;
    if (ends_slot && !takes_over(session, {submission.segment, submission.slot})) {
        session.ring().complete(answer(submission, UAKV_ERR_DISCONNECTED)); // as a client of a daemon that is gone
        return true;
    }
    const bool ordered = submission.opcode == Opcode::commit && (submission.flags & submission_ordered) != 0;
    if (!ordered && counts_as_operation(submission.opcode) && !session.tenant().operations().take(now_)) {
        return refuse_busy(session, submission, violation);
    }
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
        return check(session, submission);
    case Opcode::stats:
        return stats(session, submission);
    case Opcode::claim:
        return claim(session, submission, violation);
    case Opcode::cancel:
        return cancel(session, submission);
    case Opcode::pin:
        return pin(session, submission, violation);
    case Opcode::clear:
        return clear(session, submission, violation);
    case Opcode::load:
        return load(session, submission, violation);
    case Opcode::prefetch:
        return prefetch(session, submission, violation);
    case Opcode::flush:
        return flush(session, submission, violation);
    }
    violation = fmt::format("it submitted opcode {}", static_cast<unsigned>(submission.opcode));
    return false;
}

// A slot that the client was granted by a daemon before this one is its own here too, once it says so. False: somebody
// was granted it there, but not this client, or the kernel cannot tell.
bool Dispatcher::takes_over(Session &session, SlotRef slot) {
    Cache &cache = session.cache();
    if (cache.orphans() == 0 || session.holds(slot)) {
        return true;
    }
    Orphan *orphan = cache.orphan_with(slot);
    if (orphan != nullptr && orphan->is_of(session)) {
        orphan->pass_on(slot, session);
        return true;
    }
    return orphan == nullptr;
}

// The slot of a commit that is refused stays with the client, for its next reserve; what it was claimed for is not
// waited for any longer.
bool Dispatcher::refuse_busy(Session &session, const Submission &submission, std::string &violation) {
    Completion completion = answer(submission, UAKV_ERR_BUSY);
    if (submission.opcode == Opcode::commit) {
        if (!commits_own_slot(session, submission, violation)) {
            return false;
        }
        const SlotRef slot{submission.segment, submission.slot};
        SlotRequests::hand_over(session, slot, completion);
        requests_.released(session.cache(), slot);
    }
    session.cache().count_busy();
    session.ring().complete(completion);
    return true;
}

bool Dispatcher::asks_for_slot(const Session &session, const Submission &submission, std::string &violation) const {
    if (session.read_only() || submission.length == 0 || submission.length > session.cache().store().segment_bytes()) {
        violation = fmt::format("it asked for a slot of {} bytes", submission.length);
        return false;
    }
    return true;
}

bool Dispatcher::grant(Session &session, const Submission &submission, std::string &violation) {
    if (!asks_for_slot(session, submission, violation)) {
        return false;
    }
    const StageTimer timer(stages_, Stage::grant);
    requests_.grant(session, submission.user_data, submission.length);
    return true;
}

bool Dispatcher::claim(Session &session, const Submission &submission, std::string &violation) {
    if (!asks_for_slot(session, submission, violation)) {
        return false;
    }
    const SpaceDescription *space = session.cache().store().spaces().find(submission.space);
    if (space == nullptr || submission.length > space->block_bytes) {
        violation = fmt::format("it claimed a block of {} bytes in space {}", submission.length, submission.space);
        return false;
    }
    const StageTimer timer(stages_, Stage::grant);
    const bool anew = (submission.flags & submission_anew) != 0;
    requests_.claim(session, {submission.space, submission.key}, submission.user_data, submission.length, anew);
    return true;
}

bool Dispatcher::cancel(Session &session, const Submission &submission) {
    if (!loads_.cancel(session, submission.target)) {
        requests_.cancel(session, submission.target);
    }
    session.ring().complete(answer(submission, UAKV_OK));
    return true;
}

void Dispatcher::retry_waiting(Session &session) {
    requests_.retry(session);
    woke_ = requests_.publish() || woke_;
}

void Dispatcher::answer_loads(Cache &cache) {
    loads_.take_answers(cache);
    woke_ = loads_.publish() || woke_;
}

void Dispatcher::expire_flights(Cache &cache, std::uint64_t now) {
    requests_.expire(cache, now);
    woke_ = requests_.publish() || woke_;
}

void Dispatcher::leave(Session &session) {
    clears_.leave(session);
    loads_.leave(session);
    ordered_.leave(session);
    requests_.leave(session);
    woke_ = requests_.publish() || woke_;
}

// The next reserve of this size will then be served without asking.
void Dispatcher::grant_ahead(Session &session, SizeClass size_class, Completion &completion) {
    Store &store = session.cache().store();
    const std::uint64_t memory = store.index().lookup().segment_capacity() * store.segment_bytes();
    const std::uint64_t ahead = (session.grants() + 1) * slot_bytes_of(size_class);
    if (ahead > memory / limits::grants_ahead_fraction || session.grants() >= limits::grants_per_client_max) {
        return;
    }
    if (const auto slot = store.grant_ahead(size_class, session.number())) {
        SlotRequests::hand_over(session, *slot, completion);
    }
}

bool Dispatcher::commits_own_slot(const Session &session, const Submission &submission, std::string &violation) {
    if (session.holds({submission.segment, submission.slot}) &&
        session.cache().store().spaces().find(submission.space) != nullptr) {
        return true;
    }
    violation = fmt::format("it committed slot {} of segment {}, which it was not granted, or to space {}",
                            submission.slot, submission.segment, submission.space);
    return false;
}

bool Dispatcher::commit(Session &session, const Submission &submission, std::string &violation) {
    if (!commits_own_slot(session, submission, violation)) {
        return false;
    }
    Store &store = session.cache().store();
    const SlotRef slot{submission.segment, submission.slot};
    const std::uint64_t capacity = store.slots().slot_bytes(slot.segment);
    if (submission.length == 0 || submission.length > capacity ||
        submission.length > store.spaces().find(submission.space)->block_bytes) {
        violation = fmt::format("it committed {} bytes in a slot of {}", submission.length, capacity);
        return false;
    }
    if ((submission.flags & submission_ordered) != 0) {
        const auto taken = ordered_.take(session, submission, now_, violation);
        if (taken != OrderedCommits::Taken::reached) {
            return taken == OrderedCommits::Taken::waits;
        }
        return commit_ordered(session, submission, violation);
    }
    commit_now(session, submission);
    return true;
}

// Its stream has got there. It counts as an operation only now: while the stream still writes, the slot of a commit
// that is refused could not be the client's for its next reserve.
bool Dispatcher::commit_ordered(Session &session, const Submission &submission, std::string &violation) {
    if (!session.tenant().operations().take(now_)) {
        return refuse_busy(session, submission, violation);
    }
    commit_now(session, submission);
    return true;
}

bool Dispatcher::continue_ordered(std::uint64_t now, const std::function<void(Session &, const std::string &)> &ended) {
    now_ = now;
    bool any = false;
    const std::vector<Session *> sessions = ordered_.sessions();
    for (Session *session : sessions) {
        std::vector<Submission> reached;
        std::string violation;
        bool sound = ordered_.go_on(*session, reached, violation);
        for (const Submission &submission : reached) {
            sound = commit_ordered(*session, submission, violation) && sound;
        }
        any = any || !reached.empty() || !sound;
        woke_ = requests_.publish() || woke_;
        if (sound) {
            woke_ = session->ring().publish() || woke_;
        } else {
            ended(*session, violation);
        }
    }
    return any;
}

// A granted slot of the session's with a block that can be.
void Dispatcher::commit_now(Session &session, const Submission &submission) {
    const StageTimer timer(stages_, Stage::commit);
    Store &store = session.cache().store();
    const SlotRef slot{submission.segment, submission.slot};
    Store::CommitRequest request;
    request.space = submission.space;
    request.key = submission.key;
    if ((submission.flags & submission_has_parent) != 0) {
        request.parent = submission.parent;
    }
    request.length = submission.length;
    request.checksum = submission.checksum;
    request.ttl_ms = submission.ttl_ms;
    Completion completion = answer(submission, store.commit(slot, request));
    if (completion.status == UAKV_OK) {
        session.let_go(slot);
        grant_ahead(session, size_class_of(submission.length), completion);
        requests_.landed(session.cache(), {submission.space, submission.key});
    } else {
        SlotRequests::hand_over(session, slot, completion); // unused, so it serves for the next
    }
    requests_.released(session.cache(), slot); // whatever it was claimed for, it does not serve for that any more
    session.ring().complete(completion);
}

bool Dispatcher::abort(Session &session, const Submission &submission, std::string &violation) {
    const SlotRef slot{submission.segment, submission.slot};
    if (!session.holds(slot)) {
        violation = fmt::format("it gave back slot {} of segment {}, which it was not granted", submission.slot,
                                submission.segment);
        return false;
    }
    session.let_go(slot);
    session.cache().store().give_back(slot);
    requests_.released(session.cache(), slot);
    session.ring().complete(answer(submission, UAKV_OK));
    return true;
}

bool Dispatcher::remove(Session &session, const Submission &submission, std::string &violation) {
    if (session.read_only()) {
        violation = "it is read-only and removed a block";
        return false;
    }
    const StageTimer timer(stages_, Stage::remove);
    Completion completion = answer(submission, UAKV_OK);
    completion.value = session.tenant().remove(session.cache(), submission.space, submission.key) ? 1 : 0;
    session.ring().complete(completion);
    return true;
}

bool Dispatcher::pin(Session &session, const Submission &submission, std::string &violation) {
    if (session.read_only()) {
        violation = "it is read-only and pinned a block";
        return false;
    }
    const uakv_status status = session.cache().store().pin(submission.space, submission.key, submission.ttl_ms);
    Completion completion = answer(submission, status == UAKV_MISS ? UAKV_OK : status);
    completion.value = status == UAKV_MISS ? 0 : 1;
    session.ring().complete(completion);
    return true;
}

bool Dispatcher::clear(Session &session, const Submission &submission, std::string &violation) {
    if (session.read_only() || session.cache().store().spaces().find(submission.space) == nullptr) {
        violation = fmt::format("it is read-only and cleared a space, or there is no space {}", submission.space);
        return false;
    }
    clears_.begin(session, submission.space, submission.user_data);
    return true;
}

bool Dispatcher::is_in_space(const Session &session, const Submission &submission, std::string &violation) {
    if (session.cache().store().spaces().find(submission.space) != nullptr) {
        return true;
    }
    violation = fmt::format("it asked for something of space {}, which there is not", submission.space);
    return false;
}

// Also for read-only clients, as the two that follow: nothing is changed by it that is not by a retrieve.
bool Dispatcher::load(Session &session, const Submission &submission, std::string &violation) {
    if (!is_in_space(session, submission, violation)) {
        return false;
    }
    loads_.load(session, submission);
    return true;
}

bool Dispatcher::prefetch(Session &session, const Submission &submission, std::string &violation) {
    if (!is_in_space(session, submission, violation)) {
        return false;
    }
    Completion completion = answer(submission, UAKV_OK);
    completion.value = loads_.prefetch(session, submission) ? 1 : 0;
    session.ring().complete(completion);
    return true;
}

bool Dispatcher::flush(Session &session, const Submission &submission, std::string &violation) {
    if (!is_in_space(session, submission, violation)) {
        return false;
    }
    loads_.flush(session, submission);
    return true;
}

// Also for read-only clients: the daemon believes only what it sees itself, which is nothing on a GPU.
bool Dispatcher::check(Session &session, const Submission &submission) {
    Store &store = session.cache().store();
    Completion completion = answer(submission, store.is_addressable() ? UAKV_OK : UAKV_ERR_UNSUPPORTED);
    if (store.drop_if_corrupt(submission.space, submission.key)) {
        completion.value = 1;
        session.tenant().remove(session.cache(), submission.space, submission.key); // what came from there, too
        corrupt_.error(
            "a block of space \"{}\" was dropped: its checksum failed; a process wrote to it after its commit, "
            "or the memory is faulty (found by {})",
            store.spaces().find(submission.space)->name, session.name());
    }
    session.ring().complete(completion);
    return true;
}

bool Dispatcher::stats(Session &session, const Submission &submission) {
    SessionStatistics &shared = session.layout().statistics;
    const std::uint32_t sequence = (load_once(shared.sequence) | 1U);
    store_relaxed(shared.sequence, sequence);
    release_fence();
    UAKV_SEQUENCE_POINT(statistics_writing);
    write_words(shared.values, session.cache().statistics());
    store_release(shared.sequence, sequence + 1);
    session.ring().complete(answer(submission, UAKV_OK));
    return true;
}

} // namespace uakv
