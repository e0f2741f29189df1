// The directory that holds one tenant's blocks on disk: found or made, checked, and locked for this process until it is
// closed. Its files are named `log-00000012.uakv` and `checkpoint-00000003.uakv`; what has another name is not ours and
// is left alone. Used by UringDevice, at start only: everything here may wait.
#pragma once

#include "daemon/io/block_device.h"
#include "ipc/fd.h"
#include "ipc/result.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace uakv {

// With its zero at the end: it is handed to the kernel while other work goes on.
using DiskFileName = std::array<char, 32>;
DiskFileName text_of(BlockDevice::FileName name);

// Nothing for a name that text_of() does not write.
std::optional<BlockDevice::FileName> parse_disk_file_name(std::string_view text);

class DiskDirectory {
public:
    // Makes the directory if it is not there (the one above must be). Refuses it where another process goes on having
    // it for some seconds, where others could write to it, and where files cannot be read and written past the page
    // cache in pages.
    static Result<DiskDirectory> open(const std::string &path);

    const std::string &path() const { return path_; }
    const Fd &fd() const { return directory_; }

    // Whoever holds a copy of this open file holds the lock, until unlock().
    const Fd &locked() const { return lock_; }
    void unlock();

    // Names that are ours, of whatever kind of file.
    Result<std::vector<BlockDevice::FileName>> names() const;

    // For reading and writing past the page cache; `bytes` is its length.
    Result<Fd> open_file(BlockDevice::FileName name, std::uint64_t &bytes) const;

    // What the file system has left for us, and its size; 0 when it does not say.
    std::uint64_t free_bytes() const;
    std::uint64_t size_bytes() const;

private:
    DiskDirectory() = default;
    Result<void> check_access();
    Result<void> lock();
    Result<void> refused() const; // by errno
    Result<void> probe();

    std::string path_;
    Fd directory_;
    Fd lock_; // another opening of it
};

} // namespace uakv
