// A disk tier on a simulated disk, with a clock of its own: turns are made until what is awaited has happened.
#pragma once

#include "daemon/tiers/disk/disk_tier.h"
#include "daemon/tiers/disk/page_buffer.h"
#include "ipc/hashing.h"
#include "sim/sim_device.h"
#include "support/check.h"
#include "support/pattern.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace uakv::test {

using disk::DiskOptions;
using disk::DiskTier;
using disk::PageBuffer;
using Kind = DiskTier::Event::Kind;
using LogName = BlockDevice::FileName;

constexpr std::uint64_t wall_start_ms = 1'790'000'000'000;
constexpr std::uint64_t mib = 1ULL << 20;

inline SpaceDescription space_called(const std::string &name) {
    SpaceDescription space;
    space.block_bytes = 4096;
    space.dtype = UAKV_DTYPE_U8;
    space.ndim = 1;
    space.shape[0] = 4096;
    std::snprintf(space.name, sizeof space.name, "%s", name.c_str());
    return space;
}

class TierOnSim {
public:
    explicit TierOnSim(const DiskOptions &options_ = small(), const SimOptions &faults = {}, std::uint64_t seed = 1)
        : options(options_), device(std::make_unique<SimDevice>(clock, seed, faults)) {
        auto started = Workers::start(0);
        CHECK(started.ok());
        workers = std::move(started.value());
        open();
    }

    // 32 MiB in files of 1 MiB.
    static DiskOptions small() {
        DiskOptions options;
        options.bytes_max = 32 * mib;
        options.file_bytes = mib;
        options.checkpoint_ns = UINT64_MAX / 4;
        return options;
    }

    disk::Moment moment() const { return {clock.now_ns, wall_start_ms + clock.now_ns / ns_per_ms + wall_skip_ms}; }

    void open() {
        auto opened = DiskTier::open(*device, *workers, options, 7, [this] { return moment(); });
        CHECK_MESSAGE(opened.ok(), opened.ok() ? "" : opened.error().detail);
        tier = std::move(opened.value());
        space = tier->space_number(space_called("one"));
    }
    // The daemon stops as it should, and another one starts.
    void reopen() {
        CHECK(tier->close(60 * ns_per_s));
        tier.reset();
        open();
    }
    // The power fails: what was not synced is gone, as the options say.
    void crash(std::uint64_t seed = 2) {
        const SimImage left = device->crash();
        tier.reset();
        const SimOptions faults = device->options();
        device = std::make_unique<SimDevice>(clock, seed, faults, left);
        open();
    }
    // The daemon dies, the disk does not.
    void kill() {
        const SimImage left = device->image();
        device->crash();
        tier.reset();
        device = std::make_unique<SimDevice>(clock, 3, device->options(), left);
        open();
    }

    std::uint64_t turn() {
        workers->take_done();
        const std::size_t before = events.size();
        const std::uint64_t wait_ns = tier->turn(moment(), events);
        for (std::size_t i = before; i < events.size(); ++i) {
            if (events[i].kind == Kind::dropped) {
                ++dropped;
            }
        }
        CHECK(device->bytes() <= std::max(options.bytes_max, bytes_allowed));
        return wait_ns;
    }
    // Turns, with time going on as far as somebody waits for it.
    void run_until(const std::function<bool()> &done, std::uint64_t limit_ns = 1000 * ns_per_s) {
        const std::uint64_t end_ns = clock.now_ns + limit_ns;
        while (!done()) {
            const std::uint64_t wait_ns = turn();
            if (done()) {
                return;
            }
            if (device->under_way() > 0) {
                device->wait();
            } else if (wait_ns > 0) {
                CHECK_MESSAGE(wait_ns < end_ns && clock.now_ns <= end_ns, "nothing goes on, and it is not done");
                clock.now_ns += wait_ns;
            }
            CHECK_MESSAGE(clock.now_ns <= end_ns, "it takes too long");
        }
    }
    void run_for(std::uint64_t ns) {
        const std::uint64_t end_ns = clock.now_ns + ns;
        while (clock.now_ns < end_ns) {
            const std::uint64_t wait_ns = turn();
            if (device->under_way() > 0) {
                device->wait();
            } else {
                clock.now_ns += std::clamp<std::uint64_t>(wait_ns, 1000, end_ns - clock.now_ns + 1000);
            }
        }
    }

    const DiskTier::Event *find_event(Kind kind, DiskTier::Tag tag) const {
        const auto found = std::ranges::find_if(
            events, [&](const DiskTier::Event &event) { return event.kind == kind && event.tag == tag; });
        return found == events.end() ? nullptr : &*found;
    }
    uakv_status await_event(Kind kind, DiskTier::Tag tag) {
        run_until([&] { return find_event(kind, tag) != nullptr; });
        CHECK_EQ(
            std::ranges::count_if(events, [&](const auto &event) { return event.kind == kind && event.tag == tag; }),
            1);
        return find_event(kind, tag)->status;
    }

