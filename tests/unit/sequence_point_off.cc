// Where the build has no sequence points they are nothing at all, whatever the environment says.
#undef UAKV_SEQUENCE_POINTS
#include "ipc/sequence_point.h"
#include "support/check.h"

#include <cstdlib>

namespace uakv::test {
namespace {

// What can be done while compiling reads no variable and sends no signal.
constexpr bool pass() {
    arm_sequence_point();
    UAKV_SEQUENCE_POINT(commit_submitted);
    return true;
}
static_assert(pass());

void nothing_happens() {
    CHECK(setenv("UAKV_AT", "commit_submitted:1:kill", 1) == 0);
    CHECK(pass());
}

constexpr Case cases[] = {
    {"nothing_happens", nothing_happens},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("sequence_point_off", uakv::test::cases);
}
