// Two tenants of this user, of which one has quotas, and processes that take what they can get.
#pragma once

#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/configured.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

namespace uakv::test {

inline constexpr uint64_t tenant_bytes = 32 << 20;
inline constexpr size_t block_bytes = 64 << 10; // a size of slots
inline constexpr int processes = 8;

// The tenant chat with these quotas, and batch without any.
class TwoTenants {
public:
    explicit TwoTenants(const std::string &quotas) : configured_(text(quotas)) {}

    operator const Daemon &() const { return configured_.daemon(); }

    // From here on.
    void change(const std::string &quotas) const { configured_.reload(text(quotas), "the settings were read again"); }

private:
    static std::string text(const std::string &quotas) {
        return "tenants:\n" + tenant("chat") + quotas + tenant("batch");
    }
    static std::string tenant(const std::string &name) {
        return "  - name: " + name + "\n    users: [" + std::to_string(geteuid()) + "]\n";
    }

    Configured configured_;
};

// A client of chat; waits for a place, for the connection that saw the daemon start may still have it.
class Guest {
public:
    explicit Guest(const Daemon &daemon) {
        await("there is a place", [&] { return connect_to_tenant(daemon, "chat", 0, &client_) == UAKV_OK; });
    }
    Guest(const Guest &) = delete;
    Guest &operator=(const Guest &) = delete;
    ~Guest() { uakv_disconnect(client_); }

    operator uakv_client *() const { return client_; }

private:
    uakv_client *client_ = nullptr;
};

inline uakv_statistics statistics_of(uakv_client *client) {
    uakv_statistics values = {};
    values.struct_size = sizeof values;
    CHECK_STATUS(uakv_stats(client, &values), UAKV_OK);
    return values;
}

inline void check_denied(const Daemon &daemon, const char *tenant, const char *words) {
    uakv_client *client = nullptr;
    CHECK_STATUS(connect_to_tenant(daemon, tenant, 0, &client), UAKV_ERR_DENIED);
    CHECK_MESSAGE(last_error().find(words) != std::string::npos, last_error());
}

inline std::vector<std::unique_ptr<Child>> start_greedy(const std::function<void(int)> &body) {
    std::vector<std::unique_ptr<Child>> all;
    all.reserve(processes);
    for (int i = 0; i < processes; ++i) {
        all.push_back(std::make_unique<Child>([&body, i] { body(i); }));
    }
    return all;
}

inline void join_all(const std::vector<std::unique_ptr<Child>> &all) {
    for (const auto &child : all) {
        child->join();
    }
}

} // namespace uakv::test
