#include "daemon/tiers/disk/records.h"

namespace uakv::disk {

CatalogBlock block_of(const RecordDescriptor &record, std::uint64_t sequence, FileNumber file) {
    CatalogBlock block;
    block.key = record.key;
    block.has_parent = (record.flags & record_has_parent) != 0;
    if (block.has_parent) {
        block.parent = record.parent;
    }
    block.sequence = sequence;
    block.block_bytes = record.block_bytes;
    block.checksum = record.checksum;
    block.payload_checksum = record.payload_checksum;
    block.expires_ms = record.expires_ms;
    block.stored_bytes = record.stored_bytes;
    block.file = file;
    block.page = record.page;
    block.space = record.space;
    block.uses = record.uses;
    block.codec = record.codec;
    return block;
}

RecordDescriptor record_of(const CatalogBlock &block, std::uint64_t layout) {
    RecordDescriptor record{};
    record.key = block.key;
    record.parent = block.parent;
    record.block_bytes = block.block_bytes;
    record.checksum = block.checksum;
    record.payload_checksum = block.payload_checksum;
    record.expires_ms = block.expires_ms;
    record.layout = layout;
    record.stored_bytes = block.stored_bytes;
    record.page = block.page;
    record.space = block.space;
    record.kind = static_cast<std::uint8_t>(RecordKind::block);
    record.codec = block.codec;
    record.flags = block.has_parent ? record_has_parent : std::uint16_t{0};
    record.uses = block.uses;
    return record;
}

} // namespace uakv::disk
