// The calls that only ask the daemon: remove, pin, prefetch, clear, flush, statistics.
#pragma once

#include "clientlib/call.h"
#include "clientlib/spaces.h"

#include <array>
#include <span>

namespace uakv {

// uakv_remove, uakv_pin and uakv_prefetch: one question for each key; of the last, for each that lies on disk alone.
class KeysCall final : public Call {
public:
    // `opcode` is remove, pin or prefetch; ttl_ms is for pin.
    KeysCall(Setting setting, Opcode opcode, uakv_space &space, std::span<const uakv_key> keys, std::uint32_t ttl_ms)
        : Call(std::move(setting), keys.size(), lanes_max), opcode_(opcode), space_(space), keys_(keys),
          ttl_ms_(ttl_ms) {}

    bool begin(std::size_t part, std::size_t lane, Submission &submission) override;
    bool go_on(std::size_t lane, const Completion &answer, Submission &submission) override;
    void fail(std::size_t lane, const Error &why, Sent sent) override;
    uakv_status status() const override;
    void give_result(uakv_completion &out) override { out.result.count = count_; }

    std::size_t count() const { return count_; } // blocks that there were

private:
    bool may_ask();

    const Opcode opcode_;
    uakv_space &space_;
    const std::span<const uakv_key> keys_;
    const std::uint32_t ttl_ms_;
    std::size_t count_ = 0;
    uakv_status error_ = UAKV_OK;
};

// uakv_clear.
class ClearCall final : public Call {
public:
    ClearCall(Setting setting, uakv_space &space) : Call(std::move(setting), 1, 1), space_(space) {}

    bool begin(std::size_t part, std::size_t lane, Submission &submission) override;
    bool go_on(std::size_t lane, const Completion &answer, Submission &submission) override;
    void fail(std::size_t lane, const Error &why, Sent sent) override;
    uakv_status status() const override { return status_; }

private:
    uakv_space &space_;
    uakv_status status_ = UAKV_OK;
};

// uakv_flush.
class FlushCall final : public Call {
public:
    FlushCall(Setting setting, uakv_space &space) : Call(std::move(setting), 1, 1), space_(space) {}

    bool begin(std::size_t part, std::size_t lane, Submission &submission) override;
    bool go_on(std::size_t lane, const Completion &answer, Submission &submission) override;
    void fail(std::size_t lane, const Error &why, Sent sent) override;
    uakv_status status() const override { return status_; }

private:
    bool over(uakv_status status);

    uakv_space &space_;
    std::uint64_t stored_in_ = 0; // what uakv_space::stored_in was: blocks that are stored from here on note it anew
    uakv_status status_ = UAKV_OK;
};

// uakv_stats. `out` is checked: its struct_size holds at least a counter.
class StatisticsCall final : public Call {
public:
    StatisticsCall(Setting setting, uakv_statistics &out) : Call(std::move(setting), 1, 1), out_(out) {}

    bool begin(std::size_t part, std::size_t lane, Submission &submission) override;
    bool go_on(std::size_t lane, const Completion &answer, Submission &submission) override;
    void fail(std::size_t lane, const Error &why, Sent sent) override;
    uakv_status status() const override { return status_; }

private:
    uakv_statistics &out_;
    uakv_status status_ = UAKV_OK;
};

} // namespace uakv
