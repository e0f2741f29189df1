#include "daemon/store/state.h"

#include "ipc/clock.h"
#include "ipc/memfd.h"
#include "ipc/sequence_point.h"
#include "ipc/untrusted.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace uakv {
namespace {

using namespace state_layout;

constexpr std::uint32_t bits_per_word = 64;
constexpr std::uint64_t spaces_per_page = limits::page_bytes / sizeof(SpaceDescription);

std::uint64_t in_pages(std::uint64_t bytes) {
    return (bytes + limits::page_bytes - 1) / limits::page_bytes * limits::page_bytes;
}

Error damaged(const char *what, unsigned long long found) {
    return error(UAKV_ERR_LAYOUT, "its state says %llu for %s, which cannot be", found, what);
}

// Of which nothing is known but that it is as long as a header.
Result<void> check(const StateHeader &header, std::uint64_t bytes) {
    if (header.magic != state_magic) {
        return error(UAKV_ERR_LAYOUT, "its state does not begin as one does: the daemon ended before it was whole, or "
                                      "it is something else");
    }
    if (header.layout_major != state_layout_major) {
        return error(UAKV_ERR_LAYOUT, "its state has layout %u.%u, and this daemon reads %u.x", header.layout_major,
                     header.layout_minor, state_layout_major);
    }
    if (header.segment_capacity == 0 || header.segment_capacity > limits::segments_max) {
        return damaged("the number of segments that there can be", header.segment_capacity);
    }
    if (!std::has_single_bit(header.segment_bytes) || header.segment_bytes < limits::segment_bytes_min ||
        header.segment_bytes > limits::segment_bytes_max) {
        return damaged("the size of a segment", header.segment_bytes);
    }
    if (header.segments > header.segment_capacity) {
        return damaged("the number of segments", header.segments);
    }
    if (header.spaces > limits::spaces_max) {
        return damaged("the number of spaces", header.spaces);
    }
    const std::uint64_t wanted = state_layout::bytes(header.segment_capacity, header.segment_bytes);
    if (bytes != wanted) {
        return error(UAKV_ERR_LAYOUT, "its state has %llu bytes, not the %llu that its own numbers make",
                     static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(wanted));
    }
    return {};
}

} // namespace

Result<State> State::create(std::uint32_t segment_capacity, std::uint64_t segment_bytes, std::uint64_t epoch) {
    const std::uint64_t bytes = state_layout::bytes(segment_capacity, segment_bytes);
    auto fd = create_memfd("uakv-state", bytes);
    if (!fd.ok()) {
        return fd.take_error();
    }
    auto mapping = Mapping::map(fd.value(), bytes, Access::read_write);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    if (auto allocated = allocate_memfd(fd.value(), 0, spaces_offset); !allocated.ok()) {
        return allocated.take_error();
    }
    State state(std::move(fd.value()), std::move(mapping.value()));
    StateHeader header{};
    header.layout_major = state_layout_major;
    header.layout_minor = state_layout_minor;
    header.epoch = epoch;
    header.segment_bytes = segment_bytes;
    header.segment_capacity = segment_capacity;
    header.starts = 1;
    write_words(*state.header_, header);
    store_release(state.header_->magic, state_magic);
    return state;
}

Result<State> State::open(const Fd &fd) {
    auto bytes = memfd_bytes(fd);
    if (!bytes.ok()) {
        return bytes.take_error();
    }
    if (bytes.value() < slots_offset) {
        return error(UAKV_ERR_LAYOUT, "its state has %llu bytes, which is less than any has",
                     static_cast<unsigned long long>(bytes.value()));
    }
    Fd own = duplicate(fd);
    if (!own.valid()) {
        return error(UAKV_ERR_NO_MEMORY, "no descriptor is left for its state");
    }
    auto mapping = Mapping::map(own, bytes.value(), Access::read_write);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    // What should be there already: so that reading it cannot fail where it is not.
    if (auto allocated = allocate_memfd(own, 0, slots_offset); !allocated.ok()) {
        return allocated.take_error();
    }
    State state(std::move(own), std::move(mapping.value()));
    if (auto sound = check(*state.header_, bytes.value()); !sound.ok()) {
        return sound.take_error();
    }
    for (SegmentId segment = 0; segment < state.segments(); ++segment) {
        const std::uint32_t word = state.class_word(segment);
        if (word == 0) {
            continue;
        }
        if (word > size_classes || slot_bytes_of(word - 1) > state.header_->segment_bytes) {
            return damaged("the size class of a segment", word - 1ULL);
        }
        const std::uint64_t first = slots_offset + segment * records_bytes(state.header_->segment_bytes);
        const std::uint64_t records = in_pages(state.slots_of(word - 1) * sizeof(SlotRecord));
        if (auto allocated = allocate_memfd(state.fd_, first, records); !allocated.ok()) {
            return allocated.take_error();
        }
    }
    return state;
}

State::State(Fd fd, Mapping mapping)
    : fd_(std::move(fd)), mapping_(std::move(mapping)), header_(&mapping_.at<StateHeader>(0)) {}

