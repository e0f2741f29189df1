#include "clientlib/store.h"

#include "clientlib/errors.h"
#include "clientlib/handles.h"
#include "ipc/clock.h"
#include "ipc/hashing.h"

#include <algorithm>
#include <array>
#include <optional>

namespace uakv {
namespace {

// What uakv_slot::opaque holds.
enum SlotField { slot_client = 0, slot_reservation = 1 };

uakv_status check_length(const uakv_space &space, std::size_t length) {
    const SpaceDescription &description = space.description;
    if (description.ndim != 0 && length != description.block_bytes) {
        return fail(UAKV_ERR_LAYOUT, "a block of %zu bytes does not fit space \"%s\", whose layout has %llu", length,
                    description.name, static_cast<unsigned long long>(description.block_bytes));
    }
    if (length > description.block_bytes) {
        return fail(UAKV_ERR_TOO_LARGE, "a block of %zu bytes is larger than space \"%s\" allows (%llu)", length,
                    description.name, static_cast<unsigned long long>(description.block_bytes));
    }
    return UAKV_OK;
}

uakv_status refused(uakv_status status, const uakv_space &space, std::size_t length) {
    switch (status) {
    case UAKV_ERR_NO_SPACE:
        return fail(status,
                    "no room for a block of %zu bytes in space \"%s\": every block that could leave is being read or "
                    "written, or the machine is out of memory; release views, or give uakvd more (--memory)",
                    length, space.description.name);
    case UAKV_ERR_DENIED:
        return fail(status, "this client holds too many reserved slots (at most %u): commit or abort some",
                    limits::grants_per_client_max);
    default:
        return fail(status, "the daemon refused a block of %zu bytes for space \"%s\"", length, space.description.name);
    }
}

GrantedSlot slot_of(const Completion &completion) {
    return {completion.segment, completion.slot, completion.offset, completion.capacity};
}

// Gives a slot that was granted but not used to the next reserve, or back to the daemon.
void give_back(uakv_client &client, const GrantedSlot &slot) {
    if (client.grants->keep(slot)) {
        return;
    }
    Submission submission{};
    submission.opcode = Opcode::abort;
    submission.segment = slot.segment;
    submission.slot = slot.slot;
    if (auto call = client.submitter->submit(submission, now_ns()); call.ok()) {
        client.submitter->forget(call.value());
    } else {
        client.grants->keep_always(slot); // the ring is full: not now
    }
}

// A slot for `length` bytes: granted ahead, or asked for.
uakv_status take_slot(uakv_space &space, std::size_t length, std::uint64_t deadline_ns, GrantedSlot &slot) {
    uakv_client &client = *space.client;
    if (const auto ahead = client.grants->take(size_class_of(length))) {
        slot = *ahead;
        return UAKV_OK;
    }
    Submission submission{};
    submission.opcode = Opcode::grant;
    submission.space = space.id;
    submission.length = length;
    auto done = client.submitter->call(submission, deadline_ns);
    if (!done.ok()) {
        return fail(done.error());
    }
    if (done.value().status != UAKV_OK) {
        return refused(done.value().status, space, length);
    }
    slot = slot_of(done.value());
    UAKV_ASSERT(slot.capacity >= length && slot.offset + slot.capacity <= client.lookup->segment_bytes());
    return UAKV_OK;
}

// Everything before the bytes are written: the checks, the slot and where it lies in this process.
uakv_status prepare(uakv_space &space, const uakv_key &key, std::size_t length, const uakv_store_options &options,
                    std::uint64_t deadline_ns, Reservation &reservation) {
    uakv_client &client = *space.client;
    if (client.read_only) {
        return fail(UAKV_ERR_DENIED, "this client is connected with UAKV_READ_ONLY and cannot store");
    }
    if (const uakv_status status = check_length(space, length); status != UAKV_OK) {
        return status;
    }
    Lookup::Found found;
    if (client.lookup->find(space.id, key, found)) {
        return UAKV_EXISTS;
    }
    GrantedSlot slot;
    if (const uakv_status status = take_slot(space, length, deadline_ns, slot); status != UAKV_OK) {
        return status;
    }
    auto base = client.segments->map(slot.segment, deadline_ns);
    if (!base.ok()) {
        give_back(client, slot);
        return fail(base.error());
    }
    reservation.space = &space;
    reservation.slot = slot;
    reservation.key = key;
    reservation.has_parent = options.parent != nullptr;
    reservation.parent = options.parent != nullptr ? *options.parent : uakv_key{};
    reservation.ttl_ms = options.ttl_ms != 0 ? options.ttl_ms : space.description.ttl_ms;
    reservation.length = length;
    reservation.data = base.value() + slot.offset;
    return UAKV_OK;
}

Result<Submitter::Call> submit_commit(const Reservation &reservation, std::uint64_t checksum,
                                      std::uint64_t deadline_ns) {
    UAKV_ASSERT(reservation.space != nullptr);
    Submission submission{};
    submission.opcode = Opcode::commit;
    submission.flags = reservation.has_parent ? submission_has_parent : 0;
    submission.space = reservation.space->id;
    submission.key = reservation.key;
    submission.parent = reservation.parent;
    submission.segment = reservation.slot.segment;
    submission.slot = reservation.slot.slot;
    submission.length = reservation.length;
    submission.checksum = checksum;
    submission.ttl_ms = reservation.ttl_ms;
    uakv_client &client = *reservation.space->client;
    auto call = client.submitter->submit(submission, deadline_ns);
    if (!call.ok()) {
        give_back(client, reservation.slot); // the daemon never heard of it
    }
    return call;
}

uakv_status finish_commit(const Reservation &reservation, Submitter::Call call, std::uint64_t deadline_ns) {
    uakv_client &client = *reservation.space->client;
    auto done = client.submitter->wait(call, deadline_ns);
    if (!done.ok()) {
        return fail(done.error());
    }
    if (done.value().capacity != 0) {
        give_back(client, slot_of(done.value()));
    }
    const uakv_status status = done.value().status;
    return status >= 0 ? status : refused(status, *reservation.space, reservation.length);
}

uakv_status publish(const Reservation &reservation, std::uint64_t checksum, std::uint64_t deadline_ns) {
    auto call = submit_commit(reservation, checksum, deadline_ns);
    return call.ok() ? finish_commit(reservation, call.value(), deadline_ns) : fail(call.error());
}

// Ends the slot for its caller: of several copies, one gets the reservation.
uakv_status take_reservation(const uakv_slot &slot, Reservation &reservation) {
    uakv_client *client = client_of_handle(slot.opaque[slot_client]);
    if (client == nullptr) {
        return fail(UAKV_ERR_INVALID, "this slot is not open: its client has disconnected, or it never was a slot");
    }
    if (is_forked(client->fork_token)) {
        return fail(UAKV_ERR_FORKED, "this slot belongs to the parent process");
    }
    const auto taken = client->reservations.take(slot.opaque[slot_reservation]);
    if (!taken) {
        return fail(UAKV_ERR_INVALID, "this slot is not open: it was committed or aborted before");
    }
    reservation = *taken;
    return UAKV_OK;
}

} // namespace

uakv_status reserve(uakv_space &space, const uakv_key &key, std::size_t length, const uakv_store_options &options,
                    uakv_slot &out) {
    Reservation reservation;
    const uakv_status status = prepare(space, key, length, options, space.client->deadline_ns(), reservation);
    if (status != UAKV_OK) {
        return status;
    }
    out = {reservation.data, length, {space.client->handle, space.client->reservations.add(reservation), 0, 0, 0, 0}};
    return UAKV_OK;
}

uakv_status commit(uakv_slot &slot) {
    Reservation reservation;
    if (const uakv_status status = take_reservation(slot, reservation); status != UAKV_OK) {
        return status;
    }
    UAKV_ASSERT(reservation.space != nullptr);
    const std::uint64_t checksum = checksum_of(reservation.data, reservation.length);
    return publish(reservation, checksum, reservation.space->client->deadline_ns());
}

uakv_status abort(uakv_slot &slot) {
    Reservation reservation;
    if (const uakv_status status = take_reservation(slot, reservation); status != UAKV_OK) {
        return status;
    }
    UAKV_ASSERT(reservation.space != nullptr);
    give_back(*reservation.space->client, reservation.slot);
    return UAKV_OK;
}

uakv_status store(uakv_space &space, const uakv_key &key, const void *data, std::size_t length,
                  const uakv_store_options &options) {
    const std::uint64_t deadline_ns = space.client->deadline_ns();
    Reservation reservation;
    if (const uakv_status status = prepare(space, key, length, options, deadline_ns, reservation); status != UAKV_OK) {
        return status;
    }
    const std::uint64_t checksum = copy_with_checksum(reservation.data, data, length);
    return publish(reservation, checksum, deadline_ns);
}

namespace {

// Commits on their way: as many as keep the daemon busy while the next block is copied.
struct InFlight {
    Reservation reservation;
    Submitter::Call call = 0;
    std::size_t index = 0;
};
constexpr std::size_t in_flight_max = 16;

} // namespace

uakv_status store_many(uakv_space &space, std::span<const uakv_key> keys, const void *const *data,
                       const std::size_t *lengths, uakv_status *each) {
    std::array<InFlight, in_flight_max> flights;
    std::size_t landed = 0;
    std::size_t started = 0;
    uakv_status overall = UAKV_OK;
    const std::uint64_t deadline_ns = space.client->deadline_ns();
    const auto note = [&](std::size_t i, uakv_status status) {
        if (each != nullptr) {
            each[i] = status;
        }
        if (overall == UAKV_OK && status < 0) {
            overall = status;
        }
    };
    const auto land = [&] {
        InFlight &flight = flights[landed++ % in_flight_max];
        note(flight.index, finish_commit(flight.reservation, flight.call, deadline_ns));
    };
    for (std::size_t i = 0; i < keys.size(); ++i) {
        uakv_store_options options{};
        options.parent = i > 0 ? &keys[i - 1] : nullptr;
        InFlight &flight = flights[started % in_flight_max];
        flight.index = i;
        uakv_status status = prepare(space, keys[i], lengths[i], options, deadline_ns, flight.reservation);
        if (status == UAKV_OK) {
            const std::uint64_t checksum = copy_with_checksum(flight.reservation.data, data[i], lengths[i]);
            auto call = submit_commit(flight.reservation, checksum, deadline_ns);
            if (call.ok()) {
                flight.call = call.value();
                ++started;
            } else {
                status = fail(call.error());
            }
        }
        if (status != UAKV_OK) {
            note(i, status);
        }
        if (started - landed == in_flight_max) {
            land();
        }
    }
    while (landed < started) {
        land();
    }
    return overall;
}

uakv_status remove(uakv_space &space, std::span<const uakv_key> keys, std::size_t *removed) {
    uakv_client &client = *space.client;
    if (client.read_only) {
        return fail(UAKV_ERR_DENIED, "this client is connected with UAKV_READ_ONLY and cannot remove");
    }
    const std::uint64_t deadline_ns = client.deadline_ns();
    std::array<Submitter::Call, in_flight_max> calls{};
    std::size_t count = 0;
    uakv_status status = UAKV_OK;
    for (std::size_t first = 0; first < keys.size() && status == UAKV_OK; first += in_flight_max) {
        const auto batch = keys.subspan(first, std::min(in_flight_max, keys.size() - first));
        std::size_t submitted = 0;
        for (const uakv_key &key : batch) {
            Submission submission{};
            submission.opcode = Opcode::remove;
            submission.space = space.id;
            submission.key = key;
            auto call = client.submitter->submit(submission, deadline_ns);
            if (!call.ok()) {
                status = fail(call.error());
                break;
            }
            calls[submitted++] = call.value();
        }
        for (std::size_t i = 0; i < submitted; ++i) {
            auto done = client.submitter->wait(calls[i], deadline_ns);
            if (!done.ok()) {
                status = fail(done.error());
            } else {
                count += done.value().value;
            }
        }
    }
    if (removed != nullptr && status == UAKV_OK) {
        *removed = count;
    }
    return status;
}

} // namespace uakv
