// What of a session outlives its daemon: the descriptors that left_session.h names.
//
// They are with the keeper before the store's state says that there is a session of this number, and go after it no
// longer says so. So whatever session the state names, the next daemon has its descriptors, or knows that it lacks
// them.
#pragma once

#include "daemon/base/keeper.h"
#include "ipc/result.h"

#include <cstdint>
#include <utility>

namespace uakv {

class Cache;

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
    static Result<KeptSession> keep(Keeper &keeper, Cache &cache, std::uint32_t number, const Descriptors &descriptors);

    KeptSession(KeptSession &&other) noexcept
        : keeper_(std::exchange(other.keeper_, nullptr)), cache_(other.cache_), number_(other.number_) {}
    KeptSession &operator=(KeptSession &&) = delete;
    KeptSession(const KeptSession &) = delete;
    KeptSession &operator=(const KeptSession &) = delete;
    ~KeptSession();

    // One that the daemon before kept.
    KeptSession(Keeper &keeper, Cache &cache, std::uint32_t number)
        : keeper_(&keeper), cache_(&cache), number_(number) {}

    // It stays for the next daemon.
    void leave() { keeper_ = nullptr; }

private:
    Keeper *keeper_;
    Cache *cache_;
    std::uint32_t number_;
};

} // namespace uakv
