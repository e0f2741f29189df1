#include "scratch.h"

#include "failure.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace uakv::bench {
namespace {

// Waits for the end of the process that holds the pipe.
[[noreturn]] void clean_up_after(int alive, const std::string &path) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        ::signal(signal, SIG_IGN);
    }
    char nothing = 0;
    while (read(alive, &nothing, 1) < 0 && errno == EINTR) {
    }
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
    _exit(0);
}

} // namespace

ScratchDirectory::ScratchDirectory(const std::string &parent) : path_(parent + "/uakv-bench.XXXXXX") {
    std::array<int, 2> pipe{};
    if (mkdtemp(path_.data()) == nullptr) {
        throw Failure(fmt::format("cannot make a directory in {}: {}", parent, std::strerror(errno)));
    }
    if (pipe2(pipe.data(), O_CLOEXEC) != 0) {
        throw Failure(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    }
    alive_ = pipe[1];
    janitor_ = fork();
    if (janitor_ < 0) {
        throw Failure(fmt::format("cannot fork: {}", std::strerror(errno)));
    }
    if (janitor_ == 0) {
        close(pipe[1]);
        clean_up_after(pipe[0], path_);
    }
    close(pipe[0]);
}

ScratchDirectory::~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
    close(alive_);
    waitpid(janitor_, nullptr, 0);
}

void ScratchDirectory::empty() const {
    std::error_code failed;
    for (const auto &entry : std::filesystem::directory_iterator(path_, failed)) {
        std::filesystem::remove_all(entry.path(), failed);
    }
    if (failed) {
        throw Failure(fmt::format("cannot empty {}: {}", path_, failed.message()));
    }
}

} // namespace uakv::bench
