// uakv_retrieve_or_reserve: of many that miss a key, the daemon lets one compute it.
#pragma once

#include "clientlib/block_writer.h"

namespace uakv {

class FlightCall final : public Call {
public:
    FlightCall(Setting setting, uakv_space &space, const uakv_key &key, std::size_t length)
        : Call(std::move(setting), 1, 1), space_(space), key_(key), block_{&space, &key_, length, nullptr, nullptr, 0} {
    }

    bool begin(std::size_t part, std::size_t lane, Submission &submission) override;
    bool go_on(std::size_t lane, const Completion &answer, Submission &submission) override;
    void fail(std::size_t lane, const Error &why, Sent sent) override;
    uakv_status status() const override { return status_; }
    void give_result(uakv_completion &out) override;

    const uakv_view &view() const { return view_; } // with UAKV_OK
    uakv_slot take_slot();                          // with UAKV_MISS

private:
    bool look_around(Submission &submission);
    bool claim(bool anew, Submission &submission);
    bool loaded(uakv_status answer, Submission &submission);
    bool over(uakv_status status) {
        status_ = status;
        return false;
    }

    uakv_space &space_;
    const uakv_key key_;
    const BlockWriter::Block block_;
    BlockWriter writer_;
    bool may_claim_ = false;
    bool loading_ = false;
    uakv_view view_{};
    uakv_status status_ = UAKV_OK;
};

// While no daemon can be asked: whether the block is in memory, and a view of it.
bool find_without_daemon(uakv_space &space, const uakv_key &key, uakv_view &view);

} // namespace uakv
