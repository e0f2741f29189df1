#include "disk/log_builder.h"

#include "ipc/assertion.h"
#include "ipc/hashing.h"
#include "support/pattern.h"

#include <cstdio>
#include <cstring>
#include <span>

namespace uakv::test {

using namespace uakv::disk;

SpaceDescription test_space(std::uint32_t number) {
    SpaceDescription space;
    space.block_bytes = 1 << 20;
    std::snprintf(space.name, sizeof space.name, "space-%u", number);
    return space;
}

void LogBuilder::file(std::uint32_t number, std::uint32_t pages) {
    commit();
    number_ = number;
    page_ = 1;
    image.files[log_name(number)] = {pages * page_bytes, std::vector<SimPageRef>(pages)};
    FileHeader header;
    fill(header, number, pages * page_bytes, next_sequence, 1000, store_);
    image.write(log_name(number), 0, std::as_bytes(std::span(&header, 1)));
}

Written LogBuilder::space(std::uint32_t number) {
    const SpaceDescription description = test_space(number);
    RecordDescriptor record{};
    record.kind = static_cast<std::uint8_t>(RecordKind::space);
    record.space = number;
    record.layout = layout_of(description);
    return this->record(record, std::as_bytes(std::span(&description, 1)));
}

Written LogBuilder::block(std::uint32_t space, const uakv_key &key, std::uint32_t bytes) {
    const std::vector<std::uint8_t> content = make_block(bytes, key);
    RecordDescriptor record{};
    record.kind = static_cast<std::uint8_t>(RecordKind::block);
    record.space = space;
    record.key = key;
    record.block_bytes = bytes;
    record.checksum = checksum_of(content.data(), content.size());
    record.expires_ms = UINT64_MAX;
    record.layout = layout_of(test_space(space));
    return this->record(record, std::as_bytes(std::span(content)));
}

Written LogBuilder::tombstone(std::uint32_t space, const uakv_key &key, std::uint64_t until_sequence) {
    RecordDescriptor record{};
    record.kind = static_cast<std::uint8_t>(RecordKind::tombstone);
    record.space = space;
    record.key = key;
    record.until_sequence = until_sequence;
    return this->record(record, {});
}

Written LogBuilder::clear(std::uint32_t space, std::uint64_t until_sequence) {
    RecordDescriptor record{};
    record.kind = static_cast<std::uint8_t>(RecordKind::clear);
    record.space = space;
    record.until_sequence = until_sequence;
    return this->record(record, {});
}

Written LogBuilder::record(RecordDescriptor record, std::span<const std::byte> payload) {
    UAKV_ASSERT(number_ != 0);
    if (header_.record_count == records_per_batch) {
        commit();
    }
    if (header_.record_count == 0) {
        fill(header_, number_, page_, next_sequence, std::min(durable_sequence, next_sequence), store_);
        batch_pages_ = 1;
    }
    record.stored_bytes = static_cast<std::uint32_t>(payload.size());
    record.payload_checksum = checksum_of(payload.data(), payload.size());
    record.page = payload.empty() ? 0 : page_ + batch_pages_;
    if (!payload.empty()) {
        image.write(log_name(number_), record.page * page_bytes, payload);
        batch_pages_ += static_cast<std::uint32_t>(pages_of(payload.size()));
    }
    header_.records[header_.record_count++] = record;
    return {next_sequence++, number_, page_, record.page};
}

std::uint32_t LogBuilder::commit() {
    if (header_.record_count > 0) {
        header_.pages = batch_pages_;
        seal(header_);
        image.write(log_name(number_), page_ * page_bytes, std::as_bytes(std::span(&header_, 1)));
        page_ += batch_pages_;
        header_ = {};
    }
    return page_;
}

void damage(SimImage &image, BlockDevice::FileName name, std::uint64_t offset, std::uint64_t bytes) {
    std::vector<std::byte> content(bytes);
    image.read(name, offset, content);
    for (std::byte &byte : content) {
        byte ^= std::byte{0x5A};
    }
    image.write(name, offset, content);
}

void zero(SimImage &image, BlockDevice::FileName name, std::uint64_t offset, std::uint64_t bytes) {
    image.write(name, offset, std::vector<std::byte>(bytes));
}

} // namespace uakv::test
