// Memory for whole pages, as a BlockDevice wants it.
#pragma once

#include "ipc/limits.h"

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>

namespace uakv::disk {

class PageBuffer {
public:
    PageBuffer() = default;
    // Of at least so many bytes, in whole pages. Empty where there is no memory.
    explicit PageBuffer(std::size_t bytes)
        : bytes_((bytes + limits::page_bytes - 1) / limits::page_bytes * limits::page_bytes),
          memory_(static_cast<std::byte *>(std::aligned_alloc(limits::page_bytes, bytes_))) {
        bytes_ = memory_ == nullptr ? 0 : bytes_;
    }

    bool empty() const { return bytes_ == 0; }
    std::span<std::byte> bytes() const { return {memory_.get(), bytes_}; }
    std::span<std::byte> first(std::size_t bytes) const { return this->bytes().first(bytes); }
    template <typename T> T &at(std::size_t offset) const { return *reinterpret_cast<T *>(memory_.get() + offset); }

private:
    struct Free {
        void operator()(std::byte *memory) const { std::free(memory); }
    };
    std::size_t bytes_ = 0;
    std::unique_ptr<std::byte, Free> memory_;
};

} // namespace uakv::disk
