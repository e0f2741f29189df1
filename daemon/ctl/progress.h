// How far a command is that takes long: one line on a terminal, written over and over. Elsewhere nothing.
#pragma once

#include <cstdint>
#include <string>

namespace uakv::ctl {

class Progress {
public:
    Progress();
    ~Progress(); // the line goes

    // Whether it is time for another line; so nobody writes one in vain.
    bool due();
    void show(const std::string &line);

private:
    bool on_;
    bool shown_ = false;
    std::uint64_t shown_ns_ = 0;
};

} // namespace uakv::ctl
