// Reads of payloads: queued, begun in the order of the disk, verified by workers, and tried once more when they do not
// verify. Nobody gets a byte that was not verified.
//
// Where a block lies is looked up when its read begins, not when it is asked for: so only a read that is under way
// keeps a file from being removed.
#pragma once

#include "daemon/tiers/disk/blocks.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace uakv::disk {

class Reader {
public:
    using Then = std::function<void(uakv_status)>;

    Reader(Engine &engine, Blocks &blocks) : engine_(engine), blocks_(blocks), inbox_(std::make_shared<Inbox>()) {}

    // A block of the catalog, into whole pages that have room for it. UAKV_OK, or UAKV_MISS: it has left or is another
    // one now, or the breaker is open; UAKV_ERR_IO, UAKV_ERR_CORRUPT.
    void add(const CatalogBlock &block, std::span<std::byte> target, Then then);

    // Is to forget a block that cannot be read, for good.
    std::function<void(BlockNumber)> on_damage;

    std::uint64_t waiting_bytes() const { return waiting_bytes_; }
    std::uint64_t under_way() const { return under_way_; }
    bool idle() const { return queue_.empty() && under_way_ == 0 && verifying_ == 0 && to_verify_.empty(); }

    // Takes what the workers have verified, begins reads, and hands over what was read.
    void turn();

    // Waits until the workers are done with the memory of reads. At the end only.
    void wait_for_workers();

private:
    struct Request {
        BlockName name;
        std::uint64_t payload_checksum = 0;
        std::uint32_t stored_bytes = 0;
        std::span<std::byte> target;
        Then then;
        std::uint64_t sequence = 0; // of the record that is being read
        std::uint64_t bytes_done = 0;
        std::uint32_t fruitless = 0;
        std::uint32_t mismatches = 0;
        bool matches = false;
    };
    using RequestRef = std::shared_ptr<Request>;
    struct Inbox { // outlives the reader, for the workers' sake
        std::vector<RequestRef> verified;
    };
    using Place = std::pair<FileNumber, std::uint32_t>;

    void enqueue(RequestRef request, const CatalogBlock &block);
    void begin(RequestRef request);
    void read(RequestRef request, FileNumber file, std::uint32_t page);
    void took(const RequestRef &request, FileNumber file, std::uint32_t page, const IoQueue::Done &done);
    void failed(const RequestRef &request, int error);
    void verify();
    void verified(const RequestRef &request);
    void miss_all();

    Engine &engine_;
    Blocks &blocks_;
    std::multimap<Place, RequestRef> queue_;
    Place last_{}; // where the last read began
    std::uint64_t waiting_bytes_ = 0;
    std::uint64_t under_way_ = 0;
    std::vector<RequestRef> to_verify_;
    std::uint64_t verifying_ = 0;
    std::shared_ptr<Inbox> inbox_;
    std::map<std::uint64_t, std::uint32_t> errors_; // in a row, by the sequence of the record
};

} // namespace uakv::disk
