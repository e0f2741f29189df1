// Least recently used, leaves first: an intrusive list for each size class of the blocks that no resident
// block hangs on, the longest unused in front. A block joins the list when its last child leaves, at the
// place that its own last use gives it. This equals plain LRU in which each prompt is touched from its tail
// (design/eviction: worth more than the choice of the policy), without any order asked of the callers. A held
// block is in no list and does not count as a child.
//
// All steps are O(1), but for the joining, whose search is bounded.
#pragma once

#include "daemon/policy/policy.h"

#include <array>
#include <vector>

namespace uakv {

class Lru final : public Policy {
public:
    explicit Lru(std::uint32_t entry_capacity);

    void inserted(EntryId entry, SizeClass size_class, std::optional<EntryId> parent) override;
    void touched(EntryId entry) override;
    void removed(EntryId entry) override;
    void hold(EntryId entry) override;
    void let_go(EntryId entry) override;
    std::optional<EntryId> coldest(SizeClass size_class) const override;
    std::optional<EntryId> colder_than_rest(EntryId entry) const override;
    void next_to_leave(SizeClass size_class, std::size_t count, std::vector<EntryId> &entries) const override;
    std::uint64_t now() const override { return clock_; }
    std::uint64_t last_used(EntryId entry) const override { return nodes_[entry].stamp; }

private:
    static constexpr std::uint32_t none = UINT32_MAX;

    struct Node {
        std::uint64_t stamp = 0;
        std::uint32_t turn = 0;     // counts the lives of the entry: tells whether a child's parent is still the same
        std::uint32_t children = 0; // that are not held
        std::uint32_t parent = none;
        std::uint32_t parent_turn = 0;
        std::uint32_t colder = none;
        std::uint32_t hotter = none;
        std::uint8_t size_class = 0;
        bool resident = false;
        bool held = false;
        bool listed = false;
    };
    static_assert(size_classes <= UINT8_MAX && sizeof(Node) == 40);

    struct List {
        std::uint32_t coldest = none;
        std::uint32_t hottest = none;
    };

    void hangs_on_parent(const Node &node);
    void leaves_parent(const Node &node);
    bool has_parent(const Node &node) const;
    void link_after(EntryId entry, std::uint32_t colder);
    void unlink(EntryId entry);
    void join(EntryId entry);

    std::uint64_t clock_ = 0;
    std::vector<Node> nodes_;
    std::array<List, size_classes> lists_{};
};

} // namespace uakv
