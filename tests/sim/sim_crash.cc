// What the simulated disk does on its own: the crash, and rot.
#include "sim/sim_device.h"

#include "ipc/assertion.h"

#include <algorithm>
#include <utility>

namespace uakv::test {

const SimImage &SimDevice::crash() {
    if (!crashed_) {
        crashed_ = survivors();
    }
    return *crashed_;
}

SimImage SimDevice::survivors() {
    SimImage image;
    for (const auto &[name, file] : files_) {
        if (!file.made) {
            crash_creation(name, image);
            continue;
        }
        std::vector<Unsynced> unsynced = file.unsynced;
        bool gone = false;
        for (const Operation &operation : operations_) {
            if (operation.file != name || !operation.submitted) {
                continue;
            }
            gone = gone || (operation.call == SimCall::remove && operation.error == 0 && random_.below(2) == 0);
            for (std::size_t i = 0; i < operation.content.size(); ++i) {
                unsynced.push_back({0, operation.offset / sim_page_bytes + i, operation.content[i], false});
            }
        }
        if (gone) {
            continue;
        }
        SimImage::File &survivor = image.files[name];
        survivor = {file.bytes, file.durable};
        crash_file(unsynced, survivor.pages);
    }
    image.damages = damages_;
    std::erase_if(image.damages, [&](const SimDamage &damage) { return !image.files.contains(damage.file); });
    return image;
}

// A file that was being made is there or not, and has any length up to its own.
void SimDevice::crash_creation(FileName name, SimImage &image) {
    const auto creation = std::ranges::find_if(operations_, [name](const Operation &operation) {
        return operation.file == name && operation.call == SimCall::create;
    });
    UAKV_ASSERT(creation != operations_.end());
    if (!creation->submitted || creation->error != 0) {
        return;
    }
    switch (random_.below(4)) {
    case 0:
        return;
    case 1:
        image.files[name] = {};
        return;
    case 2:
        image.files[name] = {};
        image.truncate(name, random_.below(creation->bytes));
        return;
    default:
        image.files[name] = {};
        image.truncate(name, creation->bytes);
    }
}

void SimDevice::crash_file(std::vector<Unsynced> &unsynced, std::vector<SimPageRef> &pages) {
    SimCrash mode = options_.crash;
    if (mode == SimCrash::mixed) {
        constexpr std::array modes{SimCrash::lose, SimCrash::keep, SimCrash::pages, SimCrash::sectors,
                                   SimCrash::reordered};
        mode = modes[random_.below(modes.size())];
    }
    if (mode == SimCrash::reordered) {
        for (std::size_t i = unsynced.size(); i > 1; --i) {
            std::swap(unsynced[i - 1], unsynced[random_.below(i)]);
        }
    }
    for (const Unsynced &write : unsynced) {
        unsigned sectors = 0;
        if (mode == SimCrash::keep || (mode == SimCrash::pages && random_.below(2) == 0)) {
            sectors = sim_all_sectors;
        } else if (mode == SimCrash::sectors || mode == SimCrash::reordered) {
            sectors = static_cast<unsigned>(random_.below(sim_all_sectors + 1));
        }
        counts_.lost_pages += sectors == 0 ? 1U : 0U;
        counts_.torn_pages += sectors != 0 && sectors != sim_all_sectors ? 1U : 0U;
        pages[write.page] = with_sectors(pages[write.page], write.content, sectors);
    }
}

bool SimDevice::rot() {
    std::vector<std::pair<FileName, std::uint64_t>> written;
    for (const auto &[name, file] : files_) {
        for (std::size_t page = 0; page < file.current.size(); ++page) {
            if (file.current[page]) {
                written.emplace_back(name, page * sim_page_bytes);
            }
        }
    }
    if (written.empty()) {
        return false;
    }
    const auto [name, offset] = written[random_.below(written.size())];
    return rot(name, offset);
}

bool SimDevice::rot(FileName name, std::uint64_t offset) {
    const auto found = files_.find(name);
    const std::size_t page = offset / sim_page_bytes;
    if (found == files_.end() || page >= found->second.current.size()) {
        return false;
    }
    File &file = found->second;
    const SimPageRef good = file.current[page];
    auto rotten = std::make_shared<SimPage>(bytes_of(good));
    const std::uint64_t bit = random_.below(sim_page_bytes * 8);
    (*rotten)[bit / 8] ^= std::byte{1} << (bit % 8);
    file.current[page] = rotten;
    if (file.durable[page] == good) {
        file.durable[page] = rotten;
    }
    for (Unsynced &write : file.unsynced) {
        if (write.page == page && write.content == good) {
            write.content = rotten;
        }
    }
    ++counts_.rotten;
    damages_.push_back({SimDamage::Kind::rot, name,
                        page * sim_page_bytes + bit / 8 / sim_sector_bytes * sim_sector_bytes, sim_sector_bytes});
    return true;
}

SimImage SimDevice::image() const {
    SimImage image;
    for (const auto &[name, file] : files_) {
        if (file.made) {
            image.files[name] = {file.bytes, file.current};
        }
    }
    image.damages = damages_;
    return image;
}

} // namespace uakv::test
