// One daemon after another over the same tenants, in threads of the test's own process: to clients it is as if each
// went on with the index and the segments that the last one had left.
#pragma once

#include "daemon/control/listener.h"
#include "daemon/control/reports.h"
#include "daemon/control/sessions.h"
#include "ipc/wakeup.h"
#include "served.h"
#include "support/check.h"

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace uakv::test {

class Succession {
public:
    explicit Succession(const Settings &settings = settings_of({tenant_settings("default")})) {
        auto made = Tenants::create(settings);
        CHECK(made.ok());
        tenants_ = std::move(made.value());
        set_log_level(LogLevel::warn);
        begin();
    }
    Succession(const Succession &) = delete;
    Succession &operator=(const Succession &) = delete;
    ~Succession() { end(); }

    // A daemon serves until end(); then its clients see it hang up.
    void begin() {
        ended_ = false;
        std::promise<std::string> started;
        auto outcome = started.get_future();
        thread_ = std::thread([this, &started] { live(started); });
        if (const std::string failure = outcome.get(); !failure.empty()) {
            thread_.join();
            throw Failure(failure);
        }
    }
    void end() {
        ended_ = true;
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    const std::string &path() const { return path_; }

    // While no daemon serves.
    Store &store() { return tenants_->all()[0]->host().store(); }
    Tenant &tenant() { return *tenants_->all()[0]; }
    Cache &cache() { return tenant().host(); }

private:
    void live(std::promise<std::string> &started) {
        auto listener = Listener::open(path_);
        if (!listener.ok()) {
            started.set_value(listener.error().detail);
            return;
        }
        const auto loop = make_epoll_loop();
        Stages stages;
        const Reports reports(*tenants_, stages, path_, loop->name());
        Sessions sessions(*loop, *tenants_, reports, stages);
        const auto come = loop->watch(listener.value().socket(), [&] {
            while (sessions.accept_next(listener.value().socket()) == Sessions::Accepted::one) {
            }
        });
        const auto segments = loop->watch(store().segment_event(), [this] { store().take_segments(); });
        started.set_value(come.ok() && segments.ok() ? "" : "a descriptor cannot be watched");
        while (!ended_) {
            loop->run_once(sessions.any_hot() ? 0 : ns_per_ms);
            sessions.serve();
            sessions.retry_waiting();
            store().maintain();
            store().revisit_limbo();
        }
    }

    Directory directory_;
    const std::string path_ = directory_.path() + "/uakvd.sock";
    std::unique_ptr<Tenants> tenants_;
    std::atomic<bool> ended_{false};
    std::thread thread_;
};

} // namespace uakv::test
