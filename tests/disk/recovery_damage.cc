// A log that is damaged, or not ours: what is left of it, what is said about it, and what is refused.
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

void damaged_batch_header() {
    for (const std::size_t batch : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
        TwoFiles files;
        const std::uint32_t page = files.batch(1, batch);
        CHECK(files.count_in(1, page) > 3);
        damage(files.log.image, log_name(1), page * page_bytes + 700);
        const Recovered found = recover_image(files.log.image);
        if (batch == 0) { // it had the record of the space
            check_remark(found, "the record of space 1 is lost");
            CHECK_EQ(found.catalog.count(), 0);
            CHECK_EQ(found.batches_read, 5);
            continue;
        }
        files.check(found, [&](const Written &block) { return block.file == 1 && block.header_page == page; });
        check_remark(found, "page " + std::to_string(page) + " of log-00000001.uakv is damaged");
    }
}

void zeroed_batch_header() {
    TwoFiles files;
    const std::uint32_t page = files.batch(2, 1);
    zero(files.log.image, log_name(2), page * page_bytes, page_bytes);
    const Recovered found = recover_image(files.log.image);
    files.check(found, [&](const Written &block) { return block.file == 2 && block.header_page == page; });
    check_remark(found, "page " + std::to_string(page) + " of log-00000002.uakv is empty");
}

void unreadable_pages() {
    TwoFiles files;
    const std::uint32_t page = files.batch(1, 1);
    for (std::uint64_t nth = 0; nth < 12; ++nth) {
        Machine machine(files.log.image);
        machine.device.fail(SimCall::read, 2 + nth, EIO); // behind the headers of the files
        const Recovered found = machine.recover();
        // One read fails: what it was for is lost or found by the search, all else is there.
        std::size_t lost = 0;
        for (std::size_t i = 0; i < files.written.size(); ++i) {
            lost += is_known(found, 1, key(i)) ? 0U : 1U;
        }
        CHECK(lost == 0 || lost == files.count_in(1, page) || lost == files.count_in(2, files.batch(2, 1)) ||
              lost == files.count_in(2, files.batch(2, 0)) || lost == files.count_in(1, files.batch(1, 2)) ||
              lost == files.count_in(2, files.batch(2, 2)) || lost == 120);
        CHECK(lost == 0 || !found.remarks.empty());
    }
}

// The search reads large pieces; one that fails is read page by page.
void unreadable_pages_within_a_search() {
    TwoFiles files;
    const std::uint32_t page = files.batch(1, 1);
    damage(files.log.image, log_name(1), page * page_bytes);
    std::uint64_t reads = 0;
    {
        Machine machine(files.log.image);
        machine.recover();
        reads = machine.device.counts().calls[static_cast<std::size_t>(SimCall::read)];
    }
    for (std::uint64_t nth = reads; nth-- > 2;) {
        Machine machine(files.log.image);
        machine.device.fail(SimCall::read, nth, EIO);
        const Recovered found = machine.recover();
        CHECK(found.catalog.count() >= 120 - 3 * 28 || found.catalog.count() == 0); // 0: the space was not read
    }
}

void file_headers_damaged() {
    for (const bool zeros : {false, true}) {
        TwoFiles files;
        if (zeros) {
            zero(files.log.image, log_name(1), 0, page_bytes);
        } else {
            damage(files.log.image, log_name(1), 100);
        }
        const Recovered found = recover_image(files.log.image);
        files.check(found, nothing);
        CHECK(!found.files.at(1).readable);
        CHECK_EQ(found.files.at(1).first_sequence, 1);
        CHECK_EQ(has_remark(found, "the header of log-00000001.uakv is damaged"), !zeros);

        // Even both: the batches tell by themselves which store it is.
        zero(files.log.image, log_name(2), 0, page_bytes);
        const Recovered none_left = recover_image(files.log.image);
        files.check(none_left, nothing);
        CHECK_EQ(short_id_of(none_left.store), short_id_of(test_store));
        CHECK(none_left.store != test_store);
    }
}

