// Client processes that are measured at the same time, and the memory in which they leave their samples.
#pragma once

#include "failure.h"

#include <atomic>
#include <cstddef>
#include <functional>
#include <span>
#include <sys/mman.h>
#include <type_traits>

namespace uakv::bench {

// Runs body(0) ... body(count - 1), each in a process of its own that is pinned to its cpu, and returns when
// all have ended. Throws when one of them failed; the others are killed then.
void run_processes(unsigned count, const std::function<void(unsigned)> &body);

// Runs body() here while `other` runs in a process of its own, as the second client. Throws when either failed.
void run_beside(const std::function<void()> &other, const std::function<void()> &body);

// Zeroed memory that processes forked from here on share with this one.
template <typename T> class SharedArray {
    static_assert(std::is_trivially_destructible_v<T>);

public:
    explicit SharedArray(std::size_t count) : count_(count) {
        void *memory = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            throw Failure("cannot map memory for samples");
        }
        data_ = static_cast<T *>(memory);
    }
    ~SharedArray() { munmap(data_, count_ * sizeof(T)); }
    SharedArray(const SharedArray &) = delete;
    SharedArray &operator=(const SharedArray &) = delete;

    T &operator[](std::size_t index) { return data_[index]; }
    std::span<T> span(std::size_t first, std::size_t count) { return {data_ + first, count}; }

private:
    T *data_ = nullptr;
    std::size_t count_;
};

// Nobody passes before all have come. May be used again and again by the same processes.
class Gate {
public:
    explicit Gate(unsigned processes) : processes_(processes), arrived_(1) {}
    void pass();

private:
    unsigned processes_;
    SharedArray<std::atomic<unsigned>> arrived_;
};

} // namespace uakv::bench
