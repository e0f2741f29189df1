#include "daemon/tiers/disk/log_writer.h"

#include "ipc/hashing.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace uakv::disk {
namespace {

constexpr std::uint32_t fruitless_max = 16; // writes in a row that took nothing
constexpr FileNumber elsewhere = none - 1;  // in a file of an earlier daemon

} // namespace

LogWriter::LogWriter(Engine &engine, Blocks &blocks, LogFiles &files)
    : engine_(engine), known_(blocks), files_(files), names_(0, BlockNameHash{engine.seed}) {}

// ---- what is to be written ---------------------------------------------------------------------------------

void LogWriter::add(const DiskTier::Write &write) {
    auto record = std::make_unique<Record>();
    record->kind = RecordKind::block;
    CatalogBlock &block = record->block;
    block.key = write.key;
    block.space = write.space;
    block.has_parent = write.parent.has_value();
    block.parent = write.parent.value_or(uakv_key{});
    block.block_bytes = write.block_bytes;
    block.checksum = write.checksum;
    block.payload_checksum = write.payload_checksum;
    block.stored_bytes = static_cast<std::uint32_t>(write.payload.size());
    block.expires_ms = write.expires_ms;
    block.uses = write.uses;
    block.codec = write.codec;
    record->payload = {write.payload.data(), pages_of(write.payload.size()) * page_bytes};
    record->tag = write.tag;
    record->of_store = true;
    waiting_bytes_ += record->payload.size();
    use_space(write.space);
    names_[{write.space, write.key}] = record.get();
    blocks_.push_back(std::move(record));
}

bool LogWriter::join(const DiskTier::Write &write) {
    const auto known = names_.find({write.space, write.key});
    if (known == names_.end()) {
        return false;
    }
    known->second->joined.push_back(write.tag);
    return true;
}

bool LogWriter::kill(SpaceNumber space, const uakv_key &key) {
    const auto known = names_.find({space, key});
    if (known == names_.end()) {
        return false;
    }
    known->second->killed = true;
    const bool assigned = known->second->assigned;
    names_.erase(known);
    return assigned;
}

// Those under way are known by their sequence: Blocks::clear().
void LogWriter::kill_space(SpaceNumber space) {
    for (const RecordRef &record : blocks_) {
        if (record->block.space == space && !record->killed) {
            kill(space, record->block.key);
        }
    }
}

LogWriter::RecordRef LogWriter::make_upkeep(RecordKind kind, SpaceNumber space, const uakv_key &key,
                                            std::uint64_t until) {
    auto record = std::make_unique<Record>();
    record->kind = kind;
    record->block.space = space;
    record->block.key = key;
    record->until = until;
    record->number = ++upkeep_number_;
    outstanding_.insert(record->number);
    return record;
}

LogWriter::RecordRef LogWriter::make_space(SpaceNumber space) {
    RecordRef record = make_upkeep(RecordKind::space, space, {}, 0);
    const CatalogSpace *known = known_.catalog().find_space(space);
    UAKV_ASSERT(known != nullptr);
    record->memory = engine_.pages.take();
    record->memory.at<SpaceDescription>(0) = known->description;
    record->block.stored_bytes = sizeof(SpaceDescription);
    record->block.payload_checksum = checksum_of(&known->description, sizeof(SpaceDescription));
    record->payload = record->memory.bytes();
    return record;
}

std::uint64_t LogWriter::add_erasure(RecordKind kind, SpaceNumber space, const uakv_key &key, std::uint64_t until) {
    upkeep_.push_back(make_upkeep(kind, space, key, until));
    return upkeep_number_;
}

void LogWriter::add_space(SpaceNumber space) {
    upkeep_.push_back(make_space(space));
}

void LogWriter::use_space(SpaceNumber space) {
    FileNumber &file = space_files_.try_emplace(space, none).first->second;
    file = file == elsewhere ? none : file;
}

bool LogWriter::space_lies_in(SpaceNumber space, FileNumber file) const {
    const auto known = space_files_.find(space);
    return known != space_files_.end() && known->second == file;
}

bool LogWriter::space_is_elsewhere(SpaceNumber space) const {
    const auto known = space_files_.find(space);
    return known == space_files_.end() || known->second == elsewhere;
}

