// How long a daemon with a million blocks on disk takes until it knows them: from a checkpoint, and from the log alone.
// And what a checkpoint of them costs. On the real device, without the daemon around it: recovery reads past the page
// cache, so each run reads all of it from the disk.
#include "blocks.h"
#include "daemon/base/workers.h"
#include "daemon/io/uring_device.h"
#include "daemon/tiers/disk/checkpoint.h"
#include "daemon/tiers/disk/page_buffer.h"
#include "daemon/tiers/disk/recovery.h"
#include "failure.h"
#include "groups.h"
#include "ipc/hashing.h"
#include "scratch.h"
#include "timing.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <span>

namespace uakv::bench {
namespace {

using namespace uakv::disk;

constexpr double catalog_goal_ms = 600; // of the two seconds in which a daemon shall serve
constexpr std::uint64_t file_bytes = 256 * MiB;
constexpr std::uint64_t batch_bytes = (1 + records_per_batch) * page_bytes; // a header, and blocks of a page each
constexpr std::uint64_t batches_per_write = 64;
constexpr std::uint64_t batches_per_file = (file_bytes / page_bytes - 1) / (1 + records_per_batch);
constexpr unsigned worker_threads = 2;
constexpr StoreId store{'b', 'e', 'n', 'c', 'h'};

Moment moment() {
    return {now_ns(), 0};
}

void require(int error, const char *what) {
    if (error != 0) {
        throw Failure(fmt::format("{}: {}", what, std::strerror(error)));
    }
}

template <typename T> T must(Result<T> result) {
    if (!result.ok()) {
        throw Failure(result.error().detail);
    }
    return std::move(result.value());
}

SpaceDescription description() {
    SpaceDescription space;
    space.block_bytes = page_bytes;
    std::strcpy(space.name, "bench");
    return space;
}

// The disk of a tenant, as a daemon left it.
class Disk {
public:
    Disk(const std::string &path, std::uint64_t blocks)
        : device_(must(open_uring_device({.path = path}))), io_(*device_),
          workers_(must(Workers::start(worker_threads))), blocks_(blocks) {}

    void write_log();
    // Longest step of it, in ns.
    std::uint64_t write_checkpoint(const Recovered &known);

    Recovered recover() {
        Recovered found = must(disk::recover(io_, *workers_, 0x5EED, moment));
        if (found.catalog.count() != blocks_ || !found.remarks.empty()) {
            throw Failure(fmt::format("recovery found {} of {} blocks; {}", found.catalog.count(), blocks_,
                                      found.remarks.empty() ? "no remarks" : found.remarks.front()));
        }
        return found;
    }

private:
    void write_file(FileNumber number);
    void fill_batch(std::byte *at, FileNumber file, std::uint32_t page);
    void write(BlockDevice::FileName name, std::uint64_t offset, std::span<const std::byte> pages);

