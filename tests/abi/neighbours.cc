// A library and a daemon of neighbouring protocol versions do not work together, and say so: when the client connects,
// and when the daemon is replaced under it. Built with the library of today and with that of the next version.
#include "ipc/clock.h"
#include "ipc/control_message.h"
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <string>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 20000;

struct Version {
    const char *program;
    std::uint32_t protocol;
};
constexpr Version today = {DAEMON, DAEMON_VERSION};
constexpr Version next = {DAEMON_NEXT, DAEMON_VERSION + 1};
static_assert(protocol_version == today.protocol || protocol_version == next.protocol);
constexpr Version own = protocol_version == today.protocol ? today : next;
constexpr Version other = protocol_version == today.protocol ? next : today;

DaemonOptions running(const Version &version) {
    DaemonOptions options;
    options.program = version.program;
    return options;
}

void check_names_both(const std::string &detail) {
    const std::string daemon = "speaks protocol " + std::to_string(other.protocol);
    const std::string library = "the library " + std::to_string(own.protocol);
    CHECK_MESSAGE(detail.find(daemon) != std::string::npos && detail.find(library) != std::string::npos,
                  "the detail names not both versions: " + detail);
}

void same_version_serves() {
    Daemon daemon(running(own));
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("same");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    check_stored(space, key, block_bytes);
}

void other_version_is_refused() {
    Daemon daemon(running(other));
    for (int i = 0; i < 3; ++i) {
        uakv_client *client = nullptr;
        CHECK_STATUS(connect_to(daemon.socket_path(), 0, 0, &client), UAKV_ERR_VERSION);
        CHECK(client == nullptr);
        check_names_both(last_error());
    }
}

// The daemon is updated under a client, and back again: what the client views stays, what it asks is refused with the
// reason, and once a daemon of its version is there it goes on by itself.
void daemon_replaced_by_other_version() {
    Daemon daemon(running(own));
    Client client(daemon, 0, 2000);
    Space space(client);
    const uakv_key key = make_key("kept");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);

    daemon.stop();
    daemon.start(other.program);
    const uakv_key later = make_key("later");
    await("the client says that the daemon speaks another version", [&] {
        CHECK_STATUS(store_block(space, later, block_bytes), UAKV_ERR_DISCONNECTED);
        return last_error().find("speaks protocol") != std::string::npos;
    });
    check_names_both(last_error());
    check_block(view.data, view.nbytes, key);

    daemon.stop();
    daemon.start(own.program);
    await("the client stores again", [&] { return store_block(space, later, block_bytes) == UAKV_OK; });
    check_stored(space, later, block_bytes);
    check_block(view.data, view.nbytes, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

Received say_hello(const Daemon &daemon, std::uint32_t version_min, std::uint32_t version_max) {
    auto socket = connect_unix(daemon.socket_path(), now_ns() + 5 * ns_per_s);
    CHECK(socket.ok());
    HelloMessage hello;
    hello.version_min = version_min;
    hello.version_max = version_max;
    CHECK(send_control(socket.value(), hello).ok());
    CHECK(wait_readable(socket.value(), now_ns() + 20 * ns_per_s));
    auto received = receive_message(socket.value(), AcceptFds::yes);
    CHECK(received.ok());
    return std::move(received.value());
}

// A library that speaks several versions gets the one that the daemon speaks.
void versions_are_negotiated() {
    Daemon daemon(running(own));
    const std::uint32_t version = own.protocol;
    const std::uint32_t spoken[][2] = {
        {version, version}, {version - 1, version}, {version, version + 1}, {0, UINT32_MAX}};
    for (const auto &[low, high] : spoken) {
        const auto welcome = read_control<WelcomeMessage>(say_hello(daemon, low, high));
        CHECK(welcome.has_value());
        CHECK_EQ(welcome->version, version);
    }
    const std::uint32_t foreign[][2] = {{0, version - 1}, {version + 1, UINT32_MAX}, {version + 1, version - 1}};
    for (const auto &[low, high] : foreign) {
        const auto refused = read_control<RefusedMessage>(say_hello(daemon, low, high));
        CHECK(refused.has_value());
        CHECK_EQ(refused->status, UAKV_ERR_VERSION);
    }
}

constexpr Case cases[] = {
    {"same_version_serves", same_version_serves},
    {"other_version_is_refused", other_version_is_refused},
    {"daemon_replaced_by_other_version", daemon_replaced_by_other_version},
    {"versions_are_negotiated", versions_are_negotiated},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("neighbours", uakv::test::cases);
}
