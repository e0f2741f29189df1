#include "daemon/base/file_system.h"

#include <cerrno>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace uakv {
namespace {

std::string parent_of(const std::string &path) {
    std::string parent = path.substr(0, path.find_last_not_of('/') + 1);
    parent.erase(parent.find_last_of('/') + 1);
    const std::size_t end = parent.find_last_not_of('/');
    return end == std::string::npos ? "/" : parent.substr(0, end + 1);
}

} // namespace

Result<FileSystem> file_system_of(const std::string &path) {
    std::string directory = path;
    struct stat facts {};
    while (::stat(directory.c_str(), &facts) != 0) {
        if (errno != ENOENT || directory == "/") {
            return errno_error(UAKV_ERR_INVALID, errno, "cannot look at %s", directory.c_str());
        }
        directory = parent_of(directory);
    }
    if (!S_ISDIR(facts.st_mode)) {
        return error(UAKV_ERR_INVALID, "%s is not a directory; expected one, or a path where one can be made",
                     directory.c_str());
    }
    struct statvfs space {};
    if (::statvfs(directory.c_str(), &space) != 0) {
        return errno_error(UAKV_ERR_INVALID, errno, "cannot tell the size of the file system of %s", directory.c_str());
    }
    return FileSystem{std::uint64_t{space.f_blocks} * space.f_frsize, std::uint64_t{space.f_bavail} * space.f_frsize};
}

} // namespace uakv
