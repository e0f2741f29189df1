#include "daemon/tiers/disk/io_queue.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace uakv::disk {
namespace {

// Of an average, the part that the newest value makes up.
constexpr std::uint64_t newest_one_in = 8;
constexpr double newest_share = 1.0 / newest_one_in;

} // namespace

std::uint64_t IoQueue::add(Kind kind, FileName name, std::uint64_t bytes, Then then) {
    const std::uint64_t ticket = next_ticket_++;
    requests_.emplace(ticket, Request{kind, name, bytes, now_ns_, std::move(then)});
    ++of_file_[name];
    if (kind == Kind::read) {
        if (read_bytes_under_way_ == 0) {
            read_busy_since_ns_ = now_ns_;
        }
        read_bytes_under_way_ += bytes;
    }
    return ticket;
}

void IoQueue::create(FileName name, std::uint64_t bytes, Then then) {
    device_.create(name, bytes, add(Kind::create, name, bytes, std::move(then)));
}

void IoQueue::write(FileName name, std::uint64_t offset, std::span<const BlockDevice::Piece> pieces, Then then) {
    std::uint64_t bytes = 0;
    for (const BlockDevice::Piece piece : pieces) {
        bytes += piece.size();
    }
    device_.write(name, offset, pieces, add(Kind::write, name, bytes, std::move(then)));
}

void IoQueue::read(FileName name, std::uint64_t offset, std::span<std::byte> target, Then then) {
    device_.read(name, offset, target, add(Kind::read, name, target.size(), std::move(then)));
}

void IoQueue::sync(FileName name, Then then) {
    device_.sync(name, add(Kind::sync, name, 0, std::move(then)));
}

void IoQueue::remove(FileName name, Then then) {
    UAKV_ASSERT(under_way_of(name) == 0);
    device_.remove(name, add(Kind::remove, name, 0, std::move(then)));
}

bool IoQueue::run(Moment now) {
    now_ns_ = now.now_ns;
    device_.submit();
    done_.clear();
    device_.poll(done_);
    // A continuation may begin requests, and may not run this again.
    const std::vector<Done> done = std::exchange(done_, {});
    for (const Done &one : done) {
        const auto found = requests_.find(one.ticket);
        UAKV_ASSERT(found != requests_.end()); // exactly one Done for each
        const Request request = std::move(found->second);
        requests_.erase(found);
        if (--of_file_[request.name] == 0) {
            of_file_.erase(request.name);
        }
        measure(request, one, now);
        request.then(one);
    }
    if (!done.empty()) {
        device_.submit();
    }
    return !done.empty();
}

void IoQueue::drain(std::function<Moment()> clock) {
    run(clock());
    while (!requests_.empty()) {
        device_.wait();
        run(clock());
    }
}

std::uint64_t IoQueue::under_way_of(FileName name) const {
    const auto found = of_file_.find(name);
    return found == of_file_.end() ? 0 : found->second;
}

std::uint64_t IoQueue::oldest_read_ns() const {
    const auto oldest = std::ranges::find_if(requests_, [](const auto &one) { return one.second.kind == Kind::read; });
    return oldest == requests_.end() ? UINT64_MAX : oldest->second.begun_ns;
}

std::uint64_t IoQueue::oldest_ns() const {
    const auto oldest = std::ranges::find_if(requests_, [](const auto &request) {
        return request.second.kind != Kind::create && request.second.kind != Kind::remove;
    });
    return oldest == requests_.end() ? UINT64_MAX : oldest->second.begun_ns;
}

void IoQueue::measure(const Request &request, const Done &done, Moment now) {
    const bool upkeep = request.kind == Kind::create || request.kind == Kind::remove;
    if (!upkeep && done.error != ENOSPC && done.error != EDQUOT) {
        errors_in_a_row_ = done.error != 0 ? errors_in_a_row_ + 1 : 0;
    }
    if (request.kind != Kind::read) {
        return;
    }
    const std::uint64_t took_ns = std::max<std::uint64_t>(now.now_ns - request.begun_ns, 1);
    read_bytes_under_way_ -= request.bytes;
    if (done.error != 0) {
        return;
    }
    // The time of a read counts for the rate only from when the one before it was through: many are under way at once.
    const std::uint64_t busy_ns = std::max<std::uint64_t>(now.now_ns - read_busy_since_ns_, 1);
    read_busy_since_ns_ = last_read_ns_ = now.now_ns;
    const double rate = static_cast<double>(done.bytes) / static_cast<double>(busy_ns);
    read_bytes_per_ns_ =
        read_bytes_per_ns_ == 0 ? rate : read_bytes_per_ns_ + (rate - read_bytes_per_ns_) * newest_share;
    read_latency_ns_ =
        read_latency_ns_ == 0 ? took_ns : read_latency_ns_ - read_latency_ns_ / newest_one_in + took_ns / newest_one_in;
}

} // namespace uakv::disk
