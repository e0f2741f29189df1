#include "daemon.h"

#include "client.h"
#include "failure.h"
#include "machine.h"
#include "timing.h"
#include "workplace.h"

#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <fstream>

namespace uakv::bench {
namespace {

constexpr std::uint64_t serving_deadline_ns = 30'000'000'000;
constexpr std::uint64_t populating_deadline_ns = 60'000'000'000; // without any progress
constexpr std::uint64_t poll_interval_ns = 5'000'000;

// Where a daemon before this one was killed, its files are still there; the next one replaces them.
std::string private_socket_path() {
    std::string socket = private_directory() + "/uakvd.sock";
    remove_at_end(socket);
    remove_at_end(socket + ".lock");
    return socket;
}

std::vector<std::string> arguments_of(const std::string &socket_path, std::uint64_t memory_bytes,
                                      const std::vector<std::string> &more) {
    std::vector<std::string> arguments = {
        "uakvd", "--socket", socket_path, "--memory", fmt::format("{}MiB", memory_bytes / MiB), "--log-level", "info"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

} // namespace

Daemon::Daemon(const Settings &settings, std::uint64_t memory_bytes, Beside beside,
               const std::vector<std::string> &more_arguments)
    : socket_path_(private_socket_path()), memory_bytes_(memory_bytes),
      server_(settings.daemon_path, arguments_of(socket_path_, memory_bytes, more_arguments), cpus_of_daemon(beside)) {
    wait_until_serving();
    wait_until_populated();
}

void Daemon::wait_until_serving() {
    const std::uint64_t deadline = now_ns() + serving_deadline_ns;
    for (;;) {
        uakv_connect_options options{};
        options.struct_size = sizeof options;
        options.socket_path = socket_path_.c_str();
        uakv_client *client = nullptr;
        const uakv_status status = uakv_connect(&options, &client);
        if (status == UAKV_OK) {
            uakv_disconnect(client);
            return;
        }
        if (server_.exited(0)) {
            server_.throw_ended();
        }
        // A timeout is no failure yet: the thread that fetches the memory may keep the daemon's only cpu busy.
        const bool may_come = status == UAKV_ERR_DISCONNECTED || status == UAKV_ERR_TIMEOUT;
        if (!may_come || now_ns() > deadline) {
            throw_status(status, "uakv_connect");
        }
        sleep_for_ns(poll_interval_ns);
    }
}

void Daemon::wait_until_populated() const {
    const Client client(socket_path_);
    // The last bit of the capacity may be too small for a segment: a segment is at most a 32nd.
    const std::uint64_t enough = memory_bytes_ - memory_bytes_ / 32;
    std::uint64_t seen = 0;
    std::uint64_t deadline = now_ns() + populating_deadline_ns;
    for (;;) {
        const std::uint64_t bytes = client.statistics().bytes_memory;
        if (bytes >= enough) {
            return;
        }
        if (bytes > seen) {
            seen = bytes;
            deadline = now_ns() + populating_deadline_ns;
        }
        if (now_ns() > deadline) {
            throw Failure(fmt::format("uakvd got {} MiB of the {} MiB it was started with, and no more; a smaller "
                                      "--memory may help; its log:\n{}",
                                      bytes / MiB, memory_bytes_ / MiB, server_.log_text()));
        }
        sleep_for_ns(poll_interval_ns);
    }
}

std::uint64_t Daemon::private_bytes() const {
    std::ifstream file(fmt::format("/proc/{}/status", server_.pid()));
    std::uint64_t bytes = 0;
    for (std::string line; std::getline(file, line);) {
        if (line.compare(0, 8, "RssAnon:") == 0 || line.compare(0, 8, "RssFile:") == 0) {
            bytes += std::strtoull(line.c_str() + 8, nullptr, 10) * KiB;
        }
    }
    if (bytes == 0) {
        throw Failure("cannot read the daemon's RssAnon and RssFile from /proc");
    }
    return bytes;
}

std::uint64_t Daemon::cpu_ns() const {
    clockid_t clock{};
    timespec used{};
    if (clock_getcpuclockid(server_.pid(), &clock) != 0 || clock_gettime(clock, &used) != 0) {
        throw Failure("cannot read the daemon's cpu clock");
    }
    return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(used.tv_nsec);
}

} // namespace uakv::bench
