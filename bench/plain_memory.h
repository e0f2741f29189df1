// What uakv is compared with: shared memory of the same kind and size, mapped and faulted in, without uakv.
#pragma once

#include <cstddef>
#include <cstdint>

namespace uakv::bench {

class PlainMemory {
public:
    explicit PlainMemory(std::uint64_t bytes);
    ~PlainMemory();
    PlainMemory(const PlainMemory &) = delete;
    PlainMemory &operator=(const PlainMemory &) = delete;

    std::byte *data() const { return data_; }

private:
    std::byte *data_ = nullptr;
    std::uint64_t bytes_;
};

} // namespace uakv::bench
