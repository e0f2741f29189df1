// Who leaves memory. The store tells the policy what enters, is used and goes; the policy says who should
// leave next, for each size class, because a slot of one class is of no use to another.
//
// Blocks hang on each other: a block of a prefix is worth nothing without those before it. So all policies
// let leaves go before the blocks that they hang on.
#pragma once

#include "ipc/index_layout.h"
#include "ipc/size_class.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace uakv {

class Policy {
public:
    virtual ~Policy() = default;

    virtual void inserted(EntryId entry, SizeClass size_class, std::optional<EntryId> parent) = 0;
    virtual void touched(EntryId entry) = 0; // also for entries that it does not know: ignored
    virtual void removed(EntryId entry) = 0;

    // The block must stay: coldest() does not name it until it is let go. A resident one, not held already; let_go()
    // comes before removed(). That it stays keeps no other block: those that it hangs on may leave as if it were gone,
    // or else the end of a prompt would keep all of it.
    virtual void hold(EntryId entry) = 0;
    virtual void let_go(EntryId entry) = 0;

    // The block of the class that should leave next; nothing when there is none.
    virtual std::optional<EntryId> coldest(SizeClass size_class) const = 0;

    // Who would be named next if `entry`, which coldest() or this has named, were not there to be named; nothing at the
    // end. To pass over what cannot leave just now without calling it used.
    virtual std::optional<EntryId> colder_than_rest(EntryId entry) const = 0;

    // Appends the blocks of the class that will leave next if nobody uses any, in that order, up to `count`.
    virtual void next_to_leave(SizeClass size_class, std::size_t count, std::vector<EntryId> &entries) const = 0;

    // A logical clock that advances with each insertion and touch, and when an entry was last used by it.
    virtual std::uint64_t now() const = 0;
    virtual std::uint64_t last_used(EntryId entry) const = 0;
};

} // namespace uakv
