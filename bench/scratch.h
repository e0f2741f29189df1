// A directory on a disk for files of gigabytes. It goes with its object, and also when this process dies, however it
// dies: a process of its own waits for that.
#pragma once

#include <string>
#include <sys/types.h>

namespace uakv::bench {

class ScratchDirectory {
public:
    // Below `parent`, which is there.
    explicit ScratchDirectory(const std::string &parent);
    ~ScratchDirectory();
    ScratchDirectory(const ScratchDirectory &) = delete;
    ScratchDirectory &operator=(const ScratchDirectory &) = delete;

    const std::string &path() const { return path_; }

    // Removes what is in it.
    void empty() const;

private:
    std::string path_;
    int alive_ = -1; // the janitor cleans up when nobody holds the other end any more
    pid_t janitor_ = -1;
};

} // namespace uakv::bench
