// Reads the headers of the batches of a file, one after another, for the erasures and spaces that are in it. Where a
// header is damaged, the pages behind it are searched for the next one.
#pragma once

#include "daemon/tiers/disk/engine.h"

#include <cstdint>
#include <functional>

namespace uakv::disk {

class HeaderWalk {
public:
    // Called with each batch that is found, and with null at the end.
    using Found = std::function<void(const BatchHeader *)>;

    explicit HeaderWalk(Engine &engine) : engine_(engine), memory_(window_bytes) {}

    // Nothing is there from page `end` on.
    void begin(FileNumber file, std::uint32_t pages, std::uint32_t end, Found found);
    bool running() const { return running_; }
    // Reads on, if it does not wait.
    void turn();

private:
    static constexpr std::uint64_t window_bytes = 1 << 20;

    void read(std::uint64_t bytes);
    void took(const IoQueue::Done &done, std::uint64_t bytes);
    void look(std::uint64_t pages_read);

    Engine &engine_;
    PageBuffer memory_;
    FileNumber file_ = 0;
    std::uint32_t pages_ = 0;
    std::uint32_t end_ = 0;
    std::uint32_t page_ = 0;
    std::uint32_t failures_ = 0; // in a row
    bool running_ = false;
    bool under_way_ = false;
    bool searching_ = false;
    Found found_;
};

} // namespace uakv::disk
