#include "daemon/tiers/disk/recovery.h"

#include "daemon/io/disk_directory.h"
#include "daemon/tiers/disk/checkpoint.h"
#include "daemon/tiers/disk/checkpoint_reader.h"
#include "daemon/tiers/disk/file_headers.h"
#include "daemon/tiers/disk/file_scan.h"
#include "daemon/tiers/disk/merge.h"
#include "daemon/tiers/disk/payload_check.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sys/random.h>
#include <utility>

namespace uakv::disk {
namespace {

constexpr std::size_t scans_max = 32;   // files at once, a page each
constexpr std::size_t searches_max = 4; // the same, some megabytes each
constexpr std::size_t tail_look_first = 64 * 1024;

// Sequences of a start are higher than any that the start before could have used: what could not be read, and turns up
// again, is not taken for newer.
constexpr unsigned era_bits = 32;

struct TailBlock {
    RecordDescriptor record;
    std::uint64_t sequence = 0;
    FileNumber file = 0;
};

struct SpaceRecord {
    RecordDescriptor record;
    std::uint64_t sequence = 0;
    FileNumber file = 0;
};

std::string name_of(BlockDevice::FileName name) {
    return text_of(name).data();
}
std::string log_name(FileNumber number) {
    return name_of({BlockDevice::FileKind::log, number});
}
std::string checkpoint_name(std::uint32_t number) {
    return name_of({BlockDevice::FileKind::checkpoint, number});
}

class Recovery {
public:
    Recovery(IoQueue &io, Workers &workers, std::uint64_t seed, std::function<Moment()> clock)
        : io_(io), workers_(workers), seed_(seed), clock_(std::move(clock)), found_(seed), headers_(io),
          merge_(std::in_place, seed) {}

    Result<Recovered> run();

private:
    void drive(const std::function<bool()> &running);
    void remark(std::string text);

    void take_headers();
    void take_log_header(const FileHeaders::Header &header);
    void choose_store();
    void read_checkpoint();
    bool read_checkpoint(const CheckpointHeader &header);
    void scan();
    bool scan_next(); // true while there are some
    bool search_next();
    void take_batch(FileNumber file, const BatchHeader &header);
    void take_record(FileNumber file, const RecordDescriptor &record, std::uint64_t sequence);
    void tell_gap(FileNumber file, const FileScan::Gap &gap);
    bool was_durable(std::uint64_t sequence) const;
    void settle_tail();
    void read_spaces();
    void check_tail();
    void take_unreadable(const std::vector<TailBlock> &blocks);
    Result<void> number();

    IoQueue &io_;
    Workers &workers_;
    std::uint64_t seed_;
    std::function<Moment()> clock_;
    Recovered found_;
    FileHeaders headers_;
    std::optional<Merge> merge_;

    LogPosition replay_;
    std::vector<std::unique_ptr<FileScan>> scans_;
    std::size_t next_scan_ = 0;
    std::vector<FileScan *> searches_;
    std::size_t next_search_ = 0;
    std::size_t scans_under_way_ = 0;

