// Truncated, zero-filled, overwritten, misdirected and rotten logs, by seed: what is found is exactly what the damage
// leaves, and nothing that was not written.
#include "daemon/tiers/disk/checkpoint.h"
#include "disk/log_builder.h"
#include "disk/machine.h"
#include "disk/reference.h"
#include "ipc/hashing.h"
#include "support/effort.h"
#include "support/pattern.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

namespace uakv::test {
namespace {

using namespace uakv::disk;

constexpr std::uint32_t files = 4;
constexpr std::uint32_t file_pages = 60;
constexpr std::uint64_t keys = 12;

uakv_key key(std::uint64_t number) {
    return make_key("damage", number);
}

// A log of random records, and what was written into it.
struct History {
    explicit History(std::uint64_t seed) : random(seed) {
        for (std::uint32_t file = 1; file <= files; ++file) {
            log.file(file, file_pages);
            while (page + 30 < file_pages || page < 4) {
                batch(file);
            }
            page = 1;
        }
    }

    void batch(std::uint32_t file) {
        WrittenBatch written;
        written.file = file;
        written.durable_sequence = log.durable_sequence;
        const std::uint64_t count = 1 + random.below(5);
        for (std::uint64_t i = 0; i < count; ++i) {
            record(written);
        }
        written.page = page;
        page = log.commit();
        written.end = page;
        batches.push_back(written);
        if (random.below(3) == 0) {
            log.durable_sequence = log.next_sequence;
        }
    }

    void record(WrittenBatch &batch) {
        WrittenRecord record;
        record.space = static_cast<std::uint32_t>(1 + random.below(2));
        record.number = random.below(keys);
        Written where;
        const std::uint64_t what = random.below(20);
        if (batches.empty() && batch.records.size() < 2) {
            record.kind = RecordKind::space;
            record.space = static_cast<std::uint32_t>(1 + batch.records.size());
            where = log.space(record.space);
            record.bytes = sizeof(SpaceDescription);
        } else if (what == 0) {
            record.kind = RecordKind::space; // relocated
            where = log.space(record.space);
            record.bytes = sizeof(SpaceDescription);
        } else if (what == 1) {
            record.kind = RecordKind::clear;
            record.until_sequence = 1 + random.below(log.next_sequence);
            where = log.clear(record.space, record.until_sequence);
        } else if (what < 5) {
            record.kind = RecordKind::tombstone;
            record.until_sequence = 1 + random.below(log.next_sequence);
            where = log.tombstone(record.space, key(record.number), record.until_sequence);
        } else {
            record.kind = RecordKind::block;
            const auto bytes = static_cast<std::uint32_t>(1 + random.below(9000));
            const std::vector<std::uint8_t> content = make_block(bytes, key(record.number));
            record.payload_checksum = checksum_of(content.data(), content.size());
            record.bytes = bytes;
            where = log.block(record.space, key(record.number), bytes);
        }
        record.sequence = where.sequence;
        record.file = where.file;
        record.page = where.page;
        batch.records.push_back(record);
    }

    // The record that a block of the catalog comes from.
    const WrittenRecord *origin_of(const CatalogBlock &block) const {
        for (const WrittenBatch &batch : batches) {
            for (const WrittenRecord &record : batch.records) {
                if (record.sequence == block.sequence) {
                    const uakv_key written = key(record.number);
                    const bool same = record.kind == RecordKind::block && record.space == block.space &&
                                      std::memcmp(&written, &block.key, sizeof written) == 0 &&
                                      record.file == block.file && record.page == block.page &&
                                      record.payload_checksum == block.payload_checksum;
                    return same ? &record : nullptr;
                }
            }
        }
        return nullptr;
    }

    Random random;
    LogBuilder log;
    std::vector<WrittenBatch> batches;
    std::uint32_t page = 1;
};

// Spoils an image. The headers of the files are left to other tests, but for rot.
class Vandal {
public:
    Vandal(SimImage &image, std::uint64_t seed) : image_(image), random_(seed) {}

