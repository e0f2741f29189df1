// Which clients of this process are connected. Views and slots are plain structs that may be used after
// their client has gone: they name it by a number that is never used twice, not by its address.
#pragma once

#include "abi/uakv.h"
#include "ipc/limits.h"

#include <array>
#include <atomic>
#include <cstdint>

namespace uakv {

// Those that callers connect, and those that the library makes for the devices that these use.
enum class ClientKind { connected, device };

// 0 when there are as many of the kind as can be: clients_per_process_max, or devices_per_process_max.
std::uint64_t register_client(uakv_client *client, ClientKind kind = ClientKind::connected);
void unregister_client(std::uint64_t handle);

struct HandleCell {
    std::atomic<std::uint64_t> handle{0}; // 0: free
    std::atomic<uakv_client *> client{nullptr};
};
constexpr std::uint64_t handle_cells = limits::clients_per_process_max + limits::devices_per_process_max;
extern std::array<HandleCell, handle_cells> handle_table; // a handle's place is its number modulo the size

// Null when the handle's client has disconnected, or the number was never a handle.
inline uakv_client *client_of_handle(std::uint64_t handle) {
    const HandleCell &cell = handle_table[handle % handle_cells];
    if (handle == 0 || cell.handle.load(std::memory_order_acquire) != handle) [[unlikely]] {
        return nullptr;
    }
    return cell.client.load(std::memory_order_relaxed);
}

} // namespace uakv
