// A call that needs the daemon, as a state machine: it says what to ask and takes the answers. Two drivers move it on:
// run() waits for each answer, and AsyncCalls collects them. So each call is written once.
//
// A call has one part or many (uakv_store_many, uakv_remove); a part that is on its way is in a lane.
#pragma once

#include "clientlib/attachments.h"
#include "ipc/result.h"
#include "ipc/session_layout.h"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace uakv {

// As many parts on their way as keep the daemon busy while the next block is copied.
constexpr std::size_t lanes_max = 16;

class Call {
public:
    // What a call is made of: what it visits, since when and for how long it may last, and under which name its
    // latency counts.
    struct Setting {
        Visit visit;
        std::uint64_t started_ns = 0;
        std::uint64_t deadline_ns = 0;
        std::optional<TimedCall> timed;
    };
    Call(Setting setting, std::size_t parts, std::size_t lanes)
        : visit_(std::move(setting.visit)), started_ns_(setting.started_ns), deadline_ns_(setting.deadline_ns),
          timed_(setting.timed), parts_(parts), lanes_(lanes) {}
    virtual ~Call() = default;
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;

    std::size_t parts() const { return parts_; }
    std::size_t lanes() const { return lanes_; }
    std::uint64_t deadline_ns() const { return deadline_ns_; }
    Attachment &attachment() const { return *visit_; }
    const Visit &visit() const { return visit_; }

    // Begins a part in a free lane. True: `submission` is to be sent, and the answer goes to go_on(). False: the part
    // is over, and its lane is free again.
    virtual bool begin(std::size_t part, std::size_t lane, Submission &submission) = 0;
    virtual bool go_on(std::size_t lane, const Completion &answer, Submission &submission) = 0;

    // No answer will come: the part is over. What was not sent has not happened; what was, perhaps.
    enum class Sent { no, yes };
    virtual void fail(std::size_t lane, const Error &why, Sent sent) = 0;

    // The part will not be begun.
    virtual void skip(std::size_t, const Error &) {}

    // Once all parts are over.
    void record_latency() const;

    // What the call returns once all parts are over.
    virtual uakv_status status() const { return status_; }
    // What a completion carries beside.
    virtual void give_result(uakv_completion &) {}

protected:
    // The first error is the call's; without one, its last outcome.
    bool over(uakv_status status) {
        if (status_ >= 0) {
            status_ = status;
        }
        return false;
    }

private:
    const Visit visit_;
    const std::uint64_t started_ns_;
    const std::uint64_t deadline_ns_;
    const std::optional<TimedCall> timed_;
    const std::size_t parts_;
    const std::size_t lanes_;
    uakv_status status_ = UAKV_OK;
};

// Moves the call on to its end, waiting for the daemon as long as its deadline allows.
uakv_status run(Call &call);

} // namespace uakv
