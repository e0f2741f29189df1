// One call of the C ABI with all that it needs, so that it can be made in either way: waited for, or submitted.
#pragma once

#include "history/content.h"
#include "history/history.h"

#include <uakv.h>

#include <cstdint>
#include <vector>

namespace uakv::test {

struct Call {
    uint32_t kind = 0; // UAKV_CALL_...
    size_t space = 0;
    size_t first = 0; // key
    size_t count = 1; // of keys
    uint32_t ttl_ms = 0;
    uint32_t timeout_ms = 0; // of retrieve_or_reserve
    bool verify = false;
    const uakv_key *parent = nullptr;
    std::vector<uint64_t> versions; // that it stores, or would
    std::vector<uint32_t> numbers;  // of its operations in the journal: one, or one for each key

    // What the calls read and write.
    std::vector<std::vector<uint8_t>> blocks;
    std::vector<const void *> data;
    std::vector<size_t> lengths;
    std::vector<uakv_status> each;
    std::vector<uakv_view> views;
    std::vector<uint8_t> copy;
    size_t copied = 0;
    size_t removed = 0;
    uakv_slot slot = {};
    uakv_view view = {};

    bool in_flight = false; // it was submitted
};

// Makes the call and waits.
uakv_status run(Call &call, uakv_space *space, const uakv_key *keys);

// UAKV_PENDING when it was accepted.
uakv_status submit(Call &call, uakv_space *space, const uakv_key *keys, uint64_t user_data);

// What a completion brings, to where run() would have put it.
void take_result(Call &call, const uakv_completion &completion);

} // namespace uakv::test
