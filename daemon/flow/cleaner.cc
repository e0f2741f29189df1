#include "daemon/flow/cleaner.h"

#include "ipc/clock.h"

#include <algorithm>

namespace uakv::flow {
namespace {

// From when on blocks are written ahead: when less than this part of the class is free. Memory fills at many times the
// speed of a disk, so this begins well before anything has to leave.
constexpr double pressed_part = 1.0 / 8;

// How many of a class are kept clean ahead.
constexpr std::uint32_t ahead_part = 8;
constexpr std::uint32_t ahead_max = 1024;

// The coldest are looked at anew when so many have come or gone.
constexpr std::uint32_t changes_part = 4;

constexpr std::uint64_t refused_pause_ns = 20 * ns_per_ms;

} // namespace

void Cleaner::stored(EntryId entry) {
    changed(context_.store.size_class_of_block(entry));
    const IndexEntry &block = context_.store.index().entry(entry);
    if (context_.spaces.is_durable(home_of(block).space)) {
        durable_.emplace_back(entry, block.generation);
    }
}

bool Cleaner::admits(EntryId entry) const {
    return !context_.options.only_reused || context_.store.uses(entry) > 0 ||
           context_.spaces.is_durable(home_of(context_.store.index().entry(entry)).space);
}

std::uint64_t Cleaner::turn(std::uint64_t now_ns) {
    if (writes_.take_refused()) {
        again_ns_ = now_ns + refused_pause_ns;
    }
    if (now_ns < again_ns_) {
        return durable_.empty() && !blocked_ ? UINT64_MAX : again_ns_ - now_ns;
    }
    if (!write_durable()) {
        blocked_ = true;
        return UINT64_MAX; // a write that ends brings us here
    }
    for (SizeClass size_class = 0; size_class < size_classes; ++size_class) {
        const std::uint32_t total = context_.store.slots().total_slots(size_class);
        if (changes_[size_class] == 0 || total == 0) {
            continue;
        }
        const std::uint32_t ahead = std::clamp(total / ahead_part, 1U, ahead_max);
        const bool enough = blocked_ || changes_[size_class] >= std::max(1U, ahead / changes_part);
        if (enough && context_.store.is_pressed(size_class, pressed_part)) {
            blocked_ = !look(size_class);
            if (blocked_) {
                break;
            }
            changes_[size_class] = 0;
        }
    }
    return UINT64_MAX;
}

// False: some have to wait.
bool Cleaner::write_durable() {
    for (; !durable_.empty(); durable_.pop_front()) {
        const auto [entry, generation] = durable_.front();
        if (context_.store.is_live(entry, generation) && writes_.begin(entry, false) == Writes::Begun::not_now) {
            return false;
        }
    }
    return true;
}

// False: some have to wait.
bool Cleaner::look(SizeClass size_class) {
    const Store &store = context_.store;
    const std::uint32_t total = store.slots().total_slots(size_class);
    coldest_.clear();
    store.policy().next_to_leave(size_class, std::clamp(total / ahead_part, 1U, ahead_max), coldest_);
    return std::all_of(coldest_.begin(), coldest_.end(), [this](EntryId entry) {
        return !admits(entry) || writes_.begin(entry, false) != Writes::Begun::not_now;
    });
}

} // namespace uakv::flow
