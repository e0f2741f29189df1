// uakvctl as a process: run to its end with files for its three streams, or on a terminal of its own.
#pragma once

#include "support/daemon.h"

#include <string>
#include <vector>

#include <sys/types.h>

namespace uakv::test {

struct Outcome {
    std::string end;    // "exit status 0"
    std::string output; // standard output
    std::string errors; // standard error
};

// Without UAKV_SOCKET and XDG_RUNTIME_DIR of the caller; `input` is its standard input.
Outcome run_uakvctl(const std::vector<std::string> &arguments, const std::string &input = "",
                    const Environment &environment = {});

// The same with --socket of this daemon. Fails unless it ends with this status.
std::string ctl(const Daemon &daemon, std::vector<std::string> arguments, int status = 0,
                const std::string &input = "");

// Ends with this status, nothing on standard output, and one line on standard error that has each of the words
// (separated by '|').
void check_refused(const Outcome &outcome, int status, const std::string &words);

void check_has(const std::string &text, const std::string &words);

// uakvctl with a terminal of 80 columns.
class OnTerminal {
public:
    explicit OnTerminal(const std::vector<std::string> &arguments, unsigned short lines = 24);
    OnTerminal(const OnTerminal &) = delete;
    OnTerminal &operator=(const OnTerminal &) = delete;
    ~OnTerminal();

    void await_text(const std::string &text, unsigned times = 1);
    void type(const std::string &text);
    std::string await_end(); // "exit status 0"
    const std::string &seen() const { return seen_; }
    pid_t pid() const { return pid_; }

private:
    bool read_more();

    int terminal_ = -1;
    pid_t pid_ = -1;
    std::string seen_;
};

} // namespace uakv::test