void zero_filled_file() {
    TwoFiles files;
    zero(files.log.image, log_name(2), 0, 400 * page_bytes);
    const Recovered found = recover_image(files.log.image);
    files.check(found, [](const Written &block) { return block.file == 2; });
    CHECK_EQ(found.files.size(), 2);
    CHECK_EQ(found.next_file, 3);
    check_no_remarks(found); // a crash while a file is made leaves that
}

void truncated_files() {
    for (const std::uint64_t bytes : {0ULL, 100ULL, 4096ULL, 8191ULL, 8192ULL, 30ULL * 4096, 70ULL * 4096 + 5}) {
        TwoFiles files;
        files.log.image.truncate(log_name(2), bytes);
        const Recovered found = recover_image(files.log.image);
        // A batch counts when all of it is there.
        files.check(found, [&](const Written &block) {
            if (block.file == 1) {
                return false;
            }
            std::uint32_t end = files.log.commit();
            for (const Written &other : files.written) {
                if (other.file == 2 && other.header_page > block.header_page) {
                    end = std::min(end, other.header_page);
                }
            }
            return end > bytes / page_bytes;
        });
        CHECK_EQ(found.files.at(2).bytes, bytes);
        if (bytes >= page_bytes) {
            check_remark(found, "log-00000002.uakv has " + std::to_string(bytes) + " bytes");
        }
    }
}

// ---- what is not ours ----------------------------------------------------------------------------------------

void newer_version_is_refused() {
    TwoFiles files;
    change_page<FileHeader>(files.log.image, log_name(2), 0, [](FileHeader &header) {
        header.major = 2;
        header.minor = 3;
    });
    Machine machine(files.log.image);
    const auto refused = machine.try_recover();
    CHECK(!refused.ok());
    CHECK_EQ(refused.error().status, UAKV_ERR_VERSION);
    for (const char *words : {"log-00000002.uakv", "2.3", "up to 1", "newer uakvd", "another directory"}) {
        CHECK_MESSAGE(refused.error().detail.find(words) != std::string::npos, refused.error().detail);
    }
    for (const SimCall call : {SimCall::create, SimCall::write, SimCall::sync, SimCall::remove}) {
        CHECK_EQ(machine.device.counts().calls[static_cast<std::size_t>(call)], 0);
    }
    // A newer minor version is read.
    change_page<FileHeader>(files.log.image, log_name(2), 0, [](FileHeader &header) {
        header.major = 1;
        header.minor = 3;
    });
    files.check(recover_image(files.log.image), nothing);
}

void file_of_another_directory() {
    TwoFiles files;
    LogBuilder other({9, 9, 9});
    other.next_sequence = 1'000'000;
    other.file(50, 30);
    other.space(1);
    other.block(1, key(1), 100);
    other.commit();
    files.log.image.files[log_name(50)] = other.image.files[log_name(50)];
    const Recovered found = recover_image(files.log.image);
    files.check(found, nothing);
    CHECK(!found.files.contains(50));
    CHECK_EQ(found.foreign_files, 1);
    CHECK_EQ(found.foreign_bytes, 30 * page_bytes);
    CHECK_EQ(found.next_file, 51);
    check_remark(found, "log-00000050.uakv is of another directory: it is left alone");

    // All of them: then that is what this directory is.
    const Recovered moved = recover_image(other.image);
    CHECK((moved.store == StoreId{9, 9, 9}));
    CHECK(is_known(moved, 1, key(1)));
    check_no_remarks(moved);
}

void renamed_file() {
    TwoFiles files;
    files.log.image.files[log_name(9)] = files.log.image.files[log_name(2)];
    files.log.image.files.erase(log_name(2));
    const Recovered found = recover_image(files.log.image);
    files.check(found, [](const Written &block) { return block.file == 2; });
    CHECK_EQ(found.foreign_files, 1);
    CHECK_EQ(found.next_file, 10);
    check_remark(found, "log-00000009.uakv was written for another place");
}

