// The picture of the table, for the README: what a retrieve takes at each block size, and how fast blocks are stored.
#pragma once

#include "table.h"

#include <string>
#include <vector>

namespace uakv::bench {

// An SVG that needs nothing beside itself and follows the reader's light or dark mode. Throws where it cannot be
// written. `alone` are the cases of one process, by size; `load` is written into it, for it belongs to the figures.
void write_picture(const std::string &path, const Table &table, const std::vector<PeerKind> &kinds,
                   const std::vector<CaseOutcomes> &alone, const std::string &load);

} // namespace uakv::bench
