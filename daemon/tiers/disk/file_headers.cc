#include "daemon/tiers/disk/file_headers.h"

#include "daemon/io/disk_directory.h"
#include "daemon/tiers/disk/whole_io.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <tuple>
#include <utility>

namespace uakv::disk {
namespace {

constexpr std::size_t under_way_max = 64;
constexpr std::size_t bytes_read = 2 * page_bytes; // the header, and that of the first batch

} // namespace

void FileHeaders::start(const std::vector<BlockDevice::FileInfo> &files) {
    headers_.resize(files.size());
    pages_.resize(files.size());
    for (std::size_t i = 0; i < files.size(); ++i) {
        headers_[i].info = files[i];
    }
    for (std::size_t i = 0; i < under_way_max; ++i) {
        read_next();
    }
}

void FileHeaders::read_next() {
    while (next_ < headers_.size()) {
        const std::size_t place = next_++;
        Header &header = headers_[place];
        if (header.info.bytes < page_bytes) {
            header.flaw = Flaw::zeros;
            continue;
        }
        pages_[place] = PageBuffer(bytes_read);
        if (pages_[place].empty()) {
            header.error = ENOMEM;
            continue;
        }
        ++under_way_;
        read_whole(io_, header.info.name, 0, pages_[place].bytes(),
                   [this, place](int error, std::uint64_t bytes) { arrived(place, error, bytes); });
        return;
    }
}

void FileHeaders::arrived(std::size_t place, int error, std::uint64_t bytes) {
    Header &header = headers_[place];
    const PageBuffer page = std::exchange(pages_[place], {});
    --under_way_;
    header.error = bytes < page_bytes ? error : 0; // the second page may fail alone
    if (bytes >= page_bytes) {
        look_at(header, page);
    } else if (error == 0) {
        header.flaw = Flaw::zeros;
    }
    const auto &batch = page.at<BatchHeader>(page_bytes);
    const FileShape shape{header.info.name.number, UINT32_MAX, batch.store};
    if (bytes == bytes_read && header.info.name.kind == BlockDevice::FileKind::log &&
        check(batch, shape, 1) == Flaw::none) {
        header.batch_store = batch.store;
    }
    read_next();
}

void FileHeaders::look_at(Header &header, const PageBuffer &page) {
    if (header.info.name.kind == BlockDevice::FileKind::log) {
        const auto &found = page.at<FileHeader>(0);
        header.flaw = check(found, header.info.name.number);
        header.store = found.store;
        header.major = found.major;
        header.minor = found.minor;
        header.file_bytes = found.file_bytes;
        header.first_sequence = found.first_sequence;
    } else {
        header.checkpoint = page.at<CheckpointHeader>(0);
        header.flaw = check(header.checkpoint, header.info.name.number, header.info.bytes);
        header.store = header.checkpoint.store;
        header.major = header.checkpoint.major;
        header.minor = header.checkpoint.minor;
    }
}

Result<void> FileHeaders::judge() {
    std::size_t read = 0;
    for (const Header &header : headers_) {
        read += header.error == 0 ? 1U : 0U;
        if (header.flaw == Flaw::newer) {
            return error(UAKV_ERR_VERSION,
                         "the file %s of the disk tier has format version %u.%u, and this uakvd knows versions up to "
                         "%u; start a "
                         "newer uakvd, or give the disk tier another directory (in this one nothing was changed)",
                         text_of(header.info.name).data(), unsigned{header.major}, unsigned{header.minor},
                         unsigned{format_major});
        }
    }
    if (read == 0 && !headers_.empty()) {
        return errno_error(UAKV_ERR_IO, headers_.front().error,
                           "none of the %zu files of the disk tier can be read; look after the disk, or give the disk "
                           "tier another directory",
                           headers_.size());
    }
    choose_store();
    return {};
}

// Each file that is well has a vote. Of as many votes those count that a checkpoint is among, or the oldest log file.
void FileHeaders::choose_store() {
    struct Votes {
        std::size_t files = 0;
        bool checkpoint = false;
        std::uint32_t oldest = UINT32_MAX;
        bool operator<(const Votes &other) const {
            return std::tie(files, checkpoint, other.oldest) < std::tie(other.files, other.checkpoint, oldest);
        }
    };
    std::map<StoreId, Votes> stores;
    for (const Header &header : headers_) {
        if (header.flaw == Flaw::none && header.error == 0) {
            Votes &votes = stores[header.store];
            ++votes.files;
            if (header.info.name.kind == BlockDevice::FileKind::checkpoint) {
                votes.checkpoint = true;
            } else {
                votes.oldest = std::min(votes.oldest, header.info.name.number);
            }
        }
    }
    const auto most = std::max_element(stores.begin(), stores.end(),
                                       [](const auto &a, const auto &b) { return a.second < b.second; });
    if (most == stores.end()) {
        return;
    }
    store_ = most->first;
    for (Header &header : headers_) {
        if (header.flaw == Flaw::none && header.error == 0 && header.store != *store_) {
            header.flaw = Flaw::store;
        }
    }
}

std::optional<std::uint64_t> FileHeaders::batch_store() const {
    for (const Header &header : headers_) {
        if (header.batch_store && !header.foreign()) {
            return header.batch_store;
        }
    }
    return std::nullopt;
}

} // namespace uakv::disk
