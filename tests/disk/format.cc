// Pages of the log: what was sealed is well, and whatever differs from it is told by its flaw.
#include "daemon/tiers/disk/format.h"
#include "ipc/codec/codec.h"
#include "support/check.h"
#include "support/pattern.h"

#include <cstring>
#include <functional>
#include <memory>
#include <vector>

namespace uakv::test {
namespace {

using namespace uakv::disk;

constexpr StoreId store{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
const FileShape shape{7, 100, short_id_of(store)};
constexpr std::uint32_t batch_page = 10;

void expect(Flaw flaw, Flaw expected) {
    CHECK_MESSAGE(flaw == expected, std::string("\"") + text_of(flaw) + "\", expected \"" + text_of(expected) + "\"");
}

FileHeader file_header() {
    FileHeader header;
    fill(header, 7, 1 << 20, 50, 123, store);
    return header;
}

RecordDescriptor block_record(std::uint32_t page, std::uint32_t stored_bytes) {
    RecordDescriptor record{};
    record.kind = static_cast<std::uint8_t>(RecordKind::block);
    record.key = make_key("format", page);
    record.block_bytes = stored_bytes;
    record.stored_bytes = stored_bytes;
    record.page = page;
    record.space = 1;
    return record;
}

RecordDescriptor kill_record(RecordKind kind, std::uint64_t until) {
    RecordDescriptor record{};
    record.kind = static_cast<std::uint8_t>(kind);
    record.until_sequence = until;
    return record;
}

// A batch at page 10 of 8 pages: blocks at 11 (2 pages), 13 and 15, and a tombstone.
BatchHeader batch_header() {
    BatchHeader header;
    fill(header, 7, batch_page, 60, 55, store);
    header.record_count = 4;
    header.pages = 8;
    header.records[0] = block_record(11, 5000);
    header.records[1] = block_record(13, 4096);
    header.records[2] = kill_record(RecordKind::tombstone, 62);
    header.records[3] = block_record(15, 3 * 4096);
    seal(header);
    return header;
}

CheckpointHeader checkpoint_header() {
    CheckpointHeader header{};
    header.magic = checkpoint_magic;
    header.major = format_major;
    header.number = 3;
    header.pages = 513;
    header.next_sequence = 99;
    header.replay_file = 7;
    header.store = store;
    seal(header);
    return header;
}

void sealed_is_well() {
    expect(check(file_header(), 7), Flaw::none);
    expect(check(batch_header(), shape, batch_page), Flaw::none);
    expect(check(checkpoint_header(), 3, 513 * page_bytes), Flaw::none);
    CHECK(file_header().store == store);
    CHECK_EQ(batch_header().store, short_id_of(store));
    CHECK_EQ(records_that_hold(batch_header()), 0b1111);
}

void magics_can_be_read() {
    CHECK(std::memcmp(&file_magic, "UAKVLOG1", 8) == 0);
    CHECK(std::memcmp(&batch_magic, "UAKVBTC1", 8) == 0);
    CHECK(std::memcmp(&checkpoint_magic, "UAKVCKP1", 8) == 0);
    CHECK(std::memcmp(&chunk_magic, "UAKVCHK1", 8) == 0);
}

template <typename Page> void each_bit_counts(const Page &page, const std::function<Flaw(const Page &)> &flaw_of) {
    expect(flaw_of(page), Flaw::none);
    for (std::size_t bit = 0; bit < sizeof(Page) * 8; ++bit) {
        Page copy = page;
        reinterpret_cast<std::uint8_t *>(&copy)[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
        CHECK(flaw_of(copy) != Flaw::none);
    }
    Page zeros;
    std::memset(&zeros, 0, sizeof zeros);
    expect(flaw_of(zeros), Flaw::zeros);
}

void every_bit_of_a_page_counts() {
    each_bit_counts<FileHeader>(file_header(), [](const auto &page) { return check(page, 7); });
    each_bit_counts<BatchHeader>(batch_header(), [](const auto &page) { return check(page, shape, batch_page); });
    each_bit_counts<CheckpointHeader>(checkpoint_header(),
                                      [](const auto &page) { return check(page, 3, 513 * page_bytes); });
}

Flaw of_file(const std::function<void(FileHeader &)> &change) {
    FileHeader header = file_header();
    change(header);
    seal(header);
    return check(header, 7);
}

void flaws_of_file_headers() {
    expect(of_file([](FileHeader &) {}), Flaw::none);
    expect(of_file([](FileHeader &header) { header.magic = batch_magic; }), Flaw::magic);
    expect(of_file([](FileHeader &header) { header.major = format_major + 1; }), Flaw::newer);
    expect(of_file([](FileHeader &header) { header.minor = 999; }), Flaw::none);
    expect(of_file([](FileHeader &header) { header.file_number = 8; }), Flaw::place);
    expect(of_file([](FileHeader &header) { header.first_sequence = sequence_max + 1; }), Flaw::numbers);
    FileHeader damaged = file_header();
    damaged.major = format_major + 1; // but not by whoever sealed it
    expect(check(damaged, 7), Flaw::checksum);
}

Flaw of_batch(const std::function<void(BatchHeader &)> &change) {
    BatchHeader header = batch_header();
    change(header);
    seal(header);
    return check(header, shape, batch_page);
}

void flaws_of_batch_headers() {
    expect(of_batch([](BatchHeader &) {}), Flaw::none);
    expect(of_batch([](BatchHeader &header) { ++header.store; }), Flaw::store);
    expect(of_batch([](BatchHeader &header) { ++header.file_number; }), Flaw::place);
    expect(of_batch([](BatchHeader &header) { ++header.page; }), Flaw::place);
    expect(of_batch([](BatchHeader &header) { header.pages = 0; }), Flaw::numbers);
    expect(of_batch([](BatchHeader &header) { header.pages = 90; }), Flaw::none);
    expect(of_batch([](BatchHeader &header) { header.pages = 91; }), Flaw::numbers);
    expect(of_batch([](BatchHeader &header) { header.pages = UINT32_MAX; }), Flaw::numbers);
    expect(of_batch([](BatchHeader &header) { header.record_count = 0; }), Flaw::numbers);
    expect(of_batch([](BatchHeader &header) { header.record_count = records_per_batch + 1; }), Flaw::numbers);
    expect(of_batch([](BatchHeader &header) { header.sequence = sequence_max + 1; }), Flaw::numbers);
    expect(of_batch([](BatchHeader &header) { header.sequence = header.durable_sequence = 0; }), Flaw::numbers);
    expect(of_batch([](BatchHeader &header) { header.durable_sequence = 61; }), Flaw::numbers);
}

Flaw of_checkpoint(const std::function<void(CheckpointHeader &)> &change) {
    CheckpointHeader header = checkpoint_header();
    change(header);
    seal(header);
    return check(header, 3, 513 * page_bytes);
}

void flaws_of_checkpoint_headers() {
    expect(of_checkpoint([](CheckpointHeader &) {}), Flaw::none);
    expect(of_checkpoint([](CheckpointHeader &header) { ++header.major; }), Flaw::newer);
    expect(of_checkpoint([](CheckpointHeader &header) { ++header.minor; }), Flaw::none);
    expect(of_checkpoint([](CheckpointHeader &header) { ++header.number; }), Flaw::place);
    expect(of_checkpoint([](CheckpointHeader &header) { ++header.pages; }), Flaw::numbers);
    expect(of_checkpoint([](CheckpointHeader &header) { header.pages = UINT64_MAX; }), Flaw::numbers);
    expect(of_checkpoint([](CheckpointHeader &header) { header.pages = 0; }), Flaw::numbers);
    expect(of_checkpoint([](CheckpointHeader &header) { header.next_sequence = UINT64_MAX; }), Flaw::numbers);
}

std::uint32_t holding(const std::function<void(BatchHeader &)> &change) {
    BatchHeader header = batch_header();
    change(header);
    return records_that_hold(header);
}

template <typename Change> std::uint32_t holding_with(std::size_t record, Change change) {
    return holding([&](BatchHeader &header) { change(header.records[record]); });
}

void records_out_of_range() {
    using Record = RecordDescriptor;
    CHECK_EQ(holding_with(0, [](Record &record) { record.page = 10; }), 0b1110); // the header itself
    CHECK_EQ(holding_with(0, [](Record &record) { record.page = 0; }), 0b1110);
    CHECK_EQ(holding_with(0, [](Record &record) { record.page = UINT32_MAX; }), 0b1110);
    CHECK_EQ(holding_with(1, [](Record &record) { record.page = 12; }), 0b1101); // over the one before
    CHECK_EQ(holding_with(1, [](Record &record) { record.page = 14; }), 0b1111);
    CHECK_EQ(holding_with(3, [](Record &record) { record.page = 16; }), 0b0111); // beyond the batch
    CHECK_EQ(holding_with(3, [](Record &record) { record.stored_bytes = UINT32_MAX; }), 0b0111);
    CHECK_EQ(holding_with(3, [](Record &record) { record.stored_bytes = 0; }), 0b0111);
    CHECK_EQ(holding_with(0, [](Record &record) { record.block_bytes = 0; }), 0b1110);
    CHECK_EQ(holding_with(0, [](Record &record) { record.block_bytes = 5001; }), 0b1110); // codec none: as it is
    CHECK_EQ(holding_with(0, [](Record &record) { record.payload_checksum = 1; }), 0b1110);
    CHECK_EQ(holding_with(0, [](Record &record) { record.space = UINT32_MAX; }), 0b1110);
    CHECK_EQ(holding_with(0, [](Record &record) { record.kind = 77; }), 0b1110);
    CHECK_EQ(holding_with(0, [](Record &record) { record.codec = 77; }), 0b1110);
    CHECK_EQ(holding_with(2, [](Record &record) { record.until_sequence = 63; }), 0b1011); // the future
    CHECK_EQ(holding_with(2, [](Record &record) { record.page = 14; }), 0b1011);
    CHECK_EQ(holding_with(0,
                          [](Record &record) {
                              record.codec = static_cast<std::uint8_t>(Codec::lz4);
                              record.block_bytes = limits::segment_bytes_max;
                          }),
             0b1111);
    CHECK_EQ(holding_with(0,
                          [](Record &record) {
                              record.codec = static_cast<std::uint8_t>(Codec::lz4);
                              record.block_bytes = limits::segment_bytes_max + 1;
                          }),
             0b1110);
    CHECK_EQ(holding_with(1,
                          [](Record &record) {
                              record.kind = static_cast<std::uint8_t>(RecordKind::space);
                              record.stored_bytes = sizeof(SpaceDescription);
                          }),
             0b1111);
    CHECK_EQ(holding_with(1, [](Record &record) { record.kind = static_cast<std::uint8_t>(RecordKind::space); }),
             0b1101);
}

void blocks_of_checkpoints() {
    CheckpointBlock block{};
    block.record = block_record(11, 5000);
    block.sequence = 9;
    CHECK(block_holds(block, 13));
    CHECK(!block_holds(block, 12)); // its second page is not there
    block.record.page = 1;          // a batch header at best
    CHECK(!block_holds(block, 100));
    block.record = kill_record(RecordKind::tombstone, 3);
    CHECK(!block_holds(block, 100));
    block.record = block_record(UINT32_MAX, 5000);
    CHECK(!block_holds(block, UINT32_MAX));
    block.record = block_record(11, 5000);
    block.sequence = 0;
    CHECK(!block_holds(block, 100));
    block.sequence = sequence_max + 1;
    CHECK(!block_holds(block, 100));
}

void descriptions_of_spaces() {
    SpaceDescription space;
    space.block_bytes = 4096;
    std::strcpy(space.name, "a");
    CHECK(space_holds(space));
    const std::uint64_t layout = layout_of(space);
    space.ttl_ms = 1;
    CHECK(layout_of(space) != layout);
    space.ndim = UAKV_NDIM_MAX + 1;
    CHECK(!space_holds(space));
    space.ndim = 0;
    space.block_bytes = limits::segment_bytes_max + 1;
    CHECK(!space_holds(space));
    space.block_bytes = 0;
    CHECK(!space_holds(space));
    space.block_bytes = 4096;
    std::memset(space.name, 'x', sizeof space.name);
    CHECK(!space_holds(space));
    space.name[0] = '\0';
    CHECK(!space_holds(space));
}

struct Chunk {
    CheckpointChunk head{};
    CheckpointBlock items[3]{};
};
static_assert(sizeof(Chunk) == sizeof(CheckpointChunk) + 3 * sizeof(CheckpointBlock));

Chunk chunk() {
    Chunk chunk;
    chunk.head.magic = chunk_magic;
    chunk.head.checkpoint = 3;
    chunk.head.place = 5;
    chunk.head.kind = ChunkKind::blocks;
    chunk.head.count = 3;
    chunk.head.item_bytes = sizeof(CheckpointBlock);
    chunk.items[1].sequence = 17;
    seal(chunk.head);
    return chunk;
}

Flaw of_chunk(const std::function<void(Chunk &)> &change, std::size_t bytes = sizeof(Chunk), bool sealed = true) {
    const auto copy = std::make_unique<Chunk>(chunk());
    change(*copy);
    if (sealed) {
        seal(copy->head);
    }
    return check(copy->head, bytes, 3, 5);
}

void chunks() {
    expect(of_chunk([](Chunk &) {}), Flaw::none);
    expect(of_chunk([](Chunk &) {}, sizeof(Chunk) - 1), Flaw::numbers);
    expect(of_chunk([](Chunk &) {}, sizeof(CheckpointChunk) - 1), Flaw::numbers);
    expect(of_chunk([](Chunk &chunk) { ++chunk.head.magic; }), Flaw::magic);
    expect(of_chunk([](Chunk &chunk) { ++chunk.head.checkpoint; }), Flaw::place);
    expect(of_chunk([](Chunk &chunk) { ++chunk.head.place; }), Flaw::place);
    expect(of_chunk([](Chunk &chunk) { chunk.head.count = UINT32_MAX; }, sizeof(Chunk), false), Flaw::numbers);
    expect(of_chunk([](Chunk &chunk) { --chunk.head.item_bytes; }), Flaw::numbers);
    expect(of_chunk([](Chunk &chunk) { chunk.head.kind = ChunkKind{77}; }), Flaw::none); // to be skipped
    for (std::size_t byte = 0; byte < sizeof(Chunk); ++byte) {
        const Flaw flaw = of_chunk([&](Chunk &chunk) { reinterpret_cast<std::uint8_t *>(&chunk)[byte] ^= 0x10; },
                                   sizeof(Chunk), false);
        CHECK_MESSAGE(flaw != Flaw::none, "byte " + std::to_string(byte));
    }
}

} // namespace
} // namespace uakv::test

int main() {
    using namespace uakv::test;
    const Case cases[] = {
        {"sealed is well", sealed_is_well},
        {"magics can be read", magics_can_be_read},
        {"every bit of a page counts", every_bit_of_a_page_counts},
        {"flaws of file headers", flaws_of_file_headers},
        {"flaws of batch headers", flaws_of_batch_headers},
        {"flaws of checkpoint headers", flaws_of_checkpoint_headers},
        {"records out of range", records_out_of_range},
        {"blocks of checkpoints", blocks_of_checkpoints},
        {"descriptions of spaces", descriptions_of_spaces},
        {"chunks", chunks},
    };
    return run_cases("format", cases);
}