void LogWriter::cancel_relocations() {
    for (const RecordRef &record : std::exchange(moves_, {})) {
        record->then({});
    }
}

void LogWriter::relocate(const CatalogBlock &block, PageBuffer payload, Then then) {
    auto record = std::make_unique<Record>();
    record->kind = RecordKind::block;
    record->block = block;
    record->memory = std::move(payload);
    record->payload = record->memory.bytes().first(pages_of(block.stored_bytes) * page_bytes);
    record->then = std::move(then);
    // Where the record of its space lies is not known for what was recovered: it is somewhere.
    space_files_.try_emplace(block.space, elsewhere);
    moves_.push_back(std::move(record));
}

LogPosition LogWriter::replay_from() const {
    return batches_.empty() ? files_.end() : LogPosition{batches_.front()->file, batches_.front()->page};
}

// ---- writing -----------------------------------------------------------------------------------------------

void LogWriter::turn(bool hurry, bool can_reclaim) {
    settle();
    if (in_trouble()) {
        refuse_waiting(UAKV_ERR_IO);
        return;
    }
    if (engine_.broken) {
        engine_.counts.refused_breaker += blocks_.size();
        refuse_waiting(UAKV_ERR_BUSY);
        return;
    }
    while (due(hurry)) {
        if (begin_batch()) {
            continue;
        }
        if (const auto status = files_.hopeless(can_reclaim); status && !blocks_.empty()) {
            engine_.counts.refused_room += blocks_.size();
            refuse_waiting(*status);
        }
        break;
    }
}

void LogWriter::refuse_waiting(uakv_status status) {
    for (const RecordRef &record : std::exchange(blocks_, {})) {
        forget_name(*record);
        engine_.admission.forgo(record->block.stored_bytes);
        answer(*record, record->killed ? UAKV_MISS : status, record->killed ? UAKV_MISS : status);
    }
    waiting_bytes_ = 0;
}

void LogWriter::write(Batch &batch) {
    const std::uint64_t offset = std::uint64_t{batch.page} * page_bytes + batch.bytes_done;
    engine_.io.write(log_file(batch.file), offset, batch.pieces,
                     [this, &batch](const IoQueue::Done &done) { wrote(batch, done); });
}

void LogWriter::wrote(Batch &batch, const IoQueue::Done &done) {
    const std::uint64_t whole = done.bytes / page_bytes * page_bytes;
    batch.bytes_done += whole;
    engine_.counts.bytes_written += done.bytes;
    log_bytes_ += done.bytes;
    batch.fruitless = whole > 0 ? 0 : batch.fruitless + 1;
    if (batch.error == 0) { // or it lies behind one that failed
        batch.error = done.error != 0 ? done.error : batch.fruitless >= fruitless_max ? EIO : 0;
    }
    if (batch.error != 0 || batch.bytes_done == std::uint64_t{batch.pages} * page_bytes) {
        batch.done = true;
        return;
    }
    // Fewer bytes than asked for: the rest.
    std::uint64_t skip = whole;
    std::size_t first = 0;
    while (skip >= batch.pieces[first].size()) {
        skip -= batch.pieces[first++].size();
    }
    batch.pieces.erase(batch.pieces.begin(), batch.pieces.begin() + static_cast<std::ptrdiff_t>(first));
    batch.pieces.front() = batch.pieces.front().subspan(skip);
    write(batch);
}

// ---- and done ----------------------------------------------------------------------------------------------

void LogWriter::settle() {
    while (!batches_.empty() && batches_.front()->done) {
        const std::unique_ptr<Batch> batch = std::move(batches_.front());
        batches_.pop_front();
        if (batch->error == 0) {
            settle_good(*batch);
        } else {
            settle_failed(*batch);
        }
        engine_.pages.give_back(std::move(batch->header));
    }
}

void LogWriter::settle_good(Batch &batch) {
    backoff_.worked();
    files_.end_batch(batch.file, batch.sequence + batch.records.size());
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
        Record &record = *batch.records[i];
        settle_good(record, {true, batch.file, batch.page + record.block.page, batch.sequence + i});
    }
}

