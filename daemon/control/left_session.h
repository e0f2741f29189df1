// What a session leaves when its daemon ends, by name:
//
//   s.TENANT.NUMBER.memory   the region that client and daemon share: rings, lease words
//   s.TENANT.NUMBER.rope     the daemon's end of the client's bell; hangs up once the client has let go of the region
//   s.TENANT.NUMBER.process  a pidfd of the client; not where the kernel has none
#pragma once

#include "daemon/base/keeper.h"
#include "ipc/mapping.h"
#include "ipc/result.h"
#include "ipc/session_layout.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace uakv {

constexpr std::array<std::string_view, 3> session_parts = {"memory", "rope", "process"};

std::string session_part_name(std::string_view tenant, std::uint32_t number, std::string_view part);

// A session of the daemon before: checked as far as a region can be.
struct LeftSession {
    std::uint32_t number = 0;
    Fd memory;
    Mapping mapping;
    Fd rope;
    Fd process; // not valid where there was none

    SessionLayout &layout() const { return mapping.at<SessionLayout>(0); }
};

// Takes these sessions of the tenant out of what was kept. An error says what is missing, or is no session of ours:
// then nobody knows what its client reads, and what the store has left cannot be used.
Result<std::vector<LeftSession>> take_left_sessions(KeptFds &kept, const std::string &tenant,
                                                    std::span<const std::uint32_t> numbers);

// What is kept of these sessions, and what else is there of the tenant's, is no longer wanted: the store begins anew.
void drop_left_sessions(Keeper &keeper, KeptFds &kept, const std::string &tenant,
                        std::span<const std::uint32_t> numbers);

} // namespace uakv
