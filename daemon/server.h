// The daemon put together: one reactor thread that owns all state.
#pragma once

#include "daemon/base/stages.h"
#include "daemon/config/settings.h"
#include "daemon/control/listener.h"
#include "daemon/control/reports.h"
#include "daemon/control/sessions.h"
#include "daemon/control/tenants.h"
#include "daemon/io/event_loop.h"
#include "daemon/service/service_manager.h"

#include <functional>
#include <memory>
#include <string>

namespace uakv {

class Server {
public:
    using Reread = std::function<Result<Settings>()>;

    // `signals` tells it to stop, or to ask `reread` for its settings again (signals.h). What the manager has of the
    // daemon before is taken from it here; it must outlive the server.
    static Result<std::unique_ptr<Server>> create(const Settings &settings, Fd signals, Reread reread,
                                                  ServiceManager &manager);

    // Serves until it is told to stop, then answers what clients have submitted and returns.
    void run();

    // "SOCKET with 8 GiB for blocks (io_uring)".
    std::string describe() const;

private:
    Server(const Settings &settings, Fd signals, Reread reread, ServiceManager &manager, std::string loop_fallback,
           std::unique_ptr<EventLoop> loop, std::unique_ptr<Tenants> tenants, Listener listener);

    Result<void> adopt_sessions();
    Result<void> watch_all();
    void note_healthy();
    Result<void> watch_segments(Store &store);
    void on_connection();
    void on_signal();
    void reload();
    void apply(const Settings &settings);
    void stop();
    std::string status() const;
    std::uint64_t turn();
    std::uint64_t upkeep(bool worked);
    std::uint64_t turn_disks();
    std::uint64_t turn_quarantines();
    bool maintain(Store &store);
    void upkeep_now_and_then(std::uint64_t now);
    bool has_limbo() const;
    std::uint64_t until_due_ns() const;

    const Settings settings_; // as it started
    Fd signals_;
    Reread reread_;
    ServiceManager &manager_;
    std::string loop_fallback_;
    std::unique_ptr<EventLoop> loop_;
    Stages stages_;
    std::unique_ptr<Tenants> tenants_;
    Reports reports_;
    Sessions sessions_; // goes before the tenants that it gives back to, and before the loop that watches it
    const std::uint64_t started_ns_;
    bool healthy_ = false;
    Listener listener_;
    bool stopping_ = false;
    std::uint64_t stop_ms_ = 0; // that writing what is only in memory may take
    bool accept_again_ = false;
    EventLoop::WatchId listener_watch_ = 0;
    bool segments_came_ = false;
    std::uint64_t upkeep_ns_ = 0;
};

} // namespace uakv
