// The file system that a directory lies on, or will lie on once it is made.
#pragma once

#include "ipc/result.h"

#include <cstdint>
#include <string>

namespace uakv {

struct FileSystem {
    std::uint64_t size_bytes = 0;
    std::uint64_t free_bytes = 0; // for who is not root
};

// `path` is absolute. Where it does not exist, its nearest parent that does is asked. UAKV_ERR_INVALID where that is no
// directory, or cannot be looked at: the error names it.
Result<FileSystem> file_system_of(const std::string &path);

} // namespace uakv
