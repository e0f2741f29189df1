// Time, read without a system call.
#pragma once

#include <cstdint>
#include <ctime>

namespace uakv {

constexpr std::uint64_t ns_per_ms = 1'000'000;
constexpr std::uint64_t ns_per_s = 1'000'000'000;

// For deadlines and durations: does not jump.
inline std::uint64_t now_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * ns_per_s + static_cast<std::uint64_t>(time.tv_nsec);
}

// As now_ns(), some milliseconds coarse, and several times as fast.
inline std::uint64_t coarse_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1000 + static_cast<std::uint64_t>(time.tv_nsec) / ns_per_ms;
}

// For lifetimes of blocks: goes on while the machine sleeps, is the same for all processes, and is cheap.
inline std::uint64_t boot_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1000 + static_cast<std::uint64_t>(time.tv_nsec) / ns_per_ms;
}

} // namespace uakv
