// Histories made by hand: what can be explained is accepted, and each kind of what cannot be is refused, by its rule.
#include "history/checker.h"
#include "support/check.h"

namespace uakv::test {
namespace {

constexpr uint64_t ms = 1'000'000;
constexpr uint64_t a = make_version(0, 1, 1);
constexpr uint64_t b = make_version(1, 1, 1);

// Of space 0 and key 0, unless said otherwise; times in milliseconds.
class Made {
public:
    Made() {
        history_.daemons.push_back({1, never});
        history_.single_flight_ns = 100 * ms;
    }

    Operation &add(Action action, uint8_t process, uint64_t from, uint64_t until, uakv_status status = UAKV_OK,
                   uint64_t version = 0) {
        Operation operation;
        operation.action = action;
        operation.process = process;
        operation.incarnation = 1;
        operation.status = status;
        operation.version = version;
        operation.invoked_ns = from * ms;
        operation.responded_ns = until * ms;
        history_.operations.push_back(operation);
        return history_.operations.back();
    }
    Operation &store(uint64_t version, uint64_t from, uint64_t until, uakv_status status = UAKV_OK) {
        return add(Action::store, version == a ? 0 : 1, from, until, status, version);
    }
    Operation &hit(uint64_t version, uint64_t from, uint64_t until) {
        return add(Action::retrieve, 2, from, until, UAKV_OK, version);
    }
    Operation &miss(uint64_t from, uint64_t until) { return add(Action::retrieve, 3, from, until, UAKV_MISS); }
    Operation &remove(uint64_t from, uint64_t until, uint64_t removed) {
        Operation &operation = add(Action::remove, 4, from, until);
        operation.result = removed;
        return operation;
    }
    Operation &look(uint64_t from, uint64_t until, bool there) {
        Operation &operation = add(Action::look, 5, from, until);
        operation.looked = 1;
        operation.result = there ? 1 : 0;
        return operation;
    }
    Operation &pin(uint64_t from, uint64_t until, uint32_t ttl_ms) {
        Operation &operation = add(Action::pin, 6, from, until);
        operation.ttl_ms = ttl_ms;
        return operation;
    }
    Operation &claim(uint8_t process, uint64_t version, uint64_t from, uint64_t until) {
        return add(Action::claim, process, from, until, UAKV_MISS, version);
    }
    void left(const std::string &why, uint64_t at, uint64_t gone = never / ms, size_t daemon = 0) {
        history_.departures.push_back({0, 0, daemon, why, at * ms, gone * ms});
    }
    void restart(uint64_t ended, uint64_t begun) {
        history_.daemons.back().ended_ns = ended * ms;
        history_.daemons.push_back({begun * ms, never});
    }
    void kill(uint8_t process, uint64_t at) { history_.deaths.push_back({process, 1, at * ms}); }

