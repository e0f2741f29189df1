// Waiting that Ctrl-C ends, for the commands that go on until then.
#pragma once

#include <cstdint>

namespace uakv::ctl {

// From its construction on, SIGINT and SIGTERM do not end the process but wait for the next wait().
class Interrupt {
public:
    Interrupt();

    // True when a signal came, or had come before; false after that time.
    bool wait(std::uint64_t ms) const;
};

} // namespace uakv::ctl
