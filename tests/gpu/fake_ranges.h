// Device memory for kernels that are run without a driver: byte vectors at addresses that mean nothing to the host,
// with what lies beside them out of bounds.
#pragma once

#include "support/fakecuda/paged_kernels.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace uakv::test {

class FakeRanges final : public fakecuda::DeviceMemory {
public:
    // The device address of these bytes, 4096-aligned; they must stay.
    std::uint64_t add(std::span<std::byte> bytes, bool writable = true) {
        const std::uint64_t address = ranges_.empty() ? first : (ranges_.back().end() + 2 * 4096 - 1) / 4096 * 4096;
        ranges_.push_back({address, bytes, writable});
        return address;
    }

    std::byte *find(std::uint64_t address, std::size_t bytes, bool write) const override {
        for (const Range &range : ranges_) {
            if (address >= range.address && bytes <= range.bytes.size() &&
                address - range.address <= range.bytes.size() - bytes) {
                return write && !range.writable ? nullptr : range.bytes.data() + (address - range.address);
            }
        }
        return nullptr;
    }

private:
    static constexpr std::uint64_t first = 0x7'0000'0000'0000;
    struct Range {
        std::uint64_t address;
        std::span<std::byte> bytes;
        bool writable;
        std::uint64_t end() const { return address + bytes.size(); }
    };
    std::vector<Range> ranges_;
};

} // namespace uakv::test
