// Touches: told in order, lost when nobody looks, never believed.
#include "ipc/touch_ring.h"
#include "support/check.h"

#include <memory>
#include <numeric>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint32_t capacity = 100'000; // of the index

struct Ring {
    std::unique_ptr<SessionLayout> session = std::make_unique<SessionLayout>();
    TouchReader reader;

    std::vector<EntryId> drain() {
        std::vector<EntryId> entries;
        CHECK(reader.drain(*session, capacity, [&](EntryId entry) { entries.push_back(entry); }));
        return entries;
    }
};

std::vector<EntryId> range(EntryId first, EntryId end) {
    std::vector<EntryId> entries(end - first);
    std::iota(entries.begin(), entries.end(), first);
    return entries;
}

void in_order_and_once() {
    Ring ring;
    CHECK(ring.drain().empty());
    touch(*ring.session, 0, 10);
    touch(*ring.session, 7, 20);
    touch(*ring.session, 7, 30);
    CHECK(ring.drain() == (std::vector<EntryId>{0, 7, 7}));
    CHECK(ring.drain().empty());
    CHECK_EQ(ring.session->header.touch_tail, 3);
    CHECK_EQ(ring.session->header.bytes_hit, 60);
}

void round_and_round() {
    Ring ring;
    for (EntryId first = 0; first < 4 * limits::touches; first += 1000) {
        for (EntryId entry = first; entry < first + 1000; ++entry) {
            touch(*ring.session, entry, 1);
        }
        CHECK(ring.drain() == range(first, first + 1000));
    }
}

void oldest_are_lost() {
    Ring ring;
    for (EntryId entry = 0; entry < limits::touches + 5; ++entry) {
        touch(*ring.session, entry, 1);
    }
    CHECK(ring.drain() == range(5, limits::touches + 5));
    CHECK(ring.drain().empty());
}

void entries_that_cannot_be() {
    Ring ring;
    touch(*ring.session, capacity - 1, 1);
    CHECK(ring.drain() == std::vector<EntryId>{capacity - 1});
    touch(*ring.session, capacity, 1);
    CHECK(!ring.reader.drain(*ring.session, capacity, [](EntryId) { throw Failure("visited"); }));
}

// The client counted, but has not written yet, or never will.
void places_without_a_touch() {
    Ring ring;
    ring.session->header.touch_tail = 3;
    ring.session->touches[1] = 8;
    CHECK(ring.drain() == std::vector<EntryId>{7});
}

void any_tail() {
    Ring ring;
    touch(*ring.session, 3, 1);
    CHECK_EQ(ring.drain().size(), 1);
    ring.session->header.touch_tail = 0; // backwards: as if it had run all the way round
    CHECK(ring.drain().size() <= limits::touches);
    ring.session->header.touch_tail = UINT64_MAX;
    CHECK(ring.drain().size() <= limits::touches);
    CHECK(ring.drain().empty());
}

constexpr Case cases[] = {
    {"in_order_and_once", in_order_and_once},
    {"round_and_round", round_and_round},
    {"oldest_are_lost", oldest_are_lost},
    {"entries_that_cannot_be", entries_that_cannot_be},
    {"any_tail", any_tail},
    {"places_without_a_touch", places_without_a_touch},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("touch_ring", uakv::test::cases);
}
