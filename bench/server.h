// A program that runs beside the bench, such as uakvd, and what it prints. It dies with this process, however
// this process ends.
#pragma once

#include <cstdint>
#include <sched.h>
#include <string>
#include <sys/types.h>
#include <vector>

namespace uakv::bench {

class Server {
public:
    // `program` is a path; arguments[0] is the name that it goes by, here and in its own eyes.
    Server(const std::string &program, const std::vector<std::string> &arguments, const cpu_set_t &cpus);
    ~Server();
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

    // SIGTERM; throws unless it then exits 0.
    void stop();

    // Throws unless it ends by itself, with status 0.
    void wait();

    // True when it has ended; for its end by itself, which throw_ended() then reports.
    bool exited(int timeout_ms);
    [[noreturn]] void throw_ended() const;

    pid_t pid() const { return pid_; }
    std::string log_text() const; // standard output and error, the last 8 KiB

private:
    std::string name_;
    int log_ = -1;
    pid_t pid_ = -1;
    int exit_status_ = 0;
};

// The path of a program on $PATH; empty where there is none.
std::string find_program(const std::string &name);

} // namespace uakv::bench