    void accepted() const {
        const auto violation = check(history_);
        CHECK_MESSAGE(!violation, "refused: " + report(history_, *violation));
    }
    void refused(const std::string &rule) const {
        const auto violation = check(history_);
        CHECK_MESSAGE(violation.has_value(), "accepted, expected the rule " + rule);
        CHECK_EQ(violation->rule, rule);
        CHECK(report(history_, *violation).find("rule \"" + rule + "\"") == 0);
    }

private:
    History history_;
};

void found_and_missed() {
    Made made;
    made.miss(1, 2);
    made.store(a, 3, 6);
    made.miss(4, 5);   // not yet
    made.hit(a, 4, 5); // already
    made.hit(a, 7, 8);
    made.store(b, 7, 8, UAKV_EXISTS);
    made.look(7, 8, true);
    made.accepted();
}

void foreign() {
    Made nobody;
    nobody.hit(a, 1, 2);
    nobody.refused("foreign");

    Made elsewhere;
    elsewhere.store(a, 1, 2).space = 1;
    elsewhere.hit(a, 3, 4);
    elsewhere.refused("foreign");

    Made other_key;
    other_key.store(a, 1, 2).first_key = 7;
    other_key.hit(a, 3, 4);
    other_key.refused("foreign");

    Made refused;
    refused.store(b, 1, 2);
    refused.store(a, 3, 4, UAKV_EXISTS);
    refused.hit(a, 5, 6);
    refused.refused("foreign");

    Made early;
    early.hit(a, 1, 2);
    early.store(a, 3, 4);
    early.refused("foreign");
}

void removed() {
    Made made;
    made.store(a, 1, 2);
    made.remove(3, 6, 1);
    made.hit(a, 4, 5);
    made.hit(a, 5, 8); // it began before the remove returned
    made.miss(4, 5);
    made.miss(7, 8);
    made.store(b, 7, 8);
    made.left("removed", 5);
    made.accepted();

    Made stale;
    stale.store(a, 1, 2);
    stale.remove(3, 6, 1);
    stale.hit(a, 7, 8);
    stale.refused("stale");

    Made nothing_left;
    nothing_left.store(a, 1, 2);
    nothing_left.remove(3, 6, 0);
    nothing_left.refused("lost");

    Made nothing_there;
    nothing_there.remove(3, 6, 1);
    nothing_there.refused("ghost");

    Made twice;
    twice.store(a, 1, 2);
    twice.remove(3, 4, 1);
    twice.remove(5, 6, 1);
    twice.refused("ghost");
}

// It is not known which of the two was there.
void removed_of_several() {
    Made made;
    made.store(a, 1, 2);
    made.remove(3, 4, 1).key_count = 2;
    made.miss(5, 6);
    made.accepted();
    made.hit(a, 5, 6);
    made.refused("stale");
}

void cleared() {
    Made made;
    made.store(a, 1, 2);
    made.add(Action::clear, 4, 3, 6);
    made.miss(4, 5);
    made.left("cleared", 4);
    made.accepted();

    Made stale;
    stale.store(a, 1, 2);
    stale.add(Action::clear, 4, 3, 6);
    stale.hit(a, 7, 8);
    stale.refused("stale");

    Made elsewhere;
    elsewhere.store(a, 1, 2);
    elsewhere.add(Action::clear, 4, 3, 6).space = 1;
    elsewhere.miss(7, 8);
    elsewhere.refused("lost");
}

void expired() {
    Made made;
    made.store(a, 1, 4).ttl_ms = 20;
    made.hit(a, 23, 24);
    made.miss(23, 24);
    made.left("expired", 22);
    made.accepted();

    Made early;
    early.store(a, 1, 4).ttl_ms = 20;
    early.miss(10, 12);
    early.refused("lost");

    Made late;
    late.store(a, 1, 4).ttl_ms = 20;
    late.hit(a, 30, 31);
    late.refused("stale");

    Made without;
    without.store(a, 1, 4);
    without.left("expired", 40);
    without.refused("departure");
}

void evicted() {
    Made made;
    made.store(a, 1, 2);
    made.hit(a, 3, 4);
    made.left("evicted", 5, 6);
    made.hit(a, 5, 8);
    made.miss(5, 8);
    made.store(b, 7, 8);
    made.accepted();

    Made held_up; // the daemon stood still between its words and its deed
    held_up.store(a, 1, 2);
    held_up.left("evicted", 3, 10);
    held_up.hit(a, 5, 6);
    held_up.miss(7, 8);
    held_up.accepted();

    Made silent; // gone, and nobody said so
    silent.store(a, 1, 2);
    silent.miss(3, 4);
    silent.refused("lost");

    Made too_early; // it was seen after that
    too_early.store(a, 1, 2);
    too_early.left("evicted", 3, 4);
    too_early.hit(a, 5, 6);
    too_early.refused("stale");

    Made later;
    later.store(a, 1, 2);
    later.miss(3, 4);
    later.left("evicted", 5, 6);
    later.refused("lost");
}

// A block does not come back: what was seen later was there before.
void gone_once() {
    Made missed;
    missed.store(a, 1, 2);
    missed.left("evicted", 3);
    missed.miss(4, 5);
    missed.accepted();
    missed.hit(a, 6, 7);
    missed.refused("stale");

    Made superseded;
    superseded.store(a, 1, 2);
    superseded.left("evicted", 3);
    superseded.store(b, 4, 5);
    superseded.accepted();
    superseded.hit(a, 6, 7);
    superseded.refused("stale");

    Made departed; // the miss came before its departure was over, but the hit came later
    departed.store(a, 1, 2);
    departed.left("evicted", 3, 4);
    departed.miss(3, 4);
    departed.accepted();
    departed.hit(a, 5, 7);
    departed.refused("lost");

    Made open; // the other one was not answered, but seen
    open.store(a, 1, 2);
    open.store(b, 3, 0);
    open.hit(b, 4, 5);
    open.hit(a, 6, 7);
    open.refused("stale");

    Made overwritten;
    overwritten.store(a, 1, 2);
    overwritten.store(b, 3, 4);
    overwritten.refused("lost");

    // The remove was over before the block was seen again: it excuses nothing.
    Made seen;
    seen.store(a, 1, 5);
    seen.remove(2, 3, 1);
    seen.hit(a, 6, 7);
    seen.miss(8, 9);
    seen.refused("lost");
}

void ghosts() {
    Made exists;
    exists.store(a, 1, 2, UAKV_EXISTS);
    exists.refused("ghost");

    Made contains;
    contains.look(1, 2, true);
    contains.store(a, 3, 4);
    contains.refused("ghost");

    Made pinned;
    pinned.store(a, 1, 2);
    pinned.remove(3, 4, 1);
    pinned.pin(5, 6, 10);
    pinned.refused("ghost");

    Made not_there;
    not_there.store(a, 1, 2);
    not_there.look(3, 4, false);
    not_there.refused("lost");
}

// A process was killed in its call, or was told nothing.
void open_operations() {
    for (const bool answered : {false, true}) {
        const uint64_t until = answered ? 3 : 0;
        Made stored;
        stored.store(a, 1, until, UAKV_ERR_TIMEOUT);
        stored.miss(5, 6);
        stored.hit(a, 7, 8);
        stored.accepted();
        stored.miss(9, 10);
        stored.refused("lost");

        Made removed;
        removed.store(a, 1, 2);
        removed.add(Action::remove, 4, 3, until, UAKV_ERR_TIMEOUT);
        removed.hit(a, 5, 6);
        removed.miss(7, 8);
        removed.accepted();
    }
    Made refused;
    refused.store(a, 1, 2, UAKV_ERR_NO_SPACE);
    refused.hit(a, 3, 4);
    refused.refused("foreign");
}

void departures() {
    Made unasked;
    unasked.store(a, 1, 2);
    unasked.left("removed", 3);
    unasked.refused("departure");

    Made uncleared;
    uncleared.store(a, 1, 2);
    uncleared.left("cleared", 3);
    uncleared.refused("departure");

    Made corrupt;
    corrupt.store(a, 1, 2);
    corrupt.left("corrupt", 3);
    corrupt.refused("departure");

    Made empty;
    empty.left("evicted", 3);
    empty.refused("departure");
}

void pins() {
    const auto made = [](uint64_t left, bool unpinned) {
        Made history;
        history.store(a, 1, 2);
        history.pin(3, 4, 50);
        if (unpinned) {
            history.pin(5, 6, 0);
        }
        history.left("evicted", left);
        return history;
    };
    made(10, false).refused("departure");
    made(60, false).accepted(); // its time was over
    made(10, true).accepted();

    Made another; // what was pinned was removed, and this is another block
    another.store(a, 1, 2);
    another.pin(3, 4, 50);
    another.remove(5, 6, 1);
    another.left("removed", 5, 6);
    another.store(b, 7, 8);
    another.left("evicted", 9);
    another.accepted();
}

void flights() {
    const auto made = [](uint64_t second_from) {
        Made history;
        history.claim(0, a, 1, 2);
        history.claim(1, b, second_from, second_from + 1);
        return history;
    };
    made(3).refused("flight");
    made(102).accepted(); // the first one dawdles

    Made ended = made(5);
    ended.add(Action::abort, 0, 4, 5, UAKV_OK, a);
    ended.accepted();

    Made committing = made(5);
    committing.add(Action::commit, 0, 4, 8, UAKV_OK, a);
    committing.accepted();

    Made killed = made(5);
    killed.kill(0, 4);
    killed.accepted();

    Made stored; // by somebody else, and gone again: a new flight
    stored.claim(0, a, 1, 2);
    stored.store(b, 3, 4);
    stored.remove(5, 6, 1);
    stored.claim(1, make_version(1, 1, 2), 7, 8);
    stored.accepted();
}

void restarts() {
    Made made;
    made.store(a, 1, 2);
    made.restart(10, 12);
    made.hit(a, 20, 21); // from the index of the old one
    made.miss(20, 21);   // from the new one
    made.store(b, 14, 15);
    made.hit(a, 20, 21);
    made.accepted();

    Made before; // the new one has not begun
    before.store(a, 1, 2);
    before.restart(10, 12);
    before.miss(5, 6);
    before.refused("lost");

    Made unreached; // who does not find it may still look at the old one
    unreached.restart(10, 12);
    unreached.store(a, 14, 15);
    unreached.miss(20, 21);
    unreached.accepted();
    unreached.add(Action::connect, 3, 16, 17);
    unreached.refused("lost");

    Made dead; // the process has been answered by the new one
    dead.store(a, 1, 2);
    dead.restart(10, 12);
    dead.add(Action::connect, 2, 13, 14);
    dead.hit(a, 20, 21);
    dead.refused("stale");
}

void bytes_and_statuses() {
    Made wrong;
    wrong.add(Action::wrong, 0, 1, 2);
    wrong.refused("bytes");

    Made corrupt;
    corrupt.add(Action::retrieve, 0, 1, 2, UAKV_ERR_CORRUPT);
    corrupt.refused("status");

    Made known;
    known.add(Action::retrieve, 0, 1, 2, UAKV_ERR_DISCONNECTED);
    known.add(Action::store, 0, 1, 2, UAKV_ERR_NO_SPACE, a);
    known.accepted();
}

// The first violation counts, and its report ends with it.
void shortest_prefix() {
    Made made;
    made.store(a, 1, 2);
    made.hit(a, 3, 4);
    made.miss(5, 6);
    made.hit(b, 9, 10);
    made.refused("lost");
}

constexpr Case cases[] = {
    {"found_and_missed", found_and_missed},
    {"foreign", foreign},
    {"removed", removed},
    {"removed_of_several", removed_of_several},
    {"cleared", cleared},
    {"expired", expired},
    {"evicted", evicted},
    {"gone_once", gone_once},
    {"ghosts", ghosts},
    {"open_operations", open_operations},
    {"departures", departures},
    {"pins", pins},
    {"flights", flights},
    {"restarts", restarts},
    {"bytes_and_statuses", bytes_and_statuses},
    {"shortest_prefix", shortest_prefix},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("checker", uakv::test::cases);
}
