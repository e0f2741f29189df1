// Several tenants behind one socket: who gets in where, what a client costs, and that caches are apart.
#include "ipc/clock.h"
#include "ipc/control_message.h"
#include "sample.h"
#include "served.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/pattern.h"

#include <functional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr User alice = {70'001, 80'001};
constexpr User bob = {70'002, 80'002};
constexpr User carol = {70'003, 80'003};
constexpr User stranger = {70'004, 80'004};

Settings two_tenants() {
    TenantSettings chat = tenant_settings("chat");
    chat.members.users = {alice.uid};
    chat.readers.groups = {carol.gid};
    chat.leased_bytes_max = 12'345;
    TenantSettings batch = tenant_settings("batch");
    batch.members.users = {bob.uid};
    return settings_of({chat, batch});
}

uakv_status connect(const Served &served, const char *tenant, std::uint32_t flags, uakv_client **client) {
    uakv_connect_options options{};
    options.struct_size = sizeof options;
    options.flags = flags;
    options.socket_path = served.path().c_str();
    options.tenant = tenant;
    return uakv_connect(&options, client);
}

// The space "test" of a tenant, from a client of its own.
class Place {
public:
    Place(const Served &served, const char *tenant, std::uint32_t flags = 0) {
        CHECK_STATUS(connect(served, tenant, flags, &client_), UAKV_OK);
        CHECK_STATUS(uakv_space_open(client_, "test", nullptr, &space_), UAKV_OK);
    }
    Place(const Place &) = delete;
    Place &operator=(const Place &) = delete;
    ~Place() { uakv_disconnect(client_); }

    void store(std::uint64_t number) const {
        const uakv_key key = sample_key(number);
        CHECK_STATUS(store_block(space_, key, 5000, nullptr), UAKV_OK);
    }
    bool has(std::uint64_t number) const {
        const uakv_key key = sample_key(number);
        std::uint8_t tier = 0;
        CHECK_STATUS(uakv_contains(space_, &key, 1, &tier), UAKV_OK);
        return tier != 0;
    }
    uakv_statistics statistics() const {
        uakv_statistics values{};
        values.struct_size = sizeof values;
        CHECK_STATUS(uakv_stats(client_, &values), UAKV_OK);
        return values;
    }

private:
    uakv_client *client_ = nullptr;
    uakv_space *space_ = nullptr;
};

std::string refused(const Served &served, const char *tenant, std::uint32_t flags = 0) {
    uakv_client *client = nullptr;
    CHECK_STATUS(connect(served, tenant, flags, &client), UAKV_ERR_DENIED);
    return last_error();
}

void caches_are_apart() {
    Served served(two_tenants());
    const Place chat(served, "chat");
    const Place batch(served, "batch");
    chat.store(1);
    batch.store(2);
    CHECK(chat.has(1) && !chat.has(2));
    CHECK(batch.has(2) && !batch.has(1));
    const uakv_statistics values = batch.statistics();
    CHECK_EQ(values.stores, 1);
    CHECK_EQ(values.clients, 1);
    CHECK_EQ(values.bytes_capacity, limits::memory_bytes_min);
    CHECK(refused(served, "chut").find("there is no tenant \"chut\"") != std::string::npos);
}

void as_user(const User &user, const std::function<void()> &body) {
    if (::geteuid() != 0) {
        throw Skip("only root can become other users");
    }
#ifdef __SANITIZE_THREAD__
    throw Skip("the thread sanitizer cannot follow the child of a process with threads");
#endif
    run_child([&] {
        become(user);
        body();
    });
}

void users_get_their_own() {
    Served served(two_tenants());
    {
        const Place chat(served, "chat");
        chat.store(1);
    }
    as_user(alice, [&] {
        const Place own(served, nullptr);
        CHECK(own.has(1));
        own.store(11);
        CHECK(Place(served, "chat").has(11));
        const std::string others = refused(served, "batch");
        std::string missing = refused(served, "butch");
        missing.replace(missing.find("butch"), 5, "batch");
        CHECK_EQ(others, missing);
    });
    as_user(bob, [&] {
        const Place own(served, nullptr);
        CHECK(!own.has(1));
        refused(served, "chat");
        refused(served, "chat", UAKV_READ_ONLY);
    });
    as_user(stranger, [&] {
        refused(served, nullptr);
        refused(served, "chat", UAKV_READ_ONLY);
    });
}

void readers_only_read() {
    Served served(two_tenants());
    const Place chat(served, "chat");
    chat.store(1);
    as_user(carol, [&] {
        CHECK(refused(served, nullptr).find("UAKV_READ_ONLY") != std::string::npos);
        const Place own(served, nullptr, UAKV_READ_ONLY);
        CHECK(own.has(1));
    });
}

