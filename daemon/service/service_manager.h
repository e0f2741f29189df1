// The service manager as the daemon sees it: systemd, or `uakvd --fd-keeper`. It hands over the listening socket and
// what the daemon before has left, keeps descriptors for the next one, and is told how the daemon does.
//
// Without a manager (no NOTIFY_SOCKET) all of it does nothing. Nobody here waits long for a manager that does not read:
// what cannot be said within moments is left out, or said at the next turn. One thread uses it: the reactor.
#pragma once

#include "daemon/base/keeper.h"
#include "daemon/base/seldom.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace uakv {

class ServiceManager final : public Keeper {
public:
    // What a process is given when it starts.
    struct Given {
        std::string notify_address;    // empty: there is no manager
        std::uint64_t watchdog_ms = 0; // 0: nobody waits for a sign of life
        std::uint64_t status_every_ms = 5000;
        std::optional<Fd> listener;
        std::vector<KeptFds::One> kept;
    };

    static constexpr std::string_view listener_name = "uakvd.socket";

    // The names of all that is kept come in one variable of the environment, which the kernel limits to 128 KiB.
    static constexpr std::size_t names_bytes_max = 120 * 1024;

    ServiceManager() : ServiceManager(Given{}) {}
    explicit ServiceManager(Given given);

    // Reads the environment and removes from it what is said to this process alone. Call it before there are threads.
    static Given from_environment();

    bool is_there() const { return !address_.empty(); }

    // Each once: the socket that clients connect to, if the manager listens there; what the daemon before has left.
    std::optional<Fd> take_listener();
    KeptFds take_kept();
    // What nobody has taken is of no use to anybody.
    void drop_all(const KeptFds &left);

    bool keep(const std::string &name, const Fd &fd) override;
    void drop(const std::string &name) override;
    std::size_t kept_count() const { return names_.size() - to_drop_.size(); }

    // All that was kept so far is known to the manager when this returns.
    void ready();
    void reloading(); // until ready()
    void stopping();
    // A stop that writes to disk goes on: the manager shall wait for it. Tells so once a second at most.
    void alive_while_stopping();

    // From each turn of the reactor, and from nowhere else: so the signs of life tell that it turns. `status` is asked
    // now and then, when something has happened. Says how long the reactor may sleep.
    std::uint64_t turn(bool worked, const std::function<std::string()> &status);

private:
    void await_manager();
    bool tell(std::string_view text, const Fd *fd, std::uint64_t wait_ms);
    bool note_name(const std::string &name);
    bool try_drop(const std::string &name, std::uint64_t wait_ms);
    void drop_late(std::uint64_t now_ms);
    void tell_status(const std::function<std::string()> &status);

    const std::string address_;
    const std::uint64_t watchdog_ms_;
    const std::uint64_t status_every_ms_;
    std::optional<Fd> listener_;
    std::vector<KeptFds::One> kept_;
    std::set<std::string> names_; // all that the manager has, also what it was not told yet to drop
    std::set<std::string> to_drop_;
    std::size_t names_bytes_ = 0;
    std::uint64_t next_drop_ms_ = 0;
    bool ready_ = false;
    std::uint64_t impatient_until_ms_ = 0; // a manager that did not read is not waited for again
    std::uint64_t next_beat_ms_ = 0;
    std::uint64_t next_status_ms_ = 0;
    std::uint64_t next_extension_ms_ = 0;
    bool status_old_ = true;
    std::string status_;
    Seldom complaint_;
    Seldom too_many_;
};

} // namespace uakv
