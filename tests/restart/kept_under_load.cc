// Daemon after daemon is killed under clients that retrieve, store and hold views: no wrong byte, and no retrieve of a
// block that stays in memory that does not find it.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/keeper.h"
#include "support/pattern.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <vector>

#include <sys/mman.h>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 20'000;
constexpr int kills = 20;
constexpr size_t clients = 4;
constexpr int kills_in_a_row = 2; // a third start that comes to an end soon begins with nothing
constexpr uint64_t healthy_ms = 10'500;

// What all processes see.
struct Board {
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> hits[clients]{};
    std::atomic<uint64_t> stored[clients]{};
};

class SharedBoard {
public:
    SharedBoard() {
        void *memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CHECK(memory != MAP_FAILED);
        board_ = new (memory) Board;
    }
    SharedBoard(const SharedBoard &) = delete;
    SharedBoard &operator=(const SharedBoard &) = delete;
    ~SharedBoard() { munmap(board_, sizeof(Board)); }
    Board *operator->() const { return board_; }

private:
    Board *board_;
};

struct Held {
    uakv_key key;
    uakv_view view;
};

// Retrieves the blocks that stay, and stores, reserves and drops others of its own.
class Worker {
public:
    Worker(uakv_space *space, size_t number, const std::vector<uakv_key> &resident, const SharedBoard &board)
        : space_(space), number_(number), resident_(resident), board_(board), random_(number) {}

    void run() {
        while (!board_->stop) {
            hit();
            if (random_.below(8) == 0) {
                store();
            }
            if (random_.below(64) == 0) {
                reserve();
            }
        }
        while (!held_.empty()) {
            let_go();
        }
    }

private:
    void hit() {
        const uakv_key &key = resident_[random_.below(resident_.size())];
        Held held{key, {}};
        CHECK_STATUS(uakv_retrieve(space_, &key, nullptr, &held.view), UAKV_OK);
        check_block(held.view.data, held.view.nbytes, key);
        held_.push_back(held);
        if (held_.size() > 50) {
            let_go();
        }
        ++board_->hits[number_];
    }
    void let_go() {
        const size_t i = random_.below(held_.size());
        Held held = held_[i];
        held_[i] = held_.back();
        held_.pop_back();
        check_block(held.view.data, held.view.nbytes, held.key);
        CHECK_STATUS(uakv_release(&held.view), UAKV_OK);
    }

    uakv_key own_key() { return make_key("own" + std::to_string(number_), random_.below(2'000)); }
    static void check_outcome(uakv_status status) {
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_EXISTS || status == UAKV_ERR_DISCONNECTED,
                      std::string(uakv_status_name(status)) + ": " + last_error());
    }
    void store() {
        const uakv_key key = own_key();
        const uakv_status status = store_block(space_, key, block_bytes);
        check_outcome(status);
        board_->stored[number_] += status == UAKV_OK ? 1 : 0;
        check_stored_or_missing(space_, key, block_bytes);
    }
    void reserve() {
        const uakv_key key = own_key();
        uakv_slot slot;
        const uakv_status status = uakv_reserve(space_, &key, block_bytes, nullptr, &slot);
        check_outcome(status);
        if (status == UAKV_OK) {
            fill_block(slot.data, block_bytes, key);
            check_outcome(random_.below(2) == 0 ? uakv_commit(&slot) : uakv_abort(&slot));
        }
    }

    uakv_space *space_;
    const size_t number_;
    const std::vector<uakv_key> &resident_;
    const SharedBoard &board_;
    Random random_;
    std::vector<Held> held_;
};

void live(const KeptDaemon &daemon, size_t number, const std::vector<uakv_key> &resident, const SharedBoard &board) {
    uakv_client *client = nullptr;
    uakv_space *space = nullptr;
    CHECK_STATUS(connect_to(daemon.socket_path(), 0, 0, &client), UAKV_OK);
    CHECK_STATUS(uakv_space_open(client, "test", nullptr, &space), UAKV_OK);
    Worker(space, number, resident, board).run();
    uakv_disconnect(client);
}

uint64_t lowest(const std::atomic<uint64_t> (&counts)[clients]) {
    uint64_t lowest = UINT64_MAX;
    for (const auto &count : counts) {
        lowest = std::min(lowest, count.load());
    }
    return lowest;
}

uint64_t uptime_ms(uakv_client *client) {
    uakv_statistics statistics{};
    statistics.struct_size = sizeof statistics;
    return uakv_stats(client, &statistics) == UAKV_OK ? statistics.uptime_ms : 0;
}

void killed_again_and_again() {
    KeptDaemon daemon; // 64 MiB; all that is stored here is less
    uakv_client *client = nullptr;
    uakv_space *space = nullptr;
    CHECK_STATUS(connect_to(daemon.socket_path(), 0, 0, &client), UAKV_OK);
    CHECK_STATUS(uakv_space_open(client, "test", nullptr, &space), UAKV_OK);
    const std::vector<uakv_key> resident = make_keys("resident", 300);
    for (const uakv_key &key : resident) {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        CHECK_STATUS(uakv_pin(space, &key, 1, UAKV_PIN_FOREVER), UAKV_OK);
    }
    const SharedBoard board;
    std::vector<std::unique_ptr<Child>> children;
    for (size_t number = 0; number < clients; ++number) {
        children.push_back(std::make_unique<Child>([&, number] { live(daemon, number, resident, board); }));
    }
    await("all are at work", [&] { return lowest(board->hits) > 100; });
    for (int kill = 1; kill <= kills; ++kill) {
        daemon.kill();
        const uint64_t hits = board->hits[0] + board->hits[1] + board->hits[2] + board->hits[3];
        await("hits without a daemon",
              [&] { return board->hits[0] + board->hits[1] + board->hits[2] + board->hits[3] > hits + 100; });
        daemon.start();
        CHECK(daemon.log().find("empty memory") == std::string::npos);
        const uint64_t stored = lowest(board->stored);
        await("all store in the new daemon", [&] { return lowest(board->stored) > stored; });
        if (kill % kills_in_a_row == 0) {
            await("the daemon counts as healthy", [&] { return uptime_ms(client) > healthy_ms; });
        }
    }
    board->stop = true;
    for (const auto &child : children) {
        child->join();
    }
    uakv_disconnect(client);
}

constexpr Case cases[] = {
    {"killed_again_and_again", killed_again_and_again},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("kept_under_load", uakv::test::cases);
}
