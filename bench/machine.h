// What the figures were measured on, and which cpu runs what.
//
// Clients are pinned to one cpu each, counted down from the last that we may use; the daemon has all cpus but
// that of the first client. Left alone, the scheduler now and then puts both on one cpu, and every figure
// that involves the daemon then has two values. With one cpu nothing is pinned.
#pragma once

#include "report.h"

#include <cstdint>
#include <sched.h>
#include <string>

namespace uakv::bench {

void print_machine(Report &report);

// "load average 0.3 on 2 cpus", as it is now: what else runs makes figures worse, and servers' most.
std::string load_text();

// Physical memory that can still be taken without swapping.
std::uint64_t memory_available_bytes();

void pin_client(unsigned index);

// Where a server runs: not on the first client's cpu, or on that one alone, or wherever there is room.
enum class Beside { other_cpus, same_cpu, all_cpus };
cpu_set_t cpus_of_daemon(Beside beside);

} // namespace uakv::bench