    void strike() {
        const auto file = static_cast<std::uint32_t>(1 + random_.below(files));
        const auto page = static_cast<std::uint32_t>(1 + random_.below(file_pages - 1));
        const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(1 + random_.below(6), file_pages - page));
        if (cut(file)) {
            return;
        }
        switch (random_.below(6)) {
        case 0:
            change(file, page, count, [](std::span<std::byte> bytes) { std::ranges::fill(bytes, std::byte{0}); });
            break;
        case 1:
            change(file, page, count, [this](std::span<std::byte> bytes) {
                std::ranges::generate(bytes, [this] { return static_cast<std::byte>(random_.next()); });
            });
            break;
        case 2:
            change(file, page, 1, [this](std::span<std::byte> bytes) {
                bytes[random_.below(bytes.size())] ^= static_cast<std::byte>(1U << random_.below(8));
            });
            break;
        case 3:
            misdirect(file, page, count);
            break;
        case 4:
            if (file > 1) { // a bit of its header
                change(file, 0, 1, [this](std::span<std::byte> bytes) {
                    bytes[random_.below(bytes.size())] ^= static_cast<std::byte>(1U << random_.below(8));
                });
            }
            break;
        default:
            if (random_.below(3) == 0) {
                image_.truncate(log_name(file), page * page_bytes + random_.below(page_bytes));
            }
        }
    }

private:
    bool cut(std::uint32_t file) const { return image_.files.at(log_name(file)).bytes < file_pages * page_bytes; }

    template <typename Change> void change(std::uint32_t file, std::uint32_t page, std::uint32_t count, Change change) {
        for (std::uint32_t i = page; i < page + count; ++i) {
            std::vector<std::byte> bytes(page_bytes);
            image_.read(log_name(file), i * page_bytes, bytes);
            change(std::span(bytes));
            image_.write(log_name(file), i * page_bytes, bytes);
        }
    }

    // What lies elsewhere is written here, too.
    void misdirect(std::uint32_t file, std::uint32_t page, std::uint32_t count) {
        auto from = static_cast<std::uint32_t>(1 + random_.below(files));
        if (cut(from)) {
            return;
        }
        auto at = static_cast<std::uint32_t>(random_.below(file_pages - count));
        change(file, page, count,
               [&](std::span<std::byte> bytes) { image_.read(log_name(from), at++ * page_bytes, bytes); });
    }

