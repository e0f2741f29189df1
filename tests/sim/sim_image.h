// What lies on a simulated disk: files of pages, some of which share their bytes. A value: copies are cheap, and
// nothing that happens to one is seen in another.
#pragma once

#include "daemon/io/block_device.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace uakv::test {

constexpr std::size_t sim_page_bytes = limits::page_bytes;
constexpr std::size_t sim_sector_bytes = 512; // a crash tears a write between two of these

using SimPage = std::array<std::byte, sim_page_bytes>;
using SimPageRef = std::shared_ptr<const SimPage>; // null: zeros

// The bytes of a page, zeros for null.
const SimPage &bytes_of(const SimPageRef &page);

// The page with other sectors: those from `other` whose bit in `sectors` is set.
SimPageRef with_sectors(const SimPageRef &page, const SimPageRef &other, unsigned sectors);
constexpr unsigned sim_all_sectors = (1U << (sim_page_bytes / sim_sector_bytes)) - 1;

// Where the disk lied: what was written there is not what is read there. The test knows by it what may be missing.
struct SimDamage {
    enum class Kind : std::uint8_t { rot, lost, misdirected, overwritten };
    Kind kind{};
    BlockDevice::FileName file;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
};

struct SimImage {
    // A file that a crash met while it was made may have less than whole pages of its length: `bytes` counts.
    struct File {
        std::uint64_t bytes = 0;
        std::vector<SimPageRef> pages;
    };
    std::map<BlockDevice::FileName, File> files;
    std::vector<SimDamage> damages;

    std::uint64_t bytes() const; // of all files

    // For tests that look at or spoil what lies there.
    void read(BlockDevice::FileName name, std::uint64_t offset, std::span<std::byte> target) const;
    void write(BlockDevice::FileName name, std::uint64_t offset, std::span<const std::byte> source);
    void truncate(BlockDevice::FileName name, std::uint64_t bytes);
};

} // namespace uakv::test
