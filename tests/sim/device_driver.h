// A device used one call at a time, and memory in pages for it.
#pragma once

#include "daemon/io/block_device.h"
#include "support/check.h"
#include "support/pattern.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace uakv::test {

constexpr std::uint64_t page = limits::page_bytes;

class PageBuffer {
public:
    explicit PageBuffer(std::size_t bytes, int value = 0)
        : bytes_(bytes), memory_(static_cast<std::byte *>(std::aligned_alloc(page, bytes))) {
        CHECK(memory_ != nullptr);
        std::memset(memory_.get(), value, bytes);
    }

    std::span<std::byte> all() { return {memory_.get(), bytes_}; }
    std::span<std::byte> pages(std::size_t first, std::size_t count) {
        return all().subspan(first * page, count * page);
    }

    // Bytes of which each depends on the seed and its place.
    void fill(std::uint64_t seed) {
        Random random(seed);
        for (std::size_t at = 0; at < bytes_; at += sizeof(std::uint64_t)) {
            const std::uint64_t word = random.next();
            std::memcpy(memory_.get() + at, &word, sizeof word);
        }
    }
    bool is_filled(std::uint64_t seed) {
        PageBuffer expected(bytes_);
        expected.fill(seed);
        return std::memcmp(memory_.get(), expected.memory_.get(), bytes_) == 0;
    }

private:
    struct Free {
        void operator()(std::byte *memory) const { std::free(memory); }
    };
    std::size_t bytes_;
    std::unique_ptr<std::byte, Free> memory_;
};

class DeviceDriver {
public:
    using FileName = BlockDevice::FileName;
    using Done = BlockDevice::Done;

    explicit DeviceDriver(BlockDevice &device) : device_(device) {}

    // Waits until so many calls are done; nothing else may be under way.
    std::vector<Done> finish(std::size_t count) {
        std::vector<Done> done;
        while (done.size() < count) {
            device_.wait();
            device_.poll(done);
        }
        CHECK_EQ(done.size(), count);
        return done;
    }

    Done create_or_fail(FileName name, std::uint64_t bytes) {
        device_.create(name, bytes, ++ticket_);
        return only();
    }
    void create(FileName name, std::uint64_t bytes) { check_good(create_or_fail(name, bytes)); }

    Done write_or_fail(FileName name, std::uint64_t offset, const std::vector<BlockDevice::Piece> &pieces) {
        device_.write(name, offset, pieces, ++ticket_);
        return only();
    }
    void write(FileName name, std::uint64_t offset, const std::vector<BlockDevice::Piece> &pieces) {
        std::uint64_t bytes = 0;
        for (const BlockDevice::Piece piece : pieces) {
            bytes += piece.size();
        }
        const Done done = write_or_fail(name, offset, pieces);
        check_good(done);
        CHECK_EQ(done.bytes, bytes);
    }

    Done read_or_fail(FileName name, std::uint64_t offset, std::span<std::byte> target) {
        device_.read(name, offset, target, ++ticket_);
        return only();
    }
    std::uint64_t read_some(FileName name, std::uint64_t offset, std::span<std::byte> target) {
        const Done done = read_or_fail(name, offset, target);
        check_good(done);
        return done.bytes;
    }
    void read(FileName name, std::uint64_t offset, std::span<std::byte> target) {
        CHECK_EQ(read_some(name, offset, target), target.size());
    }

    Done sync_or_fail(FileName name) {
        device_.sync(name, ++ticket_);
        return only();
    }
    void sync(FileName name) { check_good(sync_or_fail(name)); }

    Done remove_or_fail(FileName name) {
        device_.remove(name, ++ticket_);
        return only();
    }
    void remove(FileName name) { check_good(remove_or_fail(name)); }

private:
    Done only() {
        const Done done = finish(1)[0];
        CHECK_EQ(done.ticket, ticket_);
        return done;
    }
    static void check_good(const Done &done) {
        CHECK_MESSAGE(done.error == 0, std::string("the device says ") + std::strerror(done.error));
    }

    BlockDevice &device_;
    BlockDevice::Ticket ticket_ = 0;
};

} // namespace uakv::test
