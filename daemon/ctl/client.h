// libuakv as uakvctl uses it: handles that close themselves, errors as the rest of the program has them, and spaces
// opened by what the daemon says that they are.
#pragma once

#include "daemon/ctl/report.h"
#include "ipc/result.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace uakv::ctl {

struct Options;

struct CloseClient {
    void operator()(uakv_client *client) const { uakv_disconnect(client); }
};
struct CloseSpace {
    void operator()(uakv_space *space) const { uakv_space_close(space); }
};
using ClientHandle = std::unique_ptr<uakv_client, CloseClient>;
using SpaceHandle = std::unique_ptr<uakv_space, CloseSpace>;

Result<ClientHandle> connect_client(const Options &options, std::uint32_t flags);

// What the library said about the call that has just failed.
Error last_error(uakv_status status);

struct OpenSpace {
    ClientHandle client;
    SpaceHandle space;
    std::optional<SpacesReport::Space> description; // none: it was made just now
};

enum class IfAbsent { refuse, make };

// Opens the space of the options. UAKV_MISS when it does not exist and is not to be made, as one of opaque blocks.
Result<OpenSpace> open_space(const Options &options, std::uint32_t flags, IfAbsent if_absent);

// The options that open a space as it was described; UAKV_ERR_VERSION where the description names what this program
// does not know.
Result<uakv_space_options> options_of(const SpacesReport::Space &space);

} // namespace uakv::ctl
