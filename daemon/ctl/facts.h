// What `uakvctl advise` finds out about the machine by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace uakv::ctl {

struct Facts {
    unsigned cores = 1; // that this process may use
    std::uint64_t memory_bytes = 0;
    std::uint64_t available_bytes = 0;            // of it, now
    std::optional<std::uint64_t> disk_free_bytes; // of the file system of /var/lib
    unsigned gpus = 0;
    std::string socket_path; // where a daemon of this user would serve
};

Facts look_around();

} // namespace uakv::ctl
