#include "daemon/store/soundness.h"

#include "daemon/base/log.h"
#include "daemon/base/units.h"
#include "ipc/clock.h"
#include "ipc/codec/codec.h"
#include "ipc/hashing.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

namespace uakv {
namespace {

// In one turn: a fraction of a millisecond, unless one block alone is more.
constexpr std::uint64_t bytes_per_look = 1ULL << 20;
constexpr std::uint32_t entries_per_look = 16384;

} // namespace

bool is_sound(std::span<const std::byte> stored, const BlockDescription &block) {
    if (block.stored_bytes == 0) {
        return checksum_of(stored.data(), stored.size()) == block.checksum;
    }
    const auto info = read_frame_info(stored);
    if (!info || info->block_bytes != block.length) {
        return false;
    }
    const std::unique_ptr<std::byte[]> bytes(new (std::nothrow) std::byte[block.length]);
    return !bytes || (decode_frame(stored, {bytes.get(), block.length}) &&
                      checksum_of(bytes.get(), block.length) == block.checksum);
}

Suspects::Suspects(std::string tenant, EntryId end) : tenant_(std::move(tenant)), end_(end), began_ns_(now_ns()) {}

std::vector<EntryId> Suspects::look(const IndexWriter &index, std::span<const MadeSegment> segments) {
    std::vector<EntryId> unsound;
    const EntryId last = std::min(end_, next_ + entries_per_look);
    std::uint64_t bytes = 0;
    for (; next_ < last && bytes < bytes_per_look; ++next_) {
        if (!is_live(index.entry(next_).generation)) {
            continue;
        }
        const BlockDescription block = index.describe(next_);
        const std::uint64_t stored = block.stored_bytes != 0 ? block.stored_bytes : block.length;
        bytes += stored;
        ++blocks_;
        if (!is_sound({segments[block.segment].mapping.data() + block.offset, stored}, block)) {
            unsound.push_back(next_);
        }
    }
    bytes_ += bytes;
    unsound_ += unsound.size();
    if (!any()) {
        report();
    }
    return unsound;
}

void Suspects::report() const {
    const std::uint64_t took_ms = (now_ns() - began_ns_) / ns_per_ms;
    if (unsound_ == 0) {
        log_info("tenant {}: all {} blocks ({}) of the daemon before are as they were stored, seen in {} ms", tenant_,
                 blocks_, format_size(bytes_), took_ms);
    } else {
        log_warn("tenant {}: {} of the {} blocks ({}) of the daemon before were not as they were stored, and are "
                 "dropped",
                 tenant_, unsound_, blocks_, format_size(bytes_));
    }
}

} // namespace uakv
