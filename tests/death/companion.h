// One who flies along: it shares the single flight of a workload that may die or stand still.
#pragma once

#include "death/journal.h"

#include <atomic>
#include <string>

namespace uakv::test {

// Computes what the workload of this name computes in single flight, or waits for it, until told to stop: whoever dies
// or stands still, it gets a view or its turn.
void fly_along(const std::string &socket_path, const std::string &name, const Journal &journal,
               const std::atomic<bool> &stop);

} // namespace uakv::test
