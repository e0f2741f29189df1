#include "ctl_process.h"

#include "support/check.h"
#include "support/process.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace uakv::test {
namespace {

[[noreturn]] void exec_uakvctl(std::vector<std::string> arguments, const Environment &environment) {
    for (const char *variable : {"UAKV_SOCKET", "XDG_RUNTIME_DIR"}) {
        unsetenv(variable);
    }
    for (const auto &[variable, value] : environment) {
        setenv(variable.c_str(), value.c_str(), 1);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::string name = "uakvctl";
    std::vector<char *> argv = {name.data()};
    for (std::string &argument : arguments) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    execv(UAKVCTL_PATH, argv.data());
    std::perror(UAKVCTL_PATH);
    _exit(127);
}

void redirect(const std::string &path, int flags, int to) {
    const int file = open(path.c_str(), flags | O_CLOEXEC, 0644);
    if (file < 0 || dup2(file, to) < 0) {
        _exit(126);
    }
}

std::string await_exit(pid_t pid) {
    std::string end;
    try {
        await("uakvctl ends", [&] { return !(end = poll_for_exit(pid)).empty(); });
    } catch (const Failure &) {
        kill(pid, SIGKILL);
        wait_for_exit(pid);
        throw;
    }
    return end;
}

} // namespace

Outcome run_uakvctl(const std::vector<std::string> &arguments, const std::string &input,
                    const Environment &environment) {
    const Directory directory;
    const std::string in = directory.path() + "/in", out = directory.path() + "/out", err = directory.path() + "/err";
    std::ofstream(in, std::ios::binary) << input;
    std::fflush(nullptr);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        redirect(in, O_RDONLY, STDIN_FILENO);
        redirect(out, O_WRONLY | O_CREAT, STDOUT_FILENO);
        redirect(err, O_WRONLY | O_CREAT, STDERR_FILENO);
        exec_uakvctl(arguments, environment);
    }
    const std::string end = await_exit(pid);
    return {end, read_file(out), read_file(err)};
}

std::string ctl(const Daemon &daemon, std::vector<std::string> arguments, int status, const std::string &input) {
    arguments.insert(arguments.begin(), {"--socket", daemon.socket_path()});
    const Outcome outcome = run_uakvctl(arguments, input);
    CHECK_MESSAGE(outcome.end == "exit status " + std::to_string(status),
                  arguments[2] + ": " + outcome.end + "; " + outcome.output + outcome.errors);
    return outcome.output;
}

void check_has(const std::string &text, const std::string &words) {
    std::istringstream list(words);
    for (std::string word; std::getline(list, word, '|');) {
        CHECK_MESSAGE(text.find(word) != std::string::npos, "\"" + text + "\" does not name \"" + word + "\"");
    }
}

void check_refused(const Outcome &outcome, int status, const std::string &words) {
    CHECK_MESSAGE(outcome.end == "exit status " + std::to_string(status), outcome.end + ": " + outcome.errors);
    CHECK_EQ(outcome.output, "");
    CHECK_MESSAGE(outcome.errors.starts_with("uakvctl: "), outcome.errors);
    CHECK_MESSAGE(std::count(outcome.errors.begin(), outcome.errors.end(), '\n') == 1, outcome.errors);
    check_has(outcome.errors, words);
}

OnTerminal::OnTerminal(const std::vector<std::string> &arguments, unsigned short lines) {
    terminal_ = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(terminal_ >= 0 && grantpt(terminal_) == 0 && unlockpt(terminal_) == 0);
    const winsize size = {lines, 80, 0, 0};
    CHECK(ioctl(terminal_, TIOCSWINSZ, &size) == 0);
    const std::string name = ptsname(terminal_);
    std::fflush(nullptr);
    pid_ = fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
        setsid(); // the first terminal that it opens is then its own, with Ctrl-C
        for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
            redirect(name, O_RDWR, stream);
        }
        exec_uakvctl(arguments, {});
    }
}

OnTerminal::~OnTerminal() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        wait_for_exit(pid_);
    }
    close(terminal_);
}

// False when nothing is there to be read now.
bool OnTerminal::read_more() {
    pollfd entry = {terminal_, POLLIN, 0};
    char buffer[4096];
    const ssize_t got = poll(&entry, 1, 0) > 0 ? read(terminal_, buffer, sizeof buffer) : 0;
    if (got > 0) {
        seen_.append(buffer, static_cast<size_t>(got));
    }
    return got > 0;
}

void OnTerminal::await_text(const std::string &text, unsigned times) {
    await("the terminal shows \"" + text + "\"", [&] {
        while (read_more()) {
        }
        unsigned count = 0;
        for (size_t at = 0; (at = seen_.find(text, at)) != std::string::npos; at += text.size()) {
            ++count;
        }
        return count >= times;
    });
}

void OnTerminal::type(const std::string &text) {
    CHECK(write(terminal_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

std::string OnTerminal::await_end() {
    std::string end;
    await("uakvctl ends", [&] {
        while (read_more()) {
        }
        return !(end = poll_for_exit(pid_)).empty();
    });
    pid_ = -1;
    while (read_more()) {
    }
    return end;
}

} // namespace uakv::test
