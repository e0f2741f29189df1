// Memory for frames on their way to disk or from it: a bounded piece, made once, handed out in pages. Who finds none
// left tries again when others have given back.
#pragma once

#include "ipc/result.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>

namespace uakv::flow {

class IoBuffers {
public:
    static Result<IoBuffers> make(std::uint64_t bytes);

    // Whole pages for `bytes`, at a page's beginning.
    std::optional<std::span<std::byte>> take(std::uint64_t bytes);
    void give_back(std::span<std::byte> buffer);

    // Whether take() could ever serve this, with enough left for others.
    bool serves(std::uint64_t bytes) const { return bytes <= bytes_ / 4; }

    std::span<std::byte> memory() const { return {memory_.get(), bytes_}; }
    std::uint64_t used() const { return used_; }

private:
    struct Delete {
        void operator()(std::byte *memory) const;
    };
    using Memory = std::unique_ptr<std::byte, Delete>;

    IoBuffers(Memory memory, std::uint64_t bytes);

    Memory memory_;
    std::uint64_t bytes_;
    std::uint64_t used_ = 0;
    std::map<std::uint64_t, std::uint64_t> free_; // from where, how much; no two of them touch
};

} // namespace uakv::flow
