// A client that does all that a client can do, in an order drawn from a seed, round by round: whatever the test has
// armed, it comes by. It checks every byte that it is shown.
#pragma once

#include "death/journal.h"
#include "support/pattern.h"

#include <functional>
#include <initializer_list>
#include <string>

namespace uakv::test {

struct WorkloadOptions {
    std::string socket_path;
    std::string name; // of its blocks
    uint64_t seed = 1;
    // Others evict blocks, or the daemon may go away: what was stored may be missing, and calls may fail with the
    // statuses that say so.
    bool alone = true;
    uint32_t timeout_ms = 20'000;
    bool may_time_out = false; // the daemon may stand still
    size_t cleared_blocks = 3; // in the space that is emptied
    uint32_t ttl_ms = 3'600'000;
};

class Workload {
public:
    Workload(const WorkloadOptions &options, Journal &journal)
        : options_(options), journal_(journal), random_(options.seed) {}

    // Connects, does everything once, disconnects.
    void round();

    // The same on a client that stays.
    void round(uakv_client *client);

    // Fills the memory with blocks of one size, another each time.
    void change_sizes(uakv_client *client);

private:
    using State = Journal::State;

    bool fine(uakv_status status, std::initializer_list<uakv_status> others = {}) const;
    uakv_status store(uint32_t block);
    bool reserve(uint32_t block, uakv_slot &slot);
    bool commit(uint32_t block, uakv_slot &slot);
    uint32_t stored_block();
    void finish(uakv_client *client, size_t calls);

    void store_and_retrieve();
    void reserve_and_commit();
    void reserve_and_abort();
    void store_many();
    void retrieve_in_other_ways();
    void remove();
    void pin();
    void clear();
    void find_corrupt();
    void fly();
    void wait_for_flight();
    void ask_statistics();
    void submit_stores();
    void submit_retrieves();
    void submit_requests();
    void be_told_to_go();

    const WorkloadOptions options_;
    Journal &journal_;
    Random random_;
    size_t sizes_ = 0;
    bool told_to_go_ = false; // a busy daemon may let it in again only after a while
    uakv_client *client_ = nullptr;
    uakv_space *space_ = nullptr;
};

} // namespace uakv::test
