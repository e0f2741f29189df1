#include "support/daemon.h"

#include "support/check.h"
#include "support/client.h"
#include "support/keeper.h"
#include "support/process.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr int program_number_min = 512;

// Whoever runs the tests may have set some for a daemon of his own.
void drop_settings() {
    std::vector<std::string> names;
    for (char **variable = environ; *variable != nullptr; ++variable) {
        const std::string text = *variable;
        if (text.starts_with("UAKV_") || text.starts_with("KV_CACHE_")) {
            names.push_back(text.substr(0, text.find('=')));
        }
    }
    for (const std::string &name : names) {
        unsetenv(name.c_str());
    }
}

[[noreturn]] void exec_uakvd(const std::vector<std::string> &arguments, const std::string &log_path,
                             const Environment &environment, const std::function<void()> &before_exec,
                             const std::string &path) {
    // By descriptor: another uid may not be able to walk the path to it.
    const int opened = open(path.c_str(), O_PATH | O_CLOEXEC);
    const int program = fcntl(opened, F_DUPFD_CLOEXEC, program_number_min); // before_exec may put others below
    const int log = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    drop_settings();
    setenv("UAKV_CONFIG", "/dev/null", 1); // no file of the machine that the test runs on
    for (const auto &[variable, value] : environment) {
        setenv(variable.c_str(), value.c_str(), 1);
    }
    try {
        before_exec();
    } catch (const Failure &failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); // after before_exec: a change of uid takes it away
    std::string name = "uakvd";
    std::vector<char *> argv = {name.data()};
    for (const std::string &argument : arguments) {
        argv.push_back(const_cast<char *>(argument.c_str()));
    }
    argv.push_back(nullptr);
    fexecve(program, argv.data(), environ);
    std::fprintf(stderr, "cannot run %s: %s\n", path.c_str(), std::strerror(errno));
    _exit(127);
}

} // namespace

Directory::Directory() {
    const char *base = std::getenv("TMPDIR");
    path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/uakv-test-XXXXXX";
    CHECK_MESSAGE(mkdtemp(path_.data()) != nullptr, "cannot make " + path_);
    CHECK(chmod(path_.c_str(), 0755) == 0); // clients of other users have to reach the socket
}

Directory::~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void become(const User &user) {
    CHECK(setgroups(0, nullptr) == 0);
    CHECK(setresgid(user.gid, user.gid, user.gid) == 0);
    CHECK(setresuid(user.uid, user.uid, user.uid) == 0);
    // Else /proc/self belongs to root from here on.
    CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
}

pid_t start_uakvd(const std::vector<std::string> &arguments, const std::string &log_path,
                  const Environment &environment, const std::function<void()> &before_exec,
                  const std::string &program) {
    std::fflush(nullptr);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        exec_uakvd(
            arguments, log_path, environment, before_exec ? before_exec : [] {},
            program.empty() ? UAKVD_PATH : program);
    }
    return pid;
}

Daemon::Daemon(const DaemonOptions &options) : Daemon(options, nullptr) {}

Daemon::Daemon(const DaemonOptions &options, std::unique_ptr<Manager> manager)
    : options_(options), socket_path_(directory_.path() + "/uakvd.sock"), manager_(std::move(manager)) {
    start();
}

void Daemon::start() {
    std::vector<std::string> arguments = {"--socket", socket_path_, "--memory", options_.memory, "--log-level", "info"};
    arguments.insert(arguments.end(), options_.arguments.begin(), options_.arguments.end());
    if (options_.user) {
        CHECK(chown(directory_.path().c_str(), options_.user->uid, options_.user->gid) == 0);
    }
    Environment environment = {{"UAKV_GPU_MEMORY", "0"}}; // of a machine that has a GPU, unless a test wants it
    environment.insert(environment.end(), options_.environment.begin(), options_.environment.end());
    if (!options_.disk.empty()) {
        environment.insert(environment.end(), {{"UAKV_ENABLE_PERSISTENCE", "true"},
                                               {"UAKV_PERSISTENCE_PATH", disk_path()},
                                               {"UAKV_DISK_SIZE", options_.disk},
                                               {"UAKV_DISK_FREE", "1MiB"}}); // the machine may be nearly full
    }
    if (manager_) {
        environment.emplace_back("NOTIFY_SOCKET", manager_->address());
    }
    const auto before_exec = [this] {
        if (manager_) {
            manager_->hand_over();
        }
        if (options_.before_exec) {
            options_.before_exec();
        }
        if (options_.user) {
            become(*options_.user);
        }
    };
    const size_t ready_before = manager_ ? manager_->ready() : 0;
    pid_ = start_uakvd(arguments, directory_.path() + "/log", environment, before_exec, options_.program);
    try {
        await_serving(ready_before);
    } catch (const Failure &failure) {
        const std::string text = log();
        if (pid_ > 0) {
            kill();
        }
        throw Failure(std::string(failure.what()) + "; its log:\n" + text);
    }
}

void Daemon::start(const std::string &program) {
    options_.program = program;
    start();
}

void Daemon::await_serving(size_t ready_before) {
    uakv_client *client = nullptr;
    await("uakvd serves", [&] {
        const std::string end = poll_for_exit(pid_);
        if (!end.empty()) {
            pid_ = -1;
            throw Failure("uakvd did not start: " + end);
        }
        if (manager_) { // a look as a client would be one more session that it has kept
            return manager_->ready() > ready_before;
        }
        const uakv_status status = connect_to(socket_path_, 0, 0, &client);
        return status == UAKV_OK || status == UAKV_ERR_VERSION; // some tests start one of another version
    });
    uakv_disconnect(client);
}

Daemon::~Daemon() {
    const bool failed = std::uncaught_exceptions() > 0;
    if (pid_ > 0 && failed) {
        kill();
    } else if (pid_ > 0) {
        try {
            stop();
        } catch (const std::exception &failure) {
            fail_later(failure.what());
        }
    }
    if (failed) {
        std::fprintf(stderr, "log of uakvd:\n%s", log().c_str());
    }
}

std::string Daemon::log() const {
    return read_file(directory_.path() + "/log");
}

void Daemon::stop() {
    ::kill(pid_, SIGTERM);
    std::string end;
    await("uakvd ends after SIGTERM", [&] { return !(end = poll_for_exit(pid_)).empty(); });
    gone();
    CHECK_MESSAGE(end == "exit status 0", "uakvd ended with " + end + "; its log:\n" + log());
}

void Daemon::kill() {
    ::kill(pid_, SIGKILL);
    wait_for_exit(pid_);
    gone();
}

void Daemon::gone() {
    pid_ = -1;
    if (manager_) {
        manager_->hear_all();
    }
}

void Daemon::pause() {
    ::kill(pid_, SIGSTOP);
    await("uakvd stands still", [&] { return is_stopped(pid_); });
}

void Daemon::resume() {
    ::kill(pid_, SIGCONT);
}

} // namespace uakv::test
