// The device of a disk tier, with what is to be done when each request is through, and with how fast it is.
//
// Continuations run in run(), never inside a request. A request that fails has its errno in Done.
#pragma once

#include "daemon/io/block_device.h"

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

namespace uakv::disk {

// When something happens: the device has no clock of its own, so that a simulation has one.
struct Moment {
    std::uint64_t now_ns = 0;  // does not jump
    std::uint64_t wall_ms = 0; // since 1970
};

class IoQueue {
public:
    using Done = BlockDevice::Done;
    using FileName = BlockDevice::FileName;
    using Then = std::function<void(const Done &)>;

    explicit IoQueue(BlockDevice &device) : device_(device) {}

    void create(FileName name, std::uint64_t bytes, Then then);
    void write(FileName name, std::uint64_t offset, std::span<const BlockDevice::Piece> pieces, Then then);
    void read(FileName name, std::uint64_t offset, std::span<std::byte> target, Then then);
    void sync(FileName name, Then then);
    void remove(FileName name, Then then);

    // Hands over what was begun, and runs the continuations of what is done. True when there was any.
    bool run(Moment now);

    // Runs until nothing is under way. At start and at the end only.
    void drain(std::function<Moment()> clock);
    void wait() { device_.wait(); }

    std::uint64_t under_way() const { return requests_.size(); }
    // Reads, writes and syncs of a file that are not through.
    std::uint64_t under_way_of(FileName name) const;
    // Since when the oldest read, write or sync is under way; UINT64_MAX: none is. To make or remove a file may take
    // its time.
    std::uint64_t oldest_ns() const;
    std::uint64_t oldest_read_ns() const; // the same, of reads alone

    // ---- how fast it is: decaying averages ----------------------------------------------------------------

    std::uint64_t read_latency_ns() const { return read_latency_ns_; }
    double read_bytes_per_ns() const { return read_bytes_per_ns_; }
    std::uint64_t read_bytes_under_way() const { return read_bytes_under_way_; }
    std::uint64_t last_read_ns() const { return last_read_ns_; } // when it was measured last
    // Of reads, writes and syncs; a full disk is none.
    std::uint64_t errors_in_a_row() const { return errors_in_a_row_; }
    void forget_errors() { errors_in_a_row_ = 0; }

    BlockDevice &device() { return device_; }

private:
    enum class Kind : std::uint8_t { create, write, read, sync, remove };
    struct Request {
        Kind kind{};
        FileName name;
        std::uint64_t bytes = 0;
        std::uint64_t begun_ns = 0;
        Then then;
    };
    std::uint64_t add(Kind kind, FileName name, std::uint64_t bytes, Then then);
    void measure(const Request &request, const Done &done, Moment now);

    BlockDevice &device_;
    std::map<std::uint64_t, Request> requests_; // by ticket, so the oldest is first
    std::map<FileName, std::uint64_t> of_file_;
    std::vector<Done> done_;
    std::uint64_t next_ticket_ = 1;
    std::uint64_t now_ns_ = 0;
    std::uint64_t read_latency_ns_ = 0;
    double read_bytes_per_ns_ = 0;
    std::uint64_t read_bytes_under_way_ = 0;
    std::uint64_t read_busy_since_ns_ = 0;
    std::uint64_t last_read_ns_ = 0;
    std::uint64_t errors_in_a_row_ = 0;
};

} // namespace uakv::disk
