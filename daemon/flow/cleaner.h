// Keeps the blocks that will leave memory next on disk already, so that eviction never waits for it; and writes those
// of durable spaces as soon as they are stored.
#pragma once

#include "daemon/flow/writes.h"

#include <array>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace uakv::flow {

class Cleaner {
public:
    Cleaner(Context &context, Writes &writes) : context_(context), writes_(writes) {}

    // Something entered or left this class, so that others may be next to leave.
    void changed(SizeClass size_class) { ++changes_[size_class]; }

    // It is in memory alone.
    void stored(EntryId entry);

    // Bounded. When it wants to be called again at the latest, in ns from now.
    std::uint64_t turn(std::uint64_t now_ns);

    // Whether the disk may have this block: with disk_admit=reused only one that was used.
    bool admits(EntryId entry) const;

private:
    bool write_durable();
    bool look(SizeClass size_class);

    Context &context_;
    Writes &writes_;
    std::array<std::uint32_t, size_classes> changes_{};
    std::vector<SizeClass> waiting_; // scratch
    std::deque<std::pair<EntryId, Generation>> durable_;
    std::vector<EntryId> coldest_; // scratch
    std::uint64_t again_ns_ = 0;   // after the disk has refused something
    bool blocked_ = false;         // there was more to write than the disk takes at once
};

} // namespace uakv::flow
