#include "death/workload.h"

#include "death/own_sockets.h"
#include "support/check.h"
#include "support/client.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

namespace uakv::test {

// ---- rounds -----------------------------------------------------------------------------------------------

void Workload::round() {
    told_to_go_ = false;
    uakv_client *client = nullptr;
    if (!fine(connect_to(options_.socket_path, 0, options_.timeout_ms, &client))) {
        return;
    }
    round(client);
    uakv_disconnect(client);
}

void Workload::round(uakv_client *client) {
    client_ = client;
    if (!fine(uakv_space_open(client, "work", nullptr, &space_))) {
        return;
    }
    using Step = void (Workload::*)();
    Step steps[] = {&Workload::store_and_retrieve,
                    &Workload::reserve_and_commit,
                    &Workload::reserve_and_abort,
                    &Workload::store_many,
                    &Workload::retrieve_in_other_ways,
                    &Workload::remove,
                    &Workload::pin,
                    &Workload::clear,
                    &Workload::find_corrupt,
                    &Workload::fly,
                    &Workload::wait_for_flight,
                    &Workload::ask_statistics,
                    &Workload::submit_stores,
                    &Workload::submit_retrieves,
                    &Workload::submit_requests,
                    &Workload::be_told_to_go};
    for (size_t i = std::size(steps); i > 1; --i) {
        std::swap(steps[i - 1], steps[random_.below(i)]);
    }
    for (const Step step : steps) {
        (this->*step)();
    }
    uakv_space_close(space_);
}

void Workload::change_sizes(uakv_client *client) {
    constexpr std::array<size_t, 3> sizes = {60'000, 700'000, 250'000};
    constexpr size_t bytes = 20 << 20;
    if (!fine(uakv_space_open(client, "sizes", nullptr, &space_))) {
        return;
    }
    const size_t size = sizes[sizes_++ % sizes.size()];
    for (size_t stored = 0; stored < bytes; stored += size) {
        const uakv_key key = make_key(options_.name + "/size", journal_.next());
        if (store_block(space_, key, size) == UAKV_ERR_DISCONNECTED) {
            break;
        }
        check_stored_or_missing(space_, key, size);
    }
    uakv_space_close(space_);
}

// Whether the call did what it was asked. Any other outcome than those that this workload may meet fails the test.
bool Workload::fine(uakv_status status, std::initializer_list<uakv_status> others) const {
    const auto is_in = [status](std::initializer_list<uakv_status> set) {
        return std::find(set.begin(), set.end(), status) != set.end();
    };
    const bool expected =
        status == UAKV_OK || is_in(others) ||
        (!options_.alone && is_in({UAKV_MISS, UAKV_EXISTS, UAKV_ERR_DISCONNECTED, UAKV_ERR_NO_SPACE})) ||
        (options_.may_time_out && status == UAKV_ERR_TIMEOUT) || (told_to_go_ && status == UAKV_ERR_DISCONNECTED);
    CHECK_MESSAGE(expected, std::string("a call gave ") + uakv_status_name(status) + " (" + last_error() + "), seed " +
                                std::to_string(options_.seed));
    return status == UAKV_OK;
}

// ---- parts of steps ---------------------------------------------------------------------------------------

uakv_status Workload::store(uint32_t block) {
    const uakv_key key = key_of(options_.name, block);
    const std::vector<uint8_t> data = make_block(bytes_of(block), key);
    uakv_store_options options = {};
    options.struct_size = sizeof options;
    options.ttl_ms = random_.below(4) == 0 ? options_.ttl_ms : 0;
    journal_.note(block, State::storing);
    const uakv_status status = uakv_store(space_, &key, data.data(), data.size(), &options);
    if (status == UAKV_OK) {
        journal_.note(block, State::stored);
    }
    return status;
}

bool Workload::reserve(uint32_t block, uakv_slot &slot) {
    const uakv_key key = key_of(options_.name, block);
    if (!fine(uakv_reserve(space_, &key, bytes_of(block), nullptr, &slot))) {
        return false;
    }
    fill_block(slot.data, slot.nbytes, key);
    return true;
}

bool Workload::commit(uint32_t block, uakv_slot &slot) {
    journal_.note(block, State::committing);
    if (!fine(uakv_commit(&slot))) {
        return false;
    }
    journal_.note(block, State::stored);
    return true;
}

uint32_t Workload::stored_block() {
    const uint32_t block = journal_.next();
    fine(store(block));
    return block;
}

// ---- calls that wait --------------------------------------------------------------------------------------

void Workload::store_and_retrieve() {
    const uint32_t block = stored_block();
    const uakv_key key = key_of(options_.name, block);
    fine(store(block), {UAKV_EXISTS});
    uakv_view view;
    uakv_retrieve_options options = {};
    options.struct_size = sizeof options;
    options.flags = random_.below(2) == 0 ? UAKV_VERIFY : 0;
    if (fine(uakv_retrieve(space_, &key, &options, &view))) {
        check_block(view.data, view.nbytes, key);
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
}

void Workload::reserve_and_commit() {
    const uint32_t block = journal_.next();
    uakv_slot slot;
    if (reserve(block, slot)) {
        commit(block, slot);
    }
}

void Workload::reserve_and_abort() {
    // More than the client keeps for later: the others go back to the daemon.
    std::vector<uakv_slot> slots;
    const uint32_t block = journal_.next() / 5 * 5; // one size
    const uakv_key key = make_key(options_.name + "/aborted", block);
    for (size_t i = 0; i < 20; ++i) {
        uakv_slot slot;
        if (fine(uakv_reserve(space_, &key, bytes_of(block), nullptr, &slot))) {
            slots.push_back(slot);
        }
    }
    for (uakv_slot &slot : slots) {
        CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
    }
}

void Workload::store_many() {
    constexpr size_t count = 20;
    std::vector<uint32_t> blocks;
    std::vector<uakv_key> keys;
    std::vector<std::vector<uint8_t>> contents;
    std::vector<const void *> data;
    std::vector<size_t> lengths;
    std::array<uakv_status, count> each{};
    for (size_t i = 0; i < count; ++i) {
        blocks.push_back(journal_.next());
        keys.push_back(key_of(options_.name, blocks[i]));
        contents.push_back(make_block(bytes_of(blocks[i]), keys[i]));
        data.push_back(contents[i].data());
        lengths.push_back(contents[i].size());
        journal_.note(blocks[i], State::storing);
    }
    fine(uakv_store_many(space_, keys.data(), data.data(), lengths.data(), count, each.data()));
    for (size_t i = 0; i < count; ++i) {
        if (each[i] == UAKV_OK) {
            journal_.note(blocks[i], State::stored);
        }
    }
    std::array<uakv_view, count> views{};
    fine(uakv_retrieve_many(space_, keys.data(), count, views.data(), each.data()));
    for (size_t i = 0; i < count; ++i) {
        if (each[i] == UAKV_OK) {
            check_block(views[i].data, views[i].nbytes, keys[i]);
            CHECK_STATUS(uakv_release(&views[i]), UAKV_OK);
        }
    }
}

void Workload::retrieve_in_other_ways() {
    const uint32_t block = stored_block();
    const uakv_key key = key_of(options_.name, block);
    std::vector<uint8_t> copy(bytes_of(block));
    size_t n = 0;
    if (fine(uakv_retrieve_into(space_, &key, copy.data(), copy.size(), &n, nullptr))) {
        check_block(copy.data(), n, key);
    }
    uint8_t tier = 0;
    fine(uakv_match_prefix(space_, &key, 1, &n, &tier));
    fine(uakv_contains(space_, &key, 1, &tier));
    const uakv_key missing = make_key(options_.name + "/missing");
    uakv_view view;
    fine(uakv_retrieve(space_, &missing, nullptr, &view), {UAKV_MISS});
}

void Workload::remove() {
    const uint32_t block = stored_block();
    const uakv_key key = key_of(options_.name, block);
    journal_.note(block, State::removing);
    size_t removed = 0;
    if (fine(uakv_remove(space_, &key, 1, &removed))) {
        journal_.note(block, State::absent);
    }
}

void Workload::pin() {
    const uakv_key key = key_of(options_.name, stored_block());
    fine(uakv_pin(space_, &key, 1, 3'600'000));
    fine(uakv_pin(space_, &key, 1, 0));
}

void Workload::clear() {
    uakv_space *space = nullptr;
    if (!fine(uakv_space_open(client_, "cleared", nullptr, &space))) {
        return;
    }
    std::vector<uakv_key> keys = make_keys(options_.name + "/cleared", options_.cleared_blocks);
    const std::vector<uint8_t> block(100);
    const std::vector<const void *> data(keys.size(), block.data());
    const std::vector<size_t> lengths(keys.size(), block.size());
    fine(uakv_store_many(space, keys.data(), data.data(), lengths.data(), keys.size(), nullptr));
    fine(uakv_clear(space));
    fine(uakv_flush(space), {UAKV_ERR_UNSUPPORTED}); // where the daemon has no disk
    uakv_space_close(space);
}

// A byte is written after the commit, while a view keeps the slot from being another block's.
void Workload::find_corrupt() {
    const uakv_key key = make_key(options_.name + "/spoilt", journal_.next());
    uakv_slot slot;
    uakv_view view;
    if (!fine(uakv_reserve(space_, &key, 9'000, nullptr, &slot))) {
        return;
    }
    fill_block(slot.data, slot.nbytes, key);
    if (!fine(uakv_commit(&slot)) || !fine(uakv_retrieve(space_, &key, nullptr, &view))) {
        return;
    }
    uint8_t &byte = static_cast<uint8_t *>(slot.data)[7];
    byte = static_cast<uint8_t>(byte ^ 1);
    uakv_retrieve_options options = {};
    options.struct_size = sizeof options;
    options.flags = UAKV_VERIFY;
    uakv_view other;
    CHECK(!fine(uakv_retrieve(space_, &key, &options, &other), {UAKV_ERR_CORRUPT}));
    byte = static_cast<uint8_t>(byte ^ 1);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

void Workload::ask_statistics() {
    uakv_statistics statistics = {};
    statistics.struct_size = sizeof statistics;
    if (fine(uakv_stats(client_, &statistics))) {
        CHECK(statistics.clients >= 1 && statistics.bytes_capacity > 0);
    }
}

// ---- single flight ----------------------------------------------------------------------------------------

void Workload::fly() {
    const uakv_key key = flight_key_of(options_.name, journal_.flight.fetch_add(1) + 1);
    uakv_view view;
    uakv_slot slot;
    const uakv_status status = uakv_retrieve_or_reserve(space_, &key, flight_bytes, 0, &view, &slot);
    if (status == UAKV_MISS) {
        fill_block(slot.data, flight_bytes, key);
        if (random_.below(2) == 0) {
            CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
        } else {
            fine(uakv_commit(&slot), {UAKV_EXISTS});
        }
    } else if (fine(status)) {
        check_block(view.data, view.nbytes, key);
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
}

// It waits for itself: once in vain, and once until the block lands.
void Workload::wait_for_flight() {
    const uakv_key key = flight_key_of(options_.name, journal_.flight.fetch_add(1) + 1);
    uakv_view view;
    uakv_slot slot, other;
    uakv_status status = uakv_retrieve_or_reserve(space_, &key, flight_bytes, 0, &view, &slot);
    if (status != UAKV_MISS) {
        if (fine(status)) {
            CHECK_STATUS(uakv_release(&view), UAKV_OK);
        }
        return;
    }
    const uakv_status waited = uakv_retrieve_or_reserve(space_, &key, flight_bytes, 3, &view, &other);
    if (waited == UAKV_MISS) { // the daemon has given up on the first
        CHECK_STATUS(uakv_abort(&other), UAKV_OK);
    } else if (fine(waited, {UAKV_ERR_TIMEOUT})) {
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
    status = uakv_retrieve_or_reserve_submit(space_, &key, flight_bytes, 0, 1);
    fill_block(slot.data, flight_bytes, key);
    if (random_.below(2) == 0) {
        CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
    } else {
        fine(uakv_commit(&slot), {UAKV_EXISTS});
    }
    if (status == UAKV_PENDING) {
        finish(client_, 1);
    } else {
        fine(status);
    }
}

// ---- calls that do not wait -------------------------------------------------------------------------------

// Polls until this many calls are over, and ends what they give.
void Workload::finish(uakv_client *client, size_t calls) {
    CHECK(uakv_event_fd(client) >= 0);
    while (calls > 0) {
        uakv_completion done = {};
        CHECK_MESSAGE(uakv_poll(client, &done, 1, 20'000) == 1, "a completion does not come");
        --calls;
        const bool has_slot = done.kind == UAKV_CALL_RESERVE
                                  ? done.status == UAKV_OK
                                  : done.kind == UAKV_CALL_RETRIEVE_OR_RESERVE && done.status == UAKV_MISS;
        if (has_slot) {
            CHECK_STATUS(uakv_abort(&done.result.slot), UAKV_OK);
            continue;
        }
        if (!fine(done.status, {UAKV_EXISTS})) {
            continue;
        }
        if (done.kind == UAKV_CALL_STORE || done.kind == UAKV_CALL_COMMIT) {
            journal_.note(static_cast<uint32_t>(done.user_data), State::stored);
        } else if (done.kind == UAKV_CALL_RETRIEVE || done.kind == UAKV_CALL_RETRIEVE_OR_RESERVE) {
            CHECK_STATUS(uakv_release(&done.result.view), UAKV_OK);
        }
    }
}

void Workload::submit_stores() {
    const uint32_t copied = journal_.next(), in_place = journal_.next();
    const uakv_key copied_key = key_of(options_.name, copied), open_key = make_key(options_.name + "/open", copied);
    const std::vector<uint8_t> data = make_block(bytes_of(copied), copied_key);
    size_t accepted = 0;
    const auto submitted = [&](uakv_status status) {
        if (status == UAKV_PENDING) {
            ++accepted;
            return true;
        }
        fine(status);
        return false;
    };
    journal_.note(copied, State::storing);
    submitted(uakv_store_submit(space_, &copied_key, data.data(), data.size(), nullptr, copied));
    submitted(uakv_reserve_submit(space_, &open_key, 9'000, nullptr, 0));
    uakv_slot slot;
    if (reserve(in_place, slot)) {
        journal_.note(in_place, State::committing);
        if (!submitted(uakv_commit_submit(&slot, in_place))) {
            CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
            journal_.note(in_place, State::absent);
        }
    }
    finish(client_, accepted);
}

void Workload::submit_retrieves() {
    const uint32_t block = stored_block();
    const uakv_key key = key_of(options_.name, block);
    std::vector<uint8_t> copy(bytes_of(block));
    uakv_view view = {};
    uakv_status each = UAKV_OK;
    size_t accepted = 0;
    for (const uakv_status status : {uakv_retrieve_submit(space_, &key, nullptr, 1),
                                     uakv_retrieve_into_submit(space_, &key, copy.data(), copy.size(), nullptr, 2),
                                     uakv_retrieve_many_submit(space_, &key, 1, &view, &each, 3)}) {
        if (status == UAKV_PENDING) {
            ++accepted;
        } else {
            fine(status);
        }
    }
    finish(client_, accepted);
    if (view.data != nullptr) {
        check_block(view.data, view.nbytes, key);
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
}

void Workload::submit_requests() {
    const uakv_key missing = make_key(options_.name + "/missing");
    const uint32_t block = journal_.next();
    const uakv_key key = key_of(options_.name, block);
    const std::vector<uint8_t> data = make_block(bytes_of(block), key);
    const void *const datum = data.data();
    const size_t length = data.size();
    uakv_statistics statistics = {};
    statistics.struct_size = sizeof statistics;
    uakv_space *cleared = nullptr;
    if (!fine(uakv_space_open(client_, "cleared", nullptr, &cleared))) {
        return;
    }
    journal_.note(block, State::storing);
    size_t accepted = 0;
    for (const uakv_status status :
         {uakv_remove_submit(space_, &missing, 1, 1), uakv_clear_submit(cleared, 2),
          uakv_pin_submit(space_, &missing, 0, 0, 3), uakv_stats_submit(client_, &statistics, 4),
          uakv_store_many_submit(space_, &key, &datum, &length, 1, nullptr, 5)}) {
        if (status == UAKV_PENDING) {
            ++accepted;
        } else {
            fine(status);
        }
    }
    finish(client_, accepted);
    uakv_space_close(cleared);
}

// As when the daemon ends a session: the client attaches anew, and its views and slots stand until it ends them.
void Workload::be_told_to_go() {
    const uint32_t block = stored_block();
    const uakv_key key = key_of(options_.name, block);
    const uakv_key flight = flight_key_of(options_.name, journal_.flight.load() + 1'000'000); // nobody else's
    uakv_view view, other;
    uakv_slot slot, another;
    if (!fine(uakv_retrieve(space_, &key, nullptr, &view))) {
        return;
    }
    const uakv_status reserved = uakv_retrieve_or_reserve(space_, &flight, flight_bytes, 0, &other, &slot);
    if (reserved != UAKV_MISS) {
        if (fine(reserved)) {
            CHECK_STATUS(uakv_release(&other), UAKV_OK);
        }
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
        return;
    }
    hang_up_own_sockets(options_.socket_path);
    told_to_go_ = true;
    // Not for long: where it has attached anew already, it waits for its own old self.
    const uakv_status waited = uakv_retrieve_or_reserve(space_, &flight, flight_bytes, 20, &other, &another);
    if (waited == UAKV_OK) {
        CHECK_STATUS(uakv_release(&other), UAKV_OK);
    } else if (waited == UAKV_MISS) {
        CHECK_STATUS(uakv_abort(&another), UAKV_OK);
    } else {
        fine(waited, {UAKV_ERR_DISCONNECTED, UAKV_ERR_TIMEOUT});
    }
    fine(store(journal_.next()));
    CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
    check_block(view.data, view.nbytes, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

} // namespace uakv::test
