// A disk that fails, lies, stalls: each fault has an outcome, and after it the tier goes on.
#include "disk_fixture.h"

namespace uakv::test {
namespace {

constexpr LogName first_log{BlockDevice::FileKind::log, 1};

// The blocks of a batch that failed are answered for, and are not there; what was written before is.
void write_fails() {
    TierOnSim on;
    on.write_good(0, 20);
    on.device->fail(SimCall::write, 0, EIO);
    for (const uakv_status status : on.write_all(100, 20)) {
        CHECK_EQ(status, UAKV_ERR_IO);
    }
    CHECK_EQ(on.read(100), UAKV_MISS);
    CHECK(!on.tier->accepts_writes());
    CHECK_EQ(on.write(200), UAKV_ERR_IO); // at once: it is tried again later
    on.run_for(ns_per_s);
    CHECK(on.tier->accepts_writes());
    on.write_good(100, 20);
    on.read_good(0, 20);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.run_until([&] { return on.statistics().files <= 2; }); // the file is emptied and goes
    on.crash();
    on.read_good(0, 20);
    on.read_good(100, 20);
    CHECK_EQ(on.read(200), UAKV_MISS);
}

// Of a batch that failed, a part may be there: what was erased after it must not come back with it.
void failed_and_erased() {
    for (std::uint64_t seed = 1; seed < 40; ++seed) {
        SimOptions faults;
        faults.crash = SimCrash::keep;
        TierOnSim on(TierOnSim::small(), faults, seed);
        on.write_good(0, 1);
        on.device->fail(SimCall::write, 0, EIO);
        CHECK_EQ(on.write(1), UAKV_ERR_IO);
        on.tier->erase(on.space, TierOnSim::key_of(1));
        on.run_for(200 * ns_per_ms);
        CHECK_EQ(on.flush(), UAKV_OK);
        on.crash(seed);
        CHECK_EQ(on.read(1), UAKV_MISS);
        CHECK_EQ(on.read(0), UAKV_OK);
    }
}

// Behind a batch that failed, others of the same file are under way, and may end well before it.
void write_fails_with_others_behind_it() {
    for (std::uint64_t seed = 1; seed < 40; ++seed) {
        SimOptions faults;
        faults.latency_ns_min = ns_per_ms;
        faults.latency_ns_max = 10 * ns_per_ms;
        DiskOptions options = TierOnSim::small();
        options.batch_bytes_max = 64 * 1024;
        TierOnSim on(options, faults, seed);
        on.write_good(0, 10);
        CHECK_EQ(on.flush(), UAKV_OK);
        on.device->fail(SimCall::write, seed % 3, EIO);
        const auto statuses = on.write_all(100, 60, 8192);
        on.run_for(200 * ns_per_ms);
        CHECK_EQ(on.flush(), UAKV_OK);
        on.crash(seed);
        on.read_good(0, 10);
        for (std::uint64_t i = 0; i < 60; ++i) {
            CHECK(statuses[i] == UAKV_OK || statuses[i] == UAKV_ERR_IO);
            CHECK(statuses[i] != UAKV_OK || on.read(100 + i, 8192) == UAKV_OK);
        }
    }
}

void short_writes_and_reads() {
    SimOptions faults;
    faults.short_writes = faults.short_reads = 3000;
    TierOnSim on(TierOnSim::small(), faults);
    on.write_good(0, 50, 30'000);
    on.read_good(0, 50, 30'000);
    CHECK(on.device->counts().short_writes > 0 && on.device->counts().short_reads > 0);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.crash();
    on.read_good(0, 50, 30'000);
}

void full_disk_at_creation() {
    TierOnSim on;
    on.device->fail(SimCall::create, 0, ENOSPC);
    CHECK_EQ(on.write(1), UAKV_ERR_NO_SPACE);
    on.run_for(ns_per_s);
    CHECK_EQ(on.write(1), UAKV_OK);
    TierOnSim failing;
    failing.device->fail(SimCall::create, 0, EIO);
    CHECK_EQ(failing.write(1), UAKV_ERR_IO);
    failing.run_for(ns_per_s);
    CHECK_EQ(failing.write(1), UAKV_OK);
}

void full_disk_at_writing() {
    TierOnSim on;
    on.write_good(0, 1);
    on.device->fail(SimCall::write, 0, ENOSPC);
    CHECK_EQ(on.write(1), UAKV_ERR_NO_SPACE);
    on.run_for(ns_per_s);
    CHECK_EQ(on.write(1), UAKV_OK);
}

void header_of_a_file_fails() {
    TierOnSim on;
    on.device->fail(SimCall::write, 0, EIO);
    CHECK_EQ(on.write(1), UAKV_ERR_IO);
    on.run_for(ns_per_s);
    CHECK_EQ(on.write(1), UAKV_OK);
    on.run_until([&] { return on.statistics().files == 1; });
}

// The flush that met it fails, and all until the blocks have been written again; then the next is good, and true.
void sync_fails() {
    for (std::uint64_t seed = 1; seed < 40; ++seed) {
        SimOptions faults;
        faults.latency_ns_min = faults.latency_ns_max = ns_per_ms;
        TierOnSim on(TierOnSim::small(), faults, seed);
        on.write_good(0, 20);
        CHECK_EQ(on.flush(), UAKV_OK);
        on.write_good(20, 20);
        on.tier->erase(on.space, TierOnSim::key_of(3));
        on.device->fail(SimCall::sync, 0, EIO);
        CHECK_EQ(on.flush(), UAKV_ERR_IO);
        uakv_status status = UAKV_ERR_IO;
        on.run_until([&] {
            status = status == UAKV_OK ? status : on.flush();
            return status == UAKV_OK;
        });
        on.crash(seed);
        for (std::uint64_t i = 0; i < 40; ++i) {
            CHECK_EQ(on.read(i), i == 3 ? UAKV_MISS : UAKV_OK);
        }
    }
}

// What compaction moved is lost with the sync of its new file; the old one is still there.
void sync_fails_after_relocation() {
    for (std::uint64_t seed = 1; seed < 30; ++seed) {
        SimOptions faults;
        faults.latency_ns_min = faults.latency_ns_max = ns_per_ms / 10;
        TierOnSim on(TierOnSim::small(), faults, seed);
        on.write_good(0, 50);
        CHECK_EQ(on.flush(), UAKV_OK);
        std::uint64_t next = 1000;
        const auto fill = [&] {
            for (std::uint64_t i = 0; i < 50; ++i) {
                on.tier->note_use(on.space, TierOnSim::key_of(i), 1);
            }
            on.write_all(next, 100);
            next += 100;
        };
        while (on.statistics().bytes_relocated == 0) {
            fill();
        }
        on.device->options().errors[static_cast<std::size_t>(SimCall::sync)] = 3000;
        for (int i = 0; i < 20; ++i) {
            fill();
        }
        on.device->options().errors = {};
        on.crash(seed);
        for (std::uint64_t i = 0; i < 50; ++i) {
            CHECK(on.read(i) == UAKV_OK || on.was_dropped(i)); // for want of room
        }
    }
}

void read_fails() {
    TierOnSim on;
    on.write_good(0, 3);
    on.device->fail(SimCall::read, 0, EIO);
    CHECK_EQ(on.read(1), UAKV_ERR_IO);
    CHECK_EQ(on.read(1), UAKV_OK); // it stays known
    for (std::uint64_t i = 0; i < 3; ++i) {
        on.device->fail(SimCall::read, i, EIO);
    }
    CHECK_EQ(on.read(1), UAKV_ERR_IO);
    CHECK_EQ(on.read(1), UAKV_ERR_IO);
    CHECK_EQ(on.dropped, 0);
    CHECK_EQ(on.read(1), UAKV_ERR_IO);
    CHECK_EQ(on.read(1), UAKV_MISS); // three in a row
    CHECK_EQ(on.dropped, 1);
    CHECK_EQ(on.statistics().errors_read, 4);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.crash();
    CHECK_EQ(on.read(1), UAKV_MISS);
    CHECK_EQ(on.read(2), UAKV_OK);
}

std::uint64_t place_of(const TierOnSim &on, std::uint64_t number) {
    const auto found = on.tier->catalog().find(on.space, TierOnSim::key_of(number));
    CHECK(found.has_value());
    const disk::CatalogBlock &block = on.tier->catalog().block(*found);
    CHECK_EQ(block.file, 1);
    return std::uint64_t{block.page} * limits::page_bytes;
}

void rotten_block() {
    TierOnSim on;
    on.write_good(0, 3);
    CHECK(on.device->rot(first_log, place_of(on, 1)));
    CHECK_EQ(on.read(1), UAKV_ERR_CORRUPT);
    CHECK_EQ(on.device->counts().calls[static_cast<std::size_t>(SimCall::read)], 2); // it was looked at twice
    CHECK_EQ(on.read(1), UAKV_MISS);
    CHECK_EQ(on.dropped, 1);
    CHECK_EQ(on.statistics().corruptions, 1);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.crash();
    CHECK_EQ(on.read(1), UAKV_MISS);
    CHECK_EQ(on.write(1), UAKV_OK);
    CHECK_EQ(on.read(1), UAKV_OK);
}

void verify_drops_what_is_damaged() {
    TierOnSim on;
    on.write_good(0, 500);
    CHECK(on.device->rot(first_log, place_of(on, 17)));
    CHECK(on.device->rot(first_log, place_of(on, 90)));
    CHECK(on.tier->verify(77));
    CHECK(!on.tier->verify(78));
    CHECK_EQ(on.await_event(Kind::verified, 77), UAKV_OK);
    const auto progress = on.tier->verify_progress();
    CHECK(!progress.running);
    CHECK_EQ(progress.checked, 500);
    CHECK_EQ(progress.of, 500);
    CHECK_EQ(progress.dropped, 2);
    CHECK_EQ(progress.bytes, 500 * 4096);
    CHECK(!on.knows(17) && !on.knows(90));
    CHECK(on.tier->verify(79));
    CHECK_EQ(on.await_event(Kind::verified, 79), UAKV_OK);
    CHECK_EQ(on.tier->verify_progress().checked, 498);
}

// The disk does not answer: nobody waits for it, and the memory of a write is not given back before it is done.
void stalled_disk() {
    TierOnSim on;
    on.write_good(0, 10);
    on.device->options().latency_ns_min = on.device->options().latency_ns_max = 100 * ns_per_s;
    const DiskTier::Tag write = on.begin_write(100);
    const DiskTier::Tag read = on.begin_read(1);
    on.turn();
    on.clock.now_ns += 3 * ns_per_s;
    on.turn();
    CHECK(!on.statistics().breaker_open);
    CHECK(on.tier->predicted_ns(4096) >= 3 * ns_per_s); // as long as others wait already
    on.clock.now_ns += 8 * ns_per_s;
    on.turn();
    CHECK(on.statistics().breaker_open);
    CHECK_EQ(on.tier->predicted_ns(4096), UINT64_MAX);
    CHECK(!on.tier->accepts_writes());
    const DiskTier::Tag other_read = on.begin_read(2);
    const DiskTier::Tag other_write = on.begin_write(101);
    on.turn();
    CHECK_EQ(on.find_event(Kind::read, other_read)->status, UAKV_MISS);
    CHECK_EQ(on.find_event(Kind::written, other_write)->status, UAKV_ERR_BUSY);
    CHECK(on.find_event(Kind::written, write) == nullptr && on.find_event(Kind::read, read) == nullptr);
    on.tier->flush(900);
    on.turn();
    CHECK_EQ(on.find_event(Kind::flushed, 900)->status, UAKV_ERR_IO);
    on.device->options().latency_ns_min = on.device->options().latency_ns_max = 0;
    CHECK_EQ(on.await_event(Kind::written, write), UAKV_OK);
    CHECK_EQ(on.end_read(read, 1), UAKV_OK);
    on.run_until([&] { return !on.statistics().breaker_open; });
    CHECK_EQ(on.read(2), UAKV_OK);
    CHECK_EQ(on.write(101), UAKV_OK);
    CHECK_EQ(on.flush(), UAKV_OK);
}

void disk_fails_again_and_again() {
    TierOnSim on;
    on.write_good(0, 20);
    on.device->options().errors[static_cast<std::size_t>(SimCall::read)] = 10'000;
    for (std::uint64_t i = 0; i < 16; ++i) {
        CHECK_EQ(on.read(i), UAKV_ERR_IO);
    }
    CHECK_EQ(on.read(17), UAKV_MISS);
    CHECK(on.statistics().breaker_open);
    on.run_for(3 * ns_per_s); // it looks each second
    CHECK(on.statistics().breaker_open);
    on.device->options().errors = {};
    on.run_until([&] { return !on.statistics().breaker_open; });
    on.read_good(0, 20);
}

// What was slow once is not held against the disk for ever: no read would be tried that could show otherwise.
void prediction() {
    TierOnSim on;
    on.write_good(0, 10);
    CHECK(on.tier->predicted_ns(4096) < 10 * ns_per_ms);
    on.device->options().latency_ns_min = on.device->options().latency_ns_max = 500 * ns_per_ms;
    for (std::uint64_t i = 0; i < 10; ++i) {
        CHECK_EQ(on.read(i), UAKV_OK);
    }
    CHECK(on.tier->predicted_ns(4096) > 300 * ns_per_ms);
    CHECK(on.tier->predicted_ns(1ULL << 40) > on.tier->predicted_ns(4096));
    on.run_for(120 * ns_per_s);
    CHECK(on.tier->predicted_ns(4096) < 10 * ns_per_ms);
}

void stop_with_a_disk_that_does_not_answer() {
    TierOnSim on;
    on.write_good(0, 10);
    on.device->options().latency_ns_min = on.device->options().latency_ns_max = 100 * ns_per_s;
    on.begin_write(100);
    CHECK(!on.tier->close(ns_per_s));
}

void stop_with_a_disk_that_fails() {
    TierOnSim on;
    on.write_good(0, 10);
    on.begin_write(100);
    on.device->options().errors[static_cast<std::size_t>(SimCall::write)] = 10'000;
    CHECK(!on.tier->close(10 * ns_per_s));
}

constexpr Case cases[] = {
    {"a write fails", write_fails},
    {"a write fails and its block is erased", failed_and_erased},
    {"a write fails with others behind it", write_fails_with_others_behind_it},
    {"short writes and reads", short_writes_and_reads},
    {"a full disk at the creation of a file", full_disk_at_creation},
    {"a full disk at a write", full_disk_at_writing},
    {"the header of a file fails", header_of_a_file_fails},
    {"a sync fails", sync_fails},
    {"a sync fails after relocation", sync_fails_after_relocation},
    {"a read fails", read_fails},
    {"a rotten block", rotten_block},
    {"verify drops what is damaged", verify_drops_what_is_damaged},
    {"a disk that does not answer", stalled_disk},
    {"a disk that fails again and again", disk_fails_again_and_again},
    {"predictions", prediction},
    {"stop with a disk that does not answer", stop_with_a_disk_that_does_not_answer},
    {"stop with a disk that fails", stop_with_a_disk_that_fails},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("disk_faults", uakv::test::cases);
}
