// The calls that write: store, reserve, commit, and many at once.
#pragma once

#include "clientlib/block_writer.h"

#include <array>
#include <span>

namespace uakv {

// What uakv_slot::opaque holds.
enum SlotField { slot_client = 0, slot_reservation = 1 };

// uakv_store, and uakv_reserve where data is null: then the result is a slot.
class StoreCall final : public Call {
public:
    StoreCall(Setting setting, uakv_space &space, const uakv_key &key, const void *data, std::size_t length,
              const uakv_store_options &options);

    bool begin(std::size_t part, std::size_t lane, Submission &submission) override;
    bool go_on(std::size_t lane, const Completion &answer, Submission &submission) override;
    void fail(std::size_t lane, const Error &why, Sent sent) override;
    uakv_status status() const override { return writer_.status(); }
    void give_result(uakv_completion &out) override;
    uakv_slot take_slot();

private:
    const uakv_key key_;
    const uakv_key parent_;
    BlockWriter::Block block_;
    BlockWriter writer_;
};

// uakv_commit.
class CommitCall final : public Call {
public:
    CommitCall(Setting setting, Reservation reservation)
        : Call(std::move(setting), 1, 1), reservation_(std::move(reservation)) {}

    bool begin(std::size_t part, std::size_t lane, Submission &submission) override;
    bool go_on(std::size_t lane, const Completion &answer, Submission &submission) override;
    void fail(std::size_t lane, const Error &why, Sent sent) override;
    uakv_status status() const override { return writer_.status(); }
    Reservation take_reservation() { return std::move(reservation_); } // before it has begun

private:
    Reservation reservation_;
    BlockWriter writer_;
};

// uakv_store_many.
class StoreManyCall final : public Call {
public:
    StoreManyCall(Setting setting, uakv_space &space, std::span<const uakv_key> keys, const void *const *data,
                  const std::size_t *lengths, uakv_status *each)
        : Call(std::move(setting), keys.size(), lanes_max), space_(space), keys_(keys), data_(data), lengths_(lengths),
          each_(each) {}

    bool begin(std::size_t part, std::size_t lane, Submission &submission) override;
    bool go_on(std::size_t lane, const Completion &answer, Submission &submission) override;
    void fail(std::size_t lane, const Error &why, Sent sent) override;
    void skip(std::size_t part, const Error &why) override { note(part, why.status); }
    uakv_status status() const override { return status_; }
    void give_result(uakv_completion &out) override { out.result.count = stored_; }

private:
    struct Lane {
        std::size_t part = 0;
        BlockWriter writer;
    };
    bool step(const Lane &lane, bool asks);
    void note(std::size_t part, uakv_status status);

    uakv_space &space_;
    const std::span<const uakv_key> keys_;
    const void *const *data_;
    const std::size_t *lengths_;
    uakv_status *each_;
    std::array<Lane, lanes_max> lanes_;
    uakv_status status_ = UAKV_OK;
    std::size_t stored_ = 0;
};

// The slot as its caller has it, and back: of several copies, one gets the reservation.
uakv_slot open_slot(Reservation reservation);
uakv_status take_reservation(const uakv_slot &slot, Reservation &reservation);
uakv_status abort(uakv_slot &slot);

// How to commit it: at the daemon that granted the slot, or at one that goes on with what that has left, where the
// space may have another number.
Result<Call::Setting> begin_commit(Reservation &reservation);

} // namespace uakv
