// A daemon of the test's own: private directory, private socket, its log kept.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace uakv::test {

// A directory of our own, removed at the end with all that is in it.
class Directory {
public:
    Directory();
    Directory(const Directory &) = delete;
    Directory &operator=(const Directory &) = delete;
    ~Directory();
    const std::string &path() const { return path_; }

private:
    std::string path_;
};

using Environment = std::vector<std::pair<std::string, std::string>>;

// Starts uakvd, or another program, with these arguments, stdout and stderr into the file, and without the UAKV_*
// variables of the caller and the configuration of the machine. before_exec runs in the new process.
pid_t start_uakvd(const std::vector<std::string> &arguments, const std::string &log_path,
                  const Environment &environment = {}, const std::function<void()> &before_exec = {},
                  const std::string &program = {});

struct User {
    uid_t uid;
    gid_t gid;
};

// For good, all ids at once. Throws Failure.
void become(const User &user);

struct DaemonOptions {
    std::string memory = "64MiB";
    std::vector<std::string> arguments; // after --socket, --memory and --log-level
    Environment environment;
    std::function<void()> before_exec; // for limits
    std::optional<User> user;          // another than that of the test, which must be root
    std::string program;               // another than the uakvd of this build
    std::string disk;                  // the size of a disk tier, in a directory of the daemon's; empty: none
};

class Manager;

class Daemon {
public:
    // Returns when it serves.
    explicit Daemon(const DaemonOptions &options = {});
    Daemon(const Daemon &) = delete;
    Daemon &operator=(const Daemon &) = delete;
    // As stop(), where neither stop() nor kill() was called; shows the log when the test has failed.
    ~Daemon();

    const std::string &directory() const { return directory_.path(); }
    const std::string &socket_path() const { return socket_path_; }
    std::string disk_path() const { return directory_.path() + "/disk"; }
    pid_t pid() const { return pid_; }
    std::string log() const;

    void start(); // once more, after stop() or kill(): same socket, same options
    void start(const std::string &program);
    void stop();   // SIGTERM; the test fails unless it exits with 0
    void kill();   // SIGKILL, and waits until it is gone
    void pause();  // SIGSTOP, and waits until it stands still
    void resume(); // SIGCONT

protected:
    // What the manager keeps is handed to each start. Null: there is none.
    Daemon(const DaemonOptions &options, std::unique_ptr<Manager> manager);
    Manager *manager() { return manager_.get(); }

private:
    void await_serving(size_t ready_before);
    void gone();

    DaemonOptions options_;
    Directory directory_;
    std::string socket_path_;
    std::unique_ptr<Manager> manager_;
    pid_t pid_ = -1;
};

} // namespace uakv::test
