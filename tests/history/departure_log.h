// The departures in the log of a daemon that was started with --log-level trace.
#pragma once

#include "history/history.h"

#include <string>
#include <vector>

namespace uakv::test {

// Names of spaces and the keys, as the daemon writes them; the numbers are those of a History.
std::string space_name(size_t space);
uakv_key key_of(size_t key);

// A log may hold the lines of several daemons, one after another.
std::vector<Departed> read_departures(const std::string &log, const std::vector<DaemonLife> &daemons);

} // namespace uakv::test