    std::unique_ptr<BlockDevice> device_;
    IoQueue io_;
    std::unique_ptr<Workers> workers_;
    std::uint64_t blocks_;
    std::uint64_t written_ = 0;
    std::uint64_t next_sequence_ = 1;
    PageBuffer buffer_{batches_per_write * batch_bytes};
    std::uint64_t layout_ = layout_of(description());
    std::uint64_t payload_checksum_ = 0;
};

void Disk::write(BlockDevice::FileName name, std::uint64_t offset, std::span<const std::byte> pages) {
    io_.write(name, offset, {&pages, 1}, [&](const IoQueue::Done &done) {
        require(done.bytes == pages.size() ? done.error : EIO, "cannot write the log");
    });
    io_.drain(moment);
}

// Its first record is the space, and a few pages of its end may stay empty.
void Disk::fill_batch(std::byte *at, FileNumber file, std::uint32_t page) {
    auto &header = *reinterpret_cast<BatchHeader *>(at);
    fill(header, file, page, next_sequence_, next_sequence_, store);
    for (std::uint32_t i = 0; i < records_per_batch && written_ < blocks_; ++i) {
        RecordDescriptor &record = header.records[header.record_count++];
        record.layout = layout_;
        record.space = 1;
        record.page = page + header.record_count;
        if (next_sequence_ + i == 1) {
            const SpaceDescription space = description();
            std::memcpy(at + page_bytes, &space, sizeof space);
            record.kind = static_cast<std::uint8_t>(RecordKind::space);
            record.stored_bytes = sizeof space;
            record.payload_checksum = layout_;
            continue;
        }
        record.kind = static_cast<std::uint8_t>(RecordKind::block);
        record.key = key_of_block(0, written_++);
        record.block_bytes = page_bytes;
        record.stored_bytes = page_bytes;
        record.checksum = payload_checksum_;
        record.payload_checksum = payload_checksum_;
        record.expires_ms = UINT64_MAX;
    }
    header.pages = 1 + header.record_count;
    next_sequence_ += header.record_count;
    seal(header);
}

void Disk::write_file(FileNumber number) {
    const BlockDevice::FileName name{BlockDevice::FileKind::log, number};
    io_.create(name, file_bytes, [](const IoQueue::Done &done) { require(done.error, "cannot make a log file"); });
    io_.drain(moment);
    fill(buffer_.at<FileHeader>(0), number, file_bytes, next_sequence_, 0, store);
    write(name, 0, buffer_.first(page_bytes));
    for (std::uint64_t batch = 0; batch < batches_per_file && written_ < blocks_;) {
        std::ranges::fill(buffer_.bytes(), std::byte{0});
        const std::uint64_t first = batch;
        for (std::uint64_t i = 0; i < batches_per_write && batch < batches_per_file && written_ < blocks_; ++i) {
            fill_batch(buffer_.bytes().data() + i * batch_bytes, number,
                       static_cast<std::uint32_t>(1 + batch++ * (1 + records_per_batch)));
        }
        write(name, page_bytes + first * batch_bytes, buffer_.first((batch - first) * batch_bytes));
    }
    io_.sync(name, [](const IoQueue::Done &done) { require(done.error, "cannot sync a log file"); });
    io_.drain(moment);
}

void Disk::write_log() {
    std::ranges::fill(buffer_.bytes(), std::byte{0});
    payload_checksum_ = checksum_of(buffer_.bytes().data(), page_bytes);
    for (FileNumber number = 1; written_ < blocks_; ++number) {
        write_file(number);
    }
}

std::uint64_t Disk::write_checkpoint(const Recovered &known) {
    Checkpointer checkpointer(io_, known.catalog, store);
    bool finished = false;
    std::uint64_t longest_ns = 0;
    checkpointer.begin(
        {known.next_checkpoint, {known.next_file, 1}, known.next_sequence, 1},
        [](const std::function<void(int)> &done) { done(0); },
        [&](int error) {
            require(error, "cannot write a checkpoint");
            finished = true;
        });
    while (!finished) {
        const std::uint64_t begin = now_ns();
        checkpointer.step();
        longest_ns = std::max(longest_ns, now_ns() - begin);
        if (!io_.run(moment())) {
            io_.wait();
        }
    }
    return longest_ns;
}

double ms_since(std::uint64_t begin_ns) {
    return static_cast<double>(now_ns() - begin_ns) / 1e6;
}

} // namespace

void bench_startup(const Settings &settings, Report &report) {
    const std::uint64_t blocks = settings.quick ? 100'000 : 1'000'000;
    const ScratchDirectory scratch(settings.disk_path);
    Disk disk(scratch.path() + "/log", blocks);
    disk.write_log();

    std::vector<double> from_log;
    std::vector<double> from_checkpoint;
    std::vector<double> written;
    std::vector<double> longest;
    for (unsigned run = 0; run < settings.runs(); ++run) {
        const std::uint64_t begin = now_ns();
        const Recovered found = disk.recover();
        from_log.push_back(ms_since(begin));
        if (found.from_checkpoint) {
            throw Failure("recovery found a checkpoint that nobody wrote");
        }
    }
    for (unsigned run = 0; run < settings.runs(); ++run) {
        const Recovered known = disk.recover();
        const std::uint64_t begin = now_ns();
        longest.push_back(static_cast<double>(disk.write_checkpoint(known)) / 1e6);
        written.push_back(ms_since(begin));
        const std::uint64_t again = now_ns();
        const Recovered found = disk.recover();
        from_checkpoint.push_back(ms_since(again));
        if (!found.from_checkpoint || found.batches_read > 0) {
            throw Failure("recovery did not use the checkpoint");
        }
    }
    const std::string what = count_text(blocks) + " blocks";
    report.add(
        {"catalog of " + what + " from a checkpoint", "ms", summarize(from_checkpoint), at_most(catalog_goal_ms)});
    report.add({"catalog of " + what + " from the log alone", "ms", summarize(from_log), {}});
    report.add({"checkpoint of " + what, "ms", summarize(written), {}});
    report.add({"its longest step", "ms", summarize(longest), {}});
}

} // namespace uakv::bench
