#include "daemon/tiers/disk/scrub.h"

#include <memory>
#include <utility>

namespace uakv::disk {
namespace {

constexpr std::uint64_t reads_max = 8; // at once: others want to read, too
constexpr std::uint64_t bytes_max = 16ULL << 20;
constexpr BlockNumber numbers_of_turn = 256;

} // namespace

bool Scrub::begin(DiskTier::Tag tag) {
    if (progress_.running) {
        return false;
    }
    progress_ = {};
    progress_.running = true;
    progress_.of = blocks_.catalog().count();
    tag_ = tag;
    next_ = 0;
    return true;
}

void Scrub::turn() {
    if (!progress_.running || engine_.broken || engine_.stopping) {
        return;
    }
    const BlockNumber numbers = blocks_.catalog().numbers();
    for (BlockNumber looked = 0; next_ < numbers && looked < numbers_of_turn; ++looked, ++next_) {
        if (under_way_ >= reads_max || (under_way_ > 0 && bytes_under_way_ >= bytes_max)) {
            return;
        }
        if (blocks_.counts(blocks_.catalog().block(next_))) {
            check(next_);
        }
    }
    if (next_ >= numbers && under_way_ == 0) {
        progress_.running = false;
        engine_.tell(Event::Kind::verified, UAKV_OK, tag_);
    }
}

void Scrub::check(BlockNumber number) {
    const CatalogBlock &block = blocks_.catalog().block(number);
    const auto memory = std::make_shared<PageBuffer>(block.stored_bytes);
    const std::uint64_t bytes = memory->bytes().size();
    if (memory->empty()) {
        return; // no memory now
    }
    ++under_way_;
    bytes_under_way_ += bytes;
    reader_.add(block, memory->bytes(), [this, memory, bytes](uakv_status status) {
        --under_way_;
        bytes_under_way_ -= bytes;
        ++progress_.checked;
        progress_.bytes += bytes;
        progress_.dropped += status == UAKV_ERR_CORRUPT ? 1U : 0U;
    });
}

} // namespace uakv::disk
