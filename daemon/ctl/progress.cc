#include "daemon/ctl/progress.h"

#include "ipc/clock.h"

#include <cstdio>
#include <unistd.h>

namespace uakv::ctl {
namespace {

constexpr std::uint64_t every_ns = 200 * ns_per_ms;
constexpr const char *begin_of_line = "\r\033[K";

} // namespace

// On standard error: standard output has the answer, and may be a file.
Progress::Progress() : on_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    if (shown_) {
        std::fputs(begin_of_line, stderr);
    }
}

bool Progress::due() {
    const std::uint64_t now = now_ns();
    if (!on_ || (shown_ && now - shown_ns_ < every_ns)) {
        return false;
    }
    shown_ns_ = now;
    return true;
}

void Progress::show(const std::string &line) {
    std::fputs((begin_of_line + line).c_str(), stderr);
    std::fflush(stderr);
    shown_ = true;
}

} // namespace uakv::ctl
