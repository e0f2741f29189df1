// What of a session outlives its daemon, by name:
//
//   s.TENANT.NUMBER.memory   the region that client and daemon share: rings, lease words
//   s.TENANT.NUMBER.rope     the daemon's end of the client's bell, which hangs up once the client has let go of the
//   region s.TENANT.NUMBER.process  a pidfd of the client; not where the kernel has none
//
// They are with the keeper before the store's state says that there is a session of this number, and go after it no
// longer says so. So whatever session the state names, the next daemon has its descriptors, or knows that it lacks
// them.
#pragma once

#include "daemon/base/keeper.h"
#include "daemon/control/tenant.h"

#include <cstdint>
#include <utility>

namespace uakv {

// Known to keeper and state as long as this lives.
class KeptSession {
public:
    struct Descriptors {
        const Fd &memory;
        const Fd &rope;
        const Fd &process; // need not be valid
    };

    // Before the client hears of its session. UAKV_ERR_DENIED: there are too many. A descriptor that the keeper does
    // not take is no reason to refuse the client: then the next daemon finds that something is missing, and begins with
    // nothing if this session is there still.
    static Result<KeptSession> keep(Keeper &keeper, Tenant &tenant, std::uint32_t number,
                                    const Descriptors &descriptors);

    KeptSession(KeptSession &&other) noexcept
        : keeper_(std::exchange(other.keeper_, nullptr)), tenant_(other.tenant_), number_(other.number_) {}
    KeptSession &operator=(KeptSession &&) = delete;
    KeptSession(const KeptSession &) = delete;
    KeptSession &operator=(const KeptSession &) = delete;
    ~KeptSession();

    // One that the daemon before kept.
    KeptSession(Keeper &keeper, Tenant &tenant, std::uint32_t number)
        : keeper_(&keeper), tenant_(&tenant), number_(number) {}

    // It stays for the next daemon.
    void leave() { keeper_ = nullptr; }

private:
    Keeper *keeper_;
    Tenant *tenant_;
    std::uint32_t number_;
};

} // namespace uakv
