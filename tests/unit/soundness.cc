// Blocks are compared with their checksums a bounded piece at a time, however large they are, plain ones and frames;
// and one that leaves meanwhile is not judged by what came after it.
#include "daemon/store/soundness.h"
#include "codec_blocks.h"
#include "ipc/hashing.h"
#include "ipc/memfd.h"
#include "sample.h"
#include "support/check.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;

struct Stored {
    Bytes bytes;
    BlockDescription block;
};

Stored plain(std::size_t bytes) {
    Stored stored{random_block(bytes, bytes), {}};
    stored.block.length = bytes;
    stored.block.checksum = checksum_of(stored.bytes.data(), bytes);
    return stored;
}

Stored framed(Codec codec, std::size_t bytes) {
    const Bytes block = float_block(UAKV_DTYPE_BF16, bytes, bytes);
    Stored stored{frame_of(codec, UAKV_DTYPE_BF16, block), {}};
    CHECK(!stored.bytes.empty());
    stored.block.length = bytes;
    stored.block.checksum = checksum_of(block.data(), bytes);
    stored.block.stored_bytes = stored.bytes.size();
    return stored;
}

// Never more than `room` at once, but for a whole piece of a frame; all of it in the end, unless it is found unsound.
bool judge(const Stored &stored, std::uint64_t room) {
    SoundnessCheck check(stored.bytes, stored.block);
    std::uint64_t looked = 0;
    for (bool through = false; !through;) {
        std::uint64_t left = room;
        through = check.go_on(left);
        looked += room - left;
        CHECK(through || left < room); // it gets on
    }
    const bool pieces = stored.block.stored_bytes == 0 || room % frame_piece_bytes == 0;
    CHECK(!check.sound() || !pieces || looked == stored.block.length);
    CHECK_EQ(check.sound(), is_sound(stored.bytes, stored.block));
    return check.sound();
}

// In one piece. What fills up a frame may be anything.
bool is_right(const Stored &stored) {
    if (stored.block.stored_bytes == 0) {
        return checksum_of(stored.bytes.data(), stored.bytes.size()) == stored.block.checksum;
    }
    Bytes block(stored.block.length);
    return decode_frame(stored.bytes, block) && checksum_of(block.data(), block.size()) == stored.block.checksum;
}

void check_judged(Stored stored) {
    for (const std::uint64_t room : {mib, 64 * 1024UL, 100'000UL, 8 * mib}) {
        CHECK(judge(stored, room));
        for (const double place : {0.2, 0.5, 0.999999}) {
            std::byte &spoiled =
                stored.bytes[static_cast<std::size_t>(place * static_cast<double>(stored.bytes.size()))];
            spoiled ^= std::byte{4};
            CHECK_EQ(judge(stored, room), is_right(stored));
            spoiled ^= std::byte{4};
        }
    }
    stored.block.checksum ^= 1;
    CHECK(!judge(stored, mib));
}

void plain_blocks() {
    for (const std::size_t bytes : {1UL, 4096UL, mib - 1, mib, mib + 1, 5 * mib + 12'345}) {
        check_judged(plain(bytes));
    }
}

void frames() {
    for (const Codec codec : {Codec::lz4, Codec::planes_lz4}) {
        for (const std::size_t bytes : {5000UL, 64 * 1024UL, 64 * 1024 + 1UL, 3 * mib + 54'321}) {
            check_judged(framed(codec, bytes));
        }
    }
    Stored cut = framed(Codec::lz4, 3 * mib);
    cut.bytes.resize(cut.bytes.size() - 1);
    CHECK(!judge(cut, mib));
    Stored other = framed(Codec::lz4, 3 * mib);
    other.block.length -= 1;
    CHECK(!judge(other, mib));
}

// A segment with blocks in it, one after another.
class Segment {
public:
    static constexpr std::uint64_t segment_bytes = 16 * mib;

    Segment() : index_(std::move(IndexWriter::create(8, segment_bytes).value())), made_(1) {
        auto fd = create_memfd("uakv-test", segment_bytes);
        CHECK(fd.ok());
        auto mapping = Mapping::map(fd.value(), segment_bytes, Access::read_write);
        CHECK(mapping.ok());
        made_[0].mapping = std::move(mapping.value());
    }
    EntryId put(const Stored &stored) {
        BlockDescription block = stored.block;
        block.key = sample_key(next_++);
        block.offset = used_;
        std::memcpy(made_[0].mapping.data() + used_, stored.bytes.data(), stored.bytes.size());
        used_ += (stored.bytes.size() + limits::page_bytes - 1) / limits::page_bytes * limits::page_bytes;
        auto entry = index_.publish(block);
        CHECK(entry.ok());
        return entry.value();
    }
    void spoil(EntryId entry, std::uint64_t offset) {
        made_[0].mapping.data()[index_.entry(entry).offset + offset] ^= std::byte{1};
    }
    IndexWriter &index() { return index_; }
    Suspects suspects() { return {"default", index_.entries_used()}; }
    std::vector<EntryId> look(Suspects &suspects) { return suspects.look(index_, made_); }

private:
    IndexWriter index_;
    std::vector<MadeSegment> made_;
    std::uint64_t used_ = 0;
    std::uint64_t next_ = 0;
};

void a_piece_of_a_large_block_at_a_turn() {
    for (const bool as_frame : {false, true}) {
        Segment segment;
        segment.put(plain(4096));
        const EntryId large = segment.put(as_frame ? framed(Codec::planes_lz4, 5 * mib) : plain(5 * mib));
        const EntryId small = segment.put(plain(4096));
        segment.spoil(large, as_frame ? 1'000'000 : 5 * mib - 1);
        segment.spoil(small, 17);
        Suspects suspects = segment.suspects();
        std::vector<EntryId> unsound;
        std::size_t turns = 0;
        for (; suspects.any(); ++turns) {
            const std::vector<EntryId> found = segment.look(suspects);
            unsound.insert(unsound.end(), found.begin(), found.end());
        }
        CHECK(unsound == (std::vector<EntryId>{large, small}));
        CHECK(as_frame || turns >= 6);
    }
}

void a_sound_frame_takes_turns_too() {
    Segment segment;
    segment.put(framed(Codec::lz4, 5 * mib));
    Suspects suspects = segment.suspects();
    std::size_t turns = 0;
    for (; suspects.any(); ++turns) {
        CHECK(segment.look(suspects).empty());
    }
    CHECK(turns >= 5);
}

// Its slot is another block's by the next turn.
void one_that_leaves_meanwhile() {
    Segment segment;
    const EntryId large = segment.put(plain(5 * mib));
    const EntryId small = segment.put(plain(4096));
    segment.spoil(small, 0);
    Suspects suspects = segment.suspects();
    CHECK(segment.look(suspects).empty());
    segment.spoil(large, 4 * mib);
    segment.index().retire(large);
    std::vector<EntryId> unsound;
    while (suspects.any()) {
        const std::vector<EntryId> found = segment.look(suspects);
        unsound.insert(unsound.end(), found.begin(), found.end());
    }
    CHECK(unsound == std::vector<EntryId>{small});
}

constexpr Case cases[] = {
    {"plain_blocks", plain_blocks},
    {"frames", frames},
    {"a_piece_of_a_large_block_at_a_turn", a_piece_of_a_large_block_at_a_turn},
    {"a_sound_frame_takes_turns_too", a_sound_frame_takes_turns_too},
    {"one_that_leaves_meanwhile", one_that_leaves_meanwhile},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("soundness", uakv::test::cases);
}
