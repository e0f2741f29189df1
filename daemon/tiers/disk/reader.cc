#include "daemon/tiers/disk/reader.h"

#include "ipc/hashing.h"

#include <cerrno>
#include <cstring>

namespace uakv::disk {
namespace {

constexpr std::uint32_t fruitless_max = 16;  // reads in a row that gave nothing
constexpr std::uint32_t errors_in_a_row = 3; // of one block: then it is dropped
constexpr std::uint32_t mismatches_max = 2;  // it is read once more
constexpr std::size_t errors_known_max = 1024;
constexpr std::uint64_t job_bytes = 1 << 20; // handed to a worker at once, for a hand-over has its price

} // namespace

void Reader::add(const CatalogBlock &block, std::span<std::byte> target, Then then) {
    UAKV_ASSERT(target.size() >= pages_of(block.stored_bytes) * page_bytes);
    auto request = std::make_shared<Request>();
    request->name = {block.space, block.key};
    request->payload_checksum = block.payload_checksum;
    request->stored_bytes = block.stored_bytes;
    request->target = target.first(pages_of(block.stored_bytes) * page_bytes);
    request->then = std::move(then);
    enqueue(std::move(request), block);
}

void Reader::enqueue(RequestRef request, const CatalogBlock &block) {
    waiting_bytes_ += request->target.size();
    queue_.emplace(Place{block.file, block.page}, std::move(request));
}

void Reader::turn() {
    for (const RequestRef &request : std::exchange(inbox_->verified, {})) {
        --verifying_;
        verified(request);
    }
    if (engine_.broken) {
        miss_all();
    }
    while (!queue_.empty() && under_way_ < engine_.options.reads_in_flight_max) {
        auto next = queue_.lower_bound(last_);
        next = next == queue_.end() ? queue_.begin() : next;
        last_ = next->first;
        RequestRef request = std::move(next->second);
        queue_.erase(next);
        waiting_bytes_ -= request->target.size();
        begin(std::move(request));
    }
    verify();
}

void Reader::miss_all() {
    waiting_bytes_ = 0;
    for (const auto &[place, request] : std::exchange(queue_, {})) {
        request->then(UAKV_MISS);
    }
}

void Reader::begin(RequestRef request) {
    const auto number = blocks_.find(request->name.space, request->name.key);
    if (!number) {
        request->then(UAKV_MISS);
        return;
    }
    const CatalogBlock &block = blocks_.catalog().block(*number);
    if (block.payload_checksum != request->payload_checksum || block.stored_bytes != request->stored_bytes) {
        request->then(UAKV_MISS);
        return;
    }
    request->sequence = block.sequence;
    request->bytes_done = 0;
    request->fruitless = 0;
    ++under_way_;
    read(std::move(request), block.file, block.page);
}

void Reader::read(RequestRef request, FileNumber file, std::uint32_t page) {
    const std::uint64_t offset = std::uint64_t{page} * page_bytes + request->bytes_done;
    const auto target = request->target.subspan(request->bytes_done);
    engine_.io.read(log_file(file), offset, target,
                    [this, request, file, page](const IoQueue::Done &done) { took(request, file, page, done); });
}

void Reader::took(const RequestRef &request, FileNumber file, std::uint32_t page, const IoQueue::Done &done) {
    const std::uint64_t whole = done.bytes / page_bytes * page_bytes;
    request->bytes_done += whole;
    request->fruitless = whole > 0 ? 0 : request->fruitless + 1;
    const int error = done.error != 0 ? done.error : request->fruitless >= fruitless_max ? EIO : 0;
    if (error == 0 && request->bytes_done < request->target.size()) {
        read(request, file, page);
        return;
    }
    --under_way_;
    if (error != 0) {
        failed(request, error);
        return;
    }
    errors_.erase(request->sequence);
    engine_.counts.bytes_read += request->target.size();
    to_verify_.push_back(request);
}

void Reader::failed(const RequestRef &request, int error) {
    ++engine_.counts.errors_read;
    if (engine_.read_trouble.due(engine_.now.now_ns)) {
        log_warn("disk tier: reading {} bytes failed: {}; the block is a miss", request->stored_bytes,
                 std::strerror(error));
    }
    if (errors_.size() >= errors_known_max) {
        errors_.clear(); // a disk that fails everywhere: no single block is to blame
    }
    const auto number = blocks_.find(request->name.space, request->name.key);
    if (number && blocks_.catalog().block(*number).sequence == request->sequence &&
        ++errors_[request->sequence] >= errors_in_a_row) {
        errors_.erase(request->sequence);
        on_damage(*number);
    }
    request->then(UAKV_ERR_IO);
}

void Reader::verify() {
    for (std::size_t first = 0; first < to_verify_.size();) {
        std::vector<RequestRef> job;
        for (std::uint64_t bytes = 0; first < to_verify_.size() && bytes < job_bytes; ++first) {
            bytes += to_verify_[first]->stored_bytes;
            job.push_back(std::move(to_verify_[first]));
        }
        verifying_ += job.size();
        const auto shared = std::make_shared<std::vector<RequestRef>>(std::move(job));
        engine_.workers.run({.work =
                                 [shared] {
                                     for (const RequestRef &request : *shared) {
                                         request->matches =
                                             checksum_of(request->target.data(), request->stored_bytes) ==
                                             request->payload_checksum;
                                     }
                                 },
                             .done =
                                 [shared, inbox = inbox_] {
                                     inbox->verified.insert(inbox->verified.end(), shared->begin(), shared->end());
                                 }});
    }
    to_verify_.clear();
}

void Reader::verified(const RequestRef &request) {
    if (request->matches) {
        ++engine_.counts.reads;
        request->then(UAKV_OK);
        return;
    }
    const auto number = blocks_.find(request->name.space, request->name.key);
    const CatalogBlock *block = number ? &blocks_.catalog().block(*number) : nullptr;
    if (block == nullptr || block->payload_checksum != request->payload_checksum ||
        block->stored_bytes != request->stored_bytes) {
        request->then(UAKV_MISS);
        return;
    }
    // Only what was read counts against it: it may have been moved meanwhile.
    request->mismatches += block->sequence == request->sequence ? 1U : 0U;
    if (request->mismatches < mismatches_max) {
        enqueue(request, *block);
        return;
    }
    ++engine_.counts.corruptions;
    if (engine_.read_trouble.due(engine_.now.now_ns)) {
        log_warn("disk tier: a block of {} bytes in log file {}, page {}, is damaged: its checksum does not match; "
                 "it is dropped",
                 block->stored_bytes, block->file, block->page);
    }
    on_damage(*number);
    request->then(UAKV_ERR_CORRUPT);
}

void Reader::wait_for_workers() {
    while (verifying_ > inbox_->verified.size()) {
        engine_.workers.wait();
        engine_.workers.take_done();
    }
}

} // namespace uakv::disk
