// A client: the parts of the library put together. The opaque types of the ABI are this struct and uakv_space.
#pragma once

#include "clientlib/async_calls.h"
#include "clientlib/attachments.h"
#include "clientlib/fork_guard.h"
#include "clientlib/leases.h"
#include "clientlib/reservations.h"
#include "clientlib/spaces.h"
#include "ipc/clock.h"

#include <cstdint>
#include <memory>

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
