// A codec is kept where it saves a tenth, dropped where it does not, and tried again when contents change.
#include "abi/uakv.h"
#include "daemon/codec/chooser.h"
#include "support/check.h"

#include <cmath>

namespace uakv::test {
namespace {

constexpr std::uint64_t block_bytes = 100'000;
constexpr std::uint64_t good = 70'000, barely = 90'000, bad = 92'000, unfit = 0;

// Offers `blocks` of them; returns how many were to be encoded.
unsigned offer(CodecChooser &chooser, std::uint32_t space, unsigned blocks, std::uint64_t frame_bytes,
               std::uint32_t dtype = UAKV_DTYPE_BF16) {
    unsigned tried = 0;
    for (unsigned i = 0; i < blocks; ++i) {
        const Codec codec = chooser.choose(space, dtype);
        if (codec != Codec::none) {
            chooser.note(space, codec, block_bytes, frame_bytes);
            ++tried;
        }
    }
    return tried;
}

void candidates_follow_the_type() {
    CodecChooser chooser;
    const std::pair<std::uint32_t, Codec> expected[] = {
        {UAKV_DTYPE_BF16, Codec::planes_lz4}, {UAKV_DTYPE_F16, Codec::planes_lz4}, {UAKV_DTYPE_F32, Codec::lz4},
        {UAKV_DTYPE_OPAQUE, Codec::lz4},      {UAKV_DTYPE_U8, Codec::lz4},         {UAKV_DTYPE_F8_E4M3, Codec::lz4}};
    for (const auto &[dtype, codec] : expected) {
        CHECK(chooser.choose(dtype, dtype) == codec);
    }
}

void stays_on_where_it_saves() {
    CodecChooser chooser;
    CHECK_EQ(offer(chooser, 1, 500, good), 500);
    CHECK(chooser.view(1).codec == Codec::planes_lz4);
    CHECK(std::abs(chooser.view(1).ratio - 0.7) < 1e-9);
    CHECK_EQ(offer(chooser, 2, 500, barely), 500);
    CHECK_EQ(CodecChooser::frame_bytes_kept_max(block_bytes), barely);
}

void goes_off_where_it_does_not() {
    for (const std::uint64_t frame_bytes : {bad, unfit, 2 * block_bytes}) {
        CodecChooser chooser;
        CHECK_EQ(offer(chooser, 1, CodecChooser::tries_first, frame_bytes), CodecChooser::tries_first);
        CHECK(chooser.view(1).codec == Codec::none);
        CHECK_EQ(offer(chooser, 1, CodecChooser::try_every - 1, frame_bytes), 0);
        CHECK_EQ(offer(chooser, 1, 1, frame_bytes), 1);
        CHECK_EQ(offer(chooser, 1, 10 * CodecChooser::try_every, frame_bytes), 10);
    }
}

void contents_that_change() {
    CodecChooser chooser;
    offer(chooser, 1, 1000, good);
    const unsigned until_off = offer(chooser, 1, 1000, bad);
    CHECK(until_off > 10 && until_off < 200);
    CHECK(chooser.view(1).codec == Codec::none);
    offer(chooser, 1, 5 * CodecChooser::try_every, good);
    CHECK(chooser.view(1).codec == Codec::planes_lz4);
    CHECK_EQ(offer(chooser, 1, 100, good), 100);
}

void a_few_odd_blocks_change_nothing() {
    CodecChooser chooser;
    offer(chooser, 1, 100, good);
    CHECK_EQ(offer(chooser, 1, 10, unfit), 10);
    CHECK_EQ(offer(chooser, 1, 100, good), 100);
    CodecChooser off;
    offer(off, 1, 100, unfit);
    offer(off, 1, CodecChooser::try_every, bad);
    CHECK(off.view(1).codec == Codec::none);
}

// Blocks of a space are encoded by several threads, so choices run ahead of what is known.
void notes_may_come_late() {
    CodecChooser chooser;
    for (int i = 0; i < 100; ++i) {
        CHECK(chooser.choose(1, UAKV_DTYPE_F16) == Codec::planes_lz4);
    }
    for (int i = 0; i < 100; ++i) {
        chooser.note(1, Codec::planes_lz4, block_bytes, unfit);
    }
    CHECK(chooser.choose(1, UAKV_DTYPE_F16) == Codec::none);
}

// A try for which there is no room just now is not lost.
void taken_back() {
    CodecChooser chooser;
    offer(chooser, 1, 100, unfit);
    while (chooser.choose(1, UAKV_DTYPE_BF16) == Codec::none) {
    }
    chooser.take_back(1);
    CHECK_EQ(offer(chooser, 1, 1, unfit), 1);
    CHECK_EQ(offer(chooser, 1, CodecChooser::try_every - 1, unfit), 0);
    chooser.take_back(2); // never heard of
    CHECK_EQ(offer(chooser, 2, 100, good), 100);
}

void spaces_are_apart() {
    CodecChooser chooser;
    offer(chooser, 1, 100, unfit);
    CHECK_EQ(offer(chooser, 2, 100, good), 100);
    CHECK(chooser.view(1).codec == Codec::none);
    chooser.forget(1);
    chooser.note(1, Codec::planes_lz4, block_bytes, unfit); // of the one that is gone
    CHECK_EQ(chooser.view(1).ratio, 1.0);
    CHECK_EQ(offer(chooser, 1, 100, good, UAKV_DTYPE_U8), 100);
    chooser.note(1, Codec::planes_lz4, block_bytes, unfit); // likewise
    CHECK(std::abs(chooser.view(1).ratio - 0.7) < 1e-9);
}

constexpr Case cases[] = {
    {"candidates_follow_the_type", candidates_follow_the_type},
    {"stays_on_where_it_saves", stays_on_where_it_saves},
    {"goes_off_where_it_does_not", goes_off_where_it_does_not},
    {"contents_that_change", contents_that_change},
    {"a_few_odd_blocks_change_nothing", a_few_odd_blocks_change_nothing},
    {"notes_may_come_late", notes_may_come_late},
    {"taken_back", taken_back},
    {"spaces_are_apart", spaces_are_apart},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("codec_chooser", uakv::test::cases);
}
