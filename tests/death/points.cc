#include "death/points.h"

#include "support/check.h"

#include <cstdlib>

namespace uakv::test {

std::vector<std::string> sequence_points(Side wanted) {
#if !defined(UAKV_SEQUENCE_POINTS)
    throw Skip("this build has no sequence points: configure it with a preset for tests, or -DUAKV_SEQUENCE_POINTS=ON");
#endif
    struct Point {
        const char *name;
        Side side;
    };
    constexpr Side client = Side::client, daemon = Side::daemon, restart = Side::restart;
    constexpr Point points[] = {
#define SEQUENCE_POINT(name, side, text) {#name, side},
#include "ipc/sequence_points.def"
#undef SEQUENCE_POINT
    };
    std::vector<std::string> names;
    for (const Point &point : points) {
        if (point.side == wanted) {
            names.emplace_back(point.name);
        }
    }
    return names;
}

std::string at_point(const std::string &name, uint64_t passing, const std::string &action) {
    return name + ":" + std::to_string(passing) + ":" + action;
}

void arm_this_process(const std::string &value) {
    CHECK(setenv("UAKV_AT", value.c_str(), 1) == 0);
}

} // namespace uakv::test
