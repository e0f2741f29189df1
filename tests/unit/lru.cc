// Least recently used, leaves first.
#include "daemon/policy/lru.h"
#include "support/check.h"
#include "support/pattern.h"

#include <map>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint32_t capacity = 1000;

// Lets the coldest leave until none does; in which order.
std::vector<EntryId> leave(Lru &lru, SizeClass size_class) {
    std::vector<EntryId> order;
    while (const auto entry = lru.coldest(size_class)) {
        order.push_back(*entry);
        lru.removed(*entry);
    }
    return order;
}

using Order = std::vector<EntryId>;

void longest_unused_first() {
    Lru lru(capacity);
    for (EntryId entry = 0; entry < 5; ++entry) {
        lru.inserted(entry, 0, std::nullopt);
    }
    lru.touched(1);
    lru.touched(0);
    lru.touched(1);
    lru.touched(4);
    CHECK(leave(lru, 0) == (Order{2, 3, 0, 1, 4}));
}

void classes_are_apart() {
    Lru lru(capacity);
    lru.inserted(0, 3, std::nullopt);
    lru.inserted(1, 9, std::nullopt);
    lru.inserted(2, 3, std::nullopt);
    CHECK(!lru.coldest(0));
    CHECK(leave(lru, 9) == Order{1});
    CHECK(leave(lru, 3) == (Order{0, 2}));
}

void clock_tells_the_last_use() {
    Lru lru(capacity);
    lru.inserted(0, 0, std::nullopt);
    lru.inserted(1, 0, std::nullopt);
    CHECK(lru.last_used(0) < lru.last_used(1));
    CHECK_EQ(lru.now(), lru.last_used(1));
    lru.touched(0);
    CHECK(lru.last_used(0) > lru.last_used(1));
    CHECK_EQ(lru.now(), lru.last_used(0));
}

void unknown_touches_are_ignored() {
    Lru lru(capacity);
    lru.touched(5);
    lru.inserted(1, 0, std::nullopt);
    lru.removed(1);
    lru.touched(1);
    lru.touched(capacity - 1);
    CHECK(!lru.coldest(0));
}

void leaves_before_parents() {
    Lru lru(capacity);
    lru.inserted(0, 0, std::nullopt);
    for (EntryId entry = 1; entry < 10; ++entry) {
        lru.inserted(entry, 0, entry - 1);
    }
    lru.inserted(20, 0, std::nullopt);
    lru.touched(9); // the whole chain is in use by its tail
    CHECK(leave(lru, 0) == (Order{20, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}));
}

void parent_with_two_children() {
    Lru lru(capacity);
    lru.inserted(0, 0, std::nullopt);
    lru.inserted(1, 0, EntryId{0});
    lru.inserted(2, 0, EntryId{0});
    lru.removed(1);
    CHECK(lru.coldest(0) == EntryId{2}); // still one that hangs on it
    CHECK(leave(lru, 0) == (Order{2, 0}));
}

void parent_of_another_class() {
    Lru lru(capacity);
    lru.inserted(0, 5, std::nullopt);
    lru.inserted(1, 2, EntryId{0});
    CHECK(!lru.coldest(5));
    CHECK(leave(lru, 2) == Order{1});
    CHECK(leave(lru, 5) == Order{0});
}

// A block that becomes a leaf stands where its own last use puts it.
void joins_by_last_use() {
    Lru lru(capacity);
    lru.inserted(0, 0, std::nullopt); // cold
    lru.inserted(1, 0, std::nullopt); // the parent
    lru.inserted(2, 0, EntryId{1});
    lru.inserted(3, 0, std::nullopt); // warm
    lru.removed(2);
    CHECK(leave(lru, 0) == (Order{0, 1, 3}));
}

void joins_at_the_hot_end_when_far_from_the_cold_one() {
    Lru lru(capacity);
    for (EntryId entry = 0; entry < 200; ++entry) {
        lru.inserted(entry, 0, std::nullopt);
    }
    lru.inserted(300, 0, std::nullopt);
    lru.inserted(301, 0, EntryId{300});
    lru.inserted(302, 0, std::nullopt);
    lru.removed(301);
    const Order order = leave(lru, 0);
    CHECK_EQ(order.back(), 300); // its place, before 302, is further away than the search goes
    CHECK_EQ(order.size(), 202);
}

// The parent left, and another block lives in its entry: its children are not that one's.
void entry_of_a_parent_is_reused() {
    Lru lru(capacity);
    lru.inserted(0, 0, std::nullopt);
    lru.inserted(1, 0, EntryId{0});
    lru.removed(0);
    lru.inserted(0, 0, std::nullopt);
    lru.inserted(2, 0, EntryId{0});
    lru.removed(1);
    CHECK(lru.coldest(0) == EntryId{2}); // 0 has its own child still
    CHECK(leave(lru, 0) == (Order{2, 0}));
}

void missing_parents_count_for_nothing() {
    Lru lru(capacity);
    lru.inserted(0, 0, EntryId{500});
    lru.inserted(1, 0, EntryId{1});
    CHECK(leave(lru, 0) == (Order{0, 1}));
}

