#include "sim/sim_device.h"

#include "ipc/assertion.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <utility>

namespace uakv::test {
namespace {

constexpr std::byte unread{0xA5}; // what the memory of a read holds until the read is done

std::size_t index_of(SimCall call) {
    return static_cast<std::size_t>(call);
}

std::uint64_t pages_of(std::uint64_t bytes) {
    return (bytes + sim_page_bytes - 1) / sim_page_bytes;
}

bool overlap(std::uint64_t a, std::uint64_t a_bytes, std::uint64_t b, std::uint64_t b_bytes) {
    return a < b + b_bytes && b < a + a_bytes;
}

bool overlap(std::span<const std::byte> a, std::span<const std::byte> b) {
    return a.data() < b.data() + b.size() && b.data() < a.data() + a.size();
}

bool at_page(const void *memory) {
    return reinterpret_cast<std::uintptr_t>(memory) % sim_page_bytes == 0;
}

std::vector<SimPageRef> copy_pages(std::span<const BlockDevice::Piece> pieces, std::uint64_t count) {
    const auto memory = std::make_shared_for_overwrite<SimPage[]>(count);
    std::vector<SimPageRef> pages;
    pages.reserve(count);
    for (const BlockDevice::Piece piece : pieces) {
        std::memcpy(memory[static_cast<std::ptrdiff_t>(pages.size())].data(), piece.data(), piece.size());
        for (std::size_t i = 0; i < piece.size() / sim_page_bytes; ++i) {
            pages.emplace_back(memory, &memory[static_cast<std::ptrdiff_t>(pages.size())]);
        }
    }
    return pages;
}

} // namespace

std::uint64_t SimCounts::submitted() const {
    return std::accumulate(calls.begin(), calls.end(), std::uint64_t{0});
}

SimDevice::SimDevice(SimClock &clock, std::uint64_t seed, const SimOptions &options, SimImage image)
    : clock_(clock), random_(seed), options_(options), damages_(std::move(image.damages)) {
    for (auto &[name, file] : image.files) {
        files_[name] = {file.bytes, true, file.pages, std::move(file.pages), {}};
    }
    bytes_peak_ = bytes();
}

Result<std::vector<BlockDevice::FileInfo>> SimDevice::list() {
    UAKV_ASSERT(operations_.empty());
    if (crashed()) {
        return errno_error(UAKV_ERR_IO, EIO, "the simulated machine is down");
    }
    std::vector<FileInfo> infos;
    for (const auto &[name, file] : files_) {
        infos.push_back({name, file.bytes});
    }
    return infos;
}

void SimDevice::register_memory(std::span<std::byte> memory) {
    UAKV_ASSERT(at_page(memory.data()) && memory.size() % sim_page_bytes == 0);
}

// ---- calls are begun --------------------------------------------------------------------------------------

void SimDevice::create(FileName name, std::uint64_t bytes, Ticket ticket) {
    UAKV_ASSERT(bytes > 0 && bytes % sim_page_bytes == 0);
    if (!crashed()) {
        UAKV_ASSERT(!files_.contains(name));
        files_[name] = {};
    }
    begin({.call = SimCall::create, .file = name, .ticket = ticket, .bytes = bytes});
}

void SimDevice::write(FileName name, std::uint64_t offset, std::span<const Piece> pieces, Ticket ticket) {
    UAKV_ASSERT(!pieces.empty() && pieces.size() <= pieces_max && offset % sim_page_bytes == 0);
    Operation operation{.call = SimCall::write, .file = name, .ticket = ticket, .offset = offset};
    for (const Piece piece : pieces) {
        UAKV_ASSERT(!piece.empty() && piece.size() % sim_page_bytes == 0 && at_page(piece.data()));
        operation.bytes += piece.size();
    }
    operation.pieces.assign(pieces.begin(), pieces.end());
    check_range(operation);
    operation.content = copy_pages(pieces, operation.bytes / sim_page_bytes);
    begin(std::move(operation));
}

void SimDevice::read(FileName name, std::uint64_t offset, std::span<std::byte> target, Ticket ticket) {
    UAKV_ASSERT(!target.empty() && target.size() % sim_page_bytes == 0 && at_page(target.data()));
    UAKV_ASSERT(offset % sim_page_bytes == 0);
    Operation operation{.call = SimCall::read,
                        .file = name,
                        .ticket = ticket,
                        .offset = offset,
                        .bytes = target.size(),
                        .target = target};
    check_range(operation);
    std::ranges::fill(target, unread);
    begin(std::move(operation));
}

void SimDevice::sync(FileName name, Ticket ticket) {
    UAKV_ASSERT(crashed() || (files_.contains(name) && files_[name].made));
    // What is done by now, although nobody may have polled it.
    begin({.call = SimCall::sync, .file = name, .ticket = ticket, .covers = done_number_});
}

void SimDevice::remove(FileName name, Ticket ticket) {
    UAKV_ASSERT(crashed() || (files_.contains(name) && files_[name].made));
    UAKV_ASSERT(std::ranges::none_of(operations_, [name](const Operation &other) { return other.file == name; }));
    begin({.call = SimCall::remove, .file = name, .ticket = ticket});
}

void SimDevice::begin(Operation operation) {
    UAKV_ASSERT(std::ranges::none_of(operations_, [&](const Operation &other) {
        return other.file == operation.file && other.call == SimCall::remove;
    }));
    operations_.push_back(std::move(operation));
}

// Of a read or write: the file is there, a write stays within it, and neither meets another in the file or in memory.
void SimDevice::check_range(const Operation &operation) const {
    const bool writes = operation.call == SimCall::write;
    const auto file = files_.find(operation.file);
    UAKV_ASSERT(crashed() || (file != files_.end() && file->second.made));
    UAKV_ASSERT(crashed() || !writes || operation.offset + operation.bytes <= file->second.bytes);
    for (const Operation &other : operations_) {
        if (other.file == operation.file && (writes || other.call == SimCall::write)) {
            UAKV_ASSERT(!overlap(operation.offset, operation.bytes, other.offset, other.bytes));
        }
        UAKV_ASSERT(!overlap(operation.target, other.target));
        for (const Piece piece : operation.pieces) {
            UAKV_ASSERT(!overlap(piece, other.target));
        }
        for (const Piece piece : other.pieces) {
            UAKV_ASSERT(!overlap(piece, operation.target));
        }
    }
}

void SimDevice::submit() {
    for (Operation &operation : operations_) {
        if (operation.submitted) {
            continue;
        }
        if (!crashed() && counts_.submitted() >= crash_at_) {
            crash();
        }
        operation.submitted = true;
        operation.error = drawn_error(operation.call);
        ++counts_.calls[index_of(operation.call)];
        if (operation.call == SimCall::create && operation.error == 0 && !crashed()) {
            if (operation.bytes > free_bytes()) {
                operation.error = ENOSPC;
                ++counts_.no_space;
            } else {
                files_[operation.file].bytes = operation.bytes;
                bytes_peak_ = std::max(bytes_peak_, bytes());
                counts_.free_bytes_low = std::min(counts_.free_bytes_low, free_bytes());
            }
        }
        std::uint64_t latency_ns = options_.latency_ns_min;
        if (options_.latency_ns_max > latency_ns) {
            latency_ns += random_.below(options_.latency_ns_max - latency_ns);
        }
        busy_until_ns_ = std::max(busy_until_ns_, clock_.now_ns);
        if (options_.bytes_per_second > 0 && operation.call != SimCall::create) {
            busy_until_ns_ += operation.bytes * ns_per_s / options_.bytes_per_second;
        }
        operation.due_ns = busy_until_ns_ + latency_ns;
    }
}

int SimDevice::drawn_error(SimCall call) {
    const std::size_t index = index_of(call);
    int error = drawn(options_.errors[index]) ? EIO : 0;
    for (const Armed &armed : armed_[index]) {
        error = armed.at == counts_.calls[index] ? armed.error : error;
    }
    counts_.errors[index] += error != 0 ? 1U : 0U;
    return error;
}

void SimDevice::fail(SimCall call, std::uint64_t n, int error) {
    armed_[index_of(call)].push_back({counts_.calls[index_of(call)] + n, error});
}

// ---- and done ---------------------------------------------------------------------------------------------

void SimDevice::poll(std::vector<Done> &done) {
    std::vector<std::size_t> due;
    for (std::size_t i = 0; i < operations_.size(); ++i) {
        if (operations_[i].submitted && (crashed() || operations_[i].due_ns <= clock_.now_ns)) {
            due.push_back(i);
        }
    }
    if (due.empty()) {
        return;
    }
    if (!options_.in_order && !crashed()) {
        for (std::size_t i = due.size(); i > 1; --i) {
            std::swap(due[i - 1], due[random_.below(i)]);
        }
        due.resize(1 + random_.below(due.size()));
    }
    for (const std::size_t i : due) {
        done.push_back(finish(operations_[i]));
    }
    std::ranges::sort(due);
    for (auto i = due.rbegin(); i != due.rend(); ++i) {
        operations_.erase(operations_.begin() + static_cast<std::ptrdiff_t>(*i));
    }
}

void SimDevice::wait() {
    submit();
    // With nothing under way as well: whoever waits in a circle waits for time.
    clock_.now_ns =
        operations_.empty() ? clock_.now_ns + ns_per_ms : std::max(clock_.now_ns, crashed() ? 0 : next_due());
}

std::uint64_t SimDevice::next_due() const {
    std::uint64_t next = UINT64_MAX;
    for (const Operation &operation : operations_) {
        next = std::min(next, operation.due_ns);
    }
    return next;
}

BlockDevice::Done SimDevice::finish(Operation &operation) {
    check_memory(operation);
    Done done{operation.ticket, operation.error, 0};
    if (crashed()) {
        done.error = EIO;
        return done;
    }
    File &file = files_[operation.file];
    switch (operation.call) {
    case SimCall::create:
        if (operation.error != 0) {
            files_.erase(operation.file);
            break;
        }
        file.made = true;
        file.current.resize(pages_of(operation.bytes));
        file.durable.resize(pages_of(operation.bytes));
        break;
    case SimCall::write:
        done = finish_write(operation, file);
        break;
    case SimCall::read:
        done = finish_read(operation, file);
        break;
    case SimCall::sync:
        finish_sync(operation, file);
        break;
    case SimCall::remove:
        if (operation.error == 0) {
            files_.erase(operation.file);
            std::erase_if(damages_, [&](const SimDamage &damage) { return damage.file == operation.file; });
        }
        break;
    }
    return done;
}

// The memory of a call belongs to the disk while it is under way.
void SimDevice::check_memory(const Operation &operation) const {
    std::size_t page = 0;
    for (const Piece piece : operation.pieces) {
        for (std::size_t at = 0; at < piece.size(); at += sim_page_bytes) {
            UAKV_ASSERT(std::memcmp(piece.data() + at, operation.content[page++]->data(), sim_page_bytes) == 0);
        }
    }
    UAKV_ASSERT(std::ranges::all_of(operation.target, [](std::byte byte) { return byte == unread; }));
}

BlockDevice::Done SimDevice::finish_write(Operation &operation, File &file) {
    const std::uint64_t sectors = operation.bytes / sim_sector_bytes;
    if (operation.error != 0) {
        store(operation.file, operation.offset, operation, random_.below(sectors + 1) * sim_sector_bytes);
        return {operation.ticket, operation.error, 0};
    }
    std::uint64_t bytes = operation.bytes;
    if (drawn(options_.short_writes)) {
        bytes = (1 + random_.below(sectors)) * sim_sector_bytes;
        counts_.short_writes += bytes < operation.bytes ? 1U : 0U;
    }
    counts_.bytes_written += bytes;
    const std::size_t written_before = file.unsynced.size();
    if (drawn(options_.lost_writes)) {
        ++counts_.lost;
        damages_.push_back({SimDamage::Kind::lost, operation.file, operation.offset, bytes});
    } else if (drawn(options_.misdirected_writes)) {
        misdirect(operation);
    } else {
        store(operation.file, operation.offset, operation, bytes);
        if (drawn(options_.rotten_writes)) {
            const std::uint64_t pages = file.unsynced.size() - written_before;
            rot(operation.file, operation.offset + random_.below(pages) * sim_page_bytes);
        }
    }
    return {operation.ticket, 0, bytes};
}

// Becomes what is read from now on, and waits for a sync.
void SimDevice::store(FileName name, std::uint64_t offset, const Operation &operation, std::uint64_t bytes) {
    File &file = files_[name];
    ++done_number_;
    for (std::size_t i = 0; i * sim_page_bytes < bytes; ++i) {
        const std::size_t page = offset / sim_page_bytes + i;
        const std::uint64_t sectors =
            std::min<std::uint64_t>(sim_page_bytes, bytes - i * sim_page_bytes) / sim_sector_bytes;
        file.current[page] = with_sectors(file.current[page], operation.content[i], (1U << sectors) - 1);
        file.unsynced.push_back({done_number_, page, file.current[page], false});
    }
}

// It lands in this file or another, where nothing is under way.
void SimDevice::misdirect(const Operation &operation) {
    std::vector<std::pair<FileName, std::uint64_t>> places;
    for (const auto &[name, file] : files_) {
        if (file.made && file.bytes >= operation.bytes) {
            const std::uint64_t page = random_.below((file.bytes - operation.bytes) / sim_page_bytes + 1);
            places.emplace_back(name, page * sim_page_bytes);
        }
    }
    const auto [name, offset] = places[random_.below(places.size())];
    for (const Operation &other : operations_) {
        if (other.file == name &&
            overlap(offset, operation.bytes, other.offset, std::max<std::uint64_t>(1, other.bytes))) {
            store(operation.file, operation.offset, operation, operation.bytes);
            return;
        }
    }
    ++counts_.misdirected;
    damages_.push_back({SimDamage::Kind::misdirected, operation.file, operation.offset, operation.bytes});
    damages_.push_back({SimDamage::Kind::overwritten, name, offset, operation.bytes});
    store(name, offset, operation, operation.bytes);
}

BlockDevice::Done SimDevice::finish_read(Operation &operation, File &file) {
    if (operation.error != 0) {
        return {operation.ticket, operation.error, 0};
    }
    std::uint64_t bytes = file.bytes > operation.offset ? std::min(operation.bytes, file.bytes - operation.offset) : 0;
    if (bytes > sim_sector_bytes && drawn(options_.short_reads)) {
        bytes = (1 + random_.below(bytes / sim_sector_bytes)) * sim_sector_bytes;
        counts_.short_reads += bytes < operation.bytes ? 1U : 0U;
    }
    counts_.bytes_read += bytes;
    for (std::uint64_t at = 0; at < bytes; at += sim_page_bytes) {
        const SimPageRef &page = file.current[(operation.offset + at) / sim_page_bytes];
        std::memcpy(operation.target.data() + at, bytes_of(page).data(), std::min(sim_page_bytes, bytes - at));
    }
    return {operation.ticket, 0, bytes};
}

void SimDevice::finish_sync(const Operation &operation, File &file) {
    std::vector<Unsynced> left;
    for (Unsynced &write : file.unsynced) {
        const bool covered = write.done_number <= operation.covers;
        if (covered && operation.error != 0) {
            // What the kernel does: it has told of the failure, and takes the rest for written.
            write.stuck = write.stuck || random_.below(2) == 0;
        }
        if (covered && operation.error == 0 && !write.stuck) {
            file.durable[write.page] = std::move(write.content);
        } else {
            left.push_back(std::move(write));
        }
    }
    file.unsynced = std::move(left);
}

std::uint64_t SimDevice::free_bytes() {
    const std::uint64_t used = bytes() + options_.foreign_bytes;
    return used < options_.size_bytes ? options_.size_bytes - used : 0;
}

std::uint64_t SimDevice::bytes() const {
    std::uint64_t sum = 0;
    for (const auto &[name, file] : files_) {
        sum += file.bytes;
    }
    return sum;
}

} // namespace uakv::test
