#include "sim/sim_image.h"

#include "ipc/assertion.h"

#include <algorithm>
#include <cstring>

namespace uakv::test {

const SimPage &bytes_of(const SimPageRef &page) {
    static const SimPage zeros{};
    return page ? *page : zeros;
}

SimPageRef with_sectors(const SimPageRef &page, const SimPageRef &other, unsigned sectors) {
    if (sectors == 0) {
        return page;
    }
    if (sectors == sim_all_sectors) {
        return other;
    }
    auto mixed = std::make_shared<SimPage>(bytes_of(page));
    for (std::size_t sector = 0; sector * sim_sector_bytes < sim_page_bytes; ++sector) {
        if ((sectors >> sector & 1U) != 0) {
            std::memcpy(mixed->data() + sector * sim_sector_bytes, bytes_of(other).data() + sector * sim_sector_bytes,
                        sim_sector_bytes);
        }
    }
    return mixed;
}

std::uint64_t SimImage::bytes() const {
    std::uint64_t sum = 0;
    for (const auto &[name, file] : files) {
        sum += file.bytes;
    }
    return sum;
}

void SimImage::read(BlockDevice::FileName name, std::uint64_t offset, std::span<std::byte> target) const {
    const File &file = files.at(name);
    UAKV_ASSERT(offset + target.size() <= file.pages.size() * sim_page_bytes);
    while (!target.empty()) {
        const std::size_t within = offset % sim_page_bytes;
        const std::size_t bytes = std::min(target.size(), sim_page_bytes - within);
        std::memcpy(target.data(), bytes_of(file.pages[offset / sim_page_bytes]).data() + within, bytes);
        target = target.subspan(bytes);
        offset += bytes;
    }
}

void SimImage::write(BlockDevice::FileName name, std::uint64_t offset, std::span<const std::byte> source) {
    File &file = files.at(name);
    UAKV_ASSERT(offset + source.size() <= file.pages.size() * sim_page_bytes);
    while (!source.empty()) {
        const std::size_t within = offset % sim_page_bytes;
        const std::size_t bytes = std::min(source.size(), sim_page_bytes - within);
        SimPageRef &page = file.pages[offset / sim_page_bytes];
        auto changed = std::make_shared<SimPage>(bytes_of(page));
        std::memcpy(changed->data() + within, source.data(), bytes);
        page = std::move(changed);
        source = source.subspan(bytes);
        offset += bytes;
    }
}

void SimImage::truncate(BlockDevice::FileName name, std::uint64_t bytes) {
    File &file = files.at(name);
    file.bytes = bytes;
    file.pages.resize((bytes + sim_page_bytes - 1) / sim_page_bytes);
}

} // namespace uakv::test
