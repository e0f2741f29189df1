#include "clientlib/handles.h"

#include <mutex>

namespace uakv {

std::array<HandleCell, handle_cells> handle_table;

namespace {

std::mutex mutex;
std::uint64_t next_turn = 1;

} // namespace

std::uint64_t register_client(uakv_client *client, ClientKind kind) {
    const bool connected = kind == ClientKind::connected;
    const std::uint64_t end = connected ? limits::clients_per_process_max : handle_cells;
    const std::scoped_lock lock(mutex);
    for (std::uint64_t i = connected ? 0 : limits::clients_per_process_max; i < end; ++i) {
        if (handle_table[i].handle.load(std::memory_order_relaxed) == 0) {
            const std::uint64_t handle = next_turn++ * handle_cells + i;
            handle_table[i].client.store(client, std::memory_order_relaxed);
            handle_table[i].handle.store(handle, std::memory_order_release);
            return handle;
        }
    }
    return 0;
}

// Takes no lock: a forked child calls this too, and a thread that it does not have may hold the lock.
void unregister_client(std::uint64_t handle) {
    handle_table[handle % handle_cells].handle.store(0, std::memory_order_release);
}

} // namespace uakv
