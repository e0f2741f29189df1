// Reads payloads and tells which of them are what their records say: those of the torn end of the log, of which nobody
// knows whether they were written, and the descriptions of spaces. Many at once, in the order in which they lie, and
// hashed by the workers.
#pragma once

#include "daemon/base/workers.h"
#include "daemon/tiers/disk/catalog.h"
#include "daemon/tiers/disk/io_queue.h"
#include "daemon/tiers/disk/page_buffer.h"

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

namespace uakv::disk {

struct Payload {
    FileNumber file = 0;
    std::uint32_t page = 0;
    std::uint32_t stored_bytes = 0;
    std::uint64_t checksum = 0;
};

enum class Verdict : std::uint8_t { intact, different, unreadable };

class PayloadCheck {
public:
    // `told` gets the place of each in `payloads`, once, and its bytes where it is intact.
    using Told = std::function<void(std::size_t, Verdict, std::span<const std::byte>)>;

    PayloadCheck(IoQueue &io, Workers &workers, std::vector<Payload> payloads, Told told);
    PayloadCheck(const PayloadCheck &) = delete;
    PayloadCheck &operator=(const PayloadCheck &) = delete;

    void start() { go_on(); }
    bool running() const { return !under_way_.empty() || next_ < order_.size(); }

private:
    struct Reading {
        PageBuffer buffer;
        bool matches = false;
        bool again = false; // it is read for the second time: a device may have erred once
    };

    void go_on();
    void read(std::size_t place);
    void arrived(std::size_t place, int error, std::uint64_t bytes);
    void end(std::size_t place, Verdict verdict);

    IoQueue &io_;
    Workers &workers_;
    std::vector<Payload> payloads_;
    Told told_;
    std::vector<std::size_t> order_; // as they lie on the disk
    std::size_t next_ = 0;
    std::map<std::size_t, Reading> under_way_;
    std::uint64_t bytes_under_way_ = 0;
};

} // namespace uakv::disk
