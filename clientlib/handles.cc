#include "clientlib/handles.h"

#include "ipc/limits.h"

#include <array>
#include <atomic>
#include <mutex>

namespace uakv {
namespace {

constexpr std::uint64_t cells = limits::clients_per_process_max;

struct Cell {
    std::atomic<std::uint64_t> handle{0}; // 0: free
    std::atomic<uakv_client *> client{nullptr};
};

std::array<Cell, cells> table;
std::mutex mutex;
std::uint64_t next_turn = 1;

} // namespace

std::uint64_t register_client(uakv_client *client) {
    const std::scoped_lock lock(mutex);
    for (std::uint64_t i = 0; i < cells; ++i) {
        if (table[i].handle.load(std::memory_order_relaxed) == 0) {
            const std::uint64_t handle = next_turn++ * cells + i;
            table[i].client.store(client, std::memory_order_relaxed);
            table[i].handle.store(handle, std::memory_order_release);
            return handle;
        }
    }
    return 0;
}

// Takes no lock: a forked child calls this too, and a thread that it does not have may hold the lock.
void unregister_client(std::uint64_t handle) {
    table[handle % cells].handle.store(0, std::memory_order_release);
}

uakv_client *client_of_handle(std::uint64_t handle) {
    const Cell &cell = table[handle % cells];
    if (handle == 0 || cell.handle.load(std::memory_order_acquire) != handle) {
        return nullptr;
    }
    return cell.client.load(std::memory_order_relaxed);
}

} // namespace uakv
