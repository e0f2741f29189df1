// Frames that are not what they were: cut, flipped, made up, or changing while they are read. None may lead a read or a
// write astray; buffers are exactly as long as said, so that the address sanitizer sees it.
#include "codec_blocks.h"
#include "ipc/codec/frame.h"
#include "ipc/hashing.h"
#include "support/check.h"
#include "support/effort.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>

namespace uakv::test {
namespace {

using codec::FrameHeader;

struct Sample {
    NamedBlock block;
    Codec codec;
};

std::vector<Sample> samples() {
    std::vector<Sample> all;
    for (const std::uint32_t dtype : {UAKV_DTYPE_BF16, UAKV_DTYPE_F16}) {
        for (const std::size_t bytes : {2UL, 1000UL, 2049UL, 70'001UL}) {
            all.push_back({{"floats", dtype, float_block(dtype, bytes, bytes)}, Codec::planes_lz4});
        }
        for (NamedBlock &block : special_blocks(dtype)) {
            block.bytes.resize(3000);
            all.push_back({std::move(block), Codec::planes_lz4});
        }
    }
    Bytes text(5000);
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<std::byte>("some text, again and again"[i % 26]);
    }
    all.push_back({{"text", UAKV_DTYPE_U8, text}, Codec::lz4});
    all.push_back({{"random", UAKV_DTYPE_U8, random_block(500, 1)}, Codec::lz4});
    return all;
}

// Of exactly this length, on the heap.
std::unique_ptr<std::byte[]> exactly(std::span<const std::byte> bytes) {
    auto copy = std::make_unique<std::byte[]>(bytes.size());
    if (!bytes.empty()) {
        std::memcpy(copy.get(), bytes.data(), bytes.size());
    }
    return copy;
}

// Block by block of a chunk each; what it says of the whole must be what decode_frame() says.
bool decodes_in_pieces(std::span<const std::byte> frame, std::size_t block_bytes) {
    FramePosition position;
    do {
        const std::size_t bytes = std::min<std::size_t>(frame_piece_bytes, block_bytes - position.in_block);
        const auto to = std::make_unique<std::byte[]>(bytes);
        if (!decode_frame_piece(frame, position, {to.get(), bytes})) {
            return false;
        }
    } while (position.in_block < block_bytes);
    return true;
}

bool decodes(std::span<const std::byte> frame, std::size_t block_bytes) {
    const auto from = exactly(frame);
    const auto to = std::make_unique<std::byte[]>(block_bytes);
    const std::span<const std::byte> exact{from.get(), frame.size()};
    const auto info = read_frame_info(exact);
    const bool done = decode_frame(exact, {to.get(), block_bytes});
    CHECK(info.has_value() || !done);
    if (info.has_value() && info->block_bytes == block_bytes) {
        CHECK_EQ(decodes_in_pieces(exact, block_bytes), done);
    }
    return done;
}

// So that what lies behind the header is looked at.
void sign_header(Bytes &frame) {
    FrameHeader header;
    std::memcpy(&header, frame.data(), sizeof header);
    header.header_checksum = checksum_of(&header, offsetof(FrameHeader, header_checksum));
    std::memcpy(frame.data(), &header, sizeof header);
}

void cut_frames() {
    for (const Sample &sample : samples()) {
        const Bytes frame = frame_of(sample.codec, sample.block.dtype, sample.block.bytes);
        for (std::size_t bytes = 0; bytes < frame.size(); bytes += 1 + bytes / 400) {
            CHECK(!decodes({frame.data(), bytes}, sample.block.bytes.size()));
            if (bytes >= sizeof(FrameHeader)) {
                Bytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(bytes));
                const std::uint64_t length = bytes;
                std::memcpy(cut.data() + offsetof(FrameHeader, frame_bytes), &length, sizeof length);
                sign_header(cut);
                CHECK(!decodes(cut, sample.block.bytes.size()));
            }
        }
        Bytes longer = frame;
        longer.push_back(std::byte{0});
        CHECK(decodes(longer, sample.block.bytes.size())); // a slot is longer than its frame
        CHECK(!decodes(frame, sample.block.bytes.size() + 1));
        CHECK(!decodes(frame, sample.block.bytes.size() - 1));
    }
}

void flipped_header_bits() {
    for (const Sample &sample : samples()) {
        const Bytes frame = frame_of(sample.codec, sample.block.dtype, sample.block.bytes);
        for (std::size_t bit = 0; bit < 8 * sizeof(FrameHeader); ++bit) {
            Bytes flipped = frame;
            flipped[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
            CHECK(!read_frame_info(flipped).has_value());
            CHECK(!decodes(flipped, sample.block.bytes.size()));
            sign_header(flipped); // whatever comes of it, nothing is overrun
            if (const auto info = read_frame_info(flipped); info && info->block_bytes < (1U << 20)) {
                decodes(flipped, info->block_bytes);
            }
        }
    }
}

// Bits of what follows the header: a wrong length or number is refused or gives other bytes, and nothing worse.
void flipped_bits() {
    Random random(seed());
    for (const Sample &sample : samples()) {
        const Bytes frame = frame_of(sample.codec, sample.block.dtype, sample.block.bytes);
        const std::size_t begin = 8 * sizeof(FrameHeader), bits = 8 * frame.size() - begin;
        const std::size_t first = std::min<std::size_t>(bits, 8UL * 60);
        for (std::size_t i = 0; i < first + 300; ++i) {
            const std::size_t bit = begin + (i < first ? i : random.next() % bits);
            Bytes flipped = frame;
            flipped[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
            decodes(flipped, sample.block.bytes.size());
        }
    }
}

void frames_of_noise() {
    Random random(seed());
    for (const Sample &sample : samples()) {
        Bytes frame = frame_of(sample.codec, sample.block.dtype, sample.block.bytes);
        for (int i = 0; i < 200; ++i) {
            const std::size_t from = sizeof(FrameHeader) + random.next() % (frame.size() - sizeof(FrameHeader));
            const std::size_t bytes = std::min<std::size_t>(1 + random.next() % 40, frame.size() - from);
            for (std::size_t at = from; at < from + bytes; ++at) {
                frame[at] = static_cast<std::byte>(random.next() % 3 == 0 ? 0xFF : random.next());
            }
            decodes(frame, sample.block.bytes.size());
        }
    }
}

// One tile of zeros whose header claims what is not so, with all the bytes that would belong to it.
void false_claims() {
    struct Claim {
        unsigned planes, escapes, far_escapes;
        bool true_one = false;
    };
    constexpr std::size_t block_bytes = codec::tile_bytes;
    constexpr Claim claims[] = {{3, 0, 0, true}, {4, 0, 0, true}, {0, 0, 0},     {2, 0, 0},          {5, 0, 0},
                                {255, 0, 0},     {3, 1, 0},       {3, 512, 0},   {3, 513, 0},        {3, 32'768, 0},
                                {4, 65'535, 0},  {3, 0, 1},       {3, 512, 513}, {4, 65'535, 65'535}};
    for (const auto &[planes, escapes, far_escapes, true_one] : claims) {
        codec::ChunkHeader chunk{};
        const std::size_t bytes = sizeof chunk + 1 + planes * codec::tile_plane_bytes + codec::tile_elements +
                                  (escapes + 1) / 2 + far_escapes;
        chunk.bytes = static_cast<std::uint32_t>(bytes);
        chunk.coding = static_cast<std::uint8_t>(codec::Coding::planes);
        chunk.planes = static_cast<std::uint8_t>(planes);
        chunk.escapes = static_cast<std::uint16_t>(escapes);
        chunk.far_escapes = static_cast<std::uint16_t>(far_escapes);
        FrameHeader header{codec::frame_magic, codec::frame_version, 2, 1, 0, block_bytes, sizeof header + bytes, 0, 0};
        Bytes frame(sizeof header + bytes);
        std::memcpy(frame.data(), &header, sizeof header);
        std::memcpy(frame.data() + sizeof header, &chunk, sizeof chunk);
        sign_header(frame);
        CHECK(read_frame_info(frame).has_value());
        CHECK_EQ(decodes(frame, block_bytes), true_one);
    }
}

void too_little_room() {
    for (const Sample &sample : samples()) {
        const Bytes &block = sample.block.bytes;
        const Bytes frame = frame_of(sample.codec, sample.block.dtype, block);
        for (std::size_t room = 0; room < frame.size(); room += 1 + room / 100) {
            const auto exact = std::make_unique<std::byte[]>(room);
            const std::size_t bytes = encode_frame(sample.codec, sample.block.dtype, block, 1, {exact.get(), room});
            CHECK(bytes <= room); // with less room it may find another way, but says so
            CHECK(bytes == 0 || decodes({exact.get(), bytes}, block.size()));
        }
        const auto exact = std::make_unique<std::byte[]>(frame.size());
        CHECK_EQ(encode_frame(sample.codec, sample.block.dtype, block, 1, {exact.get(), frame.size()}), frame.size());
    }
}

// Another thread writes to what is read. Words, so that it is quick; what it does to a block shows at once.
class Scribbler {
public:
    explicit Scribbler(Bytes &target) : thread_([this, &target] { scribble(target); }) {}
    ~Scribbler() {
        stop_ = true;
        thread_.join();
    }
    Scribbler(const Scribbler &) = delete;
    Scribbler &operator=(const Scribbler &) = delete;

    std::uint64_t rounds() const { return rounds_; }

private:
    void scribble(Bytes &target) {
        const Bytes original = target;
        Random random(seed());
        auto *bytes = reinterpret_cast<std::uint8_t *>(target.data());
        while (!stop_) {
            for (int i = 0; i < 64; ++i) {
                const std::size_t at = random.next() % 4 == 0
                                           ? random.next() % std::min<std::size_t>(100, target.size())
                                           : random.next() % target.size();
                __atomic_store_n(bytes + at, static_cast<std::uint8_t>(random.next()), __ATOMIC_RELAXED);
                __atomic_store_n(bytes + at, std::to_integer<std::uint8_t>(original[at]), __ATOMIC_RELAXED);
            }
            ++rounds_;
        }
    }

    std::atomic<bool> stop_ = false;
    std::atomic<std::uint64_t> rounds_ = 0;
    std::thread thread_;
};

template <typename Work> void while_it_changes(Bytes &target, Work work) {
    const Scribbler scribbler(target);
    await("the other thread writes", [&] { return scribbler.rounds() > 0; });
    const auto end = std::chrono::steady_clock::now() + effort(std::chrono::milliseconds(150));
    do {
        work();
    } while (std::chrono::steady_clock::now() < end);
}

void decode_while_it_changes() {
    for (const Sample &sample : samples()) {
        Bytes frame = frame_of(sample.codec, sample.block.dtype, sample.block.bytes);
        const auto to = std::make_unique<std::byte[]>(sample.block.bytes.size());
        if (sample.block.bytes.size() > 2000) {
            while_it_changes(frame, [&] { decode_frame(frame, {to.get(), sample.block.bytes.size()}); });
            CHECK(decode_frame(frame, {to.get(), sample.block.bytes.size()}));
            CHECK(std::memcmp(to.get(), sample.block.bytes.data(), sample.block.bytes.size()) == 0);
        }
    }
}

// What comes of it is a frame, and decodes to something.
void encode_while_it_changes() {
    for (Sample &sample : samples()) {
        Bytes &block = sample.block.bytes;
        if (block.size() > 2000) {
            while_it_changes(block, [&] {
                const std::size_t room = frame_bytes_max(block.size());
                const auto frame = std::make_unique<std::byte[]>(room);
                const std::size_t bytes = encode_frame(sample.codec, sample.block.dtype, block, 1, {frame.get(), room});
                CHECK(bytes > 0 && decodes({frame.get(), bytes}, block.size()));
            });
        }
    }
}

constexpr Case cases[] = {
    {"cut_frames", cut_frames},
    {"flipped_header_bits", flipped_header_bits},
    {"flipped_bits", flipped_bits},
    {"frames_of_noise", frames_of_noise},
    {"false_claims", false_claims},
    {"too_little_room", too_little_room},
    {"decode_while_it_changes", decode_while_it_changes},
    {"encode_while_it_changes", encode_while_it_changes},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("codec_hostile", uakv::test::cases);
}
