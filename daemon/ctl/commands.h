// The commands of uakvctl. Each prints its answer and says how it went; what is an Error is printed by main.
#pragma once

#include "daemon/ctl/options.h"
#include "ipc/result.h"

namespace uakv::ctl {

// The exit status. `uakvctl help` documents it: scripts and health checks rely on it.
enum class Exit {
    done = 0,
    negative = 1, // a miss, not healthy
    misused = 2,
    no_daemon = 3,
    failed = 4, // refused, or it did not work
};

// blocks.cc
Result<Exit> put_block(const Options &options);
Result<Exit> get_block(const Options &options);
Result<Exit> remove_blocks(const Options &options);

// keep.cc
Result<Exit> pin_blocks(const Options &options);
Result<Exit> unpin_blocks(const Options &options);
Result<Exit> clear_space(const Options &options);

// show.cc
Result<Exit> ping(const Options &options);
Result<Exit> show_status(const Options &options);
Result<Exit> list(const Options &options);

// why.cc
Result<Exit> why(const Options &options);

// stats.cc, top.cc
Result<Exit> show_stats(const Options &options);
Result<Exit> top(const Options &options);

// persist.cc, load.cc
Result<Exit> persist(const Options &options);
Result<Exit> load(const Options &options);

// disk.cc
Result<Exit> show_disk(const Options &options);
Result<Exit> verify(const Options &options);
Result<Exit> warm(const Options &options);

// advise.cc
Result<Exit> advise(const Options &options);

} // namespace uakv::ctl
