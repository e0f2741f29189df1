// What counts of a log, whatever the order in which its files are read; and what is left out where it is damaged.
#include "disk/log_builder.h"
#include "disk/machine.h"
#include "disk/two_files.h"
#include "support/pattern.h"

#include <algorithm>
#include <cerrno>
#include <vector>

namespace uakv::test {
namespace {

using namespace uakv::disk;

void empty_directory() {
    const Recovered found = recover_image({});
    CHECK_EQ(found.catalog.count(), 0);
    CHECK_EQ(found.next_sequence, 1);
    CHECK_EQ(found.next_file, 1);
    CHECK_EQ(found.next_checkpoint, 1);
    CHECK_EQ(found.next_space, 1);
    CHECK(found.store != StoreId{});
    CHECK(found.files.empty() && found.checkpoints.empty());
    check_no_remarks(found);
}

void two_files() {
    const TwoFiles files;
    SimOptions slow;
    slow.latency_ns_max = 1'000'000;
    slow.short_reads = 2000;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const Recovered found = recover_image(files.log.image, seed, seed % 2 == 0 ? slow : SimOptions{});
        check_no_remarks(found);
        files.check(found, nothing);
        CHECK(found.store == test_store);
        CHECK_EQ(found.files.size(), 2);
        CHECK_EQ(found.files.at(1).bytes, 400 * page_bytes);
        CHECK_EQ(found.files.at(1).first_sequence, 1);
        CHECK(found.files.at(1).readable);
        CHECK_EQ(found.files.at(2).first_sequence, files.written[60].sequence);
        CHECK(found.next_sequence >= files.log.next_sequence);
        CHECK_EQ(found.next_file, 3);
        CHECK_EQ(found.next_space, 2);
        CHECK_EQ(found.torn, 0);
        CHECK(!found.from_checkpoint);
        CHECK_EQ(found.catalog.find_space(1)->blocks, 120);
        CHECK(layout_of(found.catalog.find_space(1)->description) == layout_of(test_space(1)));
        CHECK_EQ(found.catalog.use_of(2).blocks, 60);
    }
}

void what_a_record_says() {
    LogBuilder log;
    log.file(1, 100);
    log.space(3);
    std::vector<std::byte> frame(5000, std::byte{9});
    RecordDescriptor record{};
    record.kind = static_cast<std::uint8_t>(RecordKind::block);
    record.key = key(1);
    record.parent = key(0);
    record.flags = record_has_parent;
    record.block_bytes = 9000;
    record.checksum = 77;
    record.expires_ms = 88;
    record.layout = layout_of(test_space(3));
    record.space = 3;
    record.codec = 2;
    record.uses = 99;
    log.record(record, frame);
    log.commit();
    const Recovered found = recover_image(log.image);
    const CatalogBlock &block = found.catalog.block(*found.catalog.find(3, key(1)));
    CHECK(block.has_parent && std::equal(block.parent.bytes, block.parent.bytes + 32, key(0).bytes));
    CHECK_EQ(block.block_bytes, 9000);
    CHECK_EQ(block.stored_bytes, 5000);
    CHECK_EQ(block.checksum, 77);
    CHECK_EQ(block.expires_ms, 88);
    CHECK_EQ(block.uses, 99);
    CHECK_EQ(block.codec, 2);
    CHECK_EQ(block.space, 3);
}

// Each start begins with numbers that the one before could not have used.
void sequences_go_on_far_behind() {
    TwoFiles files;
    const Recovered first = recover_image(files.log.image);
    CHECK(first.next_sequence >= files.log.next_sequence + (std::uint64_t{1} << 31));
    files.log.next_sequence = first.next_sequence;
    files.log.file(3, 50);
    files.log.block(1, key(1000), 100);
    files.log.commit();
    const Recovered second = recover_image(files.log.image);
    CHECK(second.next_sequence >= first.next_sequence + (std::uint64_t{1} << 31));
    CHECK(is_known(second, 1, key(1000)));
}

// What docs/disk-format.md tells as an example.
void as_in_the_documentation() {
    LogBuilder log;
    log.file(1, 65536);
    log.durable_sequence = 1;
    CHECK_EQ(log.space(1).page, 2);
    CHECK_EQ(log.block(1, key(1), 5000).page, 3);
    CHECK_EQ(log.commit(), 5);
    log.durable_sequence = 3;
    CHECK_EQ(log.tombstone(1, key(1), 3).sequence, 3);
    CHECK_EQ(log.commit(), 6);
    const Recovered found = recover_image(log.image);
    CHECK_EQ(found.batches_read, 2);
    CHECK_EQ(found.catalog.count(), 0);
    CHECK_EQ(found.catalog.find_space(1)->blocks, 0);
    CHECK_EQ(found.durable_sequence, 3);
    CHECK_EQ(found.next_sequence, 4294967296);
    CHECK_EQ(found.next_file, 2);
    check_no_remarks(found);
}

// Files are read side by side, so all orders occur; the newest record counts in each.
void newest_counts() {
    LogBuilder log;
    log.file(1, 100);
    log.space(1);
    log.block(1, key(1), 100);
    log.block(1, key(2), 100);
    log.file(2, 100);
    log.block(1, key(1), 5000);
    log.block(1, key(2), 5000);
    log.file(3, 100);
    const Written last = log.block(1, key(1), 9000);
    log.durable_sequence = log.next_sequence;
    const Written relocated = log.block(1, key(2), 5000);
    log.commit();
    SimOptions slow;
    slow.latency_ns_max = 1'000'000;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        const Recovered found = recover_image(log.image, seed, slow);
        check_known(found, 1, key(1), last);
        check_known(found, 1, key(2), relocated);
        CHECK_EQ(found.catalog.count(), 2);
        CHECK_EQ(found.catalog.use_of(1).blocks, 0);
    }
}

