// The lease tables of all attached clients: the evictor's side of ipc/lease_table.h.
#pragma once

#include "ipc/lease_table.h"

#include <algorithm>
#include <vector>

namespace uakv {

class LeaseTables {
public:
    void attach(const SessionLayout &session) { sessions_.push_back(&session); }
    void detach(const SessionLayout &session) { std::erase(sessions_, &session); }

    // visit(entry, word) for each word in use of each client. What it says is what clients wrote.
    template <typename Visit> void scan(Visit visit) const {
        for (const SessionLayout *session : sessions_) {
            lease_scan(*session, visit);
        }
    }

    std::uint64_t count() const {
        std::uint64_t words = 0;
        scan([&](EntryId, std::uint64_t) { ++words; });
        return words;
    }

private:
    std::vector<const SessionLayout *> sessions_;
};

} // namespace uakv
