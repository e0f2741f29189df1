// What operators are told, as JSON documents (PROTOCOL.md draws them). Admins see all tenants; everybody else sees
// the tenants that are for them, and what belongs to others looks as if it did not exist.
#pragma once

#include "daemon/base/stages.h"
#include "daemon/control/tenants.h"
#include "ipc/wire.h"

#include <cstdint>
#include <string>

namespace uakv {

class Reports {
public:
    Reports(const Tenants &tenants, const Stages &stages, std::string socket_path, std::string loop);

    // UAKV_ERR_DENIED and UAKV_ERR_INVALID name what the asker cannot have.
    Result<std::string> make(const PeerIdentity &asker, const ReportGetMessage &wanted) const;

private:
    std::string status(const std::vector<Tenant *> &visible) const;
    std::string stats(const PeerIdentity &asker, const std::vector<Tenant *> &visible) const;
    std::string disks(const std::vector<Tenant *> &visible) const;
    Result<std::string> ask_of_disk(const PeerIdentity &asker, Tenant &tenant, const ReportGetMessage &wanted,
                                    const std::string &space) const;

    const Tenants &tenants_;
    const Stages &stages_;
    const std::string socket_path_;
    const std::string loop_;
    const std::uint64_t started_ns_;
};

} // namespace uakv
