#include "daemon/tiers/disk/payload_check.h"

#include "daemon/tiers/disk/format.h"
#include "daemon/tiers/disk/whole_io.h"
#include "ipc/hashing.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace uakv::disk {
namespace {

constexpr std::uint64_t bytes_under_way_max = 64ULL << 20; // but for one that is larger
constexpr std::size_t under_way_max = 64;

} // namespace

PayloadCheck::PayloadCheck(IoQueue &io, Workers &workers, std::vector<Payload> payloads, Told told)
    : io_(io), workers_(workers), payloads_(std::move(payloads)), told_(std::move(told)), order_(payloads_.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(), [this](std::size_t a, std::size_t b) {
        return std::tie(payloads_[a].file, payloads_[a].page, a) < std::tie(payloads_[b].file, payloads_[b].page, b);
    });
}

void PayloadCheck::go_on() {
    while (next_ < order_.size() && under_way_.size() < under_way_max &&
           (under_way_.empty() || bytes_under_way_ + payloads_[order_[next_]].stored_bytes <= bytes_under_way_max)) {
        const std::size_t place = order_[next_++];
        PageBuffer buffer(payloads_[place].stored_bytes);
        if (buffer.empty()) {
            told_(place, Verdict::unreadable, {});
            continue;
        }
        bytes_under_way_ += payloads_[place].stored_bytes;
        under_way_[place].buffer = std::move(buffer);
        read(place);
    }
}

void PayloadCheck::read(std::size_t place) {
    const Payload &payload = payloads_[place];
    read_whole(io_, {BlockDevice::FileKind::log, payload.file}, payload.page * page_bytes,
               under_way_[place].buffer.bytes(),
               [this, place](int error, std::uint64_t bytes) { arrived(place, error, bytes); });
}

void PayloadCheck::arrived(std::size_t place, int error, std::uint64_t bytes) {
    Reading &reading = under_way_[place];
    const Payload &payload = payloads_[place];
    if (error != 0) {
        if (std::exchange(reading.again, true)) {
            end(place, Verdict::unreadable);
        } else {
            read(place);
        }
        return;
    }
    if (bytes < payload.stored_bytes) {
        end(place, Verdict::different);
        return;
    }
    const auto stored = reading.buffer.first(payload.stored_bytes);
    workers_.run({[&reading, stored, expected = payload.checksum] {
                      reading.matches = checksum_of(stored.data(), stored.size()) == expected;
                  },
                  [this, place, &reading] {
                      if (reading.matches) {
                          end(place, Verdict::intact);
                      } else if (std::exchange(reading.again, true)) {
                          end(place, Verdict::different);
                      } else {
                          read(place);
                      }
                  }});
}

void PayloadCheck::end(std::size_t place, Verdict verdict) {
    const auto found = under_way_.find(place);
    const PageBuffer buffer = std::move(found->second.buffer);
    under_way_.erase(found);
    bytes_under_way_ -= payloads_[place].stored_bytes;
    told_(place, verdict,
          verdict == Verdict::intact ? buffer.first(payloads_[place].stored_bytes) : std::span<const std::byte>());
    go_on();
}

} // namespace uakv::disk
