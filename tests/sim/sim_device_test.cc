// The simulated disk itself: it keeps what it must keep, lies where it is asked to, and stops whoever misuses it.
#include "sim/device_driver.h"
#include "sim/sim_device.h"
#include "support/check.h"
#include "support/child.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr BlockDevice::FileName file_1{BlockDevice::FileKind::log, 1};
constexpr BlockDevice::FileName file_2{BlockDevice::FileKind::log, 2};
constexpr std::uint64_t seeds = 200;
constexpr std::uint32_t always = 10'000;

struct Disk {
    explicit Disk(std::uint64_t seed = 1, const SimOptions &options = {}, SimImage image = {})
        : device(clock, seed, options, std::move(image)), driver(device) {}
    SimClock clock;
    SimDevice device;
    DeviceDriver driver;
};

std::vector<std::byte> read_back(const SimImage &image, std::uint64_t pages) {
    std::vector<std::byte> bytes(pages * page);
    image.read(file_1, 0, bytes);
    return bytes;
}

// What the page shows: 0 where it is zeros, n where it is a buffer that is filled with n, -1 where it is neither.
int shown(const SimImage &image, std::uint64_t number) {
    const auto bytes = read_back(image, number + 1);
    const std::byte first = bytes[number * page];
    const auto whole = std::span(bytes).subspan(number * page, page);
    return std::ranges::all_of(whole, [first](std::byte byte) { return byte == first; }) ? std::to_integer<int>(first)
                                                                                         : -1;
}

void the_same_seed_is_the_same_disk() {
    const auto run = [](std::uint64_t seed) {
        Disk disk(seed, {.latency_ns_max = 1000, .short_writes = 2000});
        disk.driver.create(file_1, 64 * page);
        PageBuffer memory(64 * page, 1);
        std::vector<std::uint64_t> told;
        std::vector<BlockDevice::Piece> pieces(64);
        for (std::uint64_t i = 0; i < 64; ++i) {
            pieces[i] = memory.pages(i, 1);
            disk.device.write(file_1, i * page, {&pieces[i], 1}, i);
        }
        for (const auto &done : disk.driver.finish(64)) {
            told.push_back(done.ticket * 10'000 + done.bytes);
        }
        told.push_back(disk.clock.now_ns);
        const auto bytes = read_back(disk.device.crash(), 64);
        return std::pair(told, bytes);
    };
    CHECK(run(5) == run(5));
    CHECK(run(5).first != run(6).first);
    CHECK(run(5).second != run(6).second);
}

void a_crash_keeps_what_was_synced() {
    for (const SimCrash crash :
         {SimCrash::mixed, SimCrash::lose, SimCrash::keep, SimCrash::pages, SimCrash::sectors, SimCrash::reordered}) {
        for (std::uint64_t seed = 1; seed <= seeds / 10; ++seed) {
            Disk disk(seed, {.crash = crash});
            disk.driver.create(file_1, 4 * page);
            PageBuffer memory(2 * page, 1);
            disk.driver.write(file_1, 0, {{memory.all()}});
            disk.driver.sync(file_1);
            disk.driver.write(file_1, 2 * page, {{memory.all()}});
            const SimImage &image = disk.device.crash();
            CHECK_EQ(image.files.at(file_1).bytes, 4 * page);
            CHECK_EQ(shown(image, 0), 1);
            CHECK_EQ(shown(image, 1), 1);
            if (crash == SimCrash::lose) {
                CHECK_EQ(shown(image, 2), 0);
            } else if (crash == SimCrash::keep) {
                CHECK_EQ(shown(image, 2), 1);
            }
            // And the next life begins with it.
            Disk next(seed, {}, image);
            PageBuffer target(page);
            next.driver.read(file_1, page, target.all());
            CHECK(target.all()[0] == std::byte{1});
        }
    }
}

// What is written after a sync was begun is not covered by it, although it is done before the sync is.
void a_sync_covers_what_was_done_before_it() {
    Disk disk(1, {.in_order = true, .crash = SimCrash::lose});
    disk.driver.create(file_1, 4 * page);
    PageBuffer memory(page, 1);
    disk.driver.write(file_1, 0, {{memory.all()}});
    const BlockDevice::Piece piece = memory.all();
    disk.device.write(file_1, page, {&piece, 1}, 1); // under way when the sync begins
    disk.device.sync(file_1, 2);
    disk.device.write(file_1, 2 * page, {&piece, 1}, 3); // begun after it
    disk.driver.finish(3);
    const SimImage &image = disk.device.crash();
    CHECK_EQ(shown(image, 0), 1);
    CHECK_EQ(shown(image, 1), 0);
    CHECK_EQ(shown(image, 2), 0);
}

void a_crash_tears_between_sectors() {
    std::set<int> seen;
    std::uint64_t torn = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        Disk disk(seed, {.crash = SimCrash::sectors});
        disk.driver.create(file_1, page);
        PageBuffer memory(page, 1);
        disk.driver.write(file_1, 0, {{memory.all()}});
        const auto bytes = read_back(disk.device.crash(), 1);
        seen.insert(shown(disk.device.crash(), 0));
        torn += disk.device.counts().torn_pages;
        for (std::size_t sector = 0; sector < page; sector += sim_sector_bytes) {
            const auto whole = std::span(bytes).subspan(sector, sim_sector_bytes);
            CHECK(std::ranges::count(whole, whole[0]) == std::ptrdiff_t{sim_sector_bytes});
        }
    }
    CHECK(seen.contains(-1));
    CHECK(torn > seeds / 2);
}

