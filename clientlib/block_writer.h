// One block on its way into the store: a slot, granted ahead or asked for; the bytes, copied in or written by the
// caller; the commit. A state machine for one lane of a Call.
#pragma once

#include "clientlib/call.h"
#include "clientlib/reservations.h"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace uakv {

class BlockWriter {
public:
    struct Block {
        const uakv_space *space = nullptr;
        const uakv_key *key = nullptr;
        std::size_t length = 0;
        const void *data = nullptr; // null: the slot itself is what the caller wants
        const uakv_key *parent = nullptr;
        std::uint32_t ttl_ms = 0;
    };

    // The steps of Call. False: it is over, with status().
    bool begin(const Call &call, const Block &block, Submission &submission);
    bool go_on(const Call &call, const Completion &answer, Submission &submission);
    void fail(const Call &call, const Error &why, Call::Sent sent);

    // As begin(), from the other end: the reservation has its bytes, and is to be published.
    bool begin_commit(Reservation reservation, Submission &submission);

    uakv_status status() const { return status_; }
    // With UAKV_OK, where the slot was what the caller wanted.
    Reservation take_reservation() { return std::move(reservation_); }

    // For single flight, which asks for the slot in its own way. check() is all that begin() refuses beforehand.
    bool check(const Call &call, const Block &block);
    bool place(const Call &call, const Completion &granted, Submission &submission);
    void mark_flight() { reservation_.flight = true; }
    SpaceId space_id() const { return reservation_.space_id; }
    bool refuse(uakv_status status);

private:
    bool place_in(const Call &call, const GrantedSlot &slot, Submission &submission);
    bool ask_commit(std::uint64_t checksum, Submission &submission);
    bool over(uakv_status status) {
        status_ = status;
        return false;
    }

    enum class Stage { granting, committing } stage_ = Stage::granting;
    const void *data_ = nullptr;
    Reservation reservation_;
    uakv_status status_ = UAKV_OK;
};

// What publishes a reservation that has its bytes.
Submission commit_of(const Reservation &reservation, std::uint64_t checksum);

// The slot that came with a completion, if any.
std::optional<GrantedSlot> slot_granted_with(const Completion &completion);

// Gives a slot that was granted but not used to the next reserve, or back to the daemon; one with a flight always to
// the daemon, which then passes the flight on.
void give_back(Attachment &attachment, const GrantedSlot &slot, bool flight);

// Always to the daemon, which need not be the one that granted it. False: it could not be told now.
bool give_back_to_daemon(Attachment &attachment, const GrantedSlot &slot);

} // namespace uakv
