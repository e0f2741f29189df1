#include "daemon/tiers/disk/compaction.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

namespace uakv::disk {
namespace {

constexpr std::uint64_t bytes_under_way_max = 16ULL << 20;
constexpr std::uint64_t copies_under_way_max = 64;
constexpr std::uint32_t blocks_of_turn = 300;
constexpr std::uint32_t files_of_turn = 500;
constexpr std::uint32_t walks_max = 4; // through a victim whose blocks cannot be copied; then they are let go

} // namespace

bool Compaction::can_reclaim() const {
    return victim_ || !leaving_.empty() || std::ranges::any_of(parts_.files.all(), [](const auto &file) {
               return file.second.sealed && !file.second.leaving && file.second.batches == 0;
           });
}

void Compaction::turn() {
    busy_ = false;
    if (engine_.stopping) {
        return;
    }
    turn_leaving();
    if (!victim_) {
        choose();
    }
    if (!victim_ || engine_.broken) {
        return;
    }
    walk_.turn();
    empty_victim();
}

// ---- which file --------------------------------------------------------------------------------------------

std::uint64_t Compaction::leaving_bytes() const {
    std::uint64_t bytes = 0;
    for (const Leaving &one : leaving_) {
        const LogFiles::File *file = parts_.files.find(one.file);
        bytes += file != nullptr ? file->bytes : 0;
    }
    return bytes;
}

// No erasure and no copy can be written, and no file will come.
bool Compaction::stuck() const {
    const LogFiles &files = parts_.files;
    const bool no_place = files.pages_left(Purpose::upkeep) < records_per_batch && !files.has_next();
    if (!no_place || files.creating() || !(files.tight() || files.disk_full()) ||
        parts_.writer.batches_under_way() > 0) {
        return false;
    }
    // One whose blocks were copied to a file that was doomed since waits for that one to be emptied.
    const auto waits_for_doomed = [&](const Leaving &one) {
        return std::ranges::any_of(one.targets, [&](const auto &target) {
            const LogFiles::File *file = files.find(target.first);
            return file != nullptr && file->doomed();
        });
    };
    return std::ranges::none_of(
        leaving_, [&](const Leaving &one) { return one.under_way || (!one.needs_upkeep && !waits_for_doomed(one)); });
}

bool Compaction::better(FileNumber number) const {
    if (!candidate_) {
        return true;
    }
    const auto rank = [this](FileNumber which) {
        const LogFiles::File &file = parts_.files.all().at(which);
        const std::uint64_t bytes = std::max<std::uint64_t>(file.bytes, 1); // one may be found with none
        return file.doomed() ? 0 : 1 + parts_.blocks.catalog().use_of(which).live_bytes * 8 / bytes;
    };
    return rank(number) < rank(*candidate_);
}

void Compaction::choose() {
    const LogFiles &files = parts_.files;
    const bool doomed = std::ranges::any_of(files.unsettled(), [&](FileNumber number) {
        const LogFiles::File &file = files.all().at(number);
        return file.doomed() && file.sealed && !file.leaving && file.batches == 0;
    });
    const bool needed =
        files.room_needed(leaving_bytes()) || (wanted_ && leaving_.empty()) ||
        (stuck() && (files.wanted() || !leaving_.empty())); // what is leaving may wait for what cannot be written
    if ((!doomed && !needed) || (parts_.writer.in_trouble() && !files.tight())) {
        candidate_.reset();
        looked_at_.reset();
        return;
    }
    auto next = looked_at_ ? files.all().upper_bound(*looked_at_) : files.all().begin();
    for (std::uint32_t looked = 0; next != files.all().end() && looked < files_of_turn; ++looked, ++next) {
        const auto &[number, file] = *next;
        looked_at_ = number;
        if (!file.sealed || file.leaving || file.batches > 0) {
            continue;
        }
        oldest_ = oldest_ ? oldest_ : number;
        candidate_ = better(number) ? number : candidate_;
    }
    if (next != files.all().end()) {
        busy_ = true;
        return;
    }
    if (stuck() && candidate_ && (given_up_ == candidate_ || !is_empty(*candidate_))) {
        candidate_ = oldest_; // no erasure in it is needed any more
    }
    oldest_.reset();
    looked_at_.reset();
    if (const auto chosen = std::exchange(candidate_, std::nullopt);
        chosen && parts_.files.find(*chosen) != nullptr && (needed || files.all().at(*chosen).doomed())) {
        begin(*chosen);
    }
}

void Compaction::begin(FileNumber number) {
    const LogFiles::File &file = parts_.files.all().at(number);
    victim_ = number;
    wanted_ = false;
    nothing_kept_ = stuck() && number == oldest_file();
    giving_up_ = false;
    all_kept_ = file.doomed();
    pages_copied_ = 0;
    walks_ = 0;
    const auto earlier = targets_given_up_.extract(number); // what was copied when it was given up counts still
    targets_ = earlier.empty() ? Targets{} : std::move(earlier.mapped());
    upkeep_moved_ = false;
    parts_.blocks.begin_walk(number);
    for (const auto &[space, known] : parts_.blocks.catalog().spaces()) {
        if (parts_.writer.space_lies_in(space, number)) {
            parts_.writer.add_space(space);
            upkeep_moved_ = true;
        }
    }
    if (file.erasures) {
        walk_.begin(number, static_cast<std::uint32_t>(file.pages()), file.next_page,
                    [this](const BatchHeader *header) { found(header); });
    }
}

bool Compaction::is_empty(FileNumber number) const {
    return parts_.blocks.catalog().use_of(number).blocks == 0;
}

FileNumber Compaction::oldest_file() const {
    const auto oldest = std::ranges::find_if(parts_.files.all(), [](const auto &file) { return !file.second.leaving; });
    return oldest->first;
}

// ---- what is in it -----------------------------------------------------------------------------------------

void Compaction::found(const BatchHeader *header) {
    if (header == nullptr) {
        return;
    }
    const std::uint32_t good = records_that_hold(*header);
    for (std::uint32_t i = 0; i < header->record_count; ++i) {
        if ((good >> i & 1U) != 0) {
            keep_record(header->records[i]);
        }
    }
}

void Compaction::keep_record(const RecordDescriptor &record) {
    const auto kind = static_cast<RecordKind>(record.kind);
    if (kind == RecordKind::space) {
        // Of the spaces that this daemon wrote itself it is known where their records lie.
        if (parts_.blocks.catalog().find_space(record.space) != nullptr &&
            parts_.writer.space_is_elsewhere(record.space)) {
            parts_.writer.add_space(record.space);
            upkeep_moved_ = true;
        }
        return;
    }
    if (kind != RecordKind::tombstone && kind != RecordKind::clear) {
        return;
    }
    // It counts as long as there is a file that may hold what it erased.
    const auto &oldest = *parts_.files.all().begin();
    if (oldest.first < *victim_ && oldest.second.first_sequence < record.until_sequence) {
        parts_.writer.add_erasure(kind, record.space, record.key, record.until_sequence);
        upkeep_moved_ = true;
    }
}

bool Compaction::is_kept(const CatalogBlock &block) const {
    const std::uint64_t pages = pages_of(block.stored_bytes);
    const LogFiles::File &file = parts_.files.all().at(*victim_);
    if (nothing_kept_ || walks_ >= walks_max ||
        (pages + LogWriter::pages_around) * page_bytes > parts_.files.file_bytes()) {
        return false;
    }
    const bool in_half = pages_copied_ + pages <= file.pages() / 2;
    if (!all_kept_) {
        return block.hot && in_half;
    }
    const std::uint64_t file_pages = parts_.files.file_bytes() / page_bytes;
    const std::uint64_t room = parts_.files.pages_left(Purpose::upkeep) + (parts_.files.has_next() ? file_pages : 0);
    return in_half || !parts_.files.tight() || room > 2 * (pages + bytes_under_way_ / page_bytes) + file_pages / 8;
}

void Compaction::empty_victim() {
    if (!nothing_kept_ && stuck() && (parts_.writer.relocating() || !parts_.writer.idle())) {
        giving_up_ = true;
        parts_.writer.cancel_relocations();
    }
    if (giving_up_) {
        if (copies_under_way_ == 0 && !walk_.running()) {
            given_up_ = std::exchange(victim_, std::nullopt);
            targets_given_up_[*given_up_] = std::exchange(targets_, {});
        }
        return;
    }
    const bool hold_up = parts_.writer.in_trouble() && !nothing_kept_;
    for (std::uint32_t looked = 0; !hold_up; ++looked) {
        if (looked >= blocks_of_turn) {
            busy_ = true;
            return;
        }
        if (copies_under_way_ >= copies_under_way_max || bytes_under_way_ >= bytes_under_way_max) {
            return;
        }
        const auto number = parts_.blocks.walk();
        if (!number) {
            break;
        }
        const CatalogBlock &block = parts_.blocks.catalog().block(*number);
        if (!parts_.blocks.counts(block)) {
            const bool expired = block.expires_ms <= engine_.now.wall_ms;
            engine_.counts.expired += expired ? 1U : 0U;
            expired ? parts_.blocks.drop(*number) : parts_.blocks.leave(*number);
        } else if (is_kept(block)) {
            copy(*number);
        } else {
            ++engine_.counts.dropped;
            parts_.blocks.note_remains(block.file, block.space, block.key);
            parts_.blocks.drop(*number);
        }
    }
    if (copies_under_way_ > 0 || walk_.running()) {
        return;
    }
    if (parts_.blocks.catalog().use_of(*victim_).blocks == 0) {
        end_victim();
    } else if (!hold_up) {
        // Some could not be copied: once more, and in the end without them.
        ++walks_;
        parts_.blocks.begin_walk(*victim_);
        busy_ = true;
    }
}

void Compaction::copy(BlockNumber number) {
    const CatalogBlock source = parts_.blocks.catalog().block(number);
    const auto memory = std::make_shared<PageBuffer>(source.stored_bytes);
    const std::uint64_t bytes = memory->bytes().size();
    parts_.blocks.pass(number);
    if (memory->empty()) {
        return; // no memory now: the next walk sees it again
    }
    ++copies_under_way_;
    bytes_under_way_ += bytes;
    pages_copied_ += bytes / page_bytes;
    const auto end = [this, bytes] {
        --copies_under_way_;
        bytes_under_way_ -= bytes;
    };
    parts_.reader.add(source, memory->bytes(), [this, source, memory, end](uakv_status status) {
        const auto found = parts_.blocks.find(source.space, source.key);
        if (status != UAKV_OK || !found || parts_.blocks.catalog().block(*found).sequence != source.sequence) {
            end(); // it has left, or the next walk sees it again
            return;
        }
        parts_.writer.relocate(parts_.blocks.catalog().block(*found), std::move(*memory),
                               [this, source, end](const LogWriter::Written &written) {
                                   end();
                                   copied(source, written);
                               });
    });
}

void Compaction::copied(const CatalogBlock &source, const LogWriter::Written &written) {
    if (!written.ok || written.sequence == 0) {
        return;
    }
    engine_.counts.bytes_relocated += pages_of(source.stored_bytes) * page_bytes;
    std::uint64_t &target = targets_[written.file];
    target = std::max(target, written.sequence);
    const auto found = parts_.blocks.find(source.space, source.key);
    if (!found || parts_.blocks.catalog().block(*found).sequence != source.sequence) {
        return; // erased meanwhile, with a record that counts for the copy too
    }
    CatalogBlock moved = parts_.blocks.catalog().block(*found);
    moved.file = written.file;
    moved.page = written.page;
    moved.sequence = written.sequence;
    moved.hot = false;
    parts_.blocks.put(moved);
}

// ---- and away ----------------------------------------------------------------------------------------------

void Compaction::end_victim() {
    Leaving leaving;
    leaving.file = *victim_;
    leaving.targets = std::move(targets_);
    leaving.upkeep = parts_.writer.upkeep_number();
    leaving.needs_upkeep = (upkeep_moved_ || !leaving.targets.empty()) && !nothing_kept_;
    leaving.needs_sync = leaving.needs_upkeep || !leaving.targets.empty();
    given_up_.reset();
    parts_.files.set_leaving(*victim_);
    leaving_.push_back(std::move(leaving));
    victim_.reset();
    targets_.clear();
}

bool Compaction::ready(Leaving &leaving) {
    if (leaving.under_way || leaving.backoff.waiting(engine_.now.now_ns) ||
        engine_.io.under_way_of(log_file(leaving.file)) > 0) {
        return false;
    }
    if (!leaving.needs_sync) {
        return true;
    }
    if (leaving.needs_upkeep && !parts_.writer.upkeep_written(leaving.upkeep)) {
        return false;
    }
    if (leaving.round == 0) {
        leaving.round = parts_.syncer.request();
    }
    if (parts_.syncer.completed() < leaving.round) {
        return false;
    }
    if (parts_.syncer.last_failed() >= leaving.round) {
        // What was lost by it is written again first.
        leaving.round = 0;
        leaving.upkeep = parts_.writer.upkeep_number();
        leaving.needs_upkeep = true;
        return false;
    }
    return std::ranges::all_of(leaving.targets, [this](const auto &target) {
        const LogFiles::File *file = parts_.files.find(target.first);
        return file == nullptr || file->synced_sequence > target.second;
    });
}

void Compaction::turn_leaving() {
    for (Leaving &one : leaving_) {
        if (!ready(one)) {
            continue;
        }
        one.under_way = true;
        parts_.files.remove(one.file, [this, number = one.file](int error) {
            const auto found = std::ranges::find(leaving_, number, &Leaving::file);
            if (error == 0) {
                leaving_.erase(found);
                parts_.blocks.forget_remains(number);
                return;
            }
            found->under_way = false;
            found->backoff.failed(engine_.now.now_ns);
            if (engine_.room_trouble.due(engine_.now.now_ns)) {
                log_warn("disk tier: log file {} cannot be removed: {}; its room is missing until it can", number,
                         std::strerror(error));
            }
        });
    }
}

std::uint64_t Compaction::wants_turn_ns() const {
    std::uint64_t wait_ns = UINT64_MAX;
    for (const Leaving &one : leaving_) {
        if (one.backoff.waiting(engine_.now.now_ns)) {
            wait_ns = std::min(wait_ns, one.backoff.until_ns() - engine_.now.now_ns);
        }
    }
    return wait_ns;
}

} // namespace uakv::disk
