// The first pages of all files of a directory, and what they say together: which store it is, which files belong to it,
// and whether we may touch it at all. The first step of recovery.
#pragma once

#include "daemon/tiers/disk/format.h"
#include "daemon/tiers/disk/io_queue.h"
#include "daemon/tiers/disk/page_buffer.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace uakv::disk {

class FileHeaders {
public:
    struct Header {
        BlockDevice::FileInfo info;
        Flaw flaw = Flaw::none;
        int error = 0; // it could not be read
        StoreId store{};
        std::uint16_t major = 0;
        std::uint16_t minor = 0;
        std::uint64_t file_bytes = 0; // of a log file: as it says itself
        std::uint64_t first_sequence = 0;
        std::optional<std::uint64_t> batch_store; // short_id_of() in its first batch
        CheckpointHeader checkpoint{};            // of a checkpoint
        bool foreign() const { return flaw == Flaw::store || flaw == Flaw::place; }
    };

    explicit FileHeaders(IoQueue &io) : io_(io) {}
    FileHeaders(const FileHeaders &) = delete;
    FileHeaders &operator=(const FileHeaders &) = delete;

    void start(const std::vector<BlockDevice::FileInfo> &files);
    bool running() const { return under_way_ > 0; }

    // All are read. Refuses a newer version, and a device that gives nothing; else marks the files of other stores.
    Result<void> judge();

    const std::vector<Header> &headers() const { return headers_; }
    // Nothing where no header tells it.
    const std::optional<StoreId> &store() const { return store_; }
    // What batches tell of it, where no header does.
    std::optional<std::uint64_t> batch_store() const;

private:
    void read_next();
    void arrived(std::size_t place, int error, std::uint64_t bytes);
    static void look_at(Header &header, const PageBuffer &page);
    void choose_store();

    IoQueue &io_;
    std::vector<Header> headers_;
    std::vector<PageBuffer> pages_; // those under way
    std::size_t next_ = 0;
    std::size_t under_way_ = 0;
    std::optional<StoreId> store_;
};

} // namespace uakv::disk
