// Recovery of whatever lies on a disk: a small directory as the tier would write it, then bytes of the input over its
// pages, with checksums made right again where the input says so, since no fuzzer finds one. Recovery has to come to an
// end, to refuse nothing but a newer version and numbers that are used up, and to name no place that is not there.
#include "daemon/base/workers.h"
#include "daemon/tiers/disk/recovery.h"
#include "disk/log_builder.h"
#include "input.h"
#include "ipc/assertion.h"
#include "sim/sim_device.h"

#include <memory>
#include <utility>

namespace {

using namespace uakv;
using namespace uakv::disk;
using namespace uakv::test;

constexpr std::uint32_t file_pages = 24;

uakv_key key(std::uint8_t number) {
    uakv_key key{};
    key.bytes[0] = number;
    return key;
}

// A chunk of spaces and one of blocks behind a header.
SimImage::File checkpoint(const std::vector<Written> &blocks) {
    SimImage image;
    const BlockDevice::FileName name = checkpoint_name(1);
    const std::uint64_t bytes = page_bytes + chunk_bytes + page_bytes;
    image.files[name] = {bytes, std::vector<SimPageRef>(bytes / page_bytes)};
    CheckpointHeader header{};
    header.magic = checkpoint_magic;
    header.major = format_major;
    header.number = 1;
    header.pages = bytes / page_bytes;
    header.blocks = blocks.size();
    header.spaces = 1;
    header.next_sequence = 40;
    header.replay_file = 2;
    header.replay_page = 1;
    header.store = test_store;
    seal(header);
    image.write(name, 0, std::as_bytes(std::span(&header, 1)));

    std::vector<std::byte> memory(page_bytes);
    auto &chunk = *reinterpret_cast<CheckpointChunk *>(memory.data());
    chunk.magic = chunk_magic;
    chunk.checkpoint = 1;
    chunk.kind = ChunkKind::spaces;
    chunk.count = 1;
    chunk.item_bytes = sizeof(CheckpointSpace);
    auto &space = *reinterpret_cast<CheckpointSpace *>(&chunk + 1);
    space.number = 1;
    space.sequence = 1;
    space.description = test_space(1);
    seal(chunk);
    image.write(name, page_bytes, memory);

    std::ranges::fill(memory, std::byte{0});
    chunk.magic = chunk_magic;
    chunk.checkpoint = 1;
    chunk.place = 1;
    chunk.kind = ChunkKind::blocks;
    chunk.count = static_cast<std::uint32_t>(blocks.size());
    chunk.item_bytes = sizeof(CheckpointBlock);
    auto *item = reinterpret_cast<CheckpointBlock *>(&chunk + 1);
    for (const Written &block : blocks) {
        item->record.kind = static_cast<std::uint8_t>(RecordKind::block);
        item->record.key = key(static_cast<std::uint8_t>(block.page));
        item->record.block_bytes = 100;
        item->record.stored_bytes = 100;
        item->record.page = block.page;
        item->record.space = 1;
        item->record.layout = layout_of(test_space(1));
        item->sequence = block.sequence;
        item->file_number = block.file;
        ++item;
    }
    seal(chunk);
    image.write(name, page_bytes + chunk_bytes, memory);
    return image.files[name];
}

const SimImage &directory() {
    static const SimImage made = [] {
        LogBuilder log;
        std::vector<Written> blocks;
        for (std::uint32_t file = 1; file <= 3; ++file) {
            log.file(file, file_pages);
            for (std::uint8_t i = 0; i < 3; ++i) {
                if (file == 1) {
                    log.space(1 + i);
                }
                blocks.push_back(log.block(1, key(i), 100));
                log.block(2, key(static_cast<std::uint8_t>(10 * file + i)), 5000);
                log.tombstone(2, key(i), log.next_sequence);
                log.commit();
            }
            log.durable_sequence = log.next_sequence;
        }
        log.clear(2, 5);
        log.commit();
        log.image.files[checkpoint_name(1)] = checkpoint(blocks);
        return log.image;
    }();
    return made;
}

void reseal(std::vector<std::byte> &page) {
    std::uint64_t magic = 0;
    std::memcpy(&magic, page.data(), sizeof magic);
    if (magic == file_magic) {
        seal(*reinterpret_cast<FileHeader *>(page.data()));
    } else if (magic == batch_magic) {
        seal(*reinterpret_cast<BatchHeader *>(page.data()));
    } else if (magic == checkpoint_magic) {
        seal(*reinterpret_cast<CheckpointHeader *>(page.data()));
    } else if (magic == chunk_magic) {
        auto &chunk = *reinterpret_cast<CheckpointChunk *>(page.data());
        if (std::uint64_t{chunk.count} * chunk.item_bytes <= page.size() - sizeof chunk) {
            seal(chunk);
        }
    }
}

// Bytes of the input at an offset of a page, as often as there are some.
void spoil(SimImage &image, fuzz::Input &input) {
    while (!input.empty()) {
        auto file = image.files.begin();
        std::advance(file, input.choose(image.files.size()));
        const auto what = input.byte();
        if (what % 16 == 15) {
            image.truncate(file->first, std::min<std::uint64_t>(file->second.bytes, input.value<std::uint32_t>()));
            continue;
        }
        // Headers lie at the beginning, and those of a checkpoint's chunks far behind.
        std::uint64_t page = input.byte();
        page = page >= 250 ? 257 : page % 32;
        if ((page + 1) * page_bytes > file->second.bytes) {
            continue;
        }
        std::vector<std::byte> bytes(page_bytes);
        image.read(file->first, page * page_bytes, bytes);
        const std::size_t at = input.value<std::uint16_t>() % page_bytes;
        const auto source = std::as_bytes(input.take(std::min<std::size_t>(1 + what / 16U * 4U, page_bytes - at)));
        std::ranges::copy(source, bytes.begin() + static_cast<std::ptrdiff_t>(at));
        if (what % 2 == 0) {
            reseal(bytes);
        }
        image.write(file->first, page * page_bytes, bytes);
    }
}

void check(Recovered &found, const SimImage &image) {
    std::uint64_t live = 0;
    for (BlockNumber i = 0; i < found.catalog.numbers(); ++i) {
        const CatalogBlock &block = found.catalog.block(i);
        if (!block.live) {
            continue;
        }
        ++live;
        const SimImage::File &file = image.files.at(log_name(block.file));
        UAKV_ASSERT(block.page > 0 && block.page + pages_of(block.stored_bytes) <= file.bytes / page_bytes);
        UAKV_ASSERT(block.block_bytes > 0 && block.block_bytes <= limits::segment_bytes_max && block.codec <= 2);
        UAKV_ASSERT(block.sequence > 0 && block.sequence < found.next_sequence);
        UAKV_ASSERT(block.space < found.next_space && found.files.contains(block.file));
        UAKV_ASSERT(found.catalog.find(block.space, block.key) == i);
        UAKV_ASSERT(space_holds(found.catalog.find_space(block.space)->description));
    }
    UAKV_ASSERT(live == found.catalog.count());
    UAKV_ASSERT(found.next_sequence <= sequence_max && found.durable_sequence <= found.next_sequence);
    UAKV_ASSERT(found.next_file <= number_max && found.next_checkpoint <= number_max);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    fuzz::Input input(data, size);
    SimImage image = directory();
    SimOptions options;
    options.short_reads = input.flag() ? 3000 : 0;
    if (input.flag()) {
        image.files.erase(checkpoint_name(1));
    }
    spoil(image, input);
    SimClock clock;
    SimDevice device(clock, 1, options, image);
    IoQueue io(device);
    auto workers = Workers::start(0);
    UAKV_ASSERT(workers.ok());
    auto found = recover(io, *workers.value(), 1, [&] { return Moment{clock.now_ns, 1}; });
    if (found.ok()) {
        check(found.value(), image);
    } else {
        const uakv_status status = found.error().status;
        UAKV_ASSERT(status == UAKV_ERR_VERSION || status == UAKV_ERR_NO_SPACE);
    }
    return 0;
}
