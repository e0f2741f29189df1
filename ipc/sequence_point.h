// Named places between two steps that others could see: the tests stop or kill a process exactly there, instead of
// sleeping and hoping. sequence_points.def is the list; a name that is not in it does not compile.
//
//   UAKV_AT=commit_submitted:3:kill   the third passing ends the process with SIGKILL
//   UAKV_AT=lease_written:1:stop      the first passing stops it with SIGSTOP, until a SIGCONT
//
// Compiled in where the CMake option UAKV_SEQUENCE_POINTS is on, which the presets for tests set. Elsewhere a point is
// nothing at all, and the variable is not read. The variable is read once in a process: by the first connect of a
// client, and when the daemon starts.
#pragma once

#include <atomic>
#include <cstdint>

namespace uakv {

enum class SequencePoint : std::uint32_t {
#define SEQUENCE_POINT(name, side, text) name,
#include "ipc/sequence_points.def"
#undef SEQUENCE_POINT
};

#if defined(UAKV_SEQUENCE_POINTS)

constexpr std::uint32_t no_sequence_point = UINT32_MAX;
extern std::atomic<std::uint32_t> armed_sequence_point;
void act_at_sequence_point();
void arm_sequence_point();

#define UAKV_SEQUENCE_POINT(name)                                                                                      \
    (::uakv::armed_sequence_point.load(std::memory_order_relaxed) ==                                                   \
             static_cast<std::uint32_t>(::uakv::SequencePoint::name)                                                   \
         ? ::uakv::act_at_sequence_point()                                                                             \
         : static_cast<void>(0))

#else

constexpr void arm_sequence_point() {}

#define UAKV_SEQUENCE_POINT(name) static_cast<void>(::uakv::SequencePoint::name)

#endif

} // namespace uakv