    // ---- blocks whose bytes belong to their key -----------------------------------------------------------

    static uakv_key key_of(std::uint64_t number) { return make_key("block", number); }

    DiskTier::Tag begin_write(std::uint64_t number, std::size_t bytes = 4096, std::uint64_t expires_ms = UINT64_MAX,
                              bool wanted = false) {
        const DiskTier::Tag tag = ++last_tag;
        PageBuffer &memory = payloads.emplace(tag, PageBuffer(bytes)).first->second;
        std::memset(memory.bytes().data(), 0, memory.bytes().size());
        fill_block(memory.bytes().data(), bytes, key_of(number));
        DiskTier::Write write;
        write.space = space;
        write.key = key_of(number);
        write.block_bytes = bytes;
        write.checksum = write.payload_checksum = checksum_of(memory.bytes().data(), bytes);
        write.expires_ms = expires_ms;
        write.wanted = wanted;
        write.payload = memory.first(bytes);
        write.tag = tag;
        tier->write(write);
        return tag;
    }
    uakv_status write(std::uint64_t number, std::size_t bytes = 4096, std::uint64_t expires_ms = UINT64_MAX,
                      bool wanted = false) {
        const DiskTier::Tag tag = begin_write(number, bytes, expires_ms, wanted);
        const uakv_status status = await_event(Kind::written, tag);
        payloads.erase(tag);
        return status;
    }
    // So many at once; the status of each.
    std::vector<uakv_status> write_all(std::uint64_t first, std::uint64_t count, std::size_t bytes = 4096) {
        std::vector<DiskTier::Tag> tags;
        for (std::uint64_t i = 0; i < count; ++i) {
            tags.push_back(begin_write(first + i, bytes));
        }
        std::vector<uakv_status> statuses;
        for (const DiskTier::Tag tag : tags) {
            statuses.push_back(await_event(Kind::written, tag));
            payloads.erase(tag);
        }
        return statuses;
    }
    void write_good(std::uint64_t first, std::uint64_t count, std::size_t bytes = 4096) {
        for (const uakv_status status : write_all(first, count, bytes)) {
            CHECK_EQ(status, UAKV_OK);
        }
    }

    DiskTier::Tag begin_read(std::uint64_t number, std::size_t bytes = 4096) {
        const DiskTier::Tag tag = ++last_tag;
        PageBuffer &memory = payloads.emplace(tag, PageBuffer(bytes)).first->second;
        tier->read({space, key_of(number), memory.bytes(), tag});
        return tag;
    }
    uakv_status end_read(DiskTier::Tag tag, std::uint64_t number, std::size_t bytes = 4096) {
        const uakv_status status = await_event(Kind::read, tag);
        if (status == UAKV_OK) {
            check_block(payloads.at(tag).bytes().data(), bytes, key_of(number));
        }
        payloads.erase(tag);
        return status;
    }
    // What is read is checked.
    uakv_status read(std::uint64_t number, std::size_t bytes = 4096) {
        return end_read(begin_read(number, bytes), number, bytes);
    }
    void read_good(std::uint64_t first, std::uint64_t count, std::size_t bytes = 4096) {
        for (std::uint64_t i = 0; i < count; ++i) {
            CHECK_EQ(read(first + i, bytes), UAKV_OK);
        }
    }
    bool knows(std::uint64_t number) const { return tier->catalog().find(space, key_of(number)).has_value(); }

    bool was_dropped(std::uint64_t number) const {
        const uakv_key key = key_of(number);
        return std::ranges::any_of(events, [&](const DiskTier::Event &event) {
            return event.kind == Kind::dropped && std::memcmp(&key, &event.key, sizeof key) == 0;
        });
    }

    uakv_status flush() {
        const DiskTier::Tag tag = ++last_tag;
        tier->flush(tag);
        return await_event(Kind::flushed, tag);
    }
    disk::DiskStatistics statistics() const { return tier->statistics(moment()); }

    DiskOptions options;
    SimClock clock;
    std::map<DiskTier::Tag, PageBuffer> payloads; // under way, also when the test ends
    std::uint64_t wall_skip_ms = 0;
    std::uint64_t bytes_allowed = 0; // where the cap was lowered under what there is
    std::unique_ptr<SimDevice> device;
    std::unique_ptr<Workers> workers;
    std::unique_ptr<DiskTier> tier;
    std::vector<DiskTier::Event> events;
    std::uint64_t dropped = 0;
    DiskTier::Tag last_tag = 0;
    disk::SpaceNumber space = 0;
};

} // namespace uakv::test
