// Memory that an io_uring knows: its pages are looked up and held once, and not for each read and write.
#pragma once

#include "daemon/io/uring.h"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace uakv {

class UringMemory {
public:
    explicit UringMemory(io_uring *ring) : ring_(ring) {}

    // Where it may not be (RLIMIT_MEMLOCK, an older kernel), all goes on without, and the log says so once.
    void add(std::span<std::byte> memory);

    // The number of the buffer that holds all of it.
    std::optional<unsigned> find(std::span<const std::byte> memory) const;

private:
    bool add_part(std::span<std::byte> part);
    void refuse(int number, std::size_t bytes);

    static constexpr unsigned parts_max = 4096;
    static constexpr std::size_t part_bytes_max = 1ULL << 30; // of the kernel

    io_uring *ring_;
    std::vector<std::span<const std::byte>> parts_; // by their numbers
    std::vector<unsigned> by_address_;
    bool table_made_ = false;
    bool refused_ = false;
};

} // namespace uakv
