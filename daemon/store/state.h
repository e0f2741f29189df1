// The state region (state_layout.h) as its only writer sees it, and as the next daemon reads it. It is there in any
// case, whether somebody keeps it for a next daemon or not.
//
// Whoever writes says only what is true already, and the other way round: a segment is kept before it is counted, a
// slot is the client's before the client hears of it.
#pragma once

#include "daemon/store/state_layout.h"
#include "ipc/atomic.h"
#include "ipc/fd.h"
#include "ipc/mapping.h"
#include "ipc/result.h"
#include "ipc/size_class.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace uakv {

class State {
public:
    static Result<State> create(std::uint32_t segment_capacity, std::uint64_t segment_bytes, std::uint64_t epoch);

    // What a daemon before has left. UAKV_ERR_LAYOUT says what about it is not as it must be, whatever it is.
    static Result<State> open(const Fd &fd);

    const Fd &fd() const { return fd_; }
    const StateHeader &header() const { return *header_; }

    // ---- lives of daemons ----------------------------------------------------------------------------------

    // Another daemon goes on with it. What the one before did not know to write is what must be thought of it then.
    void begin_start();
    void note_healthy() { store_release(header_->starts, 0); }
    // In order. `sound`: nothing is left to compare that a daemon before has left which ended suddenly.
    void note_end(bool sound);

    // ---- sessions ------------------------------------------------------------------------------------------

    // False when there is no place for another.
    bool note_session(std::uint32_t number);
    void forget_session(std::uint32_t number);
    std::vector<std::uint32_t> sessions() const;

    // ---- spaces --------------------------------------------------------------------------------------------

    // UAKV_ERR_NO_SPACE when the machine has no memory for it.
    Result<void> add_space(const SpaceDescription &space);
    std::uint32_t spaces() const { return header_->spaces; }
    SpaceDescription space(SpaceId number) const;

    // A block of the space was lost that a flush of it has to tell of; take_loss() is that flush.
    void note_loss(SpaceId space) { set_bit(state_layout::lost_offset, space, true); }
    bool take_loss(SpaceId space);
    // Blocks of the space are on their way to the disk and nowhere else: they are lost if the daemon ends now.
    void note_leaving(SpaceId space, bool any) { set_bit(state_layout::leaving_offset, space, any); }

    // ---- segments and slots --------------------------------------------------------------------------------

    std::uint32_t segments() const { return header_->segments; }
    void add_segment();

    std::optional<SizeClass> class_of(SegmentId segment) const;
    std::uint32_t slots_of(SizeClass size_class) const {
        return static_cast<std::uint32_t>(header_->segment_bytes / slot_bytes_of(size_class));
    }

    // The segment is of the class, and its records say that nobody has a slot. UAKV_ERR_NO_SPACE when the machine has
    // no memory for them.
    Result<void> assign(SegmentId segment, SizeClass size_class);
    void unassign(SegmentId segment);

    // As many as the class of the segment has slots.
    SlotRecord *records(SegmentId segment) const {
        return &mapping_.at<SlotRecord>(state_layout::slots_offset +
                                        segment * state_layout::records_bytes(header_->segment_bytes));
    }

    static std::uint32_t tick_now();

private:
    State(Fd fd, Mapping mapping);

    std::uint32_t &session_at(std::uint32_t place) const;
    std::uint32_t &class_word(SegmentId segment) const;
    std::uint64_t &bits_of(std::uint64_t offset, SpaceId space) const;
    void set_bit(std::uint64_t offset, SpaceId space, bool value);

    Fd fd_;
    Mapping mapping_;
    StateHeader *header_ = nullptr;
};

} // namespace uakv
