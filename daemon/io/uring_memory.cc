#include "daemon/io/uring_memory.h"

#include "daemon/base/log.h"
#include "daemon/base/units.h"

#include <algorithm>
#include <cstring>
#include <sys/uio.h>

namespace uakv {

void UringMemory::add(std::span<std::byte> memory) {
    while (!memory.empty() && !refused_) {
        const auto part = memory.first(std::min(memory.size(), part_bytes_max));
        if (!add_part(part)) {
            return;
        }
        memory = memory.subspan(part.size());
    }
}

bool UringMemory::add_part(std::span<std::byte> part) {
    if (parts_.size() == parts_max) {
        return false;
    }
    int outcome = 0;
    if (!table_made_) {
        outcome = ::io_uring_register_buffers_sparse(ring_, parts_max);
        table_made_ = outcome == 0;
    }
    const auto number = static_cast<unsigned>(parts_.size());
    if (table_made_) {
        const iovec buffer{part.data(), part.size()};
        const __u64 tag = 0;
        outcome = ::io_uring_register_buffers_update_tag(ring_, number, &buffer, &tag, 1);
    }
    if (outcome < 0) {
        refuse(-outcome, part.size());
        return false;
    }
    parts_.emplace_back(part);
    const auto behind = std::ranges::upper_bound(by_address_, static_cast<const std::byte *>(part.data()), {},
                                                 [this](unsigned each) { return parts_[each].data(); });
    by_address_.insert(behind, number);
    return true;
}

void UringMemory::refuse(int number, std::size_t bytes) {
    refused_ = true;
    log_debug("reads and writes go on without registered memory: the kernel refused {} beside {} parts: {}; raising "
              "RLIMIT_MEMLOCK (LimitMEMLOCK=) would spare some processor time",
              format_size(bytes), parts_.size(), std::strerror(number));
}

std::optional<unsigned> UringMemory::find(std::span<const std::byte> memory) const {
    const auto behind =
        std::ranges::upper_bound(by_address_, memory.data(), {}, [this](unsigned each) { return parts_[each].data(); });
    if (behind == by_address_.begin()) {
        return std::nullopt;
    }
    const std::span<const std::byte> part = parts_[*(behind - 1)];
    if (memory.data() + memory.size() > part.data() + part.size()) {
        return std::nullopt;
    }
    return *(behind - 1);
}

} // namespace uakv
