#include "hostile/raw_client.h"

#include "ipc/clock.h"
#include "ipc/lease_table.h"
#include "support/child.h"

#include <cerrno>
#include <cstring>

#include <sched.h>
#include <sys/socket.h>

namespace uakv::test {
namespace {

constexpr std::uint64_t patience_ns = 20 * ns_per_s;

} // namespace

RawClient::RawClient(const std::string &path) {
    auto socket = connect_unix(path, now_ns() + patience_ns);
    CHECK(socket.ok());
    socket_ = std::move(socket.value());
}

int RawClient::send_bytes(std::span<const std::byte> bytes, std::span<const int> fds) const {
    iovec vector{const_cast<std::byte *>(bytes.data()), bytes.size()};
    std::vector<std::uint64_t> control(CMSG_SPACE(fds.size_bytes()) / sizeof(std::uint64_t) + 1);
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
    }
    return ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ? 0 : errno;
}

Received RawClient::receive() {
    CHECK(wait_readable(socket_, now_ns() + patience_ns));
    auto received = receive_message(socket_, AcceptFds::yes);
    CHECK(received.ok());
    return std::move(received.value());
}

std::string RawClient::last_words() {
    for (;;) {
        const Received received = receive();
        CHECK_MESSAGE(received.state == Received::State::message, "the daemon hung up without a word");
        const auto refused = read_control<RefusedMessage>(received);
        if (refused && refused->ends_session == 1) {
            CHECK(receive().state == Received::State::hung_up);
            return refused->detail;
        }
    }
}

void RawClient::attach(std::uint32_t flags) {
    HelloMessage hello;
    hello.flags = flags;
    send(hello);
    take_welcome();
}

void RawClient::attach(const HelloDeviceMessage &hello) {
    send(hello);
    take_welcome();
}

void RawClient::take_welcome() {
    Received received = receive();
    const auto welcome = read_control<WelcomeMessage>(received);
    CHECK(welcome.has_value());
    fds_ = std::move(received.fds);
    CHECK_EQ(fds_.size(), welcome_fds);
    auto index = Mapping::map(fds_[0], welcome->index_bytes, Access::read_only);
    auto session = Mapping::map(fds_[1], welcome->session_bytes, Access::read_write);
    CHECK(index.ok() && session.ok());
    index_ = std::move(index.value());
    session_ = std::move(session.value());
    ring_.emplace(this->session());
}

SpaceId RawClient::open_space(const std::string &name) {
    SpaceOpenMessage message;
    message.space.block_bytes = segment_bytes();
    set_text(message.space.name, name);
    send(message);
    const auto opened = read_control<SpaceOpenedMessage>(receive());
    CHECK(opened.has_value());
    return opened->space;
}

Fd RawClient::segment(std::uint32_t number) {
    Fd fd;
    await("there is a segment", [&] {
        SegmentGetMessage message;
        message.segment = number;
        send(message);
        Received received = receive();
        if (received.fds.empty()) {
            return false;
        }
        fd = std::move(received.fds[0]);
        return true;
    });
    return fd;
}

void RawClient::submit(const Submission &submission) {
    const std::uint64_t deadline_ns = now_ns() + patience_ns;
    while (!ring_->submit(submission)) {
        CHECK_MESSAGE(now_ns() < deadline_ns && !has_hung_up(socket_), "the ring has no place");
        ::sched_yield();
    }
    ring_->notify(doorbell());
}

std::optional<Completion> RawClient::take() {
    Completion completion;
    return ring_->complete(completion) ? std::optional(completion) : std::nullopt;
}

Completion RawClient::call(Submission submission) {
    submission.user_data = UINT64_MAX - ++called_;
    submit(submission);
    std::optional<Completion> answer;
    const std::uint64_t deadline_ns = now_ns() + patience_ns;
    while (!(answer = take()) || answer->user_data != submission.user_data) {
        CHECK_MESSAGE(now_ns() < deadline_ns && !has_hung_up(socket_), "the call was not answered");
        ::sched_yield();
    }
    return *answer;
}

void lease_block(SessionLayout &session, std::uint32_t word, const Lookup &lookup, SpaceId space, const uakv_key &key) {
    Lookup::Found found;
    CHECK(lookup.find(space, key, found));
    lease_cover(session, word);
    CHECK(lease_begin(session, word, lookup.entry(found.id), found.id, found.generation));
}

Submission submission_for(Opcode opcode, SpaceId space, const uakv_key &key, std::uint64_t length) {
    Submission submission{};
    submission.opcode = opcode;
    submission.space = space;
    submission.key = key;
    submission.length = length;
    return submission;
}

Submission with_slot_of(Submission submission, const Completion &granted) {
    submission.segment = granted.segment;
    submission.slot = granted.slot;
    return submission;
}

} // namespace uakv::test
