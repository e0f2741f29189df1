// What a directory holds, read at start: the newest checkpoint and the log behind it, or all of the log.
//
//   headers of all files -> newest checkpoint that is whole -> batches behind it, file by file, many side by side
//     -> payloads of the end of the log, which may be torn -> the catalog
//
// docs/disk-format.md tells how each case is decided.
#pragma once

#include "daemon/base/workers.h"
#include "daemon/tiers/disk/catalog.h"
#include "daemon/tiers/disk/io_queue.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace uakv::disk {

struct LogFile {
    std::uint64_t bytes = 0; // what it takes on the disk
    std::uint64_t first_sequence = 0;
    bool readable = true; // its header was; if not, it may have batches even so
};

struct Recovered {
    explicit Recovered(std::uint64_t seed) : catalog(seed) {}

    StoreId store{}; // drawn anew where nothing tells it
    Catalog catalog;
    std::map<FileNumber, LogFile> files;
    std::vector<std::uint32_t> checkpoints; // that are there, whole or not: may be removed once there is a newer one
    std::uint64_t next_sequence = 1;
    FileNumber next_file = 1;
    std::uint32_t next_checkpoint = 1;
    SpaceNumber next_space = 1;

    // All records below it are known to be on stable storage. Those of `tail_files` at or above it were found, but a
    // power failure may still take them: these files have to be synced before a batch says more.
    std::uint64_t durable_sequence = 0;
    std::vector<FileNumber> tail_files;

    // Of another directory, or with another file's number in it: not in `files`, not ours to remove; numbers go on
    // behind theirs.
    std::uint64_t foreign_files = 0;
    std::uint64_t foreign_bytes = 0;

    // For the log and the reports.
    bool from_checkpoint = false;
    std::uint64_t checkpoint_ms = 0; // when it was made, wall clock
    std::uint64_t batches_read = 0;
    std::uint64_t torn = 0; // records of the tail whose payload was not there
    std::uint64_t duration_ns = 0;
    std::vector<std::string> remarks; // what was found damaged, a sentence each; so many at most
};
constexpr std::size_t remarks_max = 100;

// Reads only. UAKV_ERR_VERSION: a file is of a newer format; nothing was touched. UAKV_ERR_IO: the device does not let
// us read. UAKV_ERR_NO_SPACE: all numbers are used up. Damage is no error: what is damaged is left out, with a remark.
Result<Recovered> recover(IoQueue &io, Workers &workers, std::uint64_t seed, std::function<Moment()> clock);

} // namespace uakv::disk
