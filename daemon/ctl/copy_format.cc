#include "daemon/ctl/copy_format.h"

#include "ipc/clock.h"
#include "ipc/hashing.h"

#include <ctime>

namespace uakv::ctl {

std::uint64_t checksum_of_record(CopyRecord record) {
    record.checksum = 0;
    return checksum_of(&record, sizeof record);
}

std::uint64_t chain(std::uint64_t total, std::uint64_t checksum) {
    const std::uint64_t both[2] = {total, checksum};
    return checksum_of(both, sizeof both);
}

std::uint64_t unix_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1000 + static_cast<std::uint64_t>(time.tv_nsec) / ns_per_ms;
}

} // namespace uakv::ctl
