// Which clients of this process are connected. Views and slots are plain structs that may be used after
// their client has gone: they name it by a number that is never used twice, not by its address.
#pragma once

#include "abi/uakv.h"

#include <cstdint>

namespace uakv {

// 0 when clients_per_process_max are connected already.
std::uint64_t register_client(uakv_client *client);
void unregister_client(std::uint64_t handle);

// Null when the handle's client has disconnected, or the number was never a handle.
uakv_client *client_of_handle(std::uint64_t handle);

} // namespace uakv
