// A client: the parts of the library put together. The opaque types of the ABI are this struct and uakv_space.
#pragma once

#include "clientlib/async_calls.h"
#include "clientlib/attachments.h"
#include "clientlib/fork_guard.h"
#include "clientlib/leases.h"
#include "clientlib/reservations.h"
#include "clientlib/spaces.h"
#include "ipc/clock.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

namespace uakv {

class DeviceCache;

// What hangs on a client beside what each has: its devices (clientlib/cuda).
class ClientAnnex {
public:
    virtual ~ClientAnnex() = default;
    virtual void close() = 0;   // the client disconnects
    virtual void abandon() = 0; // instead, in a forked child
};

} // namespace uakv

struct uakv_client {
    uakv_client(uakv::Target target, std::uint64_t fork_token, std::uint64_t timeout_ns);

    const std::uint64_t fork_token;
    const std::uint64_t timeout_ns;
    std::uint64_t handle = 0;
    uakv::Leases leases;
    uakv::Attachments attachments;
    uakv::AsyncCalls async_calls; // goes before the attachments that it visits
    uakv::Reservations reservations;
    uakv::OpenSpaces spaces;

    // Of a client that the library has made for a device: which. Null for those that callers connect.
    uakv::DeviceCache *device_cache = nullptr;
    std::atomic<uakv::ClientAnnex *> annex{nullptr}; // null until there is need of one
    std::mutex annex_mutex;
    std::unique_ptr<uakv::ClientAnnex> made_annex;

    bool read_only() const { return attachments.target().read_only(); }
    std::uint64_t deadline_ns() const { return uakv::now_ns() + timeout_ns; }
};

namespace uakv {

// Connects and maps. The options are complete and checked.
Result<std::unique_ptr<uakv_client>> make_client(const uakv_connect_options &options);
// In a forked child it only frees what belongs to the child.
void destroy_client(uakv_client *client);
Result<uakv_space *> open_space(uakv_client &client, const char *name, const uakv_space_options &options);
void close_space(uakv_space *space);

} // namespace uakv
