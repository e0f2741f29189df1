#include "daemon/ctl/copy_writer.h"

#include "ipc/clock.h"
#include "ipc/hashing.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace uakv::ctl {
namespace {

// So much may wait in memory to be written: the last step is short then, and the page cache stays with others.
constexpr std::uint64_t settle_bytes = 256ULL << 20;

std::uint64_t random_number() {
    std::uint64_t number = 0;
    return ::getrandom(&number, sizeof number, 0) == sizeof number ? number : unix_ms() ^ now_ns();
}

bool same_file(const Fd &file, const std::string &path) {
    struct stat opened {
    }, named{};
    return ::fstat(file.get(), &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

bool exists(const std::string &path) {
    struct stat facts {};
    return ::lstat(path.c_str(), &facts) == 0;
}

// Who was killed leaves the file behind, and it is begun anew. Who still writes holds a lock on it.
Result<Fd> open_partial(const std::string &partial) {
    Fd file(::open(partial.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.valid()) {
        return errno_error(UAKV_ERR_DENIED, errno, "cannot make %s", partial.c_str());
    }
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0 || !same_file(file, partial)) {
        return error(UAKV_ERR_DENIED, "another uakvctl writes %s; wait for it, or name another directory",
                     partial.c_str());
    }
    if (::ftruncate(file.get(), 0) != 0) {
        return errno_error(UAKV_ERR_DENIED, errno, "cannot empty %s", partial.c_str());
    }
    return file;
}

// Some file systems cannot refuse by themselves to replace a file.
int rename_if_absent(const std::string &from, const std::string &to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    if (exists(to)) {
        return EEXIST;
    }
    return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

template <typename T> std::span<const std::byte> bytes_of(const T &payload) {
    return std::as_bytes(std::span(&payload, 1));
}

} // namespace

Result<CopyWriter> CopyWriter::create(const std::string &directory, const std::string &tenant) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        return errno_error(UAKV_ERR_DENIED, errno, "cannot make the directory %s", directory.c_str());
    }
    const std::string path = directory + "/" + copy_name;
    if (exists(path)) {
        return error(UAKV_ERR_DENIED, "%s holds a copy already, and it is not overwritten; name another directory",
                     directory.c_str());
    }
    auto file = open_partial(path + ".partial");
    if (!file.ok()) {
        return file.take_error();
    }
    CopyWriter writer(std::move(file.value()), directory);
    CopyBegin begin;
    begin.created_ms = unix_ms();
    std::memcpy(begin.tenant, tenant.data(), std::min(tenant.size(), sizeof begin.tenant - 1));
    CopyRecord record;
    record.kind = CopyKind::begin;
    auto written = writer.write(record, bytes_of(begin));
    return written.ok() ? Result<CopyWriter>(std::move(writer)) : written.take_error();
}

CopyWriter::CopyWriter(Fd file, std::string directory)
    : file_(std::move(file)), directory_(std::move(directory)), path_(directory_ + "/" + copy_name),
      partial_(path_ + ".partial"), copy_(random_number()) {}

CopyWriter::CopyWriter(CopyWriter &&other) noexcept
    : file_(std::move(other.file_)), directory_(std::move(other.directory_)), path_(std::move(other.path_)),
      partial_(std::exchange(other.partial_, {})), copy_(other.copy_), number_(other.number_), offset_(other.offset_),
      settled_(other.settled_), spaces_(std::move(other.spaces_)), end_(other.end_) {}

CopyWriter::~CopyWriter() {
    if (!partial_.empty()) {
        ::unlink(partial_.c_str());
    }
}

Error CopyWriter::failed(const char *what) const {
    return errno_error(errno == ENOSPC || errno == EDQUOT ? UAKV_ERR_NO_SPACE : UAKV_ERR_DENIED, errno,
                       "cannot %s %s; nothing is kept of it", what, partial_.c_str());
}

Result<void> CopyWriter::write_all(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR) {
            return failed("write");
        }
        if (written > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(written));
            offset_ += static_cast<std::uint64_t>(written);
        }
    }
    if (offset_ - settled_ >= settle_bytes) {
        if (::fdatasync(file_.get()) != 0) {
            return failed("make durable");
        }
        ::posix_fadvise(file_.get(), 0, static_cast<off_t>(offset_), POSIX_FADV_DONTNEED); // a hint
        settled_ = offset_;
    }
    return {};
}

Result<void> CopyWriter::write(CopyRecord record, std::span<const std::byte> payload) {
    constexpr std::array<std::byte, copy_alignment> zeros{};
    record.copy = copy_;
    record.number = number_++;
    record.payload_bytes = payload.size();
    record.payload_checksum = checksum_of(payload.data(), payload.size());
    record.checksum = checksum_of_record(record);
    end_.total = chain(end_.total, record.checksum);
    for (const auto &bytes : {bytes_of(record), payload,
                              std::span<const std::byte>(zeros).first(with_padding(payload.size()) - payload.size())}) {
        if (auto written = write_all(bytes); !written.ok()) {
            return written;
        }
    }
    return {};
}

Result<std::uint32_t> CopyWriter::add(const CopySpace &space) {
    UAKV_ASSERT(end_.blocks == 0);
    CopyRecord record;
    record.kind = CopyKind::space;
    record.space = static_cast<std::uint32_t>(spaces_.size());
    spaces_.push_back(space);
    auto written = write(record, bytes_of(space));
    return written.ok() ? Result<std::uint32_t>(record.space) : written.take_error();
}

Result<void> CopyWriter::add(const Block &block) {
    UAKV_ASSERT(block.space < spaces_.size() && !block.bytes.empty());
    CopyRecord record;
    record.kind = CopyKind::block;
    record.space = block.space;
    record.expires_ms = block.expires_ms;
    record.flags = block.parent ? copy_has_parent : 0;
    std::memcpy(record.key, block.key.bytes, sizeof record.key);
    if (block.parent) {
        std::memcpy(record.parent, block.parent->bytes, sizeof record.parent);
    }
    ++end_.blocks;
    end_.bytes += block.bytes.size();
    return write(record, block.bytes);
}

Result<void> CopyWriter::finish() {
    end_.spaces = spaces_.size();
    for (std::size_t number = 0; number < spaces_.size(); ++number) {
        CopyRecord record;
        record.kind = CopyKind::space;
        record.space = static_cast<std::uint32_t>(number);
        if (auto written = write(record, bytes_of(spaces_[number])); !written.ok()) {
            return written;
        }
    }
    const CopyEnd end = end_; // with the total of what stands before it
    CopyRecord record;
    record.kind = CopyKind::end;
    if (auto written = write(record, bytes_of(end)); !written.ok()) {
        return written;
    }
    if (::fsync(file_.get()) != 0) {
        return failed("make durable");
    }
    if (const int number = rename_if_absent(partial_, path_); number != 0) {
        return errno_error(UAKV_ERR_DENIED, number, "cannot name the copy %s; nothing is kept of it", path_.c_str());
    }
    partial_.clear();
    const Fd directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid() || ::fsync(directory.get()) != 0) {
        return errno_error(UAKV_ERR_DENIED, errno, "the copy %s is complete, but its name may not survive a power cut",
                           path_.c_str());
    }
    return {};
}

} // namespace uakv::ctl
