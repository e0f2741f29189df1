#include "daemon/ctl/copy_reader.h"

#include "ipc/hashing.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace uakv::ctl {
namespace {

constexpr std::uint64_t search_bytes = 1 << 20; // at a time
constexpr std::uint64_t skip_bytes = 4096;      // where the disk gives nothing
constexpr std::uint64_t end_bytes = sizeof(CopyRecord) + sizeof(CopyEnd);
constexpr std::uint64_t space_bytes = sizeof(CopyRecord) + sizeof(CopySpace);
static_assert(sizeof(CopyEnd) % copy_alignment == 0, "the end lies at the end");

// Between the records that a search looks through; each of them begins at a multiple of the alignment.
constexpr std::uint64_t step = copy_alignment;

bool known_kind(CopyKind kind) {
    return kind >= CopyKind::begin && kind <= CopyKind::end;
}

bool good_space(const CopySpace &space) {
    const auto *end = std::find(std::begin(space.name), std::end(space.name), '\0');
    return end != std::begin(space.name) && end != std::end(space.name) && space.ndim <= UAKV_NDIM_MAX &&
           std::all_of(std::begin(space.name), end, [](char letter) { return letter > ' ' && letter <= '~'; });
}

} // namespace

Result<CopyReader> CopyReader::open(const std::string &directory) {
    const std::string path = directory + "/" + copy_name;
    Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat facts {};
    if (!file.valid() || ::fstat(file.get(), &facts) != 0) {
        return errno_error(UAKV_ERR_DENIED, errno, "cannot read the copy %s", path.c_str());
    }
    if (!S_ISREG(facts.st_mode)) {
        return error(UAKV_ERR_INVALID, "%s is not a file; expected a copy that uakvctl persist has made", path.c_str());
    }
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL); // a hint
    CopyReader reader(std::move(file), path, static_cast<std::uint64_t>(facts.st_size));
    auto identified = reader.identify();
    return identified.ok() ? Result<CopyReader>(std::move(reader)) : identified.take_error();
}

CopyReader::CopyReader(Fd file, std::string path, std::uint64_t file_bytes)
    : file_(std::move(file)), path_(std::move(path)), file_bytes_(file_bytes) {}

bool CopyReader::read_at(std::uint64_t offset, std::span<std::byte> target) const {
    if (offset > file_bytes_ || target.size() > file_bytes_ - offset) {
        return false;
    }
    while (!target.empty()) {
        const ssize_t got = ::pread(file_.get(), target.data(), target.size(), static_cast<off_t>(offset));
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false; // it has become shorter, or its disk fails: as good as damaged
        }
        if (got > 0) {
            target = target.subspan(static_cast<std::size_t>(got));
            offset += static_cast<std::uint64_t>(got);
        }
    }
    return true;
}

// A record of this file that is as it was written, and whose payload can be there.
std::optional<CopyRecord> CopyReader::record_at(std::uint64_t offset) const {
    CopyRecord record;
    if (!read_at(offset, std::as_writable_bytes(std::span(&record, 1))) || record.magic != copy_magic ||
        record.checksum != checksum_of_record(record) || (identified_ && record.copy != copy_) ||
        !known_kind(record.kind)) {
        return std::nullopt;
    }
    const std::uint64_t behind = file_bytes_ - offset - sizeof record;
    if (record.payload_bytes > limits::segment_bytes_max || with_padding(record.payload_bytes) > behind) {
        return std::nullopt;
    }
    return record;
}

template <typename T> std::optional<T> CopyReader::payload_at(std::uint64_t offset, const CopyRecord &record) const {
    T payload;
    if (record.payload_bytes != sizeof payload ||
        !read_at(offset + sizeof record, std::as_writable_bytes(std::span(&payload, 1))) ||
        record.payload_checksum != checksum_of(&payload, sizeof payload)) {
        return std::nullopt;
    }
    return payload;
}

// By its first record, or where that is damaged by its last one.
Result<void> CopyReader::identify() {
    std::optional<CopyRecord> first = record_at(0);
    if (!first && file_bytes_ >= end_bytes) {
        first = record_at(file_bytes_ - end_bytes);
    }
    if (!first) {
        return error(UAKV_ERR_INVALID,
                     "%s is no copy of blocks, or neither its beginning nor its end is as it was written",
                     path_.c_str());
    }
    if (first->version > copy_version) {
        return error(UAKV_ERR_VERSION,
                     "%s is of version %u of the format, and this uakvctl reads %u; use the one that has made it, or a "
                     "newer one",
                     path_.c_str(), static_cast<unsigned>(first->version), static_cast<unsigned>(copy_version));
    }
    copy_ = first->copy;
    identified_ = true;
    read_end();
    read_spaces(with_padding(sizeof(CopyRecord) + sizeof(CopyBegin)));
    const std::uint64_t again_bytes = end_ ? std::min<std::uint64_t>(end_->spaces, copy_spaces_max) * space_bytes : 0;
    if (again_bytes != 0 && again_bytes <= file_bytes_ - end_bytes) {
        read_spaces(file_bytes_ - end_bytes - again_bytes);
    }
    return {};
}

