// What the keeper process holds for its child, by name, as the messages of the child say.
#pragma once

#include "daemon/base/keeper.h"
#include "daemon/service/notification.h"

#include <cstddef>
#include <string>
#include <vector>

namespace uakv {

class KeptByKeeper {
public:
    // No more than the child can be given when it starts.
    explicit KeptByKeeper(std::size_t count_max) : count_max_(count_max) {}

    // FDSTORE, FDSTOREREMOVE and BARRIER; other messages change nothing here. Takes the descriptors of the message, and
    // closes those that it does not keep.
    void hear(Notification message);

    const std::vector<KeptFds::One> &all() const { return all_; }
    std::string names() const; // as LISTEN_FDNAMES

private:
    void store(const std::string &name, std::vector<Fd> fds);

    const std::size_t count_max_;
    std::size_t names_bytes_ = 0;
    std::vector<KeptFds::One> all_;
};

} // namespace uakv
