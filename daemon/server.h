// The daemon put together: one reactor thread that owns all state.
#pragma once

#include "daemon/config/settings.h"
#include "daemon/control/listener.h"
#include "daemon/control/sessions.h"
#include "daemon/io/event_loop.h"
#include "daemon/store/store.h"

#include <memory>
#include <optional>

namespace uakv {

class Server {
public:
    // `stop` is a signalfd (or another descriptor): the server ends when it becomes readable.
    static Result<std::unique_ptr<Server>> create(const Settings &settings, Fd stop);

    // Serves until it is told to stop, then answers what clients have submitted and returns.
    void run();

    // "SOCKET with 8 GiB for blocks (io_uring)".
    std::string describe() const;

private:
    Server(const Settings &settings, Fd stop, std::string loop_fallback, std::unique_ptr<EventLoop> loop,
           std::unique_ptr<Store> store, Listener listener, Fd index);

    Result<void> watch_all();
    void on_connection();
    std::uint64_t upkeep(bool worked);
    std::uint64_t until_expiry_ns() const;

    Settings settings_;
    Fd stop_;
    std::string loop_fallback_;
    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<Store> store_;
    Sessions sessions_; // goes before the store that it gives back to, and before the loop that watches it
    Listener listener_;
    bool stopping_ = false;
    bool accept_again_ = false;
    bool segments_came_ = false;
    std::uint64_t upkeep_ns_ = 0;
};

} // namespace uakv