    // Blocks of which it is not known yet whether they were on stable storage: a batch that comes later may say so.
    std::vector<TailBlock> tail_;
    std::size_t tail_look_at_ = tail_look_first;
    std::vector<SpaceRecord> spaces_;
    // By start: what one left behind torn stays so, whatever a later one says of its own.
    std::map<std::uint64_t, std::uint64_t> durable_sequences_;
    std::uint64_t next_sequence_ = 1;
    std::uint64_t damaged_records_ = 0;
    std::uint64_t remarks_ = 0;
};

Result<Recovered> Recovery::run() {
    const std::uint64_t begun_ns = clock_().now_ns;
    auto files = io_.device().list();
    if (!files.ok()) {
        return files.take_error();
    }
    headers_.start(files.value());
    drive([this] { return headers_.running(); });
    if (auto judged = headers_.judge(); !judged.ok()) {
        return judged.take_error();
    }
    take_headers();
    choose_store();
    if (auto numbered = number(); !numbered.ok()) { // files: all are known
        return numbered.take_error();
    }
    read_checkpoint();
    scan();
    read_spaces();
    settle_tail();
    check_tail();
    if (auto numbered = number(); !numbered.ok()) {
        return numbered.take_error();
    }
    if (found_.tail_files.empty()) {
        found_.durable_sequence = found_.next_sequence;
    }
    std::vector<std::string> remarks;
    found_.catalog = merge_->finish(remarks);
    for (std::string &text : remarks) {
        remark(std::move(text));
    }
    if (damaged_records_ > 0) {
        remark(fmt::format("{} records have numbers that are out of range: they are left out", damaged_records_));
    }
    if (remarks_ > remarks_max) {
        found_.remarks.push_back(fmt::format("and {} remarks more", remarks_ - remarks_max));
    }
    found_.duration_ns = clock_().now_ns - begun_ns;
    return std::move(found_);
}

void Recovery::drive(const std::function<bool()> &running) {
    while (running()) {
        const bool moved = io_.run(clock_());
        if (workers_.take_done() || moved) {
            continue;
        }
        if (io_.under_way() > 0) {
            io_.wait();
        } else {
            workers_.wait();
        }
    }
}

void Recovery::remark(std::string text) {
    if (++remarks_ <= remarks_max) {
        found_.remarks.push_back(std::move(text));
    }
}

// ---- headers ------------------------------------------------------------------------------------------------

void Recovery::take_headers() {
    for (const FileHeaders::Header &header : headers_.headers()) {
        const std::string name = name_of(header.info.name);
        const bool is_log = header.info.name.kind == BlockDevice::FileKind::log;
        std::uint32_t &next = is_log ? found_.next_file : found_.next_checkpoint;
        next = std::max(next, header.info.name.number < UINT32_MAX ? header.info.name.number + 1 : UINT32_MAX);
        if (header.error != 0) {
            remark(fmt::format("{} cannot be read: {}", name, std::strerror(header.error)));
        } else if (header.foreign()) {
            ++found_.foreign_files;
            found_.foreign_bytes += header.info.bytes;
            remark(fmt::format("{} {}: it is left alone", name, text_of(header.flaw)));
            continue;
        } else if (header.flaw != Flaw::none && header.flaw != Flaw::zeros) {
            remark(fmt::format("the header of {} {}: {}", name, text_of(header.flaw),
                               is_log ? "what can be read behind it is used" : "it is not used"));
        }
        if (is_log) {
            take_log_header(header);
        } else {
            found_.checkpoints.push_back(header.info.name.number);
        }
    }
}

void Recovery::take_log_header(const FileHeaders::Header &header) {
    const bool readable = header.flaw == Flaw::none && header.error == 0;
    LogFile file{header.info.bytes, 0, readable};
    if (readable) {
        file.first_sequence = header.first_sequence;
        next_sequence_ = std::max(next_sequence_, header.first_sequence);
        if (header.file_bytes > header.info.bytes) {
            remark(fmt::format("{} has {} bytes and says that it has {}: what is missing is left out",
                               name_of(header.info.name), header.info.bytes, header.file_bytes));
        }
    }
    found_.files[header.info.name.number] = file;
}

// Drawn anew where nothing tells it, but for what batches tell.
void Recovery::choose_store() {
    if (headers_.store()) {
        found_.store = *headers_.store();
        return;
    }
    const ssize_t got = ::getrandom(found_.store.data(), found_.store.size(), 0);
    UAKV_ASSERT(got == static_cast<ssize_t>(found_.store.size()));
    if (const auto known = headers_.batch_store()) {
        std::memcpy(found_.store.data(), &*known, sizeof *known);
    }
}

// Behind everything that was found.
Result<void> Recovery::number() {
    if (found_.next_file > number_max || found_.next_checkpoint > number_max || found_.next_space > number_max ||
        next_sequence_ > sequence_max - (std::uint64_t{2} << era_bits)) {
        return error(UAKV_ERR_NO_SPACE,
                     "the numbers of the disk tier are used up (log file %u, checkpoint %u, space %u, "
                     "record %llu are next); give it another directory",
                     found_.next_file, found_.next_checkpoint, found_.next_space,
                     static_cast<unsigned long long>(next_sequence_));
    }
    found_.next_sequence = next_sequence_;
    if (!headers_.headers().empty()) {
        found_.next_sequence = ((next_sequence_ >> era_bits) + 1) << era_bits;
    }
    return {};
}

// ---- the checkpoint -----------------------------------------------------------------------------------------

void Recovery::read_checkpoint() {
    std::vector<const CheckpointHeader *> candidates;
    for (const FileHeaders::Header &header : headers_.headers()) {
        if (header.info.name.kind == BlockDevice::FileKind::checkpoint && header.flaw == Flaw::none &&
            header.error == 0) {
            candidates.push_back(&header.checkpoint);
        }
    }
    std::ranges::sort(candidates, [](const auto *a, const auto *b) { return a->number > b->number; });
    for (const CheckpointHeader *header : candidates) {
        if (read_checkpoint(*header)) {
            return;
        }
    }
}

bool Recovery::read_checkpoint(const CheckpointHeader &header) {
    merge_.emplace(seed_);
    CheckpointReader reader(io_, workers_, header, found_.files, *merge_);
    reader.start();
    drive([&] { return reader.running(); });
    if (const std::string problem = reader.problem(); !problem.empty()) {
        remark(fmt::format("{} {}: it is not used", checkpoint_name(header.number), problem));
        merge_.emplace(seed_);
        return false;
    }
    if (reader.outside() > 0) {
        remark(fmt::format("{} blocks of {} are not within their files: they are left out", reader.outside(),
                           checkpoint_name(header.number)));
    }
    next_sequence_ = std::max(next_sequence_, reader.next_sequence());
    // A number that it names means the file that it knew, also when that is gone: no other may get it.
    found_.next_file = std::max({found_.next_file, reader.next_file(),
                                 header.replay_file < number_max ? header.replay_file + 1 : header.replay_file});
    found_.next_space = std::max(found_.next_space, reader.next_space());
    found_.from_checkpoint = true;
    found_.checkpoint_ms = header.created_ms;
    replay_ = {header.replay_file, header.replay_page};
    return true;
}

// ---- the log ------------------------------------------------------------------------------------------------

void Recovery::scan() {
    const std::uint64_t store = short_id_of(found_.store);
    for (const auto &[number, file] : found_.files) {
        if (number < replay_.file) {
            continue;
        }
        const auto pages = static_cast<std::uint32_t>(std::min<std::uint64_t>(file.bytes / page_bytes, UINT32_MAX));
        FileScan::Events events;
        events.batch = [this, number = number](const BatchHeader &header) { take_batch(number, header); };
        events.gap = [this, number = number](const FileScan::Gap &gap) { tell_gap(number, gap); };
        events.stopped = [this] { --scans_under_way_; };
        scans_.push_back(std::make_unique<FileScan>(io_, FileShape{number, pages, store},
                                                    number == replay_.file ? replay_.page : 1, std::move(events)));
    }
    drive([this] { return scan_next(); });

    // A file whose records end where those of another begin ends there. Else there may be batches behind damage.
    std::set<std::uint64_t> begins;
    for (const auto &scan : scans_) {
        begins.insert(scan->first_sequence());
    }
    for (const auto &scan : scans_) {
        if (scan->broken() && (scan->next_sequence() == 0 || !begins.contains(scan->next_sequence()))) {
            searches_.push_back(scan.get());
        }
    }
    drive([this] { return search_next(); });
}

bool Recovery::scan_next() {
    while (scans_under_way_ < scans_max && next_scan_ < scans_.size()) {
        ++scans_under_way_;
        scans_[next_scan_++]->start();
    }
    return scans_under_way_ > 0;
}

bool Recovery::search_next() {
    while (scans_under_way_ < searches_max && next_search_ < searches_.size()) {
        ++scans_under_way_;
        searches_[next_search_++]->search();
    }
    return scans_under_way_ > 0;
}

void Recovery::take_batch(FileNumber file, const BatchHeader &header) {
    ++found_.batches_read;
    next_sequence_ = std::max(next_sequence_, header.sequence + header.record_count);
    found_.durable_sequence = std::max(found_.durable_sequence, header.durable_sequence);
    std::uint64_t &durable = durable_sequences_[header.durable_sequence >> era_bits];
    durable = std::max(durable, header.durable_sequence);
    LogFile &in = found_.files[file];
    if (!in.readable && (in.first_sequence == 0 || header.sequence < in.first_sequence)) {
        in.first_sequence = header.sequence;
    }
    const std::uint32_t holding = records_that_hold(header);
    for (std::uint32_t i = 0; i < header.record_count; ++i) {
        if ((holding >> i & 1U) != 0) {
            take_record(file, header.records[i], header.sequence + i);
        } else if (is_known(header.records[i])) {
            ++damaged_records_;
        }
    }
    if (tail_.size() >= tail_look_at_) {
        settle_tail();
        tail_look_at_ = std::max(tail_look_first, tail_.size() * 2);
    }
}

// On stable storage while the daemon that wrote it was still there.
bool Recovery::was_durable(std::uint64_t sequence) const {
    const auto found = durable_sequences_.find(sequence >> era_bits);
    return found != durable_sequences_.end() && sequence < found->second;
}

void Recovery::take_record(FileNumber file, const RecordDescriptor &record, std::uint64_t sequence) {
    found_.next_space = std::max(found_.next_space, record.space + 1);
    if (static_cast<RecordKind>(record.kind) == RecordKind::space) {
        spaces_.push_back({record, sequence, file});
    } else if (static_cast<RecordKind>(record.kind) == RecordKind::block && !was_durable(sequence)) {
        tail_.push_back({record, sequence, file});
    } else {
        merge_->add(record, sequence, file);
    }
}

void Recovery::tell_gap(FileNumber file, const FileScan::Gap &gap) {
    const std::string why =
        gap.error != 0 ? fmt::format("cannot be read: {}", std::strerror(gap.error)) : std::string(text_of(gap.flaw));
    remark(fmt::format("page {} of {} {}: {} pages from there on are left out", gap.from, log_name(file), why,
                       gap.to - gap.from));
}

// ---- payloads -----------------------------------------------------------------------------------------------

// What has turned out to be on stable storage counts without being read.
void Recovery::settle_tail() {
    std::vector<TailBlock> left;
    for (const TailBlock &block : tail_) {
        if (was_durable(block.sequence)) {
            merge_->add(block.record, block.sequence, block.file);
        } else {
            left.push_back(block);
        }
    }
    tail_ = std::move(left);
}

void Recovery::read_spaces() {
    std::vector<Payload> payloads;
    for (const SpaceRecord &space : spaces_) {
        const RecordDescriptor &record = space.record;
        payloads.push_back({space.file, record.page, record.stored_bytes, record.payload_checksum});
    }
    PayloadCheck check(io_, workers_, std::move(payloads),
                       [this](std::size_t place, Verdict verdict, std::span<const std::byte> bytes) {
                           const SpaceRecord &space = spaces_[place];
                           SpaceDescription description;
                           if (verdict == Verdict::intact) {
                               std::memcpy(&description, bytes.data(), sizeof description);
                           }
                           if (verdict == Verdict::intact && space_holds(description) &&
                               layout_of(description) == space.record.layout) {
                               merge_->add_space(space.record.space, description, space.sequence);
                           } else if (space.sequence >= found_.durable_sequence) {
                               ++found_.torn;
                           } else {
                               remark(fmt::format("the description of space {} in {} is damaged", space.record.space,
                                                  log_name(space.file)));
                           }
                       });
    check.start();
    drive([&] { return check.running(); });
}

// The others may have been torn by a crash: they count when their payload is there. It must not be before that, or they
// would take the place of an older record of the block that is whole.
void Recovery::check_tail() {
    for (const auto &scan : scans_) {
        if (scan->next_sequence() > found_.durable_sequence) {
            found_.tail_files.push_back(scan->number());
        }
    }
    std::erase_if(tail_, [this](const TailBlock &block) { return !merge_->would_count(block.record, block.sequence); });
    std::vector<Payload> payloads;
    for (const TailBlock &block : tail_) {
        const RecordDescriptor &record = block.record;
        payloads.push_back({block.file, record.page, record.stored_bytes, record.payload_checksum});
    }
    std::vector<TailBlock> unreadable;
    PayloadCheck check(io_, workers_, std::move(payloads),
                       [&](std::size_t place, Verdict verdict, std::span<const std::byte> /*bytes*/) {
                           const TailBlock &block = tail_[place];
                           if (verdict == Verdict::intact) {
                               merge_->add(block.record, block.sequence, block.file);
                           } else if (verdict == Verdict::unreadable) {
                               unreadable.push_back(block);
                           } else {
                               ++found_.torn;
                           }
                       });
    check.start();
    drive([&] { return check.running(); });
    take_unreadable(unreadable);
}

// A device that fails now may give them later, and who reads one checks it: better than to give them up, but not better
// than an older record.
void Recovery::take_unreadable(const std::vector<TailBlock> &blocks) {
    for (const TailBlock &block : blocks) {
        remark(fmt::format("page {} of {} cannot be read: nobody knows whether the block there is whole",
                           block.record.page, log_name(block.file)));
        if (!merge_->knows(block.record.space, block.record.key)) {
            merge_->add(block.record, block.sequence, block.file);
        }
    }
}

} // namespace

Result<Recovered> recover(IoQueue &io, Workers &workers, std::uint64_t seed, std::function<Moment()> clock) {
    return Recovery(io, workers, seed, std::move(clock)).run();
}

} // namespace uakv::disk