    SimImage &image_;
    Random random_;
};

void check_origins(const History &history, const Recovered &found) {
    for (BlockNumber i = 0; i < found.catalog.numbers(); ++i) {
        if (found.catalog.block(i).live) {
            CHECK(history.origin_of(found.catalog.block(i)) != nullptr);
        }
    }
}

void check_exactly(const Expected &expected, const Recovered &found) {
    for (const auto &[name, record] : expected.blocks) {
        const auto number = found.catalog.find(name.first, key(name.second));
        CHECK_MESSAGE(number.has_value(), "block " + std::to_string(record.sequence) + " is missing");
        CHECK_EQ(found.catalog.block(*number).sequence, record.sequence);
    }
    CHECK_EQ(found.catalog.count(), expected.blocks.size());
    CHECK(found.torn >= expected.torn); // spaces, too
    for (const std::uint32_t space : expected.spaces) {
        CHECK(found.catalog.find_space(space) != nullptr);
    }
    CHECK_EQ(found.catalog.spaces().size(), expected.spaces.size());
}

SimOptions strange_device(std::uint64_t seed) {
    SimOptions options;
    options.latency_ns_max = seed % 3 == 0 ? 1'000'000 : 0;
    options.short_reads = seed % 4 == 0 ? 3000 : 0;
    return options;
}

template <typename Body> void each_seed(std::uint64_t count, Body body) {
    const std::uint64_t first = seed();
    for (std::uint64_t i = 0; i < (sanitized ? count / 5 : count); ++i) {
        try {
            body(first + i);
        } catch (const Failure &failure) {
            throw Failure("seed " + std::to_string(first + i) + ": " + failure.what());
        }
    }
}

void log_alone() {
    std::uint64_t damaged = 0;
    each_seed(3000, [&](std::uint64_t from) {
        History history(from);
        const SimImage before = history.log.image;
        Vandal vandal(history.log.image, from ^ 0xBAD);
        for (std::uint64_t i = from % 8; i > 0; --i) {
            vandal.strike();
        }
        const Recovered found = recover_image(history.log.image, from, strange_device(from));
        check_origins(history, found);
        check_exactly(expected_of(history.batches, damages_of(before, history.log.image)), found);
        CHECK_EQ(found.files.size(), files);
        damaged += found.remarks.empty() ? 0U : 1U;
    });
    CHECK(damaged > 100);
}

// The checkpoint of a log.
SimImage::File checkpoint_of(const SimImage &log) {
    Machine machine(log);
    const Recovered found = machine.recover();
    Checkpointer checkpointer(machine.io, found.catalog, test_store);
    int result = -1;
    checkpointer.begin(
        {1, {3, 1}, 1, 1}, [](const std::function<void(int)> &done) { done(0); }, [&](int error) { result = error; });
    while (checkpointer.running()) {
        checkpointer.step();
        machine.io.run(machine.moment());
    }
    CHECK_EQ(result, 0);
    return machine.device.image().files.at(checkpoint_name(1));
}

// One that was made after the second of four files: what was in it is found even where its log was hit.
void with_a_checkpoint() {
    std::uint64_t used = 0;
    each_seed(800, [&](std::uint64_t from) {
        History history(from);
        SimImage early = history.log.image;
        early.files.erase(log_name(3));
        early.files.erase(log_name(4));
        SimImage &image = history.log.image;
        image.files[checkpoint_name(1)] = checkpoint_of(early);
        const SimImage before = image;
        Vandal vandal(image, from ^ 0xBAD);
        for (std::uint64_t i = from % 6; i > 0; --i) {
            vandal.strike();
        }
        const Damages damages = damages_of(before, image);
        Random random(from);
        if (from % 5 == 0) { // and it too
            damage(image, checkpoint_name(1), random.below(2 * page_bytes));
        }
        const Recovered found = recover_image(image, from, strange_device(from));
        check_origins(history, found);
        used += found.from_checkpoint ? 1U : 0U;
        std::vector<WrittenBatch> first_two = history.batches;
        std::erase_if(first_two, [](const WrittenBatch &batch) { return batch.file > 2; });
        const Expected then = expected_of(first_two, {});
        check_exactly(found.from_checkpoint ? expected_of(history.batches, damages, &then, 3)
                                            : expected_of(history.batches, damages),
                      found);
    });
    CHECK(used > 100);
}

// Pages of nothing but noise, with and without checksums that fit.
void noise() {
    each_seed(800, [&](std::uint64_t from) {
        Random random(from);
        History history(from);
        SimImage &image = history.log.image;
        for (int i = 0; i < 6; ++i) {
            const auto file = static_cast<std::uint32_t>(1 + random.below(files));
            const auto page = static_cast<std::uint32_t>(1 + random.below(file_pages - 1));
            change_page<BatchHeader>(image, log_name(file), page, [&](BatchHeader &header) {
                auto *bytes = reinterpret_cast<std::uint8_t *>(&header);
                if (random.below(2) == 0) {
                    for (std::size_t at = 0; at < page_bytes; ++at) {
                        bytes[at] = static_cast<std::uint8_t>(random.next());
                    }
                    header.record_count = static_cast<std::uint32_t>(random.below(40));
                } else {
                    for (int change = 0; change < 4; ++change) {
                        bytes[random.below(page_bytes)] ^= static_cast<std::uint8_t>(1U << random.below(8));
                    }
                }
                header.magic = batch_magic;
                header.file_number = file;
                header.page = page;
                header.store = short_id_of(test_store);
            });
        }
        const auto found = Machine(image, from).try_recover();
        CHECK(found.ok() || found.error().status == UAKV_ERR_NO_SPACE);
    });
}

} // namespace
} // namespace uakv::test

int main() {
    using namespace uakv::test;
    const Case cases[] = {
        {"log alone", log_alone},
        {"with a checkpoint", with_a_checkpoint},
        {"noise", noise},
    };
    return run_cases("damage", cases);
}
