// Control messages sent by hand over the socket of a real daemon, as users of two tenants: no number that one can name
// leads to what belongs to the other.
#include "ipc/clock.h"
#include "ipc/control_message.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/configured.h"
#include "support/pattern.h"

#include <algorithm>
#include <array>

#include <sys/stat.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr User keeper = {61201, 61201}; // runs the daemon
constexpr User alice = {61202, 61202};  // of tenant chat
constexpr User bob = {61203, 61203};    // of tenant batch
constexpr User nobody = {61204, 61204};

constexpr const char *two_tenants = R"(tenants:
  - name: chat
    users: [61202]
  - name: batch
    users: [61203]
)";

Configured start_two_tenants() {
    if (::geteuid() != 0) {
        throw Skip("only root can run daemon and clients as different users");
    }
    DaemonOptions options;
    options.user = keeper;
    return Configured(two_tenants, options);
}

void as_user(const User &user, const std::function<void()> &body) {
    run_child([&] {
        become(user);
        body();
    });
}

class Wire {
public:
    explicit Wire(const Daemon &daemon) {
        auto socket = connect_unix(daemon.socket_path(), now_ns() + 20 * ns_per_s);
        CHECK(socket.ok());
        socket_ = std::move(socket.value());
    }

    template <ControlMessage T> Received ask(const T &message) const {
        CHECK(send_control(socket_, message).ok());
        return answer();
    }

    Received answer() const {
        CHECK(wait_readable(socket_, now_ns() + 20 * ns_per_s));
        auto received = receive_message(socket_, AcceptFds::yes);
        CHECK(received.ok());
        return std::move(received.value());
    }

    // The sentence of a refusal with this status, which brings nothing along.
    template <ControlMessage T> std::string refused(const T &message, uakv_status status) const {
        const Received received = ask(message);
        const auto refusal = read_control<RefusedMessage>(received);
        CHECK(refusal.has_value());
        CHECK_STATUS(refusal->status, status);
        CHECK_EQ(received.fds.size(), 0);
        return refusal->detail;
    }

private:
    Fd socket_;
};

HelloMessage hello(const std::string &tenant = "") {
    HelloMessage message;
    set_text(message.tenant, tenant);
    return message;
}

SpaceOpenMessage open_space(const std::string &name) {
    SpaceOpenMessage message;
    message.space.block_bytes = 4096;
    set_text(message.space.name, name);
    return message;
}

ReportGetMessage report(ReportKind kind, const std::string &tenant = "") {
    ReportGetMessage message;
    message.kind = kind;
    message.key = make_key("known");
    set_text(message.tenant, tenant);
    set_text(message.space, "test");
    return message;
}

constexpr std::array report_kinds = {ReportKind::status, ReportKind::stats, ReportKind::spaces, ReportKind::blocks,
                                     ReportKind::why};

struct Inodes {
    std::array<ino_t, 256> all;
    std::size_t count;
};

void add(Inodes &inodes, const Received &received) {
    for (const Fd &fd : received.fds) {
        struct stat status {};
        CHECK(::fstat(fd.get(), &status) == 0);
        CHECK(inodes.count < inodes.all.size());
        inodes.all[inodes.count++] = status.st_ino;
    }
}

// The segments that a client gets by all numbers that there are. Waits until the daemon has allocated its memory.
std::size_t get_all_segments(const Wire &wire, Inodes &inodes) {
    std::size_t segments = 0;
    for (std::uint32_t number = 0; number < 2 * limits::segments_max; ++number) {
        SegmentGetMessage wanted;
        wanted.segment = number;
        const Received received = wire.ask(wanted);
        if (read_control<SegmentMessage>(received)) {
            CHECK_EQ(received.fds.size(), 1);
            CHECK_EQ(number, segments); // they are counted for each tenant
            ++segments;
            add(inodes, received);
        } else {
            CHECK_EQ(read_control<RefusedMessage>(received)->detail, "there is no segment " + std::to_string(number));
            CHECK_EQ(received.fds.size(), 0);
        }
    }
    return segments;
}

void segments_are_own() {
    const Configured configured = start_two_tenants();
    const Daemon &daemon = configured.daemon();
    for (const char *tenant : {"chat", "batch"}) {
        const Client client(daemon, tenant);
        client.await_populated();
        Space space(client);
        CHECK_STATUS(store_block(space, make_key("known"), 5000), UAKV_OK);
    }
    Shared<std::array<Inodes, 2>> inodes;
    for (const std::size_t i : {0U, 1U}) {
        as_user(i == 0 ? alice : bob, [&] {
            const Wire wire(daemon);
            CHECK(read_control<WelcomeMessage>(wire.ask(hello())).has_value());
            CHECK_EQ(get_all_segments(wire, (*inodes)[i]), (32U << 20) / limits::segment_bytes_min);
        });
    }
    const auto &[chat, batch] = *inodes;
    for (std::size_t i = 0; i < chat.count; ++i) {
        CHECK(std::find(batch.all.begin(), batch.all.begin() + batch.count, chat.all[i]) ==
              batch.all.begin() + batch.count);
    }
}