void reports_of_their_own() {
    Served served(two_tenants());
    as_user(bob, [&] {
        auto socket = connect_unix(served.path(), now_ns() + 5 * ns_per_s);
        CHECK(socket.ok());
        ReportGetMessage wanted;
        wanted.kind = ReportKind::stats;
        const auto ask = [&](const char *tenant) {
            set_text(wanted.tenant, tenant);
            CHECK(send_control(socket.value(), wanted).ok());
            CHECK(wait_readable(socket.value(), now_ns() + 20 * ns_per_s));
            return std::move(receive_message(socket.value(), AcceptFds::yes).value());
        };
        const auto answer = ask("");
        const auto report = read_control<ReportMessage>(answer);
        CHECK(report.has_value());
        std::string text(report->bytes, 0);
        CHECK_EQ(::pread(answer.fds[0].get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
        CHECK(text.find("\"batch\"") != std::string::npos);
        CHECK(text.find("\"chat\"") == std::string::npos);
        CHECK_STATUS(read_control<RefusedMessage>(ask("chat"))->status, UAKV_ERR_DENIED);
        const auto others = std::string(read_control<RefusedMessage>(ask("chat"))->detail);
        auto missing = std::string(read_control<RefusedMessage>(ask("chut"))->detail);
        missing.replace(missing.find("chut"), 4, "chat");
        CHECK_EQ(others, missing);
    });
}

void clients_are_counted() {
    Settings settings = two_tenants();
    settings.tenants[0].clients_max = 2;
    Served served(settings);
    const Place first(served, "chat");
    {
        const Place second(served, "chat");
        CHECK(refused(served, "chat").find("2 clients of its tenant are in use") != std::string::npos);
        const Place other(served, "batch"); // has places of its own
    }
    await("a place is free", [&] {
        uakv_client *client = nullptr;
        const uakv_status status = connect(served, "chat", 0, &client);
        uakv_disconnect(client);
        return status == UAKV_OK;
    });
}

void descriptors_are_counted() {
    Settings settings = two_tenants();
    settings.tenants[0].descriptors_max = 14;
    Served served(settings);
    const Place first(served, "chat");
    const Place second(served, "chat");
    const std::string why = refused(served, "chat");
    CHECK_MESSAGE(why.find("10 descriptors") != std::string::npos && why.find("of 14") != std::string::npos, why);
    const Place other(served, "batch");
}

void operations_are_counted() {
    Settings settings = two_tenants();
    settings.tenants[0].operations_per_second = 5;
    Served served(settings);
    const Place chat(served, "chat");
    const Place batch(served, "batch");
    uakv_client *client = nullptr;
    CHECK_STATUS(connect(served, "chat", 0, &client), UAKV_OK);
    uakv_statistics values{};
    values.struct_size = sizeof values;
    uakv_status status = UAKV_OK;
    await("the permits are used up", [&] { return (status = uakv_stats(client, &values)) != UAKV_OK; });
    CHECK_STATUS(status, UAKV_ERR_BUSY);
    batch.store(1);
    await("there are permits again", [&] { return uakv_stats(client, &values) == UAKV_OK; });
    CHECK(values.refused_busy > 0);
    CHECK_EQ(batch.statistics().refused_busy, 0);
    uakv_disconnect(client);
}

void welcome_names_the_leased_bytes() {
    Served served(two_tenants());
    auto socket = connect_unix(served.path(), now_ns() + 5 * ns_per_s);
    CHECK(socket.ok());
    CHECK(send_control(socket.value(), HelloMessage()).ok());
    CHECK(wait_readable(socket.value(), now_ns() + 20 * ns_per_s));
    auto received = receive_message(socket.value(), AcceptFds::yes);
    CHECK(received.ok());
    const auto welcome = read_control<WelcomeMessage>(received.value());
    CHECK(welcome.has_value());
    CHECK_EQ(welcome->leased_bytes_max, 12'345);
}

// Only who is named somewhere has to reach the socket.
void socket_is_open_to_whom_it_must() {
    struct stat there {};
    {
        Served served(two_tenants());
        CHECK(::stat(served.path().c_str(), &there) == 0);
        CHECK_EQ(there.st_mode & 0777U, 0666);
    }
    Served served(settings_of({tenant_settings("default")}));
    CHECK(::stat(served.path().c_str(), &there) == 0);
    CHECK_EQ(there.st_mode & 0777U, 0660);
}

constexpr Case cases[] = {
    {"caches_are_apart", caches_are_apart},
    {"users_get_their_own", users_get_their_own},
    {"readers_only_read", readers_only_read},
    {"reports_of_their_own", reports_of_their_own},
    {"clients_are_counted", clients_are_counted},
    {"descriptors_are_counted", descriptors_are_counted},
    {"operations_are_counted", operations_are_counted},
    {"welcome_names_the_leased_bytes", welcome_names_the_leased_bytes},
    {"socket_is_open_to_whom_it_must", socket_is_open_to_whom_it_must},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("tenants_served", uakv::test::cases);
}
