// What a block device promises, asked of both: io_uring on real files, and the simulated disk.
#include "daemon/io/uring_device.h"
#include "sim/device_driver.h"
#include "sim/sim_device.h"
#include "support/check.h"
#include "support/daemon.h"

#include <algorithm>
#include <cstring>
#include <poll.h>
#include <set>
#include <string>

namespace uakv::test {
namespace {

constexpr std::uint64_t file_bytes = 1 << 20;
constexpr BlockDevice::FileName log_1{BlockDevice::FileKind::log, 1};
constexpr BlockDevice::FileName log_2{BlockDevice::FileKind::log, 2};
constexpr BlockDevice::FileName checkpoint_1{BlockDevice::FileKind::checkpoint, 1};

// A place for files that outlives the device on it.
class SimPlace {
public:
    std::unique_ptr<BlockDevice> open(std::unique_ptr<BlockDevice> before = nullptr) {
        if (before) {
            image_ = static_cast<SimDevice &>(*before).image();
            before.reset();
        }
        return std::make_unique<SimDevice>(clock_, 7, SimOptions{.latency_ns_max = 1000}, image_);
    }

private:
    SimClock clock_;
    SimImage image_;
};

class UringPlace {
public:
    std::unique_ptr<BlockDevice> open(std::unique_ptr<BlockDevice> before = nullptr) {
        before.reset();
        auto device = open_uring_device({.path = directory_.path() + "/blocks"});
        if (!device.ok() && device.error().status == UAKV_ERR_UNSUPPORTED) {
            throw Skip(device.error().detail);
        }
        CHECK_MESSAGE(device.ok(), device.error().detail);
        return std::move(device.value());
    }

private:
    Directory directory_;
};

using Infos = std::vector<BlockDevice::FileInfo>;

Infos list(BlockDevice &device) {
    auto infos = device.list();
    CHECK_MESSAGE(infos.ok(), infos.error().detail);
    std::ranges::sort(infos.value(), {}, &BlockDevice::FileInfo::name);
    return std::move(infos.value());
}

void check_files(BlockDevice &device, const Infos &expected) {
    const Infos infos = list(device);
    CHECK_EQ(infos.size(), expected.size());
    for (std::size_t i = 0; i < infos.size(); ++i) {
        CHECK(infos[i].name == expected[i].name);
        CHECK_EQ(infos[i].bytes, expected[i].bytes);
    }
}

template <typename Place> void empty_at_first() {
    Place place;
    auto device = place.open();
    check_files(*device, {});
    CHECK(std::strlen(device->name()) > 0);
    CHECK(device->size_bytes() > 0);
    CHECK(device->free_bytes() <= device->size_bytes());
    device->wait(); // nothing is under way: returns
    device->submit();
    std::vector<BlockDevice::Done> done;
    device->poll(done);
    CHECK(done.empty());
}

template <typename Place> void a_new_file_reads_as_zeros() {
    Place place;
    auto device = place.open();
    DeviceDriver driver(*device);
    driver.create(log_1, file_bytes);
    check_files(*device, {{log_1, file_bytes}});
    PageBuffer memory(file_bytes, 0x77);
    driver.read(log_1, 0, memory.all());
    CHECK(std::ranges::all_of(memory.all(), [](std::byte byte) { return byte == std::byte{0}; }));
}

template <typename Place> void reads_what_was_written() {
    Place place;
    auto device = place.open();
    DeviceDriver driver(*device);
    driver.create(log_1, file_bytes);
    PageBuffer written(file_bytes);
    written.fill(1);
    // One piece, then many pieces that do not lie in order, then as many as there may be.
    driver.write(log_1, 0, {{written.pages(0, 3)}});
    driver.write(log_1, 3 * page, {{written.pages(3, 1), written.pages(4, 2), written.pages(6, 1)}});
    std::vector<BlockDevice::Piece> pieces;
    for (std::size_t i = 0; i < BlockDevice::pieces_max; ++i) {
        pieces.push_back(written.pages(7 + i, 1));
    }
    driver.write(log_1, 7 * page, pieces);
    const std::size_t pages = 7 + BlockDevice::pieces_max;
    PageBuffer target(file_bytes);
    driver.read(log_1, 0, target.pages(0, pages));
    CHECK(std::ranges::equal(target.pages(0, pages), written.pages(0, pages)));
    // A part, at another place in memory; and what was not written is still zeros.
    driver.read(log_1, 5 * page, target.pages(100, 4));
    CHECK(std::ranges::equal(target.pages(100, 4), written.pages(5, 4)));
    driver.read(log_1, pages * page, target.pages(0, 1));
    CHECK(std::ranges::all_of(target.pages(0, 1), [](std::byte byte) { return byte == std::byte{0}; }));
    // Pages in another order.
    driver.write(log_1, 0, {{written.pages(9, 1), written.pages(8, 1)}});
    driver.read(log_1, 0, target.pages(0, 2));
    CHECK(std::ranges::equal(target.pages(0, 1), written.pages(9, 1)));
    CHECK(std::ranges::equal(target.pages(1, 1), written.pages(8, 1)));
}

template <typename Place> void files_are_apart() {
    Place place;
    auto device = place.open();
    DeviceDriver driver(*device);
    PageBuffer memory(3 * page);
    memory.fill(2);
    std::size_t at = 0;
    for (const auto name : {log_1, log_2, checkpoint_1}) {
        driver.create(name, file_bytes);
        driver.write(name, 8 * page, {{memory.pages(at++, 1)}});
    }
    at = 0;
    PageBuffer target(page);
    for (const auto name : {log_1, log_2, checkpoint_1}) {
        driver.read(name, 8 * page, target.all());
        CHECK(std::ranges::equal(target.all(), memory.pages(at++, 1)));
    }
    check_files(*device, {{log_1, file_bytes}, {log_2, file_bytes}, {checkpoint_1, file_bytes}});
}

template <typename Place> void the_end_of_a_file() {
    Place place;
    auto device = place.open();
    DeviceDriver driver(*device);
    driver.create(log_1, 4 * page);
    PageBuffer memory(4 * page);
    memory.fill(3);
    driver.write(log_1, 0, {{memory.all()}});
    PageBuffer target(4 * page);
    CHECK_EQ(driver.read_some(log_1, 3 * page, target.all()), page);
    CHECK(std::ranges::equal(target.pages(0, 1), memory.pages(3, 1)));
    CHECK_EQ(driver.read_some(log_1, 4 * page, target.pages(1, 1)), 0);
    CHECK_EQ(driver.read_some(log_1, 400 * page, target.pages(1, 1)), 0);
}

template <typename Place> void stays_for_the_next_device() {
    Place place;
    auto device = place.open();
    PageBuffer memory(4 * page);
    memory.fill(4);
    {
        DeviceDriver driver(*device);
        driver.create(log_1, file_bytes);
        driver.create(checkpoint_1, 4 * page);
        driver.create(log_2, 2 * page);
        driver.write(log_1, 16 * page, {{memory.pages(0, 2)}});
        driver.write(checkpoint_1, 0, {{memory.all()}});
        driver.sync(log_1);
        driver.sync(checkpoint_1);
        driver.remove(log_2);
    }
    device = place.open(std::move(device));
    check_files(*device, {{log_1, file_bytes}, {checkpoint_1, 4 * page}});
    DeviceDriver driver(*device);
    PageBuffer target(4 * page);
    driver.read(log_1, 16 * page, target.pages(0, 2));
    CHECK(std::ranges::equal(target.pages(0, 2), memory.pages(0, 2)));
    driver.read(checkpoint_1, 0, target.all());
    CHECK(std::ranges::equal(target.all(), memory.all()));
    driver.write(log_1, 0, {{memory.pages(0, 1)}}); // and may be written to
    driver.sync(log_1);
}

template <typename Place> void removed_and_made_again() {
    Place place;
    auto device = place.open();
    DeviceDriver driver(*device);
    PageBuffer memory(page);
    for (int round = 0; round < 3; ++round) {
        const std::uint64_t bytes = file_bytes + static_cast<std::uint64_t>(round) * page;
        driver.create(log_1, bytes);
        check_files(*device, {{log_1, bytes}});
        driver.read(log_1, 0, memory.all());
        CHECK(std::ranges::all_of(memory.all(), [](std::byte byte) { return byte == std::byte{0}; }));
        memory.fill(5);
        driver.write(log_1, 0, {{memory.all()}});
        driver.remove(log_1);
        check_files(*device, {});
    }
}

// Each call is done once, with its own ticket, whatever the order.
template <typename Place> void many_under_way() {
    Place place;
    auto device = place.open();
    DeviceDriver driver(*device);
    constexpr std::uint64_t calls = 3000; // more than a ring has entries
    driver.create(log_1, calls * page);
    PageBuffer memory(calls * page);
    memory.fill(6);
    std::vector<BlockDevice::Piece> pieces(calls);
    for (std::uint64_t i = 0; i < calls; ++i) {
        pieces[i] = memory.pages(i, 1);
        device->write(log_1, i * page, {&pieces[i], 1}, 1'000'000 + i);
    }
    std::set<std::uint64_t> tickets;
    for (const BlockDevice::Done &done : driver.finish(calls)) {
        CHECK_EQ(done.error, 0);
        CHECK_EQ(done.bytes, page);
        CHECK(done.ticket >= 1'000'000 && done.ticket < 1'000'000 + calls && tickets.insert(done.ticket).second);
    }
    PageBuffer target(calls * page);
    for (std::uint64_t i = 0; i < calls; ++i) {
        device->read(log_1, i * page, target.pages(i, 1), i);
        if (i % 100 == 0) {
            device->sync(log_1, calls + i);
            device->submit();
        }
    }
    driver.finish(calls + calls / 100);
    CHECK(std::ranges::equal(target.all(), memory.all()));
}

template <typename Place> void nothing_before_submit() {
    Place place;
    auto device = place.open();
    DeviceDriver driver(*device);
    driver.create(log_1, file_bytes);
    PageBuffer memory(page);
    device->read(log_1, 0, memory.all(), 42);
    std::vector<BlockDevice::Done> done;
    for (int i = 0; i < 100; ++i) {
        device->poll(done);
        CHECK(done.empty());
    }
    const auto finished = driver.finish(1);
    CHECK_EQ(finished[0].ticket, 42);
}

// Creations and removals of many files at once, beside reads and writes of others.
template <typename Place> void files_come_and_go() {
    Place place;
    auto device = place.open();
    DeviceDriver driver(*device);
    driver.create(log_1, file_bytes);
    PageBuffer memory(file_bytes);
    memory.fill(8);
    constexpr std::uint32_t files = 40;
    for (std::uint32_t i = 0; i < files; ++i) {
        device->create({BlockDevice::FileKind::checkpoint, i}, (i + 1) * page, i);
        const BlockDevice::Piece piece = memory.pages(i, 1);
        device->write(log_1, i * page, {&piece, 1}, files + i);
    }
    for (const auto &done : driver.finish(2 * files)) {
        CHECK_EQ(done.error, 0);
    }
    CHECK_EQ(list(*device).size(), files + 1);
    for (std::uint32_t i = 0; i < files; ++i) {
        device->remove({BlockDevice::FileKind::checkpoint, i}, i);
    }
    for (const auto &done : driver.finish(files)) {
        CHECK_EQ(done.error, 0);
    }
    check_files(*device, {{log_1, file_bytes}});
}

template <typename Place> void tells_by_its_event() {
    Place place;
    auto device = place.open();
    if (device->event() == nullptr) {
        return; // the simulated disk moves by its clock
    }
    DeviceDriver driver(*device);
    driver.create(log_1, file_bytes);
    PageBuffer memory(page);
    device->read(log_1, 0, memory.all(), 1);
    device->submit();
    pollfd asked{device->event()->get(), POLLIN, 0};
    CHECK_EQ(::poll(&asked, 1, 20'000), 1);
    await("the read to be done", [&] {
        std::vector<BlockDevice::Done> done;
        device->poll(done);
        return done.size() == 1;
    });
}

// What the memory is said to be for is a hint: all goes on as before, within it and outside.
template <typename Place> void registered_memory() {
    Place place;
    auto device = place.open();
    PageBuffer known(64 * page);
    PageBuffer known_too(16 * page);
    PageBuffer unknown(16 * page);
    known.fill(9);
    unknown.fill(10);
    device->register_memory(known.all());
    device->register_memory(known_too.all());
    DeviceDriver driver(*device);
    driver.create(log_1, file_bytes);
    driver.write(log_1, 0, {{known.pages(0, 32)}});
    driver.write(log_1, 32 * page, {{unknown.pages(0, 2)}});
    driver.write(log_1, 34 * page, {{known.pages(40, 1), unknown.pages(3, 1), known.pages(41, 1)}});
    driver.read(log_1, 0, known_too.all());
    CHECK(std::ranges::equal(known_too.all(), known.pages(0, 16)));
    PageBuffer target(37 * page);
    driver.read(log_1, 0, target.all());
    CHECK(std::ranges::equal(target.pages(0, 32), known.pages(0, 32)));
    CHECK(std::ranges::equal(target.pages(32, 2), unknown.pages(0, 2)));
    CHECK(std::ranges::equal(target.pages(34, 1), known.pages(40, 1)));
    CHECK(std::ranges::equal(target.pages(35, 1), unknown.pages(3, 1)));
    CHECK(std::ranges::equal(target.pages(36, 1), known.pages(41, 1)));
}

// A file takes its room when it is made, and gives it back.
template <typename Place> void room_is_counted() {
    Place place;
    auto device = place.open();
    DeviceDriver driver(*device);
    // Others may write to the same file system meanwhile: a large file, and a rough look.
    constexpr std::uint64_t large = 256ULL << 20;
    const std::uint64_t before = device->free_bytes();
    if (before < 4 * large) {
        throw Skip("less than 1 GiB is free where temporary files are");
    }
    driver.create(log_1, large);
    CHECK(device->free_bytes() < before - large / 2);
    driver.remove(log_1);
    CHECK(device->free_bytes() > before - large / 2);
}

// The end of the device waits for what is under way: the memory may go right after it.
template <typename Place> void ends_with_calls_under_way() {
    Place place;
    auto device = place.open();
    DeviceDriver driver(*device);
    driver.create(log_1, 512 * page);
    PageBuffer memory(512 * page);
    memory.fill(11);
    for (std::uint64_t i = 0; i < 512; ++i) {
        device->read(log_1, i * page, memory.pages(i, 1), i);
        if (i == 400) {
            device->submit();
        }
    }
    device->create(log_2, file_bytes, 1000);
    device->submit();
    device.reset();
    memory.fill(12); // nobody writes to it any more
    CHECK(memory.is_filled(12));
}

#define OVER(Place)                                                                                                    \
    {#Place ".empty_at_first", empty_at_first<Place>},                                                                 \
        {#Place ".a_new_file_reads_as_zeros", a_new_file_reads_as_zeros<Place>},                                       \
        {#Place ".reads_what_was_written", reads_what_was_written<Place>},                                             \
        {#Place ".files_are_apart", files_are_apart<Place>}, {#Place ".the_end_of_a_file", the_end_of_a_file<Place>},  \
        {#Place ".stays_for_the_next_device", stays_for_the_next_device<Place>},                                       \
        {#Place ".removed_and_made_again", removed_and_made_again<Place>},                                             \
        {#Place ".many_under_way", many_under_way<Place>},                                                             \
        {#Place ".nothing_before_submit", nothing_before_submit<Place>},                                               \
        {#Place ".files_come_and_go", files_come_and_go<Place>},                                                       \
        {#Place ".tells_by_its_event", tells_by_its_event<Place>},                                                     \
        {#Place ".registered_memory", registered_memory<Place>}, {#Place ".room_is_counted", room_is_counted<Place>},  \
    {                                                                                                                  \
#Place ".ends_with_calls_under_way", ends_with_calls_under_way < Place>                                        \
    }

constexpr Case sim_cases[] = {OVER(SimPlace)};
constexpr Case uring_cases[] = {OVER(UringPlace)};

} // namespace
} // namespace uakv::test

// Each device is a test of its own (the argument names it), so that a missing io_uring shows as skipped.
int main(int argc, char **argv) {
    using namespace uakv::test;
    const std::string which = argc > 1 ? argv[1] : "";
    if (which == "uring") {
        return run_cases("block_device.uring", uring_cases);
    }
    return run_cases("block_device.sim", sim_cases);
}
