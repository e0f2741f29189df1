#include "clientlib/store.h"

#include "clientlib/client.h"
#include "clientlib/errors.h"
#include "clientlib/handles.h"
#include "ipc/sequence_point.h"

namespace uakv {
// ---- store and reserve ------------------------------------------------------------------------------------

StoreCall::StoreCall(Setting setting, uakv_space &space, const uakv_key &key, const void *data, std::size_t length,
                     const uakv_store_options &options)
    : Call(std::move(setting), 1, 1), key_(key), parent_(options.parent != nullptr ? *options.parent : uakv_key{}),
      block_{&space, &key_, length, data, options.parent != nullptr ? &parent_ : nullptr, options.ttl_ms} {}

bool StoreCall::begin(std::size_t, std::size_t, Submission &submission) {
    return writer_.begin(*this, block_, submission);
}

bool StoreCall::go_on(std::size_t, const Completion &answer, Submission &submission) {
    return writer_.go_on(*this, answer, submission);
}

void StoreCall::fail(std::size_t, const Error &why, Sent sent) {
    writer_.fail(*this, why, sent);
}

uakv_slot StoreCall::take_slot() {
    return open_slot(writer_.take_reservation());
}

void StoreCall::give_result(uakv_completion &out) {
    if (block_.data == nullptr && status() == UAKV_OK) {
        out.result.slot = take_slot();
    }
}

// ---- commit -----------------------------------------------------------------------------------------------

bool CommitCall::begin(std::size_t, std::size_t, Submission &submission) {
    return writer_.begin_commit(std::move(reservation_), submission);
}

bool CommitCall::go_on(std::size_t, const Completion &answer, Submission &submission) {
    return writer_.go_on(*this, answer, submission);
}

void CommitCall::fail(std::size_t, const Error &why, Sent sent) {
    writer_.fail(*this, why, sent);
}

// ---- many -------------------------------------------------------------------------------------------------

bool StoreManyCall::begin(std::size_t part, std::size_t lane, Submission &submission) {
    Lane &own = lanes_[lane];
    own.part = part;
    own.writer = BlockWriter();
    const uakv_key *parent = part > 0 ? &keys_[part - 1] : nullptr;
    const BlockWriter::Block block{&space_, &keys_[part], lengths_[part], data_[part], parent, 0};
    return step(own, own.writer.begin(*this, block, submission));
}

bool StoreManyCall::go_on(std::size_t lane, const Completion &answer, Submission &submission) {
    Lane &own = lanes_[lane];
    return step(own, own.writer.go_on(*this, answer, submission));
}

void StoreManyCall::fail(std::size_t lane, const Error &why, Sent sent) {
    Lane &own = lanes_[lane];
    own.writer.fail(*this, why, sent);
    step(own, false);
}

bool StoreManyCall::step(const Lane &lane, bool asks) {
    if (!asks) {
        note(lane.part, lane.writer.status());
    }
    return asks;
}

void StoreManyCall::note(std::size_t part, uakv_status status) {
    if (each_ != nullptr) {
        each_[part] = status;
    }
    if (status >= 0) {
        ++stored_;
    } else if (status_ == UAKV_OK) {
        status_ = status;
    }
}

// ---- slots ------------------------------------------------------------------------------------------------

uakv_slot open_slot(Reservation reservation) {
    uakv_client &client = *reservation.space->client;
    uakv_slot slot{reservation.data, reservation.length, {client.handle, 0, 0, 0, 0, 0}};
    slot.opaque[slot_reservation] = client.reservations.add(std::move(reservation));
    UAKV_SEQUENCE_POINT(slot_opened);
    return slot;
}

uakv_status take_reservation(const uakv_slot &slot, Reservation &reservation) {
    uakv_client *client = client_of_handle(slot.opaque[slot_client]);
    if (client == nullptr) {
        return fail(UAKV_ERR_INVALID, "this slot is not open: its client has disconnected, or it never was a slot");
    }
    if (is_forked(client->fork_token)) {
        return fail(UAKV_ERR_FORKED, "this slot belongs to the parent process");
    }
    auto taken = client->reservations.take(slot.opaque[slot_reservation]);
    if (!taken) {
        return fail(UAKV_ERR_INVALID, "this slot is not open: it was committed or aborted before");
    }
    UAKV_SEQUENCE_POINT(slot_closed);
    reservation = std::move(*taken);
    return UAKV_OK;
}

uakv_status abort(uakv_slot &slot) {
    Reservation reservation;
    if (const uakv_status status = take_reservation(slot, reservation); status != UAKV_OK) {
        return status;
    }
    if (!reservation.visit->lost()) {
        give_back(*reservation.visit, reservation.slot, reservation.flight);
        return UAKV_OK;
    }
    // Where there is no other daemon yet, the slot goes back with the attachment.
    auto successor = reservation.space->client->attachments.visit_successor(reservation.visit, now_ns());
    if (successor.ok() && &*successor.value() != &*reservation.visit) {
        give_back_to_daemon(*successor.value(), reservation.slot);
    }
    return UAKV_OK;
}

Result<Call::Setting> begin_commit(Reservation &reservation) {
    uakv_client &client = *reservation.space->client;
    const std::uint64_t started_ns = now_ns();
    const std::uint64_t deadline_ns = started_ns + client.timeout_ns;
    auto visit = client.attachments.visit_successor(reservation.visit, deadline_ns);
    if (!visit.ok()) {
        return visit.take_error();
    }
    if (&*visit.value() != &*reservation.visit) {
        auto id = space_id_in(*visit.value(), *reservation.space, deadline_ns);
        if (!id.ok()) {
            return id.take_error();
        }
        reservation.space_id = id.value();
    }
    return Call::Setting{std::move(visit.value()), started_ns, deadline_ns, TimedCall::commit};
}

} // namespace uakv