void CopyReader::read_end() {
    if (file_bytes_ < end_bytes) {
        return;
    }
    const auto record = record_at(file_bytes_ - end_bytes);
    if (record && record->kind == CopyKind::end) {
        end_ = payload_at<CopyEnd>(file_bytes_ - end_bytes, *record);
    }
}

// They stand behind each other; the second time fills in what the first time was damaged. Both places are counted from
// an end of the file, so that neither depends on what lies between.
void CopyReader::read_spaces(std::uint64_t offset) {
    for (std::uint32_t i = 0; i < copy_spaces_max; ++i, offset += space_bytes) {
        const auto record = record_at(offset);
        if (record && record->kind != CopyKind::space) {
            return;
        }
        const auto space = record ? payload_at<CopySpace>(offset, *record) : std::nullopt;
        if (space && good_space(*space)) {
            spaces_.emplace(record->space, *space);
        }
    }
}

// From where the next record should be, to where one is.
bool CopyReader::find_record() {
    std::vector<std::byte> piece;
    while (file_bytes_ - offset_ >= sizeof(CopyRecord)) {
        const std::uint64_t bytes = std::min(search_bytes, file_bytes_ - offset_);
        piece.resize(bytes);
        if (!read_at(offset_, piece)) {
            offset_ += std::min(skip_bytes, file_bytes_ - offset_);
            continue;
        }
        for (std::uint64_t at = 0; at + sizeof(copy_magic) <= bytes; at += step) {
            std::uint32_t magic = 0;
            std::memcpy(&magic, piece.data() + at, sizeof magic);
            const auto record = magic == copy_magic ? record_at(offset_ + at) : std::nullopt;
            if (record && record->number >= number_) {
                offset_ += at;
                return true;
            }
        }
        offset_ += bytes;
    }
    return false;
}

// What is missing before it counts as damaged.
void CopyReader::note(const CopyRecord &record) {
    damage_.records += record.number - number_;
    number_ = record.number + 1;
    if (record.kind != CopyKind::end) {
        total_ = chain(total_, record.checksum);
    }
}

std::optional<CopyRecord> CopyReader::next_record() {
    if (file_bytes_ - offset_ < sizeof(CopyRecord)) {
        return std::nullopt;
    }
    auto record = record_at(offset_);
    if (!record || record->number < number_) {
        offset_ += step;
        if (!find_record()) {
            return std::nullopt;
        }
        record = record_at(offset_);
        if (!record) {
            return std::nullopt; // it was there a moment ago: the file is being changed
        }
    }
    note(*record);
    return record;
}

bool CopyReader::read_payload(const CopyRecord &record) {
    block_.resize(record.payload_bytes);
    return read_at(offset_ + sizeof record, block_) &&
           record.payload_checksum == checksum_of(block_.data(), block_.size());
}

void CopyReader::settle() {
    ended_ = true;
    damage_.cut = !end_;
    damage_.other_total = end_ && damage_.records == 0 && total_ != end_->total;
}

std::optional<CopyReader::Block> CopyReader::next() {
    while (!ended_) {
        const auto record = next_record();
        if (!record || record->kind == CopyKind::end) {
            settle();
            return std::nullopt;
        }
        const bool is_block = record->kind == CopyKind::block;
        const bool good = read_payload(*record) && (!is_block || (!block_.empty() && spaces_.contains(record->space)));
        offset_ += sizeof *record + with_padding(record->payload_bytes);
        damage_.records += good ? 0 : 1;
        if (!good || !is_block) {
            continue;
        }
        Block block;
        block.space = record->space;
        std::memcpy(block.key.bytes, record->key, sizeof block.key.bytes);
        if ((record->flags & copy_has_parent) != 0) {
            block.parent.emplace();
            std::memcpy(block.parent->bytes, record->parent, sizeof block.parent->bytes);
        }
        block.expires_ms = record->expires_ms;
        block.bytes = block_;
        return block;
    }
    return std::nullopt;
}

} // namespace uakv::ctl
