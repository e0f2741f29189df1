// How a batch is put together: erasures first, then blocks of the store, then what compaction moves.
#include "daemon/tiers/disk/log_writer.h"

#include "ipc/hashing.h"

#include <algorithm>

namespace uakv::disk {
namespace {

std::uint64_t pages_of_record(RecordKind kind, const CatalogBlock &block) {
    switch (kind) {
    case RecordKind::block:
        return pages_of(block.stored_bytes);
    case RecordKind::space:
        return 1;
    case RecordKind::tombstone:
    case RecordKind::clear:
        break;
    }
    return 0;
}

} // namespace

// One batch is always under way as soon as there is anything; more of them only when they are worth it.
bool LogWriter::due(bool hurry) const {
    const std::size_t waiting = upkeep_.size() + blocks_.size() + moves_.size();
    if (waiting == 0 || batches_.size() >= engine_.options.batches_in_flight_max) {
        return false;
    }
    return batches_.empty() || hurry || waiting >= records_per_batch ||
           waiting_bytes_ >= engine_.options.batch_bytes_max / 4;
}

// What was erased while it waited. A copy of what has left is not needed either.
void LogWriter::skip_what_is_gone() {
    while (!blocks_.empty() && blocks_.front()->killed) {
        answer(*blocks_.front(), UAKV_MISS, UAKV_MISS);
        engine_.admission.forgo(blocks_.front()->block.stored_bytes);
        waiting_bytes_ -= blocks_.front()->payload.size();
        blocks_.pop_front();
    }
    while (!moves_.empty()) {
        const CatalogBlock &copied = moves_.front()->block;
        const auto number = known_.find(copied.space, copied.key);
        if (number && known_.catalog().block(*number).sequence == copied.sequence) {
            break;
        }
        moves_.front()->then({.ok = true});
        moves_.pop_front();
    }
}

bool LogWriter::fits(const Batch &batch, Purpose purpose, const Record &record) const {
    std::uint64_t pages = batch.pages + pages_of_record(record.kind, record.block);
    std::size_t records = batch.records.size() + 1;
    if (record.kind == RecordKind::block && space_files_.at(record.block.space) == none) {
        ++pages;
        ++records;
    }
    const bool small = batch.records.empty() || pages * page_bytes <= engine_.options.batch_bytes_max;
    return small && records <= records_per_batch && pages <= files_.pages_left(purpose);
}

void LogWriter::take(Batch &batch, RecordRef record) {
    if (record->kind == RecordKind::block && space_files_.at(record->block.space) == none) {
        take(batch, make_space(record->block.space));
    }
    if (record->kind == RecordKind::space) {
        space_files_[record->block.space] = *files_.open();
    }
    if (record->of_store) {
        waiting_bytes_ -= record->payload.size();
    }
    record->assigned = true;
    record->block.file = *files_.open();
    record->block.page = batch.pages;
    batch.pages += static_cast<std::uint32_t>(pages_of_record(record->kind, record->block));
    batch.records.push_back(std::move(record));
}

void LogWriter::collect(Batch &batch) {
    while (!upkeep_.empty() && fits(batch, Purpose::upkeep, *upkeep_.front())) {
        RecordRef record = std::move(upkeep_.front());
        upkeep_.pop_front();
        take(batch, std::move(record));
    }
    skip_what_is_gone();
    while (!blocks_.empty() && fits(batch, Purpose::store, *blocks_.front())) {
        RecordRef record = std::move(blocks_.front());
        blocks_.pop_front();
        take(batch, std::move(record));
        skip_what_is_gone();
    }
    while (!moves_.empty() && fits(batch, Purpose::upkeep, *moves_.front())) {
        RecordRef record = std::move(moves_.front());
        moves_.pop_front();
        take(batch, std::move(record));
        skip_what_is_gone();
    }
}

bool LogWriter::begin_batch() {
    auto batch = std::make_unique<Batch>();
    const auto begun = [&] {
        if (files_.open()) {
            collect(*batch);
        } else {
            skip_what_is_gone();
        }
        return !batch->records.empty();
    };
    while (!begun()) {
        const bool upkeep = !upkeep_.empty() || !moves_.empty();
        const bool advanced =
            (!blocks_.empty() && files_.advance(Purpose::store)) || (upkeep && files_.advance(Purpose::upkeep));
        if (!advanced) {
            return false;
        }
    }
    describe(*batch);
    batches_.push_back(std::move(batch));
    write(*batches_.back());
    return true;
}

void LogWriter::describe(Batch &batch) {
    const LogPosition place = files_.end();
    batch.file = place.file;
    batch.page = place.page;
    batch.sequence = engine_.next_sequence;
    batch.header = engine_.pages.take();
    auto &header = batch.header.at<BatchHeader>(0);
    fill(header, place.file, place.page, batch.sequence, durable_sequence(), engine_.store);
    header.record_count = static_cast<std::uint32_t>(batch.records.size());
    header.pages = batch.pages;
    batch.pieces.push_back(batch.header.bytes());
    bool erasures = false;
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
        const Record &record = *batch.records[i];
        const CatalogBlock &block = record.block;
        RecordDescriptor &target = header.records[i];
        const bool has_payload = pages_of_record(record.kind, block) > 0;
        target.kind = static_cast<std::uint8_t>(record.kind);
        target.space = block.space;
        target.key = block.key;
        target.until_sequence = record.until;
        target.page = has_payload ? place.page + block.page : 0;
        if (const CatalogSpace *space = known_.catalog().find_space(block.space)) {
            target.layout = layout_of(space->description);
        }
        erasures = erasures || record.kind != RecordKind::block;
        if (!has_payload) {
            continue;
        }
        batch.pieces.push_back(record.payload);
        target.stored_bytes = block.stored_bytes;
        target.payload_checksum = block.payload_checksum;
        if (record.kind == RecordKind::block) {
            target.parent = block.parent;
            target.flags = block.has_parent ? record_has_parent : 0;
            target.block_bytes = block.block_bytes;
            target.checksum = block.checksum;
            target.expires_ms = block.expires_ms;
            target.codec = block.codec;
            target.uses = block.uses;
        }
    }
    seal(header);
    engine_.next_sequence += batch.records.size();
    files_.begin_batch(batch.pages, erasures);
}

} // namespace uakv::disk
