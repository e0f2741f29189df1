// What the figures were measured on, and which cpu runs what.
//
// Clients are pinned to one cpu each, counted down from the last that we may use; the daemon has all cpus but
// that of the first client. Left alone, the scheduler now and then puts both on one cpu, and every figure
// that involves the daemon then has two values. With one cpu nothing is pinned.
#pragma once

#include "report.h"

#include <cstdint>
#include <sched.h>

namespace uakv::bench {

void print_machine(Report &report);

// Physical memory that can still be taken without swapping.
std::uint64_t memory_available_bytes();

void pin_client(unsigned index);

// Where the daemon runs: not on the first client's cpu, or on that one alone.
enum class Beside { other_cpus, same_cpu };
cpu_set_t cpus_of_daemon(Beside beside);

} // namespace uakv::bench
