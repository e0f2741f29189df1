// What this run keeps outside of itself: files in private directories, servers, and client processes. All of it goes
// when this process ends, by return, exit or a signal; SIGKILL ends the processes, too, but leaves the directories.
//
// Private to the process that asks first: children that it forks may use the paths, and remove nothing.
#pragma once

#include <csignal>
#include <string>
#include <sys/types.h>

namespace uakv::bench {

// Made at the first call: below $TMPDIR or /tmp, for sockets; below /dev/shm, for files that shall be memory.
const std::string &private_directory();
const std::string &private_memory_directory();

// The file, which need not be there yet, is removed at the end or by remove_file().
void remove_at_end(const std::string &path);
void remove_file(const std::string &path);

// Killed at the end, the last one first, before files are removed. Between a fork and its note, block the signals.
void note_process(pid_t process);
void forget_process(pid_t process);

// While it lives, the signals that end the bench wait.
class EndSignalsBlocked {
public:
    EndSignalsBlocked();
    ~EndSignalsBlocked() { restore(); }
    EndSignalsBlocked(const EndSignalsBlocked &) = delete;
    EndSignalsBlocked &operator=(const EndSignalsBlocked &) = delete;
    void restore() const { sigprocmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

} // namespace uakv::bench
