#include "stress/worker.h"

#include "support/check.h"
#include "support/client.h"
#include "support/pattern.h"

#include <algorithm>
#include <numeric>

namespace uakv::test {
namespace {

constexpr size_t held_views = 8;
constexpr size_t open_slots = 4;
constexpr size_t at_once = 4; // blocks in a call for many

class Work {
public:
    Work(uakv_space *space, const Blocks &blocks, Progress::Worker &progress, uint64_t seed)
        : space_(space), blocks_(blocks), progress_(progress), random_(seed), copy_(400'000) {}

    void step();
    void finish();

private:
    struct Held {
        uakv_view view = {};
        size_t block = 0;
    };
    struct Open {
        uakv_slot slot = {};
        size_t block = 0;
    };

    size_t any_block() { return random_.below(blocks_.count()); }
    void retrieve(size_t block);
    void retrieve_into(size_t block);
    void retrieve_many();
    void store(size_t block);
    void reserve(size_t block);
    void end_slot(Open &open);
    void hold(const uakv_view &view, size_t block);
    void release(Held &held);
    void check(const void *data, size_t n, size_t block);
    void check_stored(uakv_status status);

    uakv_space *space_;
    const Blocks &blocks_;
    Progress::Worker &progress_;
    Random random_;
    std::vector<uint8_t> copy_;
    Held views_[held_views];
    Open slots_[open_slots];
};

void Work::step() {
    const size_t block = any_block();
    const uint64_t choice = random_.below(100);
    if (choice < 30) {
        retrieve(block);
    } else if (choice < 35) {
        retrieve_into(block);
    } else if (choice < 40) {
        retrieve_many();
    } else if (choice < 65) {
        store(block);
    } else if (choice < 85) {
        reserve(block);
    } else if (choice < 95) {
        CHECK_STATUS(uakv_remove(space_, &blocks_.key(block), 1, nullptr), UAKV_OK);
    } else {
        const size_t first = random_.below(blocks_.count() - at_once);
        size_t matched = 0;
        CHECK_STATUS(uakv_match_prefix(space_, blocks_.keys() + first, at_once, &matched, nullptr), UAKV_OK);
        CHECK(matched <= at_once);
    }
    progress_.operations.fetch_add(1, std::memory_order_relaxed);
}

void Work::check(const void *data, size_t n, size_t block) {
    CHECK_EQ(n, blocks_.length(block));
    check_block(data, n, blocks_.key(block));
}

// A view is kept for a while in a random place: whatever lay there is released, and checked once more.
void Work::hold(const uakv_view &view, size_t block) {
    check(view.data, view.nbytes, block);
    Held &place = views_[random_.below(held_views)];
    release(place);
    place = {view, block};
    progress_.hits.fetch_add(1, std::memory_order_relaxed);
}

void Work::release(Held &held) {
    if (held.view.data != nullptr) {
        check(held.view.data, held.view.nbytes, held.block);
        CHECK_STATUS(uakv_release(&held.view), UAKV_OK);
        held.view = {};
    }
}

void Work::retrieve(size_t block) {
    uakv_retrieve_options options = {};
    options.struct_size = sizeof options;
    options.flags = random_.below(4) == 0 ? UAKV_VERIFY : 0;
    uakv_view view;
    const uakv_status status = uakv_retrieve(space_, &blocks_.key(block), &options, &view);
    if (status != UAKV_MISS) {
        CHECK_STATUS(status, UAKV_OK);
        hold(view, block);
    }
}

void Work::retrieve_into(size_t block) {
    size_t n = 0;
    const uakv_status status = uakv_retrieve_into(space_, &blocks_.key(block), copy_.data(), copy_.size(), &n, nullptr);
    if (status != UAKV_MISS) {
        CHECK_STATUS(status, UAKV_OK);
        check(copy_.data(), n, block);
        progress_.hits.fetch_add(1, std::memory_order_relaxed);
    }
}

void Work::retrieve_many() {
    const size_t first = random_.below(blocks_.count() - at_once);
    uakv_view views[at_once];
    uakv_status each[at_once];
    const uakv_status status = uakv_retrieve_many(space_, blocks_.keys() + first, at_once, views, each);
    CHECK_MESSAGE(status == UAKV_OK || status == UAKV_MISS, last_error());
    for (size_t i = 0; i < at_once; ++i) {
        if (each[i] == UAKV_OK) {
            hold(views[i], first + i);
        } else {
            CHECK_STATUS(each[i], UAKV_MISS);
            CHECK(status == UAKV_MISS && views[i].data == nullptr);
        }
    }
}

// Where slots of other sizes are leased or granted to others there may be no room at this moment.
void Work::check_stored(uakv_status status) {
    if (status == UAKV_ERR_NO_SPACE) {
        progress_.no_space.fetch_add(1, std::memory_order_relaxed);
    } else if (status != UAKV_EXISTS) {
        CHECK_STATUS(status, UAKV_OK);
    }
}

void Work::store(size_t block) {
    const size_t n = blocks_.length(block);
    fill_block(copy_.data(), n, blocks_.key(block));
    uakv_store_options options = {};
    options.struct_size = sizeof options;
    options.parent = block > 0 && random_.below(2) == 0 ? &blocks_.key(block - 1) : nullptr;
    check_stored(uakv_store(space_, &blocks_.key(block), copy_.data(), n, &options));
}

// A slot stays open for a while, half of it filled: whatever lay in its place is committed or aborted.
void Work::reserve(size_t block) {
    Open &place = slots_[random_.below(open_slots)];
    end_slot(place);
    const uakv_status status = uakv_reserve(space_, &blocks_.key(block), blocks_.length(block), nullptr, &place.slot);
    if (status != UAKV_OK) {
        place.slot = {};
        check_stored(status);
        return;
    }
    place.block = block;
    std::fill_n(static_cast<uint8_t *>(place.slot.data), place.slot.nbytes / 2, uint8_t{0xdd});
}

void Work::end_slot(Open &open) {
    if (open.slot.data == nullptr) {
        return;
    }
    if (random_.below(4) == 0) {
        CHECK_STATUS(uakv_abort(&open.slot), UAKV_OK);
    } else {
        fill_block(open.slot.data, open.slot.nbytes, blocks_.key(open.block));
        check_stored(uakv_commit(&open.slot));
    }
    open.slot = {};
}

void Work::finish() {
    for (Held &held : views_) {
        release(held);
    }
    for (Open &open : slots_) {
        end_slot(open);
    }
}

template <typename Counter> uint64_t sum(const Progress &progress, Counter counter) {
    return std::accumulate(std::begin(progress.worker), std::end(progress.worker), uint64_t{0},
                           [&](uint64_t total, const Progress::Worker &worker) {
                               return total + (worker.*counter).load(std::memory_order_relaxed);
                           });
}

} // namespace

uint64_t Progress::operations() const {
    return sum(*this, &Worker::operations);
}

uint64_t Progress::hits() const {
    return sum(*this, &Worker::hits);
}

uint64_t Progress::no_space() const {
    return sum(*this, &Worker::no_space);
}

Blocks::Blocks(size_t count) : keys_(make_keys("stress", count)) {
    Random random(count);
    for (size_t i = 0; i < count; ++i) {
        const uint64_t choice = random.below(100);
        const uint64_t limit = choice < 60 ? 4096 : choice < 90 ? 16'000 : choice < 99 ? 65'536 : 300'000;
        lengths_.push_back(1 + random.below(limit));
    }
}

size_t Blocks::bytes() const {
    return std::accumulate(lengths_.begin(), lengths_.end(), size_t{0});
}

void work(const std::string &socket_path, const Blocks &blocks, Progress &progress, size_t number, uint64_t seed) {
    uakv_client *client = nullptr;
    CHECK_STATUS(connect_to(socket_path, 0, 0, &client), UAKV_OK);
    {
        Space space(client);
        Work work(space, blocks, progress.worker[number], seed);
        while (!progress.stop.load(std::memory_order_relaxed)) {
            work.step();
        }
        work.finish();
    }
    uakv_disconnect(client);
}

} // namespace uakv::test
