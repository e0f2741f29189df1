#include "support/process.h"

#include "support/check.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <sys/wait.h>
#include <unistd.h>

namespace uakv::test {
namespace {

std::string proc_path(pid_t pid, const char *file) {
    return "/proc/" + std::to_string(pid) + "/" + file;
}

std::string describe(int status) {
    if (WIFEXITED(status)) {
        return "exit status " + std::to_string(WEXITSTATUS(status));
    }
    const int number = WTERMSIG(status);
    return "signal " + std::to_string(number) + " (" + strsignal(number) + ")";
}

// The fields of /proc/PID/stat from the third on: the second is the name, in parentheses, and may hold spaces.
std::vector<std::string> stat_fields(pid_t pid) {
    const std::string text = read_file(proc_path(pid, "stat"));
    const size_t end_of_name = text.rfind(')');
    CHECK(end_of_name != std::string::npos);
    std::istringstream rest(text.substr(end_of_name + 1));
    return {std::istream_iterator<std::string>(rest), std::istream_iterator<std::string>()};
}

uint64_t status_kib(const std::string &status, const std::string &field) {
    const size_t at = status.find("\n" + field + ":");
    CHECK_MESSAGE(at != std::string::npos, "no " + field + " in /proc/PID/status");
    return std::strtoull(status.c_str() + at + field.size() + 2, nullptr, 10);
}

} // namespace

std::string wait_for_exit(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        CHECK_MESSAGE(errno == EINTR, std::string("waitpid: ") + std::strerror(errno));
    }
    return describe(status);
}

std::string poll_for_exit(pid_t pid) {
    int status = 0;
    const pid_t got = waitpid(pid, &status, WNOHANG);
    CHECK_MESSAGE(got >= 0, std::string("waitpid: ") + std::strerror(errno));
    return got == 0 ? std::string() : describe(status);
}

bool is_stopped(pid_t pid) {
    return stat_fields(pid).at(0) == "T";
}

bool is_sleeping(pid_t pid) {
    return stat_fields(pid).at(0) == "S";
}

size_t descriptor_count(pid_t pid) {
    const std::filesystem::directory_iterator entries(proc_path(pid, "fd"));
    return static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

uint64_t cpu_ticks(pid_t pid) {
    const std::vector<std::string> fields = stat_fields(pid);
    return std::stoull(fields.at(11)) + std::stoull(fields.at(12)); // utime and stime: fields 14 and 15 of the line
}

uint64_t private_memory_bytes(pid_t pid) {
    const std::string status = read_file(proc_path(pid, "status"));
    return (status_kib(status, "RssAnon") + status_kib(status, "RssFile")) * 1024;
}

std::string read_file(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    CHECK_MESSAGE(file.is_open(), "cannot read " + path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<Mapping> own_mappings() {
    std::istringstream lines(read_file("/proc/self/maps"));
    std::vector<Mapping> mappings;
    for (std::string line; std::getline(lines, line);) {
        Mapping mapping;
        std::string offset, device, inode;
        char dash = 0;
        std::istringstream fields(line);
        fields >> std::hex >> mapping.begin >> dash >> mapping.end >> mapping.protection >> offset >> device >> inode;
        std::getline(fields >> std::ws, mapping.name);
        mappings.push_back(mapping);
    }
    CHECK(!mappings.empty());
    return mappings;
}

} // namespace uakv::test