void a_crash_reorders() {
    std::set<int> seen;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        Disk disk(seed, {.crash = SimCrash::reordered});
        disk.driver.create(file_1, page);
        PageBuffer first(page, 1);
        PageBuffer second(page, 2);
        disk.driver.write(file_1, 0, {{first.all()}});
        disk.driver.write(file_1, 0, {{second.all()}});
        const auto bytes = read_back(disk.device.crash(), 1);
        for (std::size_t sector = 0; sector < page; sector += sim_sector_bytes) {
            seen.insert(std::to_integer<int>(bytes[sector]));
        }
    }
    CHECK(seen == (std::set{0, 1, 2}));
}

void a_crash_while_files_come_and_go() {
    std::set<std::uint64_t> lengths;
    int created = 0;
    int removed = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        Disk disk(seed);
        disk.driver.create(file_1, 4 * page);
        disk.device.create(file_2, 4 * page, 1);
        disk.device.remove(file_1, 2);
        disk.device.submit();
        const SimImage &image = disk.device.crash();
        removed += image.files.contains(file_1) ? 0 : 1;
        if (image.files.contains(file_2)) {
            ++created;
            lengths.insert(image.files.at(file_2).bytes);
        }
    }
    CHECK(created > 0 && std::cmp_less(created, seeds));
    CHECK(removed > 0 && std::cmp_less(removed, seeds));
    CHECK(lengths.contains(0) && lengths.contains(4 * page) && lengths.size() > 10);

    Disk disk;
    disk.driver.create(file_1, page);
    disk.driver.create(file_2, page);
    disk.driver.remove(file_1);
    CHECK(!disk.device.crash().files.contains(file_1) && disk.device.crash().files.contains(file_2));
}

void a_crash_that_is_armed() {
    for (std::uint64_t at = 0; at < 6; ++at) {
        Disk disk(1, {.in_order = true, .crash = SimCrash::keep});
        disk.driver.create(file_1, 8 * page);
        disk.device.crash_after(at);
        PageBuffer memory(page, 1);
        const BlockDevice::Piece piece = memory.all();
        for (std::uint64_t i = 0; i < 4; ++i) {
            CHECK_EQ(disk.device.crashed(), i > at);
            const auto done = disk.driver.write_or_fail(file_1, i * page, {piece});
            CHECK_EQ(done.error, i < at ? 0 : EIO);
        }
        CHECK_EQ(disk.device.crashed(), at < 4);
        const SimImage image = disk.device.crash();
        for (std::uint64_t i = 0; i < 4; ++i) {
            CHECK_EQ(shown(image, i), i < at ? 1 : 0);
        }
        // All that is asked for afterwards fails, and changes nothing.
        CHECK_EQ(disk.driver.create_or_fail(file_2, page).error, EIO);
        CHECK_EQ(disk.driver.sync_or_fail(file_1).error, EIO);
        CHECK_EQ(disk.driver.read_or_fail(file_1, 0, memory.all()).error, EIO);
        CHECK_EQ(disk.driver.remove_or_fail(file_1).error, EIO);
        CHECK_EQ(disk.device.crash().files.size(), 1);
        CHECK(!disk.device.list().ok());
    }
}

