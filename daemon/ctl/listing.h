// The blocks of a space as the daemon lists them, in the order in which they can be stored again.
#pragma once

#include "daemon/ctl/report_client.h"
#include "ipc/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace uakv::ctl {

struct Listed {
    uakv_key key{};
    std::optional<uakv_key> parent;
    std::uint64_t expires_ms = 0; // ms since 1970; copy_never
};

struct KeyHash {
    std::size_t operator()(const uakv_key &key) const;
};
struct KeyEqual {
    bool operator()(const uakv_key &a, const uakv_key &b) const;
};
using KeySet = std::unordered_set<uakv_key, KeyHash, KeyEqual>;

// All pages, without what is in `known`; each key once. Blocks that are stored meanwhile may be in it or not, and one
// that moves between memory and disk just then may be missed.
Result<std::vector<Listed>> list_blocks_of(ReportClient &client, const std::string &space, const KeySet &known);

// So that each stands behind its parent, if that is in the list; else as they were. Clients choose the parents, so
// these may go round in a circle: there is a first one then, too.
std::vector<Listed> parents_first(std::vector<Listed> blocks);

} // namespace uakv::ctl
