// The lease tables of all attached clients: the evictor's side of ipc/lease_table.h, and of ipc/ordered_release.h where
// the store is that of a device. All clients of such a one have a DeviceSessionLayout, and all others none.
#pragma once

#include "ipc/ordered_release.h"

#include <algorithm>
#include <vector>

namespace uakv {

class LeaseTables {
public:
    enum class Kind : std::uint8_t { host, device };
    explicit LeaseTables(Kind kind = Kind::host) : kind_(kind) {}
    Kind kind() const { return kind_; }

    void attach(const SessionLayout &session) { sessions_.push_back(&session); }
    void detach(const SessionLayout &session) { std::erase(sessions_, &session); }

    // visit(entry, word) for each word in use of each client. What it says is what clients wrote.
    template <typename Visit> void scan(Visit visit) const {
        for (const SessionLayout *session : sessions_) {
            scan_one(*session, visit);
        }
    }

    // The same for one client, attached or not.
    template <typename Visit> void scan_one(const SessionLayout &session, Visit visit) const {
        if (kind_ == Kind::device) {
            device_lease_scan(of_device(session), visit);
        } else {
            lease_scan(session, visit);
        }
    }

    std::uint64_t count() const {
        std::uint64_t words = 0;
        scan([&](EntryId, std::uint64_t) { ++words; });
        return words;
    }

private:
    // It is the first member of one.
    static const DeviceSessionLayout &of_device(const SessionLayout &session) {
        static_assert(offsetof(DeviceSessionLayout, session) == 0);
        return reinterpret_cast<const DeviceSessionLayout &>(session);
    }

    Kind kind_;
    std::vector<const SessionLayout *> sessions_;
};

} // namespace uakv
