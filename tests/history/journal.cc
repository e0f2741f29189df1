#include "history/journal.h"

#include "support/check.h"

#include <ctime>

namespace uakv::test {

uint64_t Journal::now_ns() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

uint32_t Journal::invoke(Operation operation) {
    const uint32_t number = used_.load(std::memory_order_relaxed);
    CHECK(number < capacity);
    operation.responded_ns = 0;
    operation.invoked_ns = now_ns();
    operations_[number] = operation;
    used_.store(number + 1, std::memory_order_release);
    return number;
}

void Journal::respond(uint32_t number, uakv_status status, uint64_t at_ns) {
    operations_[number].status = status;
    std::atomic_ref<uint64_t>(operations_[number].responded_ns).store(at_ns, std::memory_order_release);
}

std::vector<Operation> Journal::read() const {
    return {operations_, operations_ + used_.load(std::memory_order_acquire)};
}

} // namespace uakv::test
