// Slots: every slot has one owner at a time, and the counts are those of the slots.
#include "daemon/store/slots.h"
#include "state_bench.h"
#include "support/check.h"
#include "support/pattern.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint64_t segment_bytes = limits::segment_bytes_min;
constexpr SizeClass page = size_class_of(1);
constexpr SizeClass half = size_class_of(segment_bytes / 2);
constexpr SizeClass whole = size_class_of(segment_bytes);
constexpr SizeClass odd = size_class_of(300'000); // leaves a rest in each segment

// Slots, and the state that they stand in.
class OwnSlots {
public:
    explicit OwnSlots(std::uint32_t segments) {
        for (std::uint32_t i = 0; i < segments; ++i) {
            slots_.add_segment();
        }
    }
    Slots &operator*() { return slots_; }

private:
    State state_ = make_state(segment_bytes);
    Slots slots_{state_};
};

std::vector<SlotRef> take_all(Slots &slots, SizeClass size_class) {
    std::vector<SlotRef> taken;
    while (const auto slot = slots.take(size_class)) {
        taken.push_back(*slot);
    }
    return taken;
}

void nothing_to_take() {
    OwnSlots own(0);
    Slots &slots = *own;
    CHECK(!slots.take(page));
    CHECK_EQ(slots.segments(), 0);
    CHECK(!slots.is_granted(0, 0));
}

void carving() {
    OwnSlots own(2);
    Slots &slots = *own;
    CHECK_EQ(slots.unassigned_segments(), 2);
    const auto taken = take_all(slots, odd);
    const std::uint32_t each = segment_bytes / slot_bytes_of(odd);
    CHECK_EQ(taken.size(), 2 * each);
    CHECK_EQ(slots.total_slots(odd), 2 * each);
    CHECK_EQ(slots.free_slots(odd), 0);
    CHECK_EQ(slots.granted_slots(), 2 * each);
    CHECK_EQ(slots.unassigned_segments(), 0);
    std::set<std::pair<SegmentId, std::uint64_t>> places;
    for (const SlotRef slot : taken) {
        CHECK(slots.is_granted(slot.segment, slot.index));
        CHECK(slots.slot_bytes(slot.segment) == slot_bytes_of(odd));
        CHECK(slots.offset(slot) + slot_bytes_of(odd) <= segment_bytes);
        CHECK_EQ(slots.offset(slot) % slot_bytes_of(odd), 0);
        CHECK(slots.slot_at(slot.segment, slots.offset(slot)) == slot);
        CHECK(places.emplace(slot.segment, slots.offset(slot)).second);
    }
    CHECK(!slots.take(odd));
    CHECK(!slots.take(page));
}

void empty_segment_loses_its_class() {
    OwnSlots own(1);
    Slots &slots = *own;
    const auto taken = take_all(slots, half);
    CHECK_EQ(taken.size(), 2);
    CHECK(!slots.take(page));
    slots.give_back(taken[0]);
    CHECK_EQ(slots.unassigned_segments(), 0);
    CHECK_EQ(slots.free_slots(half), 1);
    slots.give_back(taken[1]);
    CHECK_EQ(slots.unassigned_segments(), 1);
    CHECK_EQ(slots.free_slots(half), 0);
    CHECK_EQ(slots.total_slots(half), 0);
    CHECK(!slots.is_granted(0, 0));
    CHECK(!slots.class_of(0));
    CHECK_EQ(take_all(slots, page).size(), segment_bytes / limits::page_bytes);
}

void granted_becomes_block() {
    OwnSlots own(1);
    Slots &slots = *own;
    const SlotRef slot = *slots.take(page);
    const SlotRef other = *slots.take(page);
    slots.set_block(slot, 42);
    CHECK(!slots.is_granted(slot.segment, slot.index));
    CHECK_EQ(slots.granted_slots(), 1);
    std::vector<std::optional<EntryId>> owners;
    slots.for_each_used(0, [&](std::optional<EntryId> owner) { owners.push_back(owner); });
    CHECK(owners == (std::vector<std::optional<EntryId>>{EntryId{42}, std::nullopt}));
    slots.give_back(slot);
    slots.give_back(other);
    CHECK_EQ(slots.granted_slots(), 0);
    CHECK_EQ(slots.unassigned_segments(), 1);
}

void numbers_from_clients() {
    OwnSlots own(1);
    Slots &slots = *own;
    CHECK(slots.take(half).has_value());
    CHECK(!slots.is_granted(0, 1)); // free
    CHECK(!slots.is_granted(0, 2)); // beyond
    CHECK(!slots.is_granted(0, UINT32_MAX));
    CHECK(!slots.is_granted(1, 0));
    CHECK(!slots.is_granted(UINT32_MAX, 0));
}

void draining() {
    OwnSlots own(2);
    Slots &slots = *own;
    std::vector<SlotRef> first;
    while (first.size() < segment_bytes / slot_bytes_of(odd)) {
        first.push_back(*slots.take(odd));
    }
    const SegmentId drained = first[0].segment;
    slots.give_back(first.back());
    first.pop_back();
    CHECK(slots.class_of(drained) == odd);
    slots.drain(drained);
    CHECK(!slots.class_of(drained));
    CHECK_EQ(slots.free_slots(odd), 0);
    const SlotRef other = *slots.take(odd); // from the other segment, though the drained one had a free slot
    CHECK(other.segment != drained);
    const std::uint32_t free_there = slots.free_slots(odd);
    for (const SlotRef slot : first) {
        CHECK_EQ(slots.unassigned_segments(), 0);
        slots.give_back(slot);
    }
    CHECK_EQ(slots.unassigned_segments(), 1);
    CHECK_EQ(slots.free_slots(odd), free_there);
    CHECK_EQ(slots.total_slots(odd), segment_bytes / slot_bytes_of(odd));
    CHECK(slots.take(whole)->segment == drained);
}

void drain_is_taken_back() {
    OwnSlots own(1);
    Slots &slots = *own;
    const SlotRef first = *slots.take(half);
    const SlotRef second = *slots.take(half);
    slots.drain(0);
    slots.give_back(second);
    CHECK(!slots.take(half));
    slots.stop_drain(0);
    CHECK(slots.class_of(0) == half);
    CHECK_EQ(slots.free_slots(half), 1);
    CHECK(slots.take(half) == second);
    slots.drain(0);
    slots.stop_drain(0); // nothing of it is free
    CHECK(!slots.take(half));
    slots.give_back(first);
    CHECK(slots.take(half) == first);
}

void block_has_its_slot() {
    OwnSlots own(1);
    Slots &slots = *own;
    const SlotRef slot = *slots.take(half);
    CHECK(!slots.is_block(slot, 7));
    slots.set_block(slot, 7);
    CHECK(slots.is_block(slot, 7));
    CHECK(!slots.is_block(slot, 8));
    CHECK(!slots.is_block({0, 1}, 7));
    CHECK(!slots.is_block({0, 2}, 7));
    slots.give_back(slot);
    CHECK(!slots.is_block(slot, 7));
}

// Random operations; afterwards the counts are taken by hand.
class Model {
public:
    void step() {
        switch (random_.below(8)) {
        case 0:
        case 1:
        case 2:
            take();
            break;
        case 3:
            if (!used_.empty()) {
                const auto found = any();
                if (!found->second.block) {
                    found->second.block = static_cast<EntryId>(random_.below(1000));
                    slots_.set_block(found->first, *found->second.block);
                }
            }
            break;
        case 4:
            if (random_.below(50) == 0) {
                drain();
            }
            break;
        case 5:
            if (slots_.segments() < 12 && random_.below(100) == 0) {
                slots_.add_segment();
            }
            break;
        default:
            if (!used_.empty()) {
                const auto found = any();
                slots_.give_back(found->first);
                used_.erase(found);
            }
        }
    }

    void check() const {
        std::map<SegmentId, std::uint32_t> used;
        std::uint32_t granted = 0;
        for (const auto &[slot, owner] : used_) {
            ++used[slot.segment];
            granted += owner.block ? 0U : 1U;
            CHECK_EQ(slots_.is_granted(slot.segment, slot.index), !owner.block);
        }
        CHECK_EQ(slots_.granted_slots(), granted);
        CHECK_EQ(slots_.unassigned_segments(), slots_.segments() - used.size());
        for (const SizeClass size_class : classes) {
            std::uint32_t free = 0;
            std::uint32_t total = 0;
            for (const auto &[segment, count] : used) {
                if (slots_.slot_bytes(segment) == slot_bytes_of(size_class)) {
                    const auto here = static_cast<std::uint32_t>(segment_bytes / slot_bytes_of(size_class));
                    total += here;
                    free += slots_.class_of(segment) ? here - count : 0;
                }
            }
            CHECK_EQ(slots_.free_slots(size_class), free);
            CHECK_EQ(slots_.total_slots(size_class), total);
        }
    }

private:
    static constexpr SizeClass classes[] = {size_class_of(100'000), odd, half, whole};
    struct Before {
        bool operator()(SlotRef a, SlotRef b) const {
            return std::pair(a.segment, a.index) < std::pair(b.segment, b.index);
        }
    };
    struct Owner {
        std::optional<EntryId> block;
    };
    using Used = std::map<SlotRef, Owner, Before>;

    Used::iterator any() {
        const auto found = used_.lower_bound(
            {static_cast<SegmentId>(random_.below(slots_.segments())), static_cast<std::uint32_t>(random_.below(20))});
        return found == used_.end() ? used_.begin() : found;
    }

    void take() {
        const SizeClass size_class = classes[random_.below(std::size(classes))];
        const bool there = slots_.free_slots(size_class) > 0 || slots_.unassigned_segments() > 0;
        const auto slot = slots_.take(size_class);
        CHECK_EQ(slot.has_value(), there);
        if (slot) {
            CHECK(used_.emplace(*slot, Owner{}).second); // nobody else has it
            CHECK_EQ(slots_.slot_bytes(slot->segment), slot_bytes_of(size_class));
        }
    }

    void drain() {
        const auto segment = static_cast<SegmentId>(random_.below(slots_.segments()));
        if (slots_.class_of(segment)) {
            slots_.drain(segment);
        } else if (slots_.is_draining(segment)) {
            slots_.stop_drain(segment);
        }
    }

    OwnSlots own_{4};
    Slots &slots_ = *own_;
    Random random_{2};
    Used used_;
};

void random_operations() {
    Model model;
    for (int i = 0; i < 200'000; ++i) {
        model.step();
        if (i % 100 == 0) {
            model.check();
        }
    }
}

constexpr Case cases[] = {
    {"nothing_to_take", nothing_to_take},
    {"carving", carving},
    {"empty_segment_loses_its_class", empty_segment_loses_its_class},
    {"granted_becomes_block", granted_becomes_block},
    {"numbers_from_clients", numbers_from_clients},
    {"draining", draining},
    {"drain_is_taken_back", drain_is_taken_back},
    {"block_has_its_slot", block_has_its_slot},
    {"random_operations", random_operations},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("slots", uakv::test::cases);
}
