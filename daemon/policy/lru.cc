#include "daemon/policy/lru.h"

#include <queue>
#include <unordered_map>
#include <utility>

namespace uakv {
namespace {

// How far a block that becomes a leaf looks for its place from the cold end. Nearly always its place is
// there, because the child that left was the coldest. One that finds none in reach is in use: it goes to
// the hot end.
constexpr int join_steps_max = 128;

} // namespace

// Address space, not memory: pages come as entries are first used.
Lru::Lru(std::uint32_t entry_capacity) {
    nodes_.reserve(entry_capacity);
}

void Lru::inserted(EntryId entry, SizeClass size_class, std::optional<EntryId> parent) {
    if (entry >= nodes_.size()) {
        nodes_.resize(entry + 1);
    }
    Node &node = nodes_[entry];
    UAKV_ASSERT(!node.resident);
    ++node.turn;
    node.stamp = ++clock_;
    node.children = 0;
    node.parent = none;
    node.size_class = static_cast<std::uint8_t>(size_class);
    node.resident = true;
    if (parent && *parent != entry && *parent < nodes_.size() && nodes_[*parent].resident) {
        node.parent = *parent;
        node.parent_turn = nodes_[*parent].turn;
        hangs_on_parent(node);
    }
    link_after(entry, lists_[size_class].hottest);
}

void Lru::touched(EntryId entry) {
    if (entry >= nodes_.size() || !nodes_[entry].resident) {
        return;
    }
    Node &node = nodes_[entry];
    node.stamp = ++clock_;
    if (node.listed) {
        unlink(entry);
        link_after(entry, lists_[node.size_class].hottest);
    }
}

void Lru::removed(EntryId entry) {
    Node &node = nodes_[entry];
    UAKV_ASSERT(node.resident && !node.held);
    if (node.listed) {
        unlink(entry);
    }
    node.resident = false;
    leaves_parent(node);
}

void Lru::hold(EntryId entry) {
    Node &node = nodes_[entry];
    UAKV_ASSERT(node.resident && !node.held);
    if (node.listed) {
        unlink(entry);
    }
    node.held = true;
    leaves_parent(node);
}

void Lru::let_go(EntryId entry) {
    Node &node = nodes_[entry];
    UAKV_ASSERT(node.resident && node.held);
    node.held = false;
    hangs_on_parent(node);
    if (node.children == 0) {
        join(entry);
    }
}

bool Lru::has_parent(const Node &node) const {
    return node.parent != none && nodes_[node.parent].resident && nodes_[node.parent].turn == node.parent_turn;
}

void Lru::hangs_on_parent(const Node &node) {
    if (has_parent(node) && nodes_[node.parent].children++ == 0 && nodes_[node.parent].listed) {
        unlink(node.parent);
    }
}

void Lru::leaves_parent(const Node &node) {
    if (has_parent(node) && --nodes_[node.parent].children == 0 && !nodes_[node.parent].held) {
        join(node.parent);
    }
}

std::optional<EntryId> Lru::coldest(SizeClass size_class) const {
    const std::uint32_t entry = lists_[size_class].coldest;
    return entry == none ? std::nullopt : std::optional<EntryId>(entry);
}

std::optional<EntryId> Lru::colder_than_rest(EntryId entry) const {
    UAKV_ASSERT(nodes_[entry].listed);
    const std::uint32_t hotter = nodes_[entry].hotter;
    return hotter == none ? std::nullopt : std::optional<EntryId>(hotter);
}

// Plays it: a block whose last child has left is the next one, where its own last use puts it. A parent of another
// class waits in the list of that.
void Lru::next_to_leave(SizeClass size_class, std::size_t count, std::vector<EntryId> &entries) const {
    using Candidate = std::pair<std::uint64_t, EntryId>; // by stamp
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> parents;
    std::unordered_map<EntryId, std::uint32_t> left; // children that are gone
    std::uint32_t next = lists_[size_class].coldest;
    for (; count > 0 && (next != none || !parents.empty()); --count) {
        EntryId entry = next;
        if (next == none || (!parents.empty() && parents.top().first < nodes_[next].stamp)) {
            entry = parents.top().second;
            parents.pop();
        } else {
            next = nodes_[next].hotter;
        }
        entries.push_back(entry);
        const Node &node = nodes_[entry];
        if (!has_parent(node)) {
            continue;
        }
        const Node &parent = nodes_[node.parent];
        if (++left[node.parent] == parent.children && !parent.held && parent.size_class == size_class) {
            parents.emplace(parent.stamp, node.parent);
        }
    }
}

void Lru::link_after(EntryId entry, std::uint32_t colder) {
    Node &node = nodes_[entry];
    List &list = lists_[node.size_class];
    UAKV_ASSERT(!node.listed);
    const std::uint32_t hotter = colder == none ? list.coldest : nodes_[colder].hotter;
    node.colder = colder;
    node.hotter = hotter;
    node.listed = true;
    (colder == none ? list.coldest : nodes_[colder].hotter) = entry;
    (hotter == none ? list.hottest : nodes_[hotter].colder) = entry;
}

void Lru::unlink(EntryId entry) {
    Node &node = nodes_[entry];
    List &list = lists_[node.size_class];
    UAKV_ASSERT(node.listed);
    (node.colder == none ? list.coldest : nodes_[node.colder].hotter) = node.hotter;
    (node.hotter == none ? list.hottest : nodes_[node.hotter].colder) = node.colder;
    node.listed = false;
}

// Puts a block that has become a leaf among the leaves, ordered by use.
void Lru::join(EntryId entry) {
    const List &list = lists_[nodes_[entry].size_class];
    std::uint32_t colder = none;
    std::uint32_t next = list.coldest;
    for (int step = 0; next != none && nodes_[next].stamp < nodes_[entry].stamp; ++step) {
        if (step == join_steps_max) {
            link_after(entry, list.hottest);
            return;
        }
        colder = next;
        next = nodes_[next].hotter;
    }
    link_after(entry, colder);
}

} // namespace uakv