// A tenant's numbers say nothing about how many spaces others have.
void spaces_are_own() {
    const Configured configured = start_two_tenants();
    const Daemon &daemon = configured.daemon();
    std::array<std::uint32_t, 3> numbers{};
    Shared<std::array<std::uint32_t, 3>> of_alice;
    as_user(alice, [&] {
        const Wire wire(daemon);
        wire.ask(hello("chat"));
        for (const std::size_t i : {0U, 1U, 2U}) {
            const auto opened = read_control<SpaceOpenedMessage>(wire.ask(open_space("chat-" + std::to_string(i))));
            CHECK(opened.has_value());
            (*of_alice)[i] = opened->space;
        }
    });
    numbers = *of_alice;
    as_user(bob, [&] {
        const Wire reader(daemon);
        HelloMessage read_only = hello();
        read_only.flags = UAKV_READ_ONLY;
        reader.ask(read_only);
        reader.refused(open_space("chat-0"), UAKV_ERR_DENIED); // a reader makes none, and there is none
        const Wire wire(daemon);
        wire.ask(hello());
        for (const std::uint32_t number : numbers) {
            CHECK_EQ(read_control<SpaceOpenedMessage>(wire.ask(open_space("batch-" + std::to_string(number))))->space,
                     number);
        }
    });
}

// Whatever comes before or after it, a hello leads nobody to the tenant of others.
void hellos_do_not_add_up() {
    const Configured configured = start_two_tenants();
    const Daemon &daemon = configured.daemon();
    as_user(alice, [&] {
        const Wire wire(daemon);
        std::string missing = wire.refused(hello("butch"), UAKV_ERR_DENIED);
        missing.replace(missing.find("butch"), 5, "batch");
        CHECK_EQ(wire.refused(hello("batch"), UAKV_ERR_DENIED), missing);
        HelloMessage endless = hello("batch");
        std::fill(std::begin(endless.tenant) + 5, std::end(endless.tenant), 'x');
        wire.refused(endless, UAKV_ERR_DENIED);
        CHECK(read_control<WelcomeMessage>(wire.ask(hello("chat"))).has_value());
        const Received second = wire.ask(hello("batch"));
        CHECK_EQ(second.fds.size(), 0);
        CHECK_EQ(read_control<RefusedMessage>(second)->ends_session, 1);

        const Wire early(daemon); // before any hello there is nothing to be had
        const Received nothing = early.ask(SegmentGetMessage());
        CHECK_EQ(nothing.fds.size(), 0);
        CHECK_EQ(read_control<RefusedMessage>(nothing)->ends_session, 1);
    });
}

std::string document_of(const Received &received) {
    const auto message = read_control<ReportMessage>(received);
    CHECK(message.has_value());
    CHECK_EQ(received.fds.size(), 1);
    std::string text(message->bytes, 0);
    CHECK_EQ(::pread(received.fds[0].get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
}

bool has(const std::string &text, const char *words) {
    return text.find(words) != std::string::npos;
}

void reports_are_own() {
    const Configured configured = start_two_tenants();
    const Daemon &daemon = configured.daemon();
    as_user(alice, [&] {
        const Client client(daemon);
        const Space hidden(client, "hidden"), space(client);
        CHECK_STATUS(store_block(hidden, make_key("known"), 5000), UAKV_OK);
        CHECK_STATUS(store_block(space, make_key("known"), 5000), UAKV_OK);
    });
    as_user(bob, [&] {
        const Client client(daemon);
        const Space space(client);
        const Wire wire(daemon);
        for (const ReportKind kind : report_kinds) {
            std::string missing = wire.refused(report(kind, "chut"), UAKV_ERR_DENIED);
            missing.replace(missing.find("chut"), 4, "chat");
            CHECK_EQ(wire.refused(report(kind, "chat"), UAKV_ERR_DENIED), missing);
            for (const char *own : {"", "batch"}) {
                const std::string text = document_of(wire.ask(report(kind, own)));
                CHECK_MESSAGE(has(text, "batch") && !has(text, "chat") && !has(text, "hidden"), text);
            }
        }
        const std::string why = document_of(wire.ask(report(ReportKind::why)));
        CHECK_MESSAGE(has(why, R"("reason":"never_stored")") && has(why, R"("other_spaces":[])"), why);
        CHECK(!has(document_of(wire.ask(report(ReportKind::stats))), "stages"));
    });
    as_user(nobody, [&] {
        const Wire wire(daemon);
        CHECK_STATUS(read_control<RefusedMessage>(wire.answer())->status, UAKV_ERR_DENIED); // before it has asked
    });
    const Wire wire(daemon); // root
    CHECK(has(document_of(wire.ask(report(ReportKind::why, "chat"))), R"("other_spaces":["hidden"])"));
    const std::string status = document_of(wire.ask(report(ReportKind::status)));
    CHECK_MESSAGE(has(status, R"("name":"chat")") && has(status, R"("name":"batch")"), status);
}

// A report is of no more use than for reading.
void reports_are_read_only() {
    const Configured configured = start_two_tenants();
    as_user(bob, [&] {
        const Wire wire(configured.daemon());
        const Received received = wire.ask(report(ReportKind::status));
        CHECK_EQ(received.fds.size(), 1);
        const int fd = received.fds[0].get();
        CHECK(::write(fd, "x", 1) < 0 && ::ftruncate(fd, 0) < 0 && ::fchmod(fd, 0666) < 0);
    });
}

constexpr Case cases[] = {
    {"segments_are_own", segments_are_own},           {"spaces_are_own", spaces_are_own},
    {"hellos_do_not_add_up", hellos_do_not_add_up},   {"reports_are_own", reports_are_own},
    {"reports_are_read_only", reports_are_read_only},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("tenants_wire", uakv::test::cases);
}
