#include "workplace.h"

#include "failure.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace uakv::bench {
namespace {

constexpr int end_signals[] = {SIGINT, SIGTERM, SIGHUP};
constexpr std::size_t path_bytes_max = 128;

// In plain memory of fixed size, for a signal handler reads it. An empty path is a free place.
struct Workplace {
    std::array<std::array<char, path_bytes_max>, 16> files{};
    std::array<std::array<char, path_bytes_max>, 2> directories{};
    std::array<volatile pid_t, 32> processes{}; // children of the owner
    pid_t owner = 0;
};
Workplace workplace;

void clean_up() {
    if (getpid() != workplace.owner) {
        return;
    }
    // The clients were started after their servers, and go before them, so that none complains.
    for (std::size_t i = workplace.processes.size(); i-- > 0;) {
        const pid_t process = workplace.processes[i];
        if (process > 0) {
            kill(process, SIGKILL);
            waitpid(process, nullptr, 0); // so that it makes no file any more
            workplace.processes[i] = 0;
        }
    }
    for (const auto &file : workplace.files) {
        if (file[0] != '\0') {
            unlink(file.data());
        }
    }
    for (const auto &directory : workplace.directories) {
        if (directory[0] != '\0') {
            rmdir(directory.data());
        }
    }
}

// A child that was just forked may come here too, and leaves everything as it is.
void on_signal(int) {
    clean_up();
    _exit(130);
}

void own_workplace() {
    if (workplace.owner != 0) {
        return;
    }
    workplace.owner = getpid();
    std::atexit(clean_up);
    for (const int number : end_signals) {
        std::signal(number, on_signal);
    }
}

void keep(const std::string &path, std::array<char, path_bytes_max> &place) {
    if (path.size() >= place.size()) {
        throw Failure("a path is too long: " + path);
    }
    const EndSignalsBlocked until_whole;
    std::copy(path.begin(), path.end(), place.begin());
    place[path.size()] = '\0';
}

std::string make_directory(const std::string &base, std::array<char, path_bytes_max> &place) {
    std::string path = base + "/uakv-bench.XXXXXX";
    if (path.size() + 24 > 100) { // what fits into the address of a Unix socket, with a name below it
        throw Failure("TMPDIR is too long for the path of a socket: " + path);
    }
    own_workplace();
    const EndSignalsBlocked until_noted;
    if (mkdtemp(path.data()) == nullptr) {
        throw Failure(fmt::format("cannot make a directory like {}: {}", path, std::strerror(errno)));
    }
    keep(path, place);
    return path;
}

std::string base_directory() {
    const char *base = std::getenv("TMPDIR");
    return base != nullptr && *base != '\0' ? base : "/tmp";
}

} // namespace

const std::string &private_directory() {
    static const std::string path = make_directory(base_directory(), workplace.directories[0]);
    return path;
}

const std::string &private_memory_directory() {
    static const std::string path = make_directory("/dev/shm", workplace.directories[1]);
    return path;
}

void remove_at_end(const std::string &path) {
    for (auto &file : workplace.files) {
        if (file[0] == '\0' || path == file.data()) {
            keep(path, file);
            return;
        }
    }
    throw Failure("too many files to remove at the end");
}

void remove_file(const std::string &path) {
    unlink(path.c_str());
    for (auto &file : workplace.files) {
        if (path == file.data()) {
            file[0] = '\0';
        }
    }
}

// Behind all that are there, so that the order is that of their starts.
void note_process(pid_t process) {
    own_workplace();
    std::size_t place = workplace.processes.size();
    while (place > 0 && workplace.processes[place - 1] == 0) {
        --place;
    }
    if (place == workplace.processes.size()) {
        throw Failure("too many processes at once");
    }
    workplace.processes[place] = process;
}

void forget_process(pid_t process) {
    for (volatile pid_t &place : workplace.processes) {
        if (place == process) {
            place = 0;
        }
    }
}

EndSignalsBlocked::EndSignalsBlocked() {
    sigset_t blocked;
    sigemptyset(&blocked);
    for (const int number : end_signals) {
        sigaddset(&blocked, number);
    }
    sigprocmask(SIG_BLOCK, &blocked, &before_);
}

} // namespace uakv::bench
