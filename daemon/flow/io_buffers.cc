#include "daemon/flow/io_buffers.h"

#include "ipc/assertion.h"
#include "ipc/limits.h"

#include <algorithm>
#include <iterator>
#include <new>

namespace uakv::flow {
namespace {

constexpr std::align_val_t page_alignment{limits::page_bytes};

std::uint64_t in_pages(std::uint64_t bytes) {
    return (bytes + limits::page_bytes - 1) / limits::page_bytes * limits::page_bytes;
}

} // namespace

void IoBuffers::Delete::operator()(std::byte *memory) const {
    ::operator delete(memory, page_alignment);
}

Result<IoBuffers> IoBuffers::make(std::uint64_t bytes) {
    bytes = in_pages(bytes);
    Memory memory(static_cast<std::byte *>(::operator new(bytes, page_alignment, std::nothrow)));
    if (memory == nullptr) {
        return error(UAKV_ERR_NO_MEMORY, "there is no memory for %llu bytes of buffers between memory and disk",
                     static_cast<unsigned long long>(bytes));
    }
    return IoBuffers(std::move(memory), bytes);
}

IoBuffers::IoBuffers(Memory memory, std::uint64_t bytes) : memory_(std::move(memory)), bytes_(bytes) {
    free_[0] = bytes;
}

std::optional<std::span<std::byte>> IoBuffers::take(std::uint64_t bytes) {
    bytes = in_pages(bytes);
    const auto found =
        std::find_if(free_.begin(), free_.end(), [&](const auto &piece) { return piece.second >= bytes; });
    if (found == free_.end()) {
        return std::nullopt;
    }
    const auto [begin, length] = *found;
    free_.erase(found);
    if (length > bytes) {
        free_[begin + bytes] = length - bytes;
    }
    used_ += bytes;
    return std::span(memory_.get() + begin, bytes);
}

void IoBuffers::give_back(std::span<std::byte> buffer) {
    const auto begin = static_cast<std::uint64_t>(buffer.data() - memory_.get());
    UAKV_ASSERT(begin + buffer.size() <= bytes_ && used_ >= buffer.size());
    used_ -= buffer.size();
    auto piece = free_.emplace(begin, buffer.size()).first;
    if (const auto next = std::next(piece); next != free_.end() && piece->first + piece->second == next->first) {
        piece->second += next->second;
        free_.erase(next);
    }
    if (piece != free_.begin()) {
        if (const auto before = std::prev(piece); before->first + before->second == piece->first) {
            before->second += piece->second;
            free_.erase(piece);
        }
    }
}

} // namespace uakv::flow
