// A connected client: the parts of the library put together. The opaque types of the ABI are these structs.
#pragma once

#include "clientlib/connection.h"
#include "clientlib/fork_guard.h"
#include "clientlib/grants.h"
#include "clientlib/leases.h"
#include "clientlib/reservations.h"
#include "clientlib/segments.h"
#include "clientlib/submitter.h"
#include "ipc/lookup.h"
#include "ipc/mapping.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

// One for each space that the client has opened, however often. It lasts as long as the client, since open
// slots name it; closing only takes back an opening.
struct uakv_space {
    uakv_client *client = nullptr;
    uakv::SpaceId id = 0;
    uakv::SpaceDescription description;
    std::uint32_t openings = 0;
};

struct uakv_client {
    // What exists from the first moment. The rest is made once the daemon has said welcome.
    std::uint64_t handle = 0;
    std::uint64_t fork_token = 0;
    bool read_only = false;
    std::uint64_t timeout_ns = 0;
    uakv::Connection connection;

    uakv::Mapping index;
    uakv::Mapping session_mapping;
    uakv::SessionLayout *session = nullptr;
    std::optional<uakv::Lookup> lookup;
    std::optional<uakv::Leases> leases;
    std::optional<uakv::Segments> segments;
    std::optional<uakv::Grants> grants;
    uakv::Reservations reservations;
    std::optional<uakv::Submitter> submitter;

    std::mutex spaces_mutex;
    std::vector<std::unique_ptr<uakv_space>> spaces;

    std::uint64_t deadline_ns() const;
};

namespace uakv {

// Connects and maps. The options are complete and checked.
Result<std::unique_ptr<uakv_client>> make_client(const uakv_connect_options &options);
// In a forked child it only frees what belongs to the child.
void destroy_client(uakv_client *client);
Result<uakv_space *> open_space(uakv_client &client, const char *name, const uakv_space_options &options);
void close_space(uakv_space *space);

} // namespace uakv
