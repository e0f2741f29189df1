// The end of the log, which a crash may have torn: records at or behind the durable sequence count when their payload
// is there, and an older record of the block counts when it is not.
#include "disk/log_builder.h"
#include "disk/machine.h"
#include "support/pattern.h"

#include <cerrno>
#include <vector>

namespace uakv::test {
namespace {

using namespace uakv::disk;

uakv_key key(std::uint64_t number) {
    return make_key("tail", number);
}

std::uint64_t reads_of(const Machine &machine) {
    return machine.device.counts().calls[static_cast<std::size_t>(SimCall::read)];
}

void torn_records_are_dropped() {
    LogBuilder log;
    log.file(1, 100);
    log.space(1);
    const Written whole = log.block(1, key(1), 5000);
    const Written torn = log.block(1, key(2), 5000);
    log.commit();
    zero(log.image, log_name(1), (torn.page + 1) * page_bytes, page_bytes);
    const Recovered found = recover_image(log.image);
    check_known(found, 1, key(1), whole);
    CHECK(!is_known(found, 1, key(2)));
    CHECK_EQ(found.torn, 1);
    CHECK_EQ(found.durable_sequence, 0);
    CHECK(found.tail_files == std::vector<FileNumber>{1});
}

// What was on stable storage is not read at start: who reads it later checks it.
void durable_records_are_not_read() {
    LogBuilder log;
    log.file(1, 2000);
    log.space(1);
    std::vector<Written> written;
    for (std::uint64_t i = 0; i < 280; ++i) {
        written.push_back(log.block(1, key(i), 100));
    }
    log.commit();
    log.durable_sequence = log.next_sequence;
    log.block(1, key(1000), 100);
    log.commit();
    zero(log.image, log_name(1), written[3].page * page_bytes, page_bytes);
    Machine machine(log.image);
    const Recovered found = machine.recover();
    CHECK_EQ(found.torn, 0);
    CHECK(is_known(found, 1, key(3)));
    CHECK_EQ(found.catalog.count(), 281);
    CHECK(reads_of(machine) < 40);
    CHECK_EQ(found.durable_sequence, written.back().sequence + 1);
}

// Nothing that was acknowledged by a flush may be missing: the relocated copy was torn, the old one is still there.
void older_record_counts_where_the_newer_is_torn() {
    for (const bool torn : {true, false}) {
        LogBuilder log;
        log.file(1, 100);
        log.space(1);
        const Written old = log.block(1, key(1), 5000);
        const Written lost_twice = log.block(1, key(2), 5000);
        log.file(2, 100);
        log.durable_sequence = log.next_sequence;
        const Written relocated = log.block(1, key(1), 5000);
        log.block(1, key(2), 5000);
        const Written third = log.block(1, key(2), 5000);
        log.commit();
        if (torn) {
            zero(log.image, log_name(2), relocated.page * page_bytes, page_bytes);
            zero(log.image, log_name(2), (third.page - 2) * page_bytes, 4 * page_bytes);
        }
        SimOptions slow;
        slow.latency_ns_max = 1'000'000;
        for (std::uint64_t seed = 1; seed <= 20; ++seed) {
            const Recovered found = recover_image(log.image, seed, slow);
            check_known(found, 1, key(1), torn ? old : relocated);
            check_known(found, 1, key(2), torn ? lost_twice : third);
            CHECK_EQ(found.torn, torn ? 3 : 0);
            CHECK(found.tail_files == std::vector<FileNumber>{2});
        }
    }
}

void tombstone_over_a_torn_record() {
    LogBuilder log;
    log.file(1, 100);
    log.space(1);
    log.block(1, key(1), 100);
    log.file(2, 100);
    log.durable_sequence = log.next_sequence;
    const Written torn = log.block(1, key(1), 100);
    log.tombstone(1, key(1), log.next_sequence);
    log.block(1, key(2), 100);
    log.clear(1, log.next_sequence);
    log.commit();
    zero(log.image, log_name(2), torn.page * page_bytes, page_bytes);
    Machine machine(log.image);
    const Recovered found = machine.recover();
    CHECK_EQ(found.catalog.count(), 0);
    CHECK_EQ(found.torn, 0); // it is dead in any case: it is not read
}

void torn_space() {
    LogBuilder log;
    log.file(1, 100);
    const Written space = log.space(1);
    log.block(1, key(1), 100);
    log.commit();
    zero(log.image, log_name(1), space.page * page_bytes, page_bytes);
    const Recovered found = recover_image(log.image);
    CHECK_EQ(found.torn, 1);
    CHECK_EQ(found.catalog.count(), 0);
    CHECK(found.catalog.spaces().empty());
    CHECK_EQ(found.next_space, 2); // its number is not given to another
}

void torn_batch_header_in_the_tail() {
    LogBuilder log;
    log.file(1, 200);
    log.space(1);
    log.block(1, key(1), 100);
    log.commit();
    const Written lost = log.block(1, key(2), 9000);
    log.commit();
    const Written after = log.block(1, key(3), 100);
    log.commit();
    damage(log.image, log_name(1), lost.header_page * page_bytes + 100, 300);
    const Recovered found = recover_image(log.image);
    CHECK(is_known(found, 1, key(1)));
    CHECK(!is_known(found, 1, key(2)));
    check_known(found, 1, key(3), after);
    CHECK(found.next_sequence > after.sequence);
}

// A device that errs once is asked again; one that gives a payload never leaves the record, unless there is an older.
void unreadable_tail() {
    LogBuilder log;
    log.file(1, 100);
    log.space(1);
    const Written old = log.block(1, key(1), 100);
    log.file(2, 100);
    log.durable_sequence = log.next_sequence;
    log.block(1, key(1), 100);
    const Written only = log.block(1, key(2), 100);
    log.commit();
    std::uint64_t reads = 0;
    {
        Machine machine(log.image);
        machine.recover();
        reads = reads_of(machine);
    }
    {
        Machine machine(log.image);
        machine.device.fail(SimCall::read, reads - 1, EIO);
        const Recovered found = machine.recover();
        check_no_remarks(found);
        CHECK_EQ(found.catalog.count(), 2);
        CHECK_EQ(found.catalog.use_of(2).blocks, 2);
    }
    Machine machine(log.image);
    for (std::uint64_t nth = reads - 2; nth < reads + 4; ++nth) {
        machine.device.fail(SimCall::read, nth, EIO);
    }
    const Recovered found = machine.recover();
    check_known(found, 1, key(1), old);
    check_known(found, 1, key(2), only);
    check_remark(found, "nobody knows whether the block there is whole");
}

// The payloads are hashed by threads, and come back in any order.
void with_threads() {
    LogBuilder log;
    log.file(1, 3000);
    log.space(1);
    std::vector<Written> written;
    for (std::uint64_t i = 0; i < 300; ++i) {
        written.push_back(log.block(1, key(i), 30'000));
    }
    log.commit();
    for (std::size_t i = 0; i < written.size(); i += 10) {
        damage(log.image, log_name(1), written[i].page * page_bytes + 20'000);
    }
    SimClock clock;
    SimDevice device(clock, 1, {}, log.image);
    IoQueue io(device);
    auto workers = Workers::start(3);
    CHECK(workers.ok());
    auto found = recover(io, *workers.value(), 1, [&] { return Moment{clock.now_ns, 1}; });
    CHECK(found.ok());
    CHECK_EQ(found.value().torn, 30);
    CHECK_EQ(found.value().catalog.count(), 270);
    for (std::size_t i = 0; i < written.size(); ++i) {
        CHECK_EQ(is_known(found.value(), 1, key(i)), i % 10 != 0);
    }
}

} // namespace
} // namespace uakv::test

int main() {
    using namespace uakv::test;
    const Case cases[] = {
        {"torn records are dropped", torn_records_are_dropped},
        {"durable records are not read", durable_records_are_not_read},
        {"older record counts where the newer is torn", older_record_counts_where_the_newer_is_torn},
        {"tombstone over a torn record", tombstone_over_a_torn_record},
        {"torn space", torn_space},
        {"torn batch header in the tail", torn_batch_header_in_the_tail},
        {"unreadable tail", unreadable_tail},
        {"with threads", with_threads},
    };
    return run_cases("recovery tail", cases);
}
