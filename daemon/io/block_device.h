// The files of one directory, as the disk tier needs them: preallocated once, written and read in whole pages past the
// page cache, all without waiting. Two implementations: UringDevice, and the simulated disk of tests/sim, which lies.
//
// One thread uses a device. Each asynchronous call gets exactly one Done, in any order, and nothing is called back:
// what is done comes out of poll(). Memory and names stay as they are until then. Nothing is durable before a sync()
// that was begun after the write was done is done itself; create() and remove() are durable when they are done.
#pragma once

#include "ipc/fd.h"
#include "ipc/limits.h"
#include "ipc/result.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace uakv {

class BlockDevice {
public:
    enum class FileKind : std::uint8_t { log, checkpoint };
    struct FileName {
        FileKind kind{};
        std::uint32_t number = 0;
        auto operator<=>(const FileName &) const = default;
    };
    struct FileInfo {
        FileName name;
        std::uint64_t bytes = 0;
    };

    // Part of a write: whole pages, at a page's beginning in memory.
    using Piece = std::span<const std::byte>;
    static constexpr std::size_t pieces_max = 64;

    using Ticket = std::uint64_t; // chosen by the caller, given back unread
    struct Done {
        Ticket ticket = 0;
        int error = 0;           // an errno, or 0
        std::uint64_t bytes = 0; // read or written: fewer than asked for at the end of the file, or for no reason
    };

    virtual ~BlockDevice() = default;

    // ---- before it serves; these may wait ----------------------------------------------------------------

    // The files that are there. What else lies in the directory is left alone.
    virtual Result<std::vector<FileInfo>> list() = 0;

    // Tells that reads and writes will mostly use this memory (page-aligned, stays as long as the device). A hint.
    virtual void register_memory(std::span<std::byte> memory) = 0;

    // ---- asynchronous ------------------------------------------------------------------------------------

    // Makes a file that is not there yet, of `bytes` whole pages that read as zeros. ENOSPC: and there is none.
    virtual void create(FileName name, std::uint64_t bytes, Ticket ticket) = 0;
    virtual void write(FileName name, std::uint64_t offset, std::span<const Piece> pieces, Ticket ticket) = 0;
    virtual void read(FileName name, std::uint64_t offset, std::span<std::byte> target, Ticket ticket) = 0;
    virtual void sync(FileName name, Ticket ticket) = 0;
    // No read, write or sync of it may be under way.
    virtual void remove(FileName name, Ticket ticket) = 0;

    // Hands over what was begun since; poll() appends what is done. Neither waits.
    virtual void submit() = 0;
    virtual void poll(std::vector<Done> &done) = 0;

    // Submits, and waits until there is something to poll, if anything is under way. At start and at the end only.
    virtual void wait() = 0;

    // Becomes readable when something is done; null when there is no such descriptor.
    virtual const Fd *event() const = 0;

    // What the file system has left for us, in bytes; and its size.
    virtual std::uint64_t free_bytes() = 0;
    virtual std::uint64_t size_bytes() = 0;

    // "io_uring", for logs.
    virtual const char *name() const = 0;
};

} // namespace uakv
