// What the kernel tells about a process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace uakv::test {

// Waits for a child of ours, as long as it takes: "exit status 0", "signal 9 (Killed)".
std::string wait_for_exit(pid_t pid);

// As wait_for_exit(), but empty while it still runs.
std::string poll_for_exit(pid_t pid);

bool is_stopped(pid_t pid);  // by SIGSTOP
bool is_sleeping(pid_t pid); // in a system call
size_t descriptor_count(pid_t pid);
uint64_t cpu_ticks(pid_t pid);            // user and system time
uint64_t private_memory_bytes(pid_t pid); // RssAnon + RssFile: without shared memory

std::string read_file(const std::string &path);

struct Mapping {
    uintptr_t begin, end;
    std::string protection; // "rw-s"
    std::string name;       // "/memfd:... (deleted)", or empty
};
std::vector<Mapping> own_mappings();

} // namespace uakv::test
