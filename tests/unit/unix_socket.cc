// The control socket: whole messages, descriptors one way, and nothing that blocks.
#include "ipc/unix_socket.h"
#include "ipc/clock.h"
#include "ipc/control_message.h"
#include "support/check.h"
#include "support/daemon.h"
#include "support/process.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace uakv::test {
namespace {

// A connection, both ends of it.
struct Connected {
    Directory directory;
    std::string path = directory.path() + "/s.sock";
    Fd listener;
    Fd client;
    Fd server;

    Connected() {
        auto listening = listen_unix(path);
        CHECK(listening.ok());
        listener = std::move(listening.value());
        auto connecting = connect_unix(path, now_ns() + ns_per_s);
        CHECK(connecting.ok());
        client = std::move(connecting.value());
        auto accepted = accept_unix(listener);
        CHECK(accepted.ok());
        server = std::move(accepted.value());
        CHECK(server.valid());
    }
};

// As Connected, but of a kernel that lets descriptors through.
struct Open {
    Fd client;
    Fd server;

    Open() {
        std::array<int, 2> ends{};
        CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
        client = Fd(ends[0]);
        server = Fd(ends[1]);
    }
};

std::vector<std::byte> bytes_of(std::size_t length) {
    std::vector<std::byte> bytes(length);
    for (std::size_t i = 0; i < length; ++i) {
        bytes[i] = static_cast<std::byte>(i * 7);
    }
    return bytes;
}

Received receive(const Fd &socket, AcceptFds accept_fds = AcceptFds::yes) {
    auto received = receive_message(socket, accept_fds);
    CHECK(received.ok());
    return std::move(received.value());
}

void messages_arrive_whole() {
    const Connected ends;
    CHECK(receive(ends.server).state == Received::State::nothing_yet);
    for (const std::size_t length : {1UL, 8UL, 511UL, limits::control_message_bytes_max}) {
        CHECK(send_message(ends.client, bytes_of(length), {}).ok());
    }
    for (const std::size_t length : {1UL, 8UL, 511UL, limits::control_message_bytes_max}) {
        const Received received = receive(ends.server);
        CHECK(received.state == Received::State::message);
        CHECK_EQ(received.length, length);
        CHECK(std::memcmp(received.bytes.data(), bytes_of(length).data(), length) == 0);
        CHECK(received.fds.empty());
    }
    CHECK(receive(ends.server).state == Received::State::nothing_yet);
}

void descriptors_arrive() {
    const Connected ends;
    std::array<int, 2> pipe{};
    CHECK(::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    const Fd reader(pipe[0]);
    const Fd writer(pipe[1]);
    const std::array fds = {writer.get(), reader.get(), writer.get(), writer.get()};
    static_assert(fds.size() == limits::control_fds_max);
    CHECK(send_message(ends.server, bytes_of(5), fds).ok());
    const Received received = receive(ends.client);
    CHECK_EQ(received.fds.size(), 4);
    CHECK_EQ(::fcntl(received.fds[3].get(), F_GETFD), FD_CLOEXEC);
    CHECK_EQ(::write(received.fds[0].get(), "x", 1), 1);
    char byte = 0;
    CHECK_EQ(::read(reader.get(), &byte, 1), 1);
}

// Sends by hand: a peer of ours would not.
ssize_t try_send_raw(const Fd &socket, std::size_t length, std::size_t fd_count) {
    const std::vector<std::byte> bytes = bytes_of(length);
    iovec vector{const_cast<std::byte *>(bytes.data()), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(64 * sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    if (fd_count > 0) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        const std::vector<int> fds(fd_count, STDERR_FILENO);
        std::memcpy(CMSG_DATA(rights), fds.data(), fd_count * sizeof(int));
    }
    return ::sendmsg(socket.get(), &header, MSG_NOSIGNAL);
}

void send_raw(const Fd &socket, std::size_t length, std::size_t fd_count) {
    CHECK_EQ(try_send_raw(socket, length, fd_count), length);
}

// Since Linux 6.16; before, they are discarded.
void descriptors_of_a_client_are_refused() {
    const Connected ends;
    const std::size_t before = descriptor_count(::getpid());
    if (try_send_raw(ends.client, 10, 3) < 0) {
        CHECK_EQ(errno, EPERM);
    } else {
        CHECK(receive(ends.server, AcceptFds::no).fds.empty());
    }
    CHECK_EQ(descriptor_count(::getpid()), before);
    send_raw(ends.client, 10, 0);
}

void descriptors_of_a_client_are_discarded() {
    const Open ends;
    const std::size_t before = descriptor_count(::getpid());
    send_raw(ends.client, 10, 3);
    const Received received = receive(ends.server, AcceptFds::no);
    CHECK(received.state == Received::State::message);
    CHECK_EQ(received.length, 10);
    CHECK(received.fds.empty());
    CHECK_EQ(descriptor_count(::getpid()), before);
}

void no_more_descriptors_than_the_cap() {
    const Open ends;
    const std::size_t before = descriptor_count(::getpid());
    send_raw(ends.client, 10, 60);
    {
        const Received received = receive(ends.server);
        CHECK(received.fds.size() <= limits::control_fds_max);
    }
    CHECK_EQ(descriptor_count(::getpid()), before);
}

void too_long_a_message() {
    const Open ends;
    const std::size_t before = descriptor_count(::getpid());
    send_raw(ends.client, limits::control_message_bytes_max + 1, 2);
    auto received = receive_message(ends.server, AcceptFds::yes);
    CHECK(!received.ok());
    CHECK_STATUS(received.error().status, UAKV_ERR_VERSION);
    CHECK_EQ(descriptor_count(::getpid()), before);
    send_raw(ends.client, 3, 0); // the next one is not harmed
    CHECK_EQ(receive(ends.server).length, 3);
}

void hang_up_is_seen() {
    Connected ends;
    CHECK(!has_hung_up(ends.server));
    CHECK(send_message(ends.client, bytes_of(4), {}).ok());
    ends.client.reset();
    CHECK(has_hung_up(ends.server));
    CHECK(wait_readable(ends.server, 0));
    CHECK_EQ(receive(ends.server).length, 4); // what was said before still counts
    CHECK(receive(ends.server).state == Received::State::hung_up);
    auto sent = send_message(ends.server, bytes_of(4), {});
    CHECK(!sent.ok());
    CHECK_STATUS(sent.error().status, UAKV_ERR_DISCONNECTED);
}

void hang_up_with_unread_messages() {
    Connected ends;
    CHECK(send_message(ends.server, bytes_of(4), {}).ok());
    ends.client.reset();
    CHECK(receive(ends.server).state == Received::State::hung_up);
}

// A forked child may hold the socket open; the session ends all the same.
void shut_down_reaches_copies() {
    const Connected ends;
    const Fd copy(::dup(ends.client.get()));
    shut_down(ends.client);
    CHECK(has_hung_up(ends.server));
    CHECK(receive(copy).state == Received::State::hung_up);
}

void last_word_and_their_hang_up() {
    Connected ends;
    CHECK(send_message(ends.server, bytes_of(9), {}).ok());
    shut_down_sending(ends.server);
    CHECK_EQ(receive(ends.client).length, 9);
    CHECK(receive(ends.client).state == Received::State::hung_up);
    CHECK(receive(ends.server).state == Received::State::nothing_yet);
    ends.client.reset();
    CHECK(receive(ends.server).state == Received::State::hung_up);
}

void peer_that_does_not_read() {
    const Connected ends;
    Result<void> sent;
    for (int count = 0; (sent = send_message(ends.server, bytes_of(512), {})).ok(); ++count) {
        CHECK(count < 1'000'000);
    }
    CHECK_STATUS(sent.error().status, UAKV_ERR_BUSY);
}

void waits_to_the_deadline() {
    const Connected ends;
    const std::uint64_t deadline = now_ns() + 20 * ns_per_ms;
    CHECK(!wait_readable(ends.server, deadline));
    CHECK(now_ns() >= deadline);
    CHECK(!wait_readable(ends.server, 0));
}

void nobody_there() {
    const Directory directory;
    const std::string path = directory.path() + "/none.sock";
    auto missing = connect_unix(path, now_ns() + ns_per_s);
    CHECK_STATUS(missing.error().status, UAKV_ERR_DISCONNECTED);
    CHECK(missing.error().detail.find(path) != std::string::npos);
    { CHECK(listen_unix(path).ok()); }
    auto stale = connect_unix(path, now_ns() + ns_per_s);
    CHECK_STATUS(stale.error().status, UAKV_ERR_DISCONNECTED);
}

// The backlog is full: the deadline ends the wait.
void nobody_accepts() {
    const Directory directory;
    const std::string path = directory.path() + "/s.sock";
    auto listening = listen_unix(path);
    CHECK(listening.ok());
    CHECK(::listen(listening.value().get(), 0) == 0);
    std::vector<Fd> waiting;
    for (;;) {
        auto connected = connect_unix(path, now_ns() + 20 * ns_per_ms);
        if (!connected.ok()) {
            CHECK_STATUS(connected.error().status, UAKV_ERR_TIMEOUT);
            break;
        }
        waiting.push_back(std::move(connected.value()));
        CHECK(waiting.size() < 10);
    }
}

void listening() {
    const Directory directory;
    const std::string path = directory.path() + "/s.sock";
    auto listening = listen_unix(path);
    CHECK(listening.ok());
    struct stat status {};
    CHECK(::stat(path.c_str(), &status) == 0);
    CHECK_EQ(status.st_mode & 07777, 0660);
    auto none = accept_unix(listening.value());
    CHECK(none.ok() && !none.value().valid());
    CHECK_STATUS(listen_unix(path).error().status, UAKV_ERR_INVALID);
    CHECK_STATUS(listen_unix("").error().status, UAKV_ERR_INVALID);
    CHECK_STATUS(listen_unix(directory.path() + "/" + std::string(200, 'x')).error().status, UAKV_ERR_INVALID);
    CHECK_STATUS(connect_unix(std::string(200, 'x'), 0).error().status, UAKV_ERR_INVALID);
}

Received received_as(const void *message, std::size_t length) {
    Received received;
    received.state = Received::State::message;
    received.length = length;
    std::memcpy(received.bytes.data(), message, length);
    return received;
}

void control_messages_are_checked() {
    HelloMessage hello;
    hello.flags = 77;
    CHECK_EQ(read_control<HelloMessage>(received_as(&hello, sizeof hello))->flags, 77);
    CHECK(!read_control<HelloMessage>(received_as(&hello, sizeof hello - 1)));
    CHECK(!read_control<SpaceOpenMessage>(received_as(&hello, sizeof hello)));
    const SpaceOpenedMessage opened; // of the same length as the next
    CHECK(!read_control<SegmentMessage>(received_as(&opened, sizeof opened)));
    CHECK(read_control<SpaceOpenedMessage>(received_as(&opened, sizeof opened)));
    hello.header.magic ^= 1;
    CHECK(!read_control<HelloMessage>(received_as(&hello, sizeof hello)));
}

void text_in_fields() {
    char field[8];
    std::memset(field, 'z', sizeof field);
    set_text(field, "abc");
    CHECK_EQ(*get_text(field), "abc");
    CHECK(std::memcmp(field, "abc\0\0\0\0\0", 8) == 0);
    set_text(field, "abcdefghij");
    CHECK_EQ(*get_text(field), "abcdefg");
    std::memset(field, 'z', sizeof field);
    CHECK(!get_text(field));
}

constexpr Case cases[] = {
    {"messages_arrive_whole", messages_arrive_whole},
    {"descriptors_arrive", descriptors_arrive},
    {"descriptors_of_a_client_are_refused", descriptors_of_a_client_are_refused},
    {"descriptors_of_a_client_are_discarded", descriptors_of_a_client_are_discarded},
    {"no_more_descriptors_than_the_cap", no_more_descriptors_than_the_cap},
    {"too_long_a_message", too_long_a_message},
    {"hang_up_is_seen", hang_up_is_seen},
    {"hang_up_with_unread_messages", hang_up_with_unread_messages},
    {"shut_down_reaches_copies", shut_down_reaches_copies},
    {"last_word_and_their_hang_up", last_word_and_their_hang_up},
    {"peer_that_does_not_read", peer_that_does_not_read},
    {"waits_to_the_deadline", waits_to_the_deadline},
    {"nobody_there", nobody_there},
    {"nobody_accepts", nobody_accepts},
    {"listening", listening},
    {"control_messages_are_checked", control_messages_are_checked},
    {"text_in_fields", text_in_fields},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("unix_socket", uakv::test::cases);
}
