#include "clientlib/block_writer.h"

#include "clientlib/client.h"
#include "clientlib/errors.h"
#include "ipc/clock.h"
#include "ipc/hashing.h"
#include "ipc/sequence_point.h"

#include <algorithm>

namespace uakv {
namespace {

// How long to try for a place in the ring when others wait for the news.
constexpr std::uint64_t flight_patience_ns = 100 * ns_per_ms;

uakv_status check_length(const Attachment &attachment, const uakv_space &space, std::size_t length) {
    const SpaceDescription &description = space.description;
    if (description.ndim != 0 && length != description.block_bytes) {
        return fail(UAKV_ERR_LAYOUT, "a block of %zu bytes does not fit space \"%s\", whose layout has %llu", length,
                    description.name, static_cast<unsigned long long>(description.block_bytes));
    }
    // On a device, segments may be smaller than the blocks that the host's can hold.
    const std::uint64_t segment = attachment.segments().bytes();
    const std::uint64_t most = description.block_bytes != 0 ? std::min(description.block_bytes, segment) : segment;
    if (length > most) {
        return fail(UAKV_ERR_TOO_LARGE, "a block of %zu bytes is larger than space \"%s\" allows (%llu)", length,
                    description.name, static_cast<unsigned long long>(most));
    }
    return UAKV_OK;
}

uakv_status refused(uakv_status status, const uakv_space &space, std::size_t length) {
    switch (status) {
    case UAKV_ERR_NO_SPACE:
        return fail(status,
                    "no room for a block of %zu bytes in space \"%s\": every block that may leave is being read, "
                    "written or pinned, or the machine is out of memory; release views, or give the tenant more memory",
                    length, space.description.name);
    case UAKV_ERR_DENIED:
        return fail(status, "this client holds too many reserved slots (at most %u): commit or abort some",
                    limits::grants_per_client_max);
    case UAKV_ERR_BUSY:
        return fail(status, "this tenant makes more requests than its operations_per_second allow; try again later");
    case UAKV_ERR_TIMEOUT:
        return fail(status, "a slot of %zu bytes for space \"%s\" was not to be had in time", length,
                    space.description.name);
    default:
        return fail(status, "the daemon refused a block of %zu bytes for space \"%s\"", length, space.description.name);
    }
}

GrantedSlot slot_of(const Completion &completion) {
    return {completion.segment, completion.slot, completion.offset, completion.capacity};
}

bool submit_abort(Attachment &attachment, const GrantedSlot &slot, std::uint64_t patience_ns) {
    Submission submission{};
    submission.opcode = Opcode::abort;
    submission.segment = slot.segment;
    submission.slot = slot.slot;
    auto number = attachment.submitter().submit(submission, now_ns() + patience_ns);
    if (number.ok()) {
        attachment.submitter().forget(number.value());
    }
    return number.ok();
}

} // namespace

Submission commit_of(const Reservation &reservation, std::uint64_t checksum) {
    Submission submission{};
    submission.opcode = Opcode::commit;
    submission.flags = reservation.has_parent ? submission_has_parent : 0;
    submission.space = reservation.space_id;
    submission.key = reservation.key;
    submission.parent = reservation.parent;
    submission.segment = reservation.slot.segment;
    submission.slot = reservation.slot.slot;
    submission.length = reservation.length;
    submission.checksum = checksum;
    submission.ttl_ms = reservation.ttl_ms;
    return submission;
}

std::optional<GrantedSlot> slot_granted_with(const Completion &completion) {
    return completion.capacity != 0 ? std::optional(slot_of(completion)) : std::nullopt;
}

void give_back(Attachment &attachment, const GrantedSlot &slot, bool flight) {
    if (!flight && attachment.grants().keep(slot)) {
        return;
    }
    if (!submit_abort(attachment, slot, flight ? flight_patience_ns : 0)) {
        attachment.grants().keep_always(slot); // the ring is full: not now
    }
}

bool give_back_to_daemon(Attachment &attachment, const GrantedSlot &slot) {
    return submit_abort(attachment, slot, flight_patience_ns);
}

bool BlockWriter::check(const Call &call, const Block &block) {
    if (block.space->client->read_only()) {
        return over(uakv::fail(UAKV_ERR_DENIED, "this client is connected with UAKV_READ_ONLY and cannot store"));
    }
    if (const uakv_status status = check_length(call.attachment(), *block.space, block.length); status != UAKV_OK) {
        return over(status);
    }
    auto id = space_id_in(call.attachment(), *block.space, call.deadline_ns());
    if (!id.ok()) {
        return over(uakv::fail(id.error()));
    }
    data_ = block.data;
    reservation_.space = block.space;
    reservation_.space_id = id.value();
    reservation_.key = *block.key;
    reservation_.has_parent = block.parent != nullptr;
    reservation_.parent = block.parent != nullptr ? *block.parent : uakv_key{};
    reservation_.ttl_ms = block.ttl_ms != 0 ? block.ttl_ms : block.space->description.ttl_ms;
    reservation_.length = block.length;
    return true;
}

bool BlockWriter::begin(const Call &call, const Block &block, Submission &submission) {
    if (!check(call, block)) {
        return false;
    }
    Attachment &attachment = call.attachment();
    Lookup::Found found;
    if (attachment.lookup().find(reservation_.space_id, reservation_.key, found) && !found.is_cold()) {
        return over(UAKV_EXISTS);
    }
    if (const auto ahead = attachment.grants().take(size_class_of(block.length))) {
        return place_in(call, *ahead, submission);
    }
    submission.opcode = Opcode::grant;
    submission.space = reservation_.space_id;
    submission.length = block.length;
    stage_ = Stage::granting;
    return true;
}

bool BlockWriter::begin_commit(Reservation reservation, Submission &submission) {
    reservation_ = std::move(reservation);
    // The bytes on a device are not ours to read; no one checks them there.
    const bool readable = reservation_.space->client->device_cache == nullptr;
    const std::uint64_t checksum = readable ? checksum_of(reservation_.data, reservation_.length) : 0;
    UAKV_SEQUENCE_POINT(block_hashed);
    return ask_commit(checksum, submission);
}

bool BlockWriter::go_on(const Call &call, const Completion &answer, Submission &submission) {
    if (stage_ == Stage::granting) {
        return answer.status == UAKV_OK ? place(call, answer, submission) : refuse(answer.status);
    }
    UAKV_SEQUENCE_POINT(commit_answered);
    if (const auto next = slot_granted_with(answer)) {
        give_back(call.attachment(), *next, false);
    }
    if (answer.status == UAKV_OK) {
        note_stored(*reservation_.space, call.attachment());
    }
    return answer.status >= 0 ? over(answer.status) : refuse(answer.status);
}

void BlockWriter::fail(const Call &call, const Error &why, Call::Sent sent) {
    if (stage_ == Stage::committing && sent == Call::Sent::no) { // the daemon never heard of it
        const bool reserved = reservation_.visit.valid();
        give_back(reserved ? *reservation_.visit : call.attachment(), reservation_.slot, reservation_.flight);
    }
    over(uakv::fail(why));
}

bool BlockWriter::refuse(uakv_status status) {
    return over(refused(status, *reservation_.space, reservation_.length));
}

bool BlockWriter::place(const Call &call, const Completion &granted, Submission &submission) {
    UAKV_SEQUENCE_POINT(grant_received);
    const GrantedSlot slot = slot_of(granted);
    UAKV_ASSERT(slot.capacity >= reservation_.length &&
                slot.offset + slot.capacity <= call.attachment().segments().bytes());
    return place_in(call, slot, submission);
}

// Where the slot lies in this process; then the bytes, where they are given.
bool BlockWriter::place_in(const Call &call, const GrantedSlot &slot, Submission &submission) {
    auto base = call.attachment().segments().map(slot.segment, call.deadline_ns());
    if (!base.ok()) {
        give_back(call.attachment(), slot, reservation_.flight);
        return over(uakv::fail(base.error()));
    }
    reservation_.slot = slot;
    reservation_.data = base.value() + slot.offset;
    if (data_ == nullptr) {
        reservation_.visit = call.visit().again();
        return over(UAKV_OK);
    }
    const std::uint64_t checksum = copy_with_checksum(reservation_.data, data_, reservation_.length);
    UAKV_SEQUENCE_POINT(block_copied);
    return ask_commit(checksum, submission);
}

bool BlockWriter::ask_commit(std::uint64_t checksum, Submission &submission) {
    submission = commit_of(reservation_, checksum);
    stage_ = Stage::committing;
    return true;
}

} // namespace uakv