// A batch that lies elsewhere than it says, or in another file, counts for nothing.
void misdirected_batch() {
    TwoFiles files;
    std::vector<std::byte> page(page_bytes);
    const std::uint32_t victim = files.batch(1, 1);
    files.log.image.read(log_name(2), files.batch(2, 1) * page_bytes, page);
    files.log.image.write(log_name(1), victim * page_bytes, page);
    const Recovered found = recover_image(files.log.image);
    files.check(found, [&](const Written &block) { return block.file == 1 && block.header_page == victim; });
    check_remark(found, "page " + std::to_string(victim) + " of log-00000001.uakv was written for another place");
}

// What a newer minor version adds is skipped, and is no damage.
void unknown_records_are_skipped() {
    TwoFiles files;
    change_page<BatchHeader>(files.log.image, log_name(2), files.batch(2, 0), [](BatchHeader &header) {
        header.records[3].kind = 9;
        header.records[5].codec = 9;
    });
    const Recovered found = recover_image(files.log.image);
    check_no_remarks(found);
    CHECK_EQ(found.catalog.count(), 118);
}

void records_out_of_range_are_left_out() {
    TwoFiles files;
    change_page<BatchHeader>(files.log.image, log_name(2), files.batch(2, 0),
                             [](BatchHeader &header) { header.records[3].page = 399; });
    const Recovered found = recover_image(files.log.image);
    CHECK_EQ(found.catalog.count(), 119);
    check_remark(found, "1 records have numbers that are out of range");
}

void numbers_are_used_up() {
    for (const std::uint32_t number : {UINT32_MAX, UINT32_MAX - 1}) {
        LogBuilder log;
        log.file(number, 20);
        log.space(1);
        log.commit();
        const auto refused = Machine(log.image).try_recover();
        CHECK(!refused.ok());
        CHECK_EQ(refused.error().status, UAKV_ERR_NO_SPACE);
    }
    LogBuilder log;
    log.next_sequence = sequence_max - 100;
    log.file(1, 20);
    log.space(1);
    log.commit();
    CHECK_EQ(Machine(log.image).try_recover().error().status, UAKV_ERR_NO_SPACE);
    log.next_sequence = sequence_max + 1;
    log.file(2, 20);
    log.space(1);
    log.commit();
    log.image.files.erase(log_name(1));
    CHECK_EQ(recover_image(log.image).catalog.spaces().size(), 0); // that is damage
}

void device_that_gives_nothing() {
    const TwoFiles files;
    SimOptions broken;
    broken.errors[static_cast<std::size_t>(SimCall::read)] = 10'000;
    const auto refused = Machine(files.log.image, 1, broken).try_recover();
    CHECK(!refused.ok());
    CHECK_EQ(refused.error().status, UAKV_ERR_IO);
    CHECK(refused.error().detail.find("none of the 2 files") != std::string::npos);
}

void device_that_fails_often() {
    const TwoFiles files;
    SimOptions broken;
    broken.errors[static_cast<std::size_t>(SimCall::read)] = 2000;
    broken.short_reads = 3000;
    std::size_t most = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        const auto found = Machine(files.log.image, seed, broken).try_recover();
        if (found.ok()) {
            most = std::max<std::size_t>(most, const_cast<Result<Recovered> &>(found).value().catalog.count());
        }
    }
    CHECK(most == 120);
}

} // namespace
} // namespace uakv::test

int main() {
    using namespace uakv::test;
    const Case cases[] = {
        {"damaged batch header", damaged_batch_header},
        {"zeroed batch header", zeroed_batch_header},
        {"unreadable pages", unreadable_pages},
        {"unreadable pages within a search", unreadable_pages_within_a_search},
        {"file headers damaged", file_headers_damaged},
        {"zero-filled file", zero_filled_file},
        {"truncated files", truncated_files},
        {"newer version is refused", newer_version_is_refused},
        {"file of another directory", file_of_another_directory},
        {"renamed file", renamed_file},
        {"misdirected batch", misdirected_batch},
        {"unknown records are skipped", unknown_records_are_skipped},
        {"records out of range are left out", records_out_of_range_are_left_out},
        {"numbers are used up", numbers_are_used_up},
        {"device that gives nothing", device_that_gives_nothing},
        {"device that fails often", device_that_fails_often},
    };
    return run_cases("recovery of damaged logs", cases);
}
