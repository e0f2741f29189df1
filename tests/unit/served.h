// A server in a thread of the test's own process: settings as no file could give them, and sanitizers see both sides.
#pragma once

#include "daemon/server.h"
#include "ipc/wakeup.h"
#include "support/check.h"
#include "support/daemon.h"

#include <future>
#include <string>
#include <thread>
#include <utility>

namespace uakv::test {

inline TenantSettings tenant_settings(const std::string &name, std::uint64_t memory_bytes = limits::memory_bytes_min) {
    TenantSettings tenant;
    tenant.name = name;
    tenant.memory_bytes = memory_bytes;
    tenant.pinned_bytes_max = memory_bytes / 2;
    return tenant;
}

inline Settings settings_of(std::vector<TenantSettings> tenants) {
    Settings settings;
    settings.tenants = std::move(tenants);
    for (const TenantSettings &tenant : settings.tenants) {
        settings.memory_bytes += tenant.memory_bytes;
    }
    return settings;
}

class Served {
public:
    explicit Served(Settings settings) : settings_(std::move(settings)) {
        settings_.socket_path = directory_.path() + "/uakvd.sock";
        settings_.log_level = LogLevel::warn;
        start();
    }
    Served(const Served &) = delete;
    Served &operator=(const Served &) = delete;
    ~Served() { stop(); }

    // Another server at the same place, which begins empty.
    void restart() {
        stop();
        start();
    }

    const std::string &path() const { return settings_.socket_path; }

private:
    void start() {
        auto doorbell = create_doorbell();
        CHECK(doorbell.ok());
        stop_ = std::move(doorbell.value());
        std::promise<std::string> started; // what went wrong
        auto outcome = started.get_future();
        thread_ = std::thread([this, &started] { serve(started); });
        if (const std::string failure = outcome.get(); !failure.empty()) {
            thread_.join();
            throw Failure(failure);
        }
    }
    void stop() {
        ring_doorbell(stop_);
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    // The server is made in the thread that serves: an io_uring belongs to the thread that made it.
    void serve(std::promise<std::string> &started) {
        set_log_level(settings_.log_level);
        ServiceManager manager; // there is none
        auto server = Server::create(
            settings_, Fd(::dup(stop_.get())), [this] { return settings_; }, manager);
        started.set_value(server.ok() ? "" : server.error().detail);
        if (server.ok()) {
            server.value()->run();
        }
    }

    Directory directory_;
    Settings settings_;
    Fd stop_;
    std::thread thread_;
};

} // namespace uakv::test
