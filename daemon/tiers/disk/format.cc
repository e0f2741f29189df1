#include "daemon/tiers/disk/format.h"

#include "ipc/assertion.h"
#include "ipc/codec/codec.h"
#include "ipc/hashing.h"

#include <algorithm>
#include <cstring>

namespace uakv::disk {
namespace {

// Of a page that has a checksum field, as it is with that field 0.
template <typename Page> std::uint64_t page_checksum(const Page &page) {
    static_assert(sizeof(Page) == page_bytes);
    Page copy = page;
    copy.checksum = 0;
    return checksum_of(&copy, sizeof copy);
}

template <typename Page> bool is_zero(const Page &page) {
    const auto *bytes = reinterpret_cast<const char *>(&page);
    return bytes[0] == 0 && std::memcmp(bytes, bytes + 1, sizeof page - 1) == 0;
}

// What every page with a magic has in common.
template <typename Page> Flaw check_page(const Page &page, std::uint64_t magic) {
    if (page.magic != magic) {
        return is_zero(page) ? Flaw::zeros : Flaw::magic;
    }
    return page.checksum == page_checksum(page) ? Flaw::none : Flaw::checksum;
}

std::uint64_t chunk_checksum(const CheckpointChunk &chunk) {
    CheckpointChunk copy = chunk;
    copy.checksum = checksum_of(&chunk + 1, std::size_t{chunk.count} * chunk.item_bytes);
    return checksum_of(&copy, sizeof copy);
}

bool block_numbers_hold(const RecordDescriptor &record) {
    if (record.block_bytes == 0 || record.block_bytes > limits::segment_bytes_max || record.stored_bytes == 0 ||
        record.stored_bytes > limits::segment_bytes_max) {
        return false;
    }
    switch (static_cast<Codec>(record.codec)) {
    case Codec::none:
        return record.stored_bytes == record.block_bytes && record.payload_checksum == record.checksum;
    case Codec::lz4:
    case Codec::planes_lz4:
        return true;
    }
    return false;
}

// What does not depend on where it lies.
bool numbers_hold(const RecordDescriptor &record, std::uint64_t sequence) {
    if (record.space > number_max) {
        return false;
    }
    switch (static_cast<RecordKind>(record.kind)) {
    case RecordKind::block:
        return block_numbers_hold(record);
    case RecordKind::space:
        return record.stored_bytes == sizeof(SpaceDescription);
    case RecordKind::tombstone:
    case RecordKind::clear:
        // It speaks of what came before it.
        return record.stored_bytes == 0 && record.until_sequence <= sequence;
    }
    return false;
}

} // namespace

// ---- for writers -------------------------------------------------------------------------------------------

void fill(FileHeader &header, std::uint32_t number, std::uint64_t bytes, std::uint64_t first_sequence,
          std::uint64_t created_ms, const StoreId &store) {
    header = FileHeader{};
    header.magic = file_magic;
    header.major = format_major;
    header.minor = format_minor;
    header.file_number = number;
    header.file_bytes = bytes;
    header.first_sequence = first_sequence;
    header.created_ms = created_ms;
    header.store = store;
    seal(header);
}

void fill(BatchHeader &header, std::uint32_t file_number, std::uint32_t page, std::uint64_t sequence,
          std::uint64_t durable_sequence, const StoreId &store) {
    header = BatchHeader{};
    header.magic = batch_magic;
    header.file_number = file_number;
    header.page = page;
    header.sequence = sequence;
    header.durable_sequence = durable_sequence;
    header.store = short_id_of(store);
}

void seal(FileHeader &header) {
    header.checksum = page_checksum(header);
}

void seal(BatchHeader &header) {
    header.checksum = page_checksum(header);
}

void seal(CheckpointHeader &header) {
    header.checksum = page_checksum(header);
}

void seal(CheckpointChunk &chunk) {
    chunk.checksum = chunk_checksum(chunk);
}

std::uint64_t short_id_of(const StoreId &store) {
    std::uint64_t id = 0;
    std::memcpy(&id, store.data(), sizeof id);
    return id;
}

std::uint64_t layout_of(const SpaceDescription &description) {
    return checksum_of(&description, sizeof description);
}

std::size_t item_bytes_of(ChunkKind kind) {
    switch (kind) {
    case ChunkKind::spaces:
        return sizeof(CheckpointSpace);
    case ChunkKind::blocks:
        return sizeof(CheckpointBlock);
    }
    return 0;
}

// ---- for readers -------------------------------------------------------------------------------------------

const char *text_of(Flaw flaw) {
    switch (flaw) {
    case Flaw::none:
        return "is well";
    case Flaw::zeros:
        return "is empty";
    case Flaw::magic:
        return "holds something else";
    case Flaw::checksum:
        return "is damaged: its checksum does not match";
    case Flaw::newer:
        return "is of a newer version";
    case Flaw::place:
        return "was written for another place";
    case Flaw::store:
        return "is of another directory";
    case Flaw::numbers:
        return "has numbers that are out of range";
    }
    return "is damaged";
}

Flaw check(const FileHeader &header, std::uint32_t number) {
    if (const Flaw flaw = check_page(header, file_magic); flaw != Flaw::none) {
        return flaw;
    }
    if (header.major > format_major) {
        return Flaw::newer;
    }
    if (header.file_number != number) {
        return Flaw::place;
    }
    return header.first_sequence > sequence_max ? Flaw::numbers : Flaw::none;
}

Flaw check(const CheckpointHeader &header, std::uint32_t number, std::uint64_t file_bytes) {
    if (const Flaw flaw = check_page(header, checkpoint_magic); flaw != Flaw::none) {
        return flaw;
    }
    if (header.major > format_major) {
        return Flaw::newer;
    }
    if (header.number != number) {
        return Flaw::place;
    }
    const bool holds = header.pages > 0 && header.pages <= file_bytes / page_bytes &&
                       header.next_sequence <= sequence_max && header.replay_file <= number_max;
    return holds ? Flaw::none : Flaw::numbers;
}

Flaw check(const BatchHeader &header, const FileShape &file, std::uint32_t page) {
    if (const Flaw flaw = check_page(header, batch_magic); flaw != Flaw::none) {
        return flaw;
    }
    if (header.store != file.store) {
        return Flaw::store;
    }
    if (header.file_number != file.number || header.page != page) {
        return Flaw::place;
    }
    const bool holds = page < file.pages && header.pages > 0 && header.pages <= file.pages - page &&
                       header.record_count > 0 && header.record_count <= records_per_batch && header.sequence > 0 &&
                       header.sequence <= sequence_max && header.durable_sequence <= header.sequence;
    return holds ? Flaw::none : Flaw::numbers;
}

std::uint32_t records_that_hold(const BatchHeader &header) {
    UAKV_ASSERT(header.record_count <= records_per_batch);
    std::uint32_t holding = 0;
    std::uint64_t free_from = header.page + std::uint64_t{1};
    const std::uint64_t end = header.page + std::uint64_t{header.pages};
    for (std::uint32_t i = 0; i < header.record_count; ++i) {
        const RecordDescriptor &record = header.records[i];
        const std::uint64_t pages = pages_of(record.stored_bytes);
        const bool placed =
            record.stored_bytes == 0 ? record.page == 0 : record.page >= free_from && record.page + pages <= end;
        if (placed && pages > 0) {
            free_from = record.page + pages;
        }
        if (placed && numbers_hold(record, header.sequence + i)) {
            holding |= 1U << i;
        }
    }
    return holding;
}

bool is_known(const RecordDescriptor &record) {
    return record.kind >= static_cast<std::uint8_t>(RecordKind::block) &&
           record.kind <= static_cast<std::uint8_t>(RecordKind::clear) &&
           record.codec <= static_cast<std::uint8_t>(Codec::planes_lz4);
}

bool block_holds(const CheckpointBlock &block, std::uint64_t file_pages) {
    const RecordDescriptor &record = block.record;
    return static_cast<RecordKind>(record.kind) == RecordKind::block && numbers_hold(record, block.sequence) &&
           block.sequence > 0 && block.sequence <= sequence_max && record.page > 1 &&
           record.page + pages_of(record.stored_bytes) <= file_pages;
}

bool space_holds(const SpaceDescription &description) {
    const auto *end = std::end(description.name);
    return description.ndim <= UAKV_NDIM_MAX && description.block_bytes > 0 &&
           description.block_bytes <= limits::segment_bytes_max && description.name[0] != '\0' &&
           std::find(std::begin(description.name), end, '\0') != end;
}

Flaw check(const CheckpointChunk &chunk, std::size_t bytes, std::uint32_t checkpoint, std::uint32_t place) {
    if (bytes < sizeof chunk) {
        return Flaw::numbers;
    }
    if (chunk.magic != chunk_magic) {
        return Flaw::magic;
    }
    if (std::uint64_t{chunk.count} * chunk.item_bytes > bytes - sizeof chunk ||
        chunk.item_bytes < item_bytes_of(chunk.kind)) {
        return Flaw::numbers;
    }
    if (chunk.checksum != chunk_checksum(chunk)) {
        return Flaw::checksum;
    }
    return chunk.checkpoint == checkpoint && chunk.place == place ? Flaw::none : Flaw::place;
}

} // namespace uakv::disk