void held_blocks_are_not_named() {
    Lru lru(capacity);
    for (EntryId entry = 0; entry < 5; ++entry) {
        lru.inserted(entry, 0, std::nullopt);
    }
    lru.hold(0);
    lru.hold(3);
    CHECK(lru.coldest(0) == EntryId{1});
    lru.touched(3); // counts, but lists it no more than before
    lru.removed(1);
    lru.let_go(0);
    CHECK(lru.coldest(0) == EntryId{0}); // where its last use puts it
    lru.let_go(3);
    CHECK(leave(lru, 0) == (Order{0, 2, 4, 3}));
}

void held_children_keep_no_parent() {
    Lru lru(capacity);
    lru.inserted(0, 0, std::nullopt);
    lru.inserted(1, 0, EntryId{0});
    lru.inserted(2, 0, EntryId{0});
    lru.hold(2);
    CHECK(lru.coldest(0) == EntryId{1});
    lru.removed(1);
    CHECK(lru.coldest(0) == EntryId{0});
    lru.let_go(2);
    CHECK(lru.coldest(0) == EntryId{2});
    lru.hold(2);
    lru.removed(0);
    lru.inserted(0, 0, std::nullopt); // another block in the same entry
    lru.let_go(2);
    CHECK(leave(lru, 0) == (Order{2, 0}));
}

void held_parents() {
    Lru lru(capacity);
    lru.inserted(0, 0, std::nullopt);
    lru.hold(0);
    lru.inserted(1, 0, EntryId{0});
    CHECK(lru.coldest(0) == EntryId{1});
    lru.let_go(0);
    CHECK(lru.coldest(0) == EntryId{1});
    lru.hold(0);
    lru.removed(1);
    CHECK(!lru.coldest(0));
    lru.let_go(0);
    CHECK(leave(lru, 0) == Order{0});
}

// Few entries, so that the bounded search always reaches: exactly the model.
class Model {
public:
    static constexpr std::uint64_t entries = 60;

    void step() {
        const auto entry = static_cast<EntryId>(random_.below(entries));
        const auto known = blocks_.find(entry);
        const std::uint64_t choice = random_.below(8);
        if (choice >= 6) {
            if (known != blocks_.end()) {
                hold_or_let_go(known->first, known->second);
            }
        } else if (choice < 2) {
            lru_.touched(entry);
            if (known != blocks_.end()) {
                known->second.stamp = ++clock_;
            }
        } else if (known != blocks_.end()) {
            remove(entry);
        } else {
            insert(entry);
        }
        for (SizeClass size_class = 0; size_class < 2; ++size_class) {
            CHECK(lru_.coldest(size_class) == coldest(size_class));
        }
    }

private:
    struct Block {
        std::uint64_t stamp = 0;
        SizeClass size_class = 0;
        std::optional<EntryId> parent;
        bool held = false;
    };

    void hold_or_let_go(EntryId entry, Block &block) {
        if (block.held) {
            lru_.let_go(entry);
        } else {
            lru_.hold(entry);
        }
        block.held = !block.held;
    }

    void insert(EntryId entry) {
        Block block{++clock_, static_cast<SizeClass>(random_.below(2)), std::nullopt, false};
        if (const auto parent = static_cast<EntryId>(random_.below(entries)); blocks_.count(parent) != 0) {
            block.parent = parent;
        }
        lru_.inserted(entry, block.size_class, block.parent);
        blocks_[entry] = block;
    }

    void remove(EntryId entry) {
        if (blocks_.at(entry).held) {
            lru_.let_go(entry);
        }
        lru_.removed(entry);
        blocks_.erase(entry);
        for (auto &[number, block] : blocks_) {
            if (block.parent == entry) {
                block.parent.reset();
            }
        }
    }

    std::optional<EntryId> coldest(SizeClass size_class) const {
        std::optional<EntryId> found;
        for (const auto &[entry, block] : blocks_) {
            const bool older = !found || block.stamp < blocks_.at(*found).stamp;
            if (block.size_class == size_class && !block.held && older && is_leaf(entry)) {
                found = entry;
            }
        }
        return found;
    }

    bool is_leaf(EntryId entry) const {
        for (const auto &[number, block] : blocks_) {
            if (block.parent == entry && !block.held) {
                return false;
            }
        }
        return true;
    }

    Lru lru_{entries};
    Random random_{3};
    std::map<EntryId, Block> blocks_;
    std::uint64_t clock_ = 0;
};

void random_operations() {
    Model model;
    for (int i = 0; i < 40'000; ++i) {
        model.step();
    }
}

constexpr Case cases[] = {
    {"longest_unused_first", longest_unused_first},
    {"classes_are_apart", classes_are_apart},
    {"clock_tells_the_last_use", clock_tells_the_last_use},
    {"unknown_touches_are_ignored", unknown_touches_are_ignored},
    {"leaves_before_parents", leaves_before_parents},
    {"parent_with_two_children", parent_with_two_children},
    {"parent_of_another_class", parent_of_another_class},
    {"joins_by_last_use", joins_by_last_use},
    {"joins_at_the_hot_end_when_far_from_the_cold_one", joins_at_the_hot_end_when_far_from_the_cold_one},
    {"entry_of_a_parent_is_reused", entry_of_a_parent_is_reused},
    {"missing_parents_count_for_nothing", missing_parents_count_for_nothing},
    {"held_blocks_are_not_named", held_blocks_are_not_named},
    {"held_children_keep_no_parent", held_children_keep_no_parent},
    {"held_parents", held_parents},
    {"random_operations", random_operations},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("lru", uakv::test::cases);
}
