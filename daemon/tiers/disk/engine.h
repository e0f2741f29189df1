// What the parts of the tier share: the device, the time of this turn, what is counted and what happened.
#pragma once

#include "daemon/base/log.h"
#include "daemon/base/seldom.h"
#include "daemon/tiers/disk/admission.h"
#include "daemon/tiers/disk/disk_tier.h"
#include "daemon/tiers/disk/page_pool.h"

#include <cstring>
#include <functional>
#include <utility>
#include <vector>

namespace uakv::disk {

using FileKind = BlockDevice::FileKind;
using Event = DiskTier::Event;

constexpr BlockDevice::FileName log_file(FileNumber number) {
    return {FileKind::log, number};
}

struct Engine {
    Engine(BlockDevice &device, Workers &workers_, const DiskOptions &options_) : io(device), workers(workers_) {
        options = options_;
    }

    IoQueue io;
    Workers &workers;
    DiskOptions options;
    StoreId store{};
    std::uint64_t seed = 0; // of hash tables: a secret, for keys are chosen by clients
    Moment now;
    std::uint64_t next_sequence = 1; // of the next record
    bool closing = false;            // no new writes
    bool stopping = false;           // no new work at all
    bool broken = false;             // the breaker is open

    DiskStatistics counts;
    Admission admission;
    std::vector<Event> events;
    PagePool pages;

    // One log line a minute each, however often it happens.
    Seldom write_trouble;
    Seldom read_trouble;
    Seldom room_trouble;

    void tell(Event::Kind kind, uakv_status status, DiskTier::Tag tag) { events.push_back({kind, status, tag, 0, {}}); }
    void tell_dropped(SpaceNumber space, const uakv_key &key) {
        events.push_back({Event::Kind::dropped, UAKV_OK, 0, space, key});
    }
};

} // namespace uakv::disk
