// Checkpoints: what is written while blocks come and go, and what recovery takes of it.
#include "daemon/tiers/disk/checkpoint.h"
#include "daemon/tiers/disk/whole_io.h"
#include "disk/log_builder.h"
#include "disk/machine.h"
#include "support/pattern.h"

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

namespace uakv::test {
namespace {

using namespace uakv::disk;

uakv_key key(std::uint64_t number) {
    return make_key("checkpoint", number);
}

constexpr std::uint64_t first_blocks = 300;

// A log, and the tier that wrote it: its catalog, and where the next batch goes.
struct Tier {
    LogBuilder log;
    Catalog catalog{0x5EED};
    LogPosition end;
    std::map<std::uint64_t, Written> blocks;

    Tier() {
        log.file(1, 2000);
        log.space(1);
        for (std::uint64_t i = 0; i < first_blocks; ++i) {
            blocks[i] = log.block(1, key(i), 100);
        }
        end = {1, log.commit()};
        catalog = recover_image(log.image).catalog;
    }

    // Writes into the log what it changes in the catalog, a batch each.
    void put(Machine &machine, std::uint64_t number) {
        blocks[number] = log.block(1, key(number), 200);
        commit(machine);
        CatalogBlock block;
        block.key = key(number);
        block.space = 1;
        block.sequence = blocks[number].sequence;
        block.file = blocks[number].file;
        block.page = blocks[number].page;
        block.stored_bytes = 200;
        block.block_bytes = 200;
        catalog.put(block);
    }
    void erase(Machine &machine, std::uint64_t number) {
        log.tombstone(1, key(number), log.next_sequence);
        commit(machine);
        blocks.erase(number);
        catalog.erase(*catalog.find(1, key(number)));
    }
    void commit(Machine &machine);
    void check(const Recovered &found) const {
        for (const auto &[number, written] : blocks) {
            check_known(found, 1, key(number), written);
        }
        CHECK_EQ(found.catalog.count(), blocks.size());
    }
};

// What the log has by now is on the machine's disk too.
void Tier::commit(Machine &machine) {
    log.durable_sequence = log.next_sequence;
    const std::uint32_t from = end.page;
    end.page = log.commit();
    std::vector<std::byte> pages((end.page - from) * page_bytes + page_bytes);
    auto *aligned = reinterpret_cast<std::byte *>((reinterpret_cast<std::uintptr_t>(pages.data()) + page_bytes - 1) /
                                                  page_bytes * page_bytes);
    const std::span<std::byte> content(aligned, (end.page - from) * page_bytes);
    log.image.read(log_name(1), from * page_bytes, content);
    bool done = false;
    write_whole(machine.io, log_name(1), from * page_bytes, content, [&](int error, std::uint64_t /*bytes*/) {
        CHECK_EQ(error, 0);
        done = true;
    });
    while (!done) {
        machine.io.run(machine.moment());
        machine.io.wait();
    }
}

// Makes a checkpoint; `between` is called before each step. What finished() got.
int make(Machine &machine, Checkpointer &checkpointer, const Checkpointer::Plan &plan,
         const std::function<void()> &between = {}) {
    int result = -1;
    checkpointer.begin(
        plan,
        [&](const std::function<void(int)> &done) {
            machine.io.sync(log_name(1), [done](const IoQueue::Done &synced) { done(synced.error); });
        },
        [&](int error) { result = error; });
    while (result == -1) {
        CHECK(checkpointer.running());
        if (between) {
            between();
        }
        checkpointer.step();
        if (!machine.io.run(machine.moment())) {
            machine.io.wait();
        }
    }
    CHECK(!checkpointer.running());
    return result;
}

Checkpointer::Plan plan_of(const Tier &tier, std::uint32_t number) {
    return {number, tier.end, tier.log.next_sequence, 4711};
}

// The image of a tier with a checkpoint of all that it has.
SimImage with_checkpoint(const Tier &tier, std::uint32_t number) {
    Machine machine(tier.log.image);
    Checkpointer checkpointer(machine.io, tier.catalog, test_store);
    CHECK_EQ(make(machine, checkpointer, plan_of(tier, number)), 0);
    return machine.device.image();
}

void written_and_read() {
    const Tier tier;
    SimImage image = with_checkpoint(tier, 5);
    CHECK_EQ(image.files.at(checkpoint_name(5)).bytes, page_bytes + 2 * chunk_bytes); // spaces, blocks
    const Recovered found = recover_image(image);
    tier.check(found);
    check_no_remarks(found);
    CHECK(found.from_checkpoint);
    CHECK_EQ(found.checkpoint_ms, 4711);
    CHECK_EQ(found.batches_read, 0);
    CHECK(found.checkpoints == std::vector<std::uint32_t>{5});
    CHECK_EQ(found.next_checkpoint, 6);
    CHECK_EQ(found.next_space, 2);
    CHECK(found.next_sequence > tier.log.next_sequence);
    CHECK_EQ(found.durable_sequence, found.next_sequence); // there is no tail
    CHECK(found.tail_files.empty());
    CHECK(layout_of(found.catalog.find_space(1)->description) == layout_of(test_space(1)));
    CHECK_EQ(found.files.size(), 1);
}

void nothing_to_write() {
    LogBuilder log;
    log.file(1, 10);
    Machine machine(log.image);
    const Catalog catalog(1);
    Checkpointer checkpointer(machine.io, catalog, test_store);
    CHECK_EQ(checkpointer.bytes_wanted(), page_bytes);
    CHECK_EQ(make(machine, checkpointer, {1, {1, 1}, 1, 1}), 0);
    const Recovered found = recover_image(machine.device.image());
    CHECK(found.from_checkpoint);
    CHECK_EQ(found.catalog.count(), 0);
}

void all_that_a_block_is() {
    Tier tier;
    const BlockNumber number = *tier.catalog.find(1, key(7));
    CatalogBlock block = tier.catalog.block(number);
    block.has_parent = true;
    block.parent = key(6);
    block.checksum = 99;
    block.codec = 1;
    block.expires_ms = 1234;
    tier.catalog.put(block);
    tier.catalog.note_use(number, 17);
    const Recovered found = recover_image(with_checkpoint(tier, 1));
    const CatalogBlock &read = found.catalog.block(*found.catalog.find(1, key(7)));
    CHECK(read.has_parent && std::memcmp(&read.parent, &block.parent, sizeof block.parent) == 0);
    CHECK_EQ(read.checksum, 99);
    CHECK_EQ(read.payload_checksum, block.payload_checksum);
    CHECK_EQ(read.codec, 1);
    CHECK_EQ(read.expires_ms, 1234);
    CHECK_EQ(read.uses, 17);
    CHECK_EQ(read.block_bytes, 100);
    CHECK_EQ(read.stored_bytes, 100);
}

// Blocks come, go, move and come again in numbers that are free: with the log behind it, it says what there is.
void while_the_catalog_changes() {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Tier tier;
        // Several chunks, so that it takes several steps.
        SimOptions slow;
        slow.latency_ns_max = 100'000;
        slow.short_writes = 2000;
        Machine machine(tier.log.image, seed, slow);
        Random random(seed);
        Checkpointer checkpointer(machine.io, tier.catalog, test_store);
        const auto change = [&] {
            const std::uint64_t number = random.below(first_blocks + 50);
            if (tier.end.page > 1900) {
                return;
            }
            if (tier.blocks.contains(number) && random.below(2) == 0) {
                tier.erase(machine, number);
            } else {
                tier.put(machine, number); // new, or in its place: as if it were relocated
            }
        };
        for (int i = 0; i < 40; ++i) {
            change();
        }
        CHECK_EQ(make(machine, checkpointer, plan_of(tier, 1), change), 0);
        for (int i = 0; i < 10; ++i) {
            change();
        }
        const Recovered found = recover_image(machine.device.image());
        CHECK(found.from_checkpoint);
        tier.check(found);
        check_no_remarks(found);
    }
}

// A catalog of many chunks is copied in bounded steps.
void steps_are_bounded() {
    Catalog catalog(1);
    catalog.put_space(1, test_space(1), 1);
    for (std::uint64_t i = 0; i < 40'000; ++i) {
        CatalogBlock block;
        std::memcpy(block.key.bytes, &i, sizeof i);
        block.space = 1;
        block.sequence = i + 1;
        block.file = 1;
        block.page = 2;
        block.block_bytes = 100;
        block.stored_bytes = 100;
        catalog.put(block);
    }
    LogBuilder log;
    log.file(1, 10);
    Machine machine(log.image);
    Checkpointer checkpointer(machine.io, catalog, test_store);
    const std::uint64_t wanted = checkpointer.bytes_wanted();
    CHECK_EQ(wanted, page_bytes + (1 + 7) * chunk_bytes);
    std::uint64_t steps = 0;
    CHECK_EQ(make(machine, checkpointer, {1, {1, 1}, 50'000, 1}, [&] { ++steps; }), 0);
    CHECK(steps >= 8);
    CHECK_EQ(machine.device.image().files.at(checkpoint_name(1)).bytes, wanted);
    const Recovered found = recover_image(machine.device.image());
    CHECK_EQ(found.catalog.count(), 40'000);
    check_no_remarks(found);
}

// Power fails at each of its requests: what there was is found, from the log or from either checkpoint.
void crash_at_each_request() {
    Tier tier;
    const SimImage before = with_checkpoint(tier, 1);
    bool used_old = false;
    bool used_new = false;
    for (std::uint64_t at = 0; at < 12; ++at) {
        for (std::uint64_t seed = 1; seed <= 8; ++seed) {
            Machine machine(before, seed);
            Checkpointer checkpointer(machine.io, tier.catalog, test_store);
            machine.device.crash_after(at);
            make(machine, checkpointer, {2, tier.end, tier.log.next_sequence, 4712});
            const Recovered found = recover_image(machine.device.crash());
            CHECK(found.from_checkpoint);
            tier.check(found);
            used_old = used_old || found.checkpoint_ms == 4711;
            used_new = used_new || found.checkpoint_ms == 4712;
            CHECK(found.next_checkpoint >= 2);
        }
    }
    CHECK(used_old && used_new);
}

void failures_are_told_and_leave_no_file() {
    const Tier tier;
    for (const SimCall call : {SimCall::create, SimCall::write, SimCall::sync}) {
        for (std::uint64_t nth = 0; nth < 3; ++nth) {
            if (call == SimCall::create && nth > 0) {
                continue;
            }
            Machine machine(tier.log.image);
            Checkpointer checkpointer(machine.io, tier.catalog, test_store);
            const int error = call == SimCall::create ? ENOSPC : EIO;
            machine.device.fail(call, nth, error);
            CHECK_EQ(make(machine, checkpointer, plan_of(tier, 1)), error);
            CHECK_EQ(machine.device.image().files.size(), 1);
            CHECK_EQ(make(machine, checkpointer, plan_of(tier, 2)), 0); // and the next one is made
            tier.check(recover_image(machine.device.image()));
        }
    }
}

// ---- what is read of it --------------------------------------------------------------------------------------

void damaged_checkpoint_is_not_used() {
    const Tier tier;
    const SimImage image = with_checkpoint(tier, 1);
    const std::uint64_t chunks = page_bytes;
    const std::uint64_t blocks = chunks + chunk_bytes;
    for (const std::uint64_t offset : {std::uint64_t{20}, chunks + 2, chunks + 9, chunks + 100, blocks + 16,
                                       blocks + 20, blocks + 70, blocks + 30'000}) {
        SimImage damaged = image;
        damage(damaged, checkpoint_name(1), offset);
        const Recovered found = recover_image(damaged);
        CHECK(!found.from_checkpoint);
        tier.check(found); // the log has it all
        check_remark(found, "checkpoint-00000001.uakv");
        CHECK(found.checkpoints == std::vector<std::uint32_t>{1});
        CHECK_EQ(found.next_checkpoint, 2);
    }
    SimImage unfinished = image;
    zero(unfinished, checkpoint_name(1), 0, page_bytes);
    const Recovered found = recover_image(unfinished);
    CHECK(!found.from_checkpoint);
    tier.check(found);
    check_no_remarks(found); // a crash while it is made leaves that
    SimImage shorter = image;
    shorter.truncate(checkpoint_name(1), blocks);
    check_remark(recover_image(shorter), "checkpoint-00000001.uakv has numbers that are out of range");
}

void older_checkpoint_is_used_then() {
    Tier tier;
    SimImage image = with_checkpoint(tier, 1);
    image.files[checkpoint_name(2)] = with_checkpoint(tier, 2).files[checkpoint_name(2)];
    damage(image, checkpoint_name(2), page_bytes + chunk_bytes + 500);
    const Recovered found = recover_image(image);
    CHECK(found.from_checkpoint);
    tier.check(found);
    check_remark(found, "checkpoint-00000002.uakv has a part 1 that is damaged");
    CHECK((found.checkpoints == std::vector<std::uint32_t>{1, 2}));
}

void counts_have_to_fit() {
    const Tier tier;
    SimImage image = with_checkpoint(tier, 1);
    change_page<CheckpointHeader>(image, checkpoint_name(1), 0, [](CheckpointHeader &header) { ++header.blocks; });
    const Recovered found = recover_image(image);
    CHECK(!found.from_checkpoint);
    tier.check(found);
    check_remark(found, "holds 300 blocks and 1 spaces, and says 301 and 1");
}

void blocks_of_files_that_are_gone() {
    Tier tier;
    SimImage image = with_checkpoint(tier, 1);
    SimImage without = image;
    without.files.erase(log_name(1));
    const Recovered gone = recover_image(without);
    CHECK(gone.from_checkpoint);
    CHECK_EQ(gone.catalog.count(), 0);
    CHECK(gone.catalog.find_space(1) != nullptr);
    check_no_remarks(gone);      // compaction removes files, too
    CHECK_EQ(gone.next_file, 2); // the number of a file that a checkpoint knows is not used again

    const std::uint32_t pages = tier.blocks[100].page;
    image.truncate(log_name(1), pages * page_bytes);
    const Recovered cut = recover_image(image);
    CHECK(is_known(cut, 1, key(99)));
    CHECK(!is_known(cut, 1, key(100)));
    CHECK_EQ(cut.catalog.count(), 100);
    check_remark(cut, "200 blocks of checkpoint-00000001.uakv are not within their files");
}

void newer_versions() {
    const Tier tier;
    SimImage image = with_checkpoint(tier, 1);
    change_page<CheckpointHeader>(image, checkpoint_name(1), 0, [](CheckpointHeader &header) { header.minor = 7; });
    CHECK(recover_image(image).from_checkpoint);
    change_page<CheckpointHeader>(image, checkpoint_name(1), 0, [](CheckpointHeader &header) { header.major = 2; });
    const auto refused = Machine(image).try_recover();
    CHECK(!refused.ok());
    CHECK_EQ(refused.error().status, UAKV_ERR_VERSION);
    CHECK(refused.error().detail.find("checkpoint-00000001.uakv") != std::string::npos);
}

// A newer minor version may add kinds of chunks, and append to items.
void what_a_newer_minor_version_adds() {
    struct Longer {
        CheckpointSpace space;
        std::uint8_t more[16];
    };
    Tier tier;
    SimImage image = with_checkpoint(tier, 1);
    std::vector<std::byte> chunk(page_bytes);
    image.read(checkpoint_name(1), page_bytes, chunk);
    auto &head = *reinterpret_cast<CheckpointChunk *>(chunk.data());
    CHECK_EQ(head.count, 1);
    head.item_bytes = sizeof(Longer);
    chunk[sizeof head + sizeof(CheckpointSpace)] = std::byte{77};
    seal(head);
    image.write(checkpoint_name(1), page_bytes, chunk);

    // A chunk more, of a kind that nobody knows.
    auto &file = image.files[checkpoint_name(1)];
    const std::uint64_t added = page_bytes + 2 * chunk_bytes;
    file.bytes = added + page_bytes;
    file.pages.resize(file.bytes / page_bytes);
    head.kind = ChunkKind{9};
    head.place = 2;
    seal(head);
    image.write(checkpoint_name(1), added, chunk);
    change_page<CheckpointHeader>(image, checkpoint_name(1), 0, [&](CheckpointHeader &header) {
        header.minor = 1;
        header.pages = file.bytes / page_bytes;
    });
    const Recovered found = recover_image(image);
    check_no_remarks(found);
    CHECK(found.from_checkpoint);
    tier.check(found);
}

void checkpoint_of_another_directory() {
    const Tier tier;
    SimImage image = tier.log.image;
    Machine machine(tier.log.image);
    Checkpointer checkpointer(machine.io, tier.catalog, StoreId{1});
    CHECK_EQ(make(machine, checkpointer, plan_of(tier, 8)), 0);
    image.files[checkpoint_name(8)] = machine.device.image().files[checkpoint_name(8)];
    // One has a checkpoint, so of equal votes it would win: the directory has a second file.
    LogBuilder more;
    more.next_sequence = 10'000;
    more.file(2, 10);
    image.files[log_name(2)] = more.image.files[log_name(2)];
    const Recovered found = recover_image(image);
    CHECK(!found.from_checkpoint);
    CHECK(found.store == test_store);
    CHECK(found.checkpoints.empty());
    CHECK_EQ(found.next_checkpoint, 9);
    check_remark(found, "checkpoint-00000008.uakv is of another directory: it is left alone");
    tier.check(found);
}

} // namespace
} // namespace uakv::test

int main() {
    using namespace uakv::test;
    const Case cases[] = {
        {"written and read", written_and_read},
        {"nothing to write", nothing_to_write},
        {"all that a block is", all_that_a_block_is},
        {"while the catalog changes", while_the_catalog_changes},
        {"steps are bounded", steps_are_bounded},
        {"crash at each request", crash_at_each_request},
        {"failures are told and leave no file", failures_are_told_and_leave_no_file},
        {"damaged checkpoint is not used", damaged_checkpoint_is_not_used},
        {"older checkpoint is used then", older_checkpoint_is_used_then},
        {"counts have to fit", counts_have_to_fit},
        {"blocks of files that are gone", blocks_of_files_that_are_gone},
        {"newer versions", newer_versions},
        {"what a newer minor version adds", what_a_newer_minor_version_adds},
        {"checkpoint of another directory", checkpoint_of_another_directory},
    };
    return run_cases("checkpoint", cases);
}