void calls_that_fail() {
    Disk disk;
    PageBuffer memory(page, 1);
    disk.device.fail(SimCall::create, 0, EIO);
    CHECK_EQ(disk.driver.create_or_fail(file_1, page).error, EIO);
    CHECK_EQ(disk.device.bytes(), 0);
    disk.driver.create(file_1, page); // the name is free
    disk.device.fail(SimCall::write, 1, ENOSPC);
    disk.driver.write(file_1, 0, {{memory.all()}});
    CHECK_EQ(disk.driver.write_or_fail(file_1, 0, {{memory.all()}}).error, ENOSPC);
    disk.driver.write(file_1, 0, {{memory.all()}});
    for (const SimCall call : {SimCall::read, SimCall::sync, SimCall::remove}) {
        disk.device.fail(call, 0, EIO);
    }
    CHECK_EQ(disk.driver.read_or_fail(file_1, 0, memory.all()).error, EIO);
    CHECK_EQ(disk.driver.sync_or_fail(file_1).error, EIO);
    CHECK_EQ(disk.driver.remove_or_fail(file_1).error, EIO);
    CHECK_EQ(disk.device.bytes(), page); // still there
    disk.device.options().errors.fill(always);
    CHECK_EQ(disk.driver.remove_or_fail(file_1).error, EIO);
    for (const std::uint64_t errors : disk.device.counts().errors) {
        CHECK(errors >= 1);
    }
    disk.device.options().errors.fill(0);
    disk.driver.remove(file_1);
}

// After a sync that failed, some of what it was to cover stays where it was lost, whatever later syncs say.
void a_failed_sync_loses() {
    Disk disk(1, {.crash = SimCrash::lose});
    disk.driver.create(file_1, 64 * page);
    PageBuffer memory(64 * page, 1);
    disk.driver.write(file_1, 0, {{memory.all()}});
    disk.device.fail(SimCall::sync, 0, EIO);
    CHECK_EQ(disk.driver.sync_or_fail(file_1).error, EIO);
    disk.driver.sync(file_1);
    std::array<int, 2> pages{};
    for (std::uint64_t i = 0; i < 64; ++i) {
        ++pages.at(static_cast<std::size_t>(shown(disk.device.crash(), i)));
    }
    CHECK(pages[0] > 0 && pages[1] > 0);
}

void less_than_was_asked_for() {
    Disk disk(1, {.short_reads = always, .short_writes = always});
    disk.driver.create(file_1, 16 * page);
    PageBuffer memory(16 * page, 1);
    PageBuffer target(16 * page);
    std::uint64_t written = 0;
    for (int round = 0; round < 10; ++round) {
        const auto done = disk.driver.write_or_fail(file_1, 0, {memory.pages(0, 7), memory.pages(7, 9)});
        CHECK(done.error == 0 && done.bytes > 0 && done.bytes <= 16 * page && done.bytes % sim_sector_bytes == 0);
        written = std::max(written, done.bytes);
    }
    CHECK(written < 16 * page || disk.device.counts().short_writes < 10);
    CHECK(disk.device.counts().short_writes > 0);
    const SimImage image = disk.device.image();
    const auto bytes = read_back(image, 16);
    CHECK_EQ(std::ranges::count(bytes, std::byte{1}), written);
    const std::uint64_t read = disk.driver.read_some(file_1, 0, target.all());
    CHECK(read > 0 &&
          std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(read), target.all().begin()));
    CHECK(std::ranges::all_of(target.all().subspan(read), [](std::byte byte) { return byte == std::byte{0xA5}; }));
}

const SimDamage &damage_of(const SimDevice &device, SimDamage::Kind kind) {
    const auto found = std::ranges::find(device.damages(), kind, &SimDamage::kind);
    CHECK(found != device.damages().end());
    return *found;
}

