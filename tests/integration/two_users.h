// Two tenants of different users, served by a daemon under a user of its own.
#pragma once

#include "support/check.h"
#include "support/child.h"
#include "support/configured.h"

#include <functional>

#include <unistd.h>

namespace uakv::test {

inline constexpr User keeper = {61101, 61101}; // runs the daemon
inline constexpr User alice = {61102, 61102};  // of tenant chat
inline constexpr User bob = {61103, 61103};    // of tenant batch
inline constexpr User carol = {61104, 61104};  // may read in chat
inline constexpr User nobody = {61105, 61105};
inline constexpr User operator_ = {61106, 61120}; // of the admin group
inline constexpr User colleague = {61107, 61121}; // of chat, by a group

inline constexpr const char *two_tenants = R"(admin_group: 61120
tenants:
  - name: chat
    users: [61102]
    groups: [61121]
    read_only_users: [61104]
  - name: batch
    users: [61103]
)";

inline Configured start_two_tenants() {
    if (geteuid() != 0) {
        throw Skip("only root can run daemon and clients as different users");
    }
    DaemonOptions options;
    options.user = keeper;
    return Configured(two_tenants, options);
}

inline void as_user(const User &user, const std::function<void()> &body) {
    run_child([&] {
        become(user);
        body();
    });
}

} // namespace uakv::test