void LogWriter::settle_good(Record &record, const Written &written) {
    if (record.number != 0) {
        outstanding_.erase(record.number);
        unsynced_.push_back(
            {record.kind, record.block.space, record.block.key, record.until, written.file, written.sequence});
        if (record.kind == RecordKind::space) {
            engine_.pages.give_back(std::move(record.memory));
        }
        return;
    }
    if (record.then) {
        record.then(written);
        return;
    }
    forget_name(record);
    if (record.killed || known_.cleared(record.block.space, written.sequence)) {
        answer(record, UAKV_MISS, UAKV_MISS);
        return;
    }
    record.block.file = written.file;
    record.block.page = written.page;
    record.block.sequence = written.sequence;
    known_.put(record.block);
    ++engine_.counts.writes;
    answer(record, UAKV_OK, UAKV_EXISTS);
}

void LogWriter::settle_failed(Batch &batch) {
    ++failures_;
    ++engine_.counts.errors_write;
    backoff_.failed(engine_.now.now_ns);
    if (engine_.write_trouble.due(engine_.now.now_ns)) {
        log_warn("disk tier: writing {} KiB to log file {} failed: {}; blocks are not saved until writing works again",
                 batch.pages * page_bytes >> 10, batch.file, std::strerror(batch.error));
    }
    files_.fail(batch.file, batch.sequence);
    files_.end_batch(batch.file, 0);
    // What lies behind a hole is not found again for certain.
    for (const auto &other : batches_) {
        if (other->file == batch.file && other->error == 0) {
            other->error = batch.error;
        }
    }
    // Backwards, for what is written again goes to the front.
    for (auto record = batch.records.rbegin(); record != batch.records.rend(); ++record) {
        settle_failed(std::move(*record), batch);
    }
}

void LogWriter::settle_failed(RecordRef record, const Batch &batch) {
    const CatalogBlock &block = record->block;
    if (record->number != 0) {
        if (record->kind == RecordKind::space) {
            space_files_[block.space] = none;
        }
        record->assigned = false;
        upkeep_.push_front(std::move(record));
        return;
    }
    // It may be there all the same.
    known_.note_remains(batch.file, block.space, block.key);
    if (record->then) {
        record->then({});
        return;
    }
    forget_name(*record);
    engine_.admission.forgo(block.stored_bytes);
    const uakv_status status = batch.error == ENOSPC || batch.error == EDQUOT ? UAKV_ERR_NO_SPACE : UAKV_ERR_IO;
    answer(*record, record->killed ? UAKV_MISS : status, record->killed ? UAKV_MISS : status);
}

void LogWriter::forget_name(const Record &record) {
    const auto known = names_.find({record.block.space, record.block.key});
    if (known != names_.end() && known->second == &record) {
        names_.erase(known);
    }
}

void LogWriter::answer(const Record &record, uakv_status status, uakv_status joined) {
    engine_.tell(Event::Kind::written, status, record.tag);
    for (const DiskTier::Tag tag : record.joined) {
        engine_.tell(Event::Kind::written, joined, tag);
    }
}

// ---- what a sync did ---------------------------------------------------------------------------------------

void LogWriter::note_synced() {
    while (!unsynced_.empty()) {
        const Unsynced &first = unsynced_.front();
        const LogFiles::File *file = files_.find(first.file);
        if (file != nullptr && !file->sync_failed && file->synced_sequence <= first.sequence) {
            return;
        }
        unsynced_.pop_front();
    }
}

void LogWriter::sync_failed(FileNumber file) {
    const std::uint64_t synced = files_.all().at(file).synced_sequence;
    std::vector<Unsynced> lost;
    std::erase_if(unsynced_, [&](const Unsynced &one) {
        const bool gone = one.file == file && one.sequence >= synced;
        if (gone) {
            lost.push_back(one);
        }
        return gone;
    });
    for (const Unsynced &one : lost) {
        if (one.kind == RecordKind::space) {
            add_space(one.space);
        } else {
            add_erasure(one.kind, one.space, one.key, one.until);
        }
    }
}

std::uint64_t LogWriter::next_try_ns() const {
    return in_trouble() ? backoff_.until_ns() : UINT64_MAX;
}

} // namespace uakv::disk