void writes_that_are_lost_rot_or_stray() {
    PageBuffer memory(2 * page, 1);
    {
        Disk disk(1, {.lost_writes = always});
        disk.driver.create(file_1, 8 * page);
        disk.driver.write(file_1, 0, {{memory.all()}});
        CHECK_EQ(shown(disk.device.image(), 0), 0);
        CHECK_EQ(damage_of(disk.device, SimDamage::Kind::lost).bytes, 2 * page);
        CHECK_EQ(disk.device.counts().lost, 1);
    }
    {
        Disk disk(1, {.rotten_writes = always});
        disk.driver.create(file_1, 8 * page);
        disk.driver.write(file_1, page, {{memory.all()}});
        disk.driver.sync(file_1);
        const auto bytes = read_back(disk.device.crash(), 8);
        int bits = 0;
        for (std::size_t at = page; at < 3 * page; ++at) {
            bits += std::popcount(std::to_integer<unsigned>(bytes[at] ^ std::byte{1}));
        }
        CHECK_EQ(bits, 1);
        const SimDamage &damage = damage_of(disk.device, SimDamage::Kind::rot);
        CHECK(damage.offset >= page && damage.offset + damage.bytes <= 3 * page);
        CHECK_EQ(disk.device.crash().damages.size(), 1); // the next life knows of it
    }
    {
        Disk disk(3, {.misdirected_writes = always});
        disk.driver.create(file_1, 256 * page);
        disk.driver.write(file_1, 0, {{memory.all()}});
        const SimImage image = disk.device.image();
        const SimDamage &there = damage_of(disk.device, SimDamage::Kind::overwritten);
        CHECK(there.offset != 0);
        CHECK_EQ(shown(image, there.offset / page), 1);
        CHECK_EQ(shown(image, 0), 0);
        CHECK_EQ(damage_of(disk.device, SimDamage::Kind::misdirected).offset, 0);
    }
    Disk disk;
    CHECK(!disk.device.rot()); // nothing was written
    disk.driver.create(file_1, 8 * page);
    disk.driver.write(file_1, 3 * page, {{memory.all()}});
    CHECK(disk.device.rot());
    CHECK(shown(disk.device.image(), 3) == -1 || shown(disk.device.image(), 4) == -1);
    disk.driver.remove(file_1);
    CHECK(disk.device.damages().empty());
}

void a_full_disk() {
    Disk disk(1, {.size_bytes = 10 * page, .foreign_bytes = 2 * page});
    CHECK_EQ(disk.device.free_bytes(), 8 * page);
    disk.driver.create(file_1, 5 * page);
    CHECK_EQ(disk.driver.create_or_fail(file_2, 4 * page).error, ENOSPC);
    CHECK_EQ(disk.device.free_bytes(), 3 * page);
    CHECK_EQ(disk.device.bytes_peak(), 5 * page);
    disk.device.options().foreign_bytes = 0;
    disk.driver.create(file_2, 4 * page);
    CHECK_EQ(disk.device.counts().no_space, 1);
    disk.device.options().foreign_bytes = 10 * page;
    CHECK_EQ(disk.device.free_bytes(), 0);
}

