// What a session leaves when its daemon ends, by name:
//
//   mNUMBER   memory: the region that client and daemon share, with rings and lease words
//   rNUMBER   rope: the daemon's end of the client's bell; hangs up once the client has let go of the region
//   pNUMBER   process: a pidfd of the client; not where the kernel has none
//
// The number is that of the session, which no other one has, in whichever tenant, written to base 62. There are many
// of these names, and all of them together have to fit into one variable of the environment: so they are short. Which
// are a tenant's, the state of its store says; what no state speaks of is dropped when the daemon starts.
#pragma once

#include "daemon/base/keeper.h"
#include "ipc/device_session.h"
#include "ipc/mapping.h"
#include "ipc/result.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace uakv {

enum class SessionPart : char { memory = 'm', rope = 'r', process = 'p' };
inline constexpr std::array session_parts = {SessionPart::memory, SessionPart::rope, SessionPart::process};

std::string session_part_name(std::uint32_t number, SessionPart part);

// A session of the daemon before: checked as far as a region can be.
struct LeftSession {
    std::uint32_t number = 0;
    Fd memory;
    Mapping mapping;
    Fd rope;
    Fd process; // not valid where there was none

    SessionLayout &layout() const { return mapping.at<SessionLayout>(0); }
    DeviceSessionLayout *device_layout() const; // null: it was no device session
};

// Takes these sessions out of what was kept. An error says what is missing, or is no session of ours:
// then nobody knows what its client reads, and what the store has left cannot be used.
Result<std::vector<LeftSession>> take_left_sessions(KeptFds &kept, std::span<const std::uint32_t> numbers,
                                                    std::uint64_t session_bytes = sizeof(SessionLayout));

// What is kept of these sessions is no longer wanted: the store begins anew.
void drop_left_sessions(Keeper &keeper, KeptFds &kept, std::span<const std::uint32_t> numbers);

} // namespace uakv
