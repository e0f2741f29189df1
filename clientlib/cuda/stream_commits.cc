#include "clientlib/cuda/stream_commits.h"

#include "clientlib/block_writer.h"
#include "ipc/clock.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace uakv {
namespace {

// There is a number free but for a moment: `most` leaves some.
constexpr std::uint64_t send_patience_ns = 100 * ns_per_ms;
constexpr auto pause_between_looks = std::chrono::microseconds(50);

// Whether the block lies in the slot: the daemon before had published it, and only its answer was lost.
bool is_published(const Attachment &attachment, const Reservation &reservation, bool &exists) {
    Lookup::Found found;
    exists = attachment.lookup().find(reservation.space_id, reservation.key, found);
    return exists && found.segment == reservation.slot.segment && found.offset == reservation.slot.offset;
}

} // namespace

std::size_t StreamCommits::count() {
    client_.attachments.look_after();
    std::vector<Pending> over; // goes after the lock: with it an attachment may go
    const std::scoped_lock lock(mutex_);
    clear_away(over);
    return pending_.size();
}

void StreamCommits::add(Reservation reservation, Visit through, std::optional<Streams::Mark> mark) {
    const std::scoped_lock lock(mutex_);
    pending_.push_back({std::move(reservation), std::move(through), mark, std::nullopt});
    send(pending_.back(), mark.has_value());
}

// What cannot be sent now is committed when it is looked at later, once the mark is passed.
void StreamCommits::send(Pending &pending, bool ordered) {
    Submission submission = commit_of(pending.reservation, 0);
    if (ordered) {
        submission.flags |= submission_ordered;
        submission.stream = pending.mark->stream;
        submission.target = pending.mark->value;
    }
    if (pending.through->lost() || pending.reservation.space_id == no_space) {
        return;
    }
    auto number = pending.through->submitter().submit(submission, now_ns() + send_patience_ns);
    if (number.ok()) {
        pending.number = number.value();
    }
}

bool StreamCommits::has_passed(const Pending &pending) const {
    return !pending.mark || streams_of(*pending.through).is_passed(*pending.mark);
}

StreamCommits::Fate StreamCommits::look_at(Pending &pending) {
    Attachment &attachment = *pending.through;
    if (pending.number) {
        const bool lost = attachment.lost();
        if (const auto answer = attachment.submitter().poll(*pending.number)) {
            if (const auto next = slot_granted_with(*answer)) {
                give_back(attachment, *next, false);
            }
            if (answer->status == UAKV_OK) {
                note_stored(*pending.reservation.space, attachment);
            }
            return Fate::over;
        }
        if (!lost) {
            return Fate::open;
        }
        pending.number.reset(); // it will never be answered
    }
    if (!has_passed(pending)) {
        return Fate::open;
    }
    if (pending.mark && streams_of(attachment).is_lost(*pending.mark)) {
        give_back(*pending.reservation.visit, pending.reservation.slot, false);
        return Fate::over;
    }
    return commit_anew(pending);
}

// At the daemon that there is now. As long as there is none, the slot stays ours.
StreamCommits::Fate StreamCommits::commit_anew(Pending &pending) {
    Reservation &reservation = pending.reservation;
    auto successor = client_.attachments.visit_successor(reservation.visit, now_ns());
    if (!successor.ok()) {
        return Fate::open;
    }
    Attachment &attachment = *successor.value();
    if (attachment.lost()) {
        return Fate::over; // another cache: nothing there knows of the slot
    }
    auto id = space_id_in(attachment, *reservation.space, client_.deadline_ns());
    if (!id.ok()) {
        return Fate::open;
    }
    reservation.space_id = id.value();
    bool exists = false;
    if (is_published(attachment, reservation, exists)) {
        return Fate::over;
    }
    if (exists) {
        give_back_to_daemon(attachment, reservation.slot);
        return Fate::over;
    }
    pending.through = std::move(successor.value());
    pending.mark.reset();
    send(pending, false);
    return Fate::open;
}

void StreamCommits::clear_away(std::vector<Pending> &over) {
    for (auto pending = pending_.begin(); pending != pending_.end();) {
        if (look_at(*pending) == Fate::over) {
            over.push_back(std::move(*pending));
            pending = pending_.erase(pending);
        } else {
            ++pending;
        }
    }
}

bool StreamCommits::finish(std::uint64_t deadline_ns, std::uint64_t answers_ns) {
    for (bool all_passed = false;; std::this_thread::sleep_for(pause_between_looks)) {
        const std::size_t left = count();
        if (left > 0 && !all_passed) {
            const std::scoped_lock lock(mutex_);
            all_passed =
                std::all_of(pending_.begin(), pending_.end(), [this](const Pending &one) { return has_passed(one); });
            deadline_ns = all_passed ? now_ns() + answers_ns : deadline_ns;
        }
        if (left == 0 || now_ns() >= deadline_ns) {
            return left == 0 || all_passed;
        }
    }
}

} // namespace uakv
