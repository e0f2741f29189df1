// Where a process writes down what it does: memory that it shares with the test, so that a SIGKILL takes nothing from
// it. An operation is there with its invocation before the call is made; what is known afterwards is there before its
// response is.
#pragma once

#include "history/history.h"

#include <atomic>
#include <cstdint>
#include <vector>

namespace uakv::test {

class Journal {
public:
    static constexpr uint32_t capacity = 1 << 17;
    static constexpr uint32_t margin = 256; // for what is still to be ended

    // There is room for one more operation of any size, and for the end of all.
    bool has_room() const { return used_.load(std::memory_order_relaxed) + margin < capacity; }

    // The operation begins now. Its number is for respond().
    uint32_t invoke(Operation operation);

    Operation &at(uint32_t number) { return operations_[number]; }

    // It has ended: the time that was taken right after the call.
    void respond(uint32_t number, uakv_status status, uint64_t at_ns);

    // Of a process that is gone.
    std::vector<Operation> read() const;

    static uint64_t now_ns();

private:
    std::atomic<uint32_t> used_;
    Operation operations_[capacity];
};

} // namespace uakv::test