void a_slow_disk() {
    Disk disk(1, {.latency_ns_min = 1000, .latency_ns_max = 2000, .bytes_per_second = page * ns_per_s / 10'000});
    const std::uint64_t begin = disk.clock.now_ns;
    disk.driver.create(file_1, 8 * page);
    CHECK(disk.clock.now_ns >= begin + 1000);
    CHECK(disk.clock.now_ns < begin + 2000);
    PageBuffer memory(8 * page, 1);
    disk.device.read(file_1, 0, memory.all(), 1);
    disk.device.submit();
    std::vector<BlockDevice::Done> done;
    disk.device.poll(done);
    CHECK(done.empty()); // not yet: the clock stands still
    disk.clock.now_ns += 79'999;
    disk.device.poll(done);
    CHECK(done.empty());
    disk.clock.now_ns += 3'000;
    disk.device.poll(done);
    CHECK_EQ(done.size(), 1);
}

// ---- misuse -----------------------------------------------------------------------------------------------

void check_stopped(const char *what, const std::function<void(Disk &, PageBuffer &)> &misuse) {
    Child child([&] {
        CHECK(std::freopen("/dev/null", "w", stderr) != nullptr);
        Disk disk(1, {.in_order = true});
        disk.driver.create(file_1, 8 * page);
        PageBuffer memory(8 * page, 1);
        misuse(disk, memory);
    });
    CHECK_MESSAGE(child.end().starts_with("signal 6"), std::string("not stopped: ") + what);
}

void misuse_is_stopped() {
    check_stopped("half a page",
                  [](Disk &disk, PageBuffer &memory) { disk.driver.write(file_1, 0, {{memory.all().first(512)}}); });
    check_stopped("memory off a page",
                  [](Disk &disk, PageBuffer &memory) { disk.driver.read(file_1, 0, memory.all().subspan(512, page)); });
    check_stopped("offset off a page",
                  [](Disk &disk, PageBuffer &memory) { disk.driver.write(file_1, 512, {{memory.pages(0, 1)}}); });
    check_stopped("beyond the file",
                  [](Disk &disk, PageBuffer &memory) { disk.driver.write(file_1, 7 * page, {{memory.pages(0, 2)}}); });
    check_stopped("made twice", [](Disk &disk, PageBuffer &) { disk.driver.create(file_1, page); });
    check_stopped("not there", [](Disk &disk, PageBuffer &) { disk.driver.sync(file_2); });
    check_stopped("not made yet", [](Disk &disk, PageBuffer &memory) {
        disk.device.create(file_2, page, 1);
        disk.device.read(file_2, 0, memory.pages(0, 1), 2);
    });
    check_stopped("removed while it is read", [](Disk &disk, PageBuffer &memory) {
        disk.device.read(file_1, 0, memory.all(), 1);
        disk.device.remove(file_1, 2);
    });
    check_stopped("read while it is removed", [](Disk &disk, PageBuffer &memory) {
        disk.device.remove(file_1, 2);
        disk.device.read(file_1, 0, memory.all(), 1);
    });
    check_stopped("read where it is written", [](Disk &disk, PageBuffer &memory) {
        const BlockDevice::Piece piece = memory.pages(0, 1);
        disk.device.write(file_1, page, {&piece, 1}, 1);
        disk.device.read(file_1, 0, memory.pages(2, 2), 2);
    });
    check_stopped("memory of two reads", [](Disk &disk, PageBuffer &memory) {
        disk.device.read(file_1, 0, memory.pages(0, 2), 1);
        disk.device.read(file_1, 2 * page, memory.pages(1, 2), 2);
    });
    check_stopped("memory of a read and a write", [](Disk &disk, PageBuffer &memory) {
        const BlockDevice::Piece piece = memory.pages(0, 1);
        disk.device.write(file_1, page, {&piece, 1}, 1);
        disk.device.read(file_1, 4 * page, memory.pages(0, 2), 2);
    });
    check_stopped("memory changed while it is written", [](Disk &disk, PageBuffer &memory) {
        const BlockDevice::Piece piece = memory.pages(0, 1);
        disk.device.write(file_1, 0, {&piece, 1}, 1);
        memory.all()[100] = std::byte{7};
        disk.driver.finish(1);
    });
    check_stopped("memory changed while it is read", [](Disk &disk, PageBuffer &memory) {
        disk.device.read(file_1, 0, memory.pages(0, 1), 1);
        memory.all()[100] = std::byte{7};
        disk.driver.finish(1);
    });
}

constexpr Case cases[] = {
    {"the_same_seed_is_the_same_disk", the_same_seed_is_the_same_disk},
    {"a_crash_keeps_what_was_synced", a_crash_keeps_what_was_synced},
    {"a_sync_covers_what_was_done_before_it", a_sync_covers_what_was_done_before_it},
    {"a_crash_tears_between_sectors", a_crash_tears_between_sectors},
    {"a_crash_reorders", a_crash_reorders},
    {"a_crash_while_files_come_and_go", a_crash_while_files_come_and_go},
    {"a_crash_that_is_armed", a_crash_that_is_armed},
    {"calls_that_fail", calls_that_fail},
    {"a_failed_sync_loses", a_failed_sync_loses},
    {"less_than_was_asked_for", less_than_was_asked_for},
    {"writes_that_are_lost_rot_or_stray", writes_that_are_lost_rot_or_stray},
    {"a_full_disk", a_full_disk},
    {"a_slow_disk", a_slow_disk},
    {"misuse_is_stopped", misuse_is_stopped},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("sim_device", uakv::test::cases);
}
