// uakv alone: what a hit costs with more processes, with more blocks, and counted in instructions.
#pragma once

#include "bench/groups.h"

#include <string>

namespace uakv::bench {

// Hits per second of 1, 2 and 4 processes at once. The goal is to grow with the processors that there are.
void bench_process_scaling(const Settings &settings, Report &report);

// Latency of a hit among 10 to 1 000 000 blocks, or as many as fit.
void bench_block_scaling(const Settings &settings, Report &report);

// Instructions of retrieve and release in the client library, by valgrind: the same on every machine of a kind.
void bench_instructions(const Settings &settings, const std::string &hits_program, Report &report);

} // namespace uakv::bench