// The minor layout comes after what it stands for, and before all that this daemon writes besides.
void State::begin_start() {
    for (SpaceId space = 0; space < spaces(); ++space) {
        const bool told = header_->layout_minor >= minor_with_losses;
        const bool leaving = (bits_of(leaving_offset, space) >> space % bits_per_word & 1U) != 0;
        if (!told || leaving) {
            note_loss(space);
        }
        note_leaving(space, false);
    }
    store_release(header_->layout_minor, state_layout_minor);
    store_release(header_->starts, header_->starts + 1);
    store_release(header_->clean, 0);
    UAKV_SEQUENCE_POINT(start_noted);
}

void State::note_end(bool sound) {
    store_release(header_->starts, 0);
    store_release(header_->clean, sound ? 1 : 0);
}

std::uint32_t &State::session_at(std::uint32_t place) const {
    return mapping_.at<std::uint32_t>(sessions_offset + place * sizeof(std::uint32_t));
}

bool State::note_session(std::uint32_t number) {
    UAKV_ASSERT(number != 0 && number < owner_client_bit);
    for (std::uint32_t place = 0; place < sessions_max; ++place) {
        if (session_at(place) == 0) {
            store_release(session_at(place), number);
            UAKV_SEQUENCE_POINT(session_noted);
            return true;
        }
    }
    return false;
}

void State::forget_session(std::uint32_t number) {
    for (std::uint32_t place = 0; place < sessions_max; ++place) {
        if (session_at(place) == number) {
            store_release(session_at(place), 0);
            UAKV_SEQUENCE_POINT(session_forgotten);
        }
    }
}

std::vector<std::uint32_t> State::sessions() const {
    std::vector<std::uint32_t> numbers;
    for (std::uint32_t place = 0; place < sessions_max; ++place) {
        if (session_at(place) != 0) {
            numbers.push_back(session_at(place));
        }
    }
    return numbers;
}

Result<void> State::add_space(const SpaceDescription &space) {
    const std::uint32_t number = header_->spaces;
    UAKV_ASSERT(number < limits::spaces_max);
    const std::uint64_t offset = spaces_offset + number * sizeof(SpaceDescription);
    if (number % spaces_per_page == 0) {
        if (auto allocated = allocate_memfd(fd_, offset, limits::page_bytes); !allocated.ok()) {
            return allocated;
        }
    }
    mapping_.at<SpaceDescription>(offset) = space;
    UAKV_SEQUENCE_POINT(space_written);
    store_release(header_->spaces, number + 1);
    UAKV_SEQUENCE_POINT(space_noted);
    return {};
}

SpaceDescription State::space(SpaceId number) const {
    return mapping_.at<SpaceDescription>(spaces_offset + number * sizeof(SpaceDescription));
}

bool State::take_loss(SpaceId space) {
    const bool lost = (bits_of(lost_offset, space) >> space % bits_per_word & 1U) != 0;
    set_bit(lost_offset, space, false);
    return lost;
}

std::uint64_t &State::bits_of(std::uint64_t offset, SpaceId space) const {
    UAKV_ASSERT(space < limits::spaces_max);
    return mapping_.at<std::uint64_t>(offset + space / bits_per_word * sizeof(std::uint64_t));
}

void State::set_bit(std::uint64_t offset, SpaceId space, bool value) {
    std::uint64_t &word = bits_of(offset, space);
    const std::uint64_t bit = 1ULL << space % bits_per_word;
    store_release(word, value ? word | bit : word & ~bit);
}

void State::add_segment() {
    const std::uint32_t number = header_->segments;
    UAKV_ASSERT(number < header_->segment_capacity);
    store_relaxed(class_word(number), 0);
    store_release(header_->segments, number + 1);
    UAKV_SEQUENCE_POINT(segment_noted);
}

std::uint32_t &State::class_word(SegmentId segment) const {
    return mapping_.at<std::uint32_t>(segments_offset + segment * sizeof(std::uint32_t));
}

std::optional<SizeClass> State::class_of(SegmentId segment) const {
    const std::uint32_t word = class_word(segment);
    return word != 0 ? std::optional<SizeClass>(word - 1) : std::nullopt;
}

Result<void> State::assign(SegmentId segment, SizeClass size_class) {
    const std::uint64_t first = slots_offset + segment * records_bytes(header_->segment_bytes);
    const std::uint64_t bytes = slots_of(size_class) * sizeof(SlotRecord);
    if (auto allocated = allocate_memfd(fd_, first, in_pages(bytes)); !allocated.ok()) {
        return allocated;
    }
    std::memset(static_cast<void *>(records(segment)), 0, bytes);
    UAKV_SEQUENCE_POINT(records_cleared);
    store_release(class_word(segment), size_class + 1);
    UAKV_SEQUENCE_POINT(segment_assigned);
    return {};
}

void State::unassign(SegmentId segment) {
    store_release(class_word(segment), 0);
    UAKV_SEQUENCE_POINT(segment_unassigned);
}

std::uint32_t State::tick_now() {
    return static_cast<std::uint32_t>(coarse_ms() / used_tick_ms);
}

} // namespace uakv
