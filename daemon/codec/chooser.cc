#include "daemon/codec/chooser.h"

#include "abi/uakv.h"

#include <algorithm>

namespace uakv {
namespace {

constexpr double worthwhile = 0.9 + 1e-9;  // stored bytes for each byte of a block; the sums are rounded
constexpr double kept_while_on = 31. / 32; // of the sums, from one try to the next
constexpr double kept_while_off = 3. / 4;  // tries are few: two good ones are enough

Codec candidate_for(std::uint32_t dtype) {
    return dtype == UAKV_DTYPE_BF16 || dtype == UAKV_DTYPE_F16 ? Codec::planes_lz4 : Codec::lz4;
}

} // namespace

Codec CodecChooser::choose(std::uint32_t number, std::uint32_t dtype) {
    Space &space = spaces_[number];
    space.candidate = candidate_for(dtype);
    if (!space.on && ++space.skipped < try_every) {
        return Codec::none;
    }
    space.skipped = 0;
    return space.candidate;
}

// While it is on there is nothing to take back.
void CodecChooser::take_back(std::uint32_t number) {
    if (const auto found = spaces_.find(number); found != spaces_.end() && !found->second.on) {
        found->second.skipped = try_every - 1;
    }
}

void CodecChooser::note(std::uint32_t number, Codec codec, std::uint64_t block_bytes, std::uint64_t frame_bytes) {
    const auto found = spaces_.find(number);
    if (found == spaces_.end() || codec == Codec::none || codec != found->second.candidate) {
        return; // of a space that was forgotten meanwhile
    }
    Space &space = found->second;
    const double kept = space.tries < tries_first ? 1 : space.on ? kept_while_on : kept_while_off;
    const std::uint64_t stored_bytes = frame_bytes == 0 ? block_bytes : std::min(frame_bytes, block_bytes);
    space.block_bytes = space.block_bytes * kept + static_cast<double>(block_bytes);
    space.stored_bytes = space.stored_bytes * kept + static_cast<double>(stored_bytes);
    space.tries += space.tries < tries_first ? 1U : 0U;
    space.on = space.tries < tries_first || space.stored_bytes <= worthwhile * space.block_bytes;
}

CodecChooser::View CodecChooser::view(std::uint32_t number) const {
    const auto found = spaces_.find(number);
    if (found == spaces_.end() || found->second.block_bytes == 0) {
        return {};
    }
    const Space &space = found->second;
    return {space.on ? space.candidate : Codec::none,
            static_cast<double>(space.stored_bytes) / static_cast<double>(space.block_bytes)};
}

} // namespace uakv