void tombstones_and_clears() {
    LogBuilder log;
    log.file(1, 200);
    log.space(1);
    log.space(2);
    log.block(1, key(1), 100);
    log.block(1, key(2), 100);
    log.block(1, key(3), 100);
    log.block(2, key(1), 100);
    log.block(2, key(2), 100);
    log.file(2, 200);
    const Written again = log.block(1, key(2), 100); // stored again before the relocated tombstone of the first one
    const std::uint64_t cleared = log.next_sequence;
    const Written after_clear = log.block(2, key(2), 100);
    log.file(3, 200);
    log.tombstone(1, key(1), log.next_sequence);
    log.tombstone(1, key(2), again.sequence); // relocated: it kills what was before
    log.clear(2, cleared);
    log.commit();
    SimOptions slow;
    slow.latency_ns_max = 1'000'000;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        const Recovered found = recover_image(log.image, seed, slow);
        CHECK(!is_known(found, 1, key(1)));
        check_known(found, 1, key(2), again);
        CHECK(is_known(found, 1, key(3)));
        CHECK(!is_known(found, 2, key(1)));
        check_known(found, 2, key(2), after_clear);
        CHECK_EQ(found.catalog.count(), 3);
        CHECK(found.catalog.find_space(2)->sequence > cleared);
        check_no_remarks(found);
    }
}

void space_record_behind_its_blocks() {
    LogBuilder log;
    log.file(1, 200);
    const Written block = log.block(7, key(1), 100);
    log.file(2, 200);
    log.space(7); // relocated
    log.commit();
    const Recovered found = recover_image(log.image);
    check_known(found, 7, key(1), block);
    check_no_remarks(found);
    CHECK_EQ(found.next_space, 8);
}

void space_record_lost() {
    LogBuilder log;
    log.file(1, 200);
    log.durable_sequence = 100;
    const Written space = log.space(7);
    log.block(7, key(1), 100);
    log.space(8);
    log.block(8, key(1), 100);
    log.next_sequence = 100; // what was behind it says that it was on stable storage
    log.commit();
    log.file(2, 20);
    log.block(8, key(2), 100);
    log.commit();
    damage(log.image, log_name(1), space.page * page_bytes + 5);
    const Recovered found = recover_image(log.image);
    CHECK(!is_known(found, 7, key(1)));
    CHECK(found.catalog.find_space(7) == nullptr);
    CHECK(is_known(found, 8, key(1)));
    CHECK_EQ(found.next_space, 9);
    check_remark(found, "the description of space 7 in log-00000001.uakv is damaged");
    check_remark(found, "the record of space 7 is lost");
}

// A number that was used for two spaces: only the blocks that were written for the one that is known count.
void blocks_of_another_layout() {
    for (const bool other_first : {false, true}) {
        LogBuilder log;
        RecordDescriptor other{};
        const auto add_other = [&](std::uint64_t number) {
            const std::vector<std::uint8_t> content = make_block(100, key(number));
            other.kind = static_cast<std::uint8_t>(RecordKind::block);
            other.space = 1;
            other.key = key(number);
            other.block_bytes = 100;
            other.layout = 12345;
            other.checksum = checksum_of(content.data(), content.size());
            log.record(other, std::as_bytes(std::span(content)));
        };
        log.file(1, 200);
        if (other_first) {
            add_other(1);
        }
        const Written own = log.block(1, key(2), 100);
        log.block(1, key(3), 100);
        add_other(4);
        log.space(1);
        log.tombstone(1, key(3), log.next_sequence);
        log.commit();
        const Recovered found = recover_image(log.image);
        CHECK_EQ(found.catalog.count(), 1);
        check_known(found, 1, key(2), own);
        check_remark(found, "blocks that were written for another space");
    }
}

} // namespace
} // namespace uakv::test

int main() {
    using namespace uakv::test;
    const Case cases[] = {
        {"empty directory", empty_directory},
        {"two files", two_files},
        {"what a record says", what_a_record_says},
        {"sequences go on far behind", sequences_go_on_far_behind},
        {"newest counts", newest_counts},
        {"tombstones and clears", tombstones_and_clears},
        {"space record behind its blocks", space_record_behind_its_blocks},
        {"space record lost", space_record_lost},
        {"blocks of another layout", blocks_of_another_layout},
        {"as in the documentation", as_in_the_documentation},
    };
    return run_cases("recovery", cases);
}
