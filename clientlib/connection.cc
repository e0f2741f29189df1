#include "clientlib/connection.h"

#include "ipc/clock.h"
#include "ipc/sequence_point.h"

#include <chrono>
#include <thread>

namespace uakv {
namespace {

// Requests that gave up and whose answers are still to come. The daemon takes many of them for a client that does not
// read, so no more are sent then.
constexpr std::uint32_t replies_owed_max = limits::unread_segments_max / 2;

// std::timed_mutex would do this with pthread_mutex_clocklock, which the thread sanitizer does not know.
bool lock_until(std::unique_lock<std::mutex> &lock, std::uint64_t deadline_ns) {
    while (!lock.try_lock()) {
        if (now_ns() >= deadline_ns) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return true;
}

Error unexpected(const char *wanted) {
    return error(UAKV_ERR_VERSION, "the daemon answered something else than %s: it does not speak protocol %u", wanted,
                 protocol_version);
}

} // namespace

template <ControlMessage Hello> Result<Connection::Attached>
Connection::attach(const std::string &path, const Hello &hello, std::uint64_t deadline_ns) {
    path_ = path;
    if (!socket_.valid()) {
        auto socket = connect_unix(path, deadline_ns);
        if (!socket.ok()) {
            return socket.take_error();
        }
        socket_ = std::move(socket.value());
        UAKV_SEQUENCE_POINT(socket_connected);
    }
    const bool said_hello = replies_owed_ > 0;
    auto reply = said_hello ? await_reply(deadline_ns) : request<WelcomeMessage>(hello, deadline_ns);
    if (!reply.ok()) {
        return reply.take_error();
    }
    auto &fds = reply.value().fds;
    const auto welcome = read_control<WelcomeMessage>(reply.value());
    if (!welcome) {
        return unexpected("a welcome");
    }
    if (fds.size() != welcome_fds) {
        return error(UAKV_ERR_NO_MEMORY,
                     "%zu of the daemon's %zu descriptors arrived: this process has too many open files; raise its "
                     "limit (ulimit -n)",
                     fds.size(), std::size_t{welcome_fds});
    }
    if (welcome->version < hello.version_min || welcome->version > hello.version_max) {
        return error(UAKV_ERR_VERSION, "the daemon at %s speaks protocol %u, this library %u to %u", path.c_str(),
                     welcome->version, hello.version_min, hello.version_max);
    }
    UAKV_SEQUENCE_POINT(welcome_received);
    attached_ = true;
    return Attached{*welcome, std::move(fds[0]), std::move(fds[1]), std::move(fds[2]), std::move(fds[3])};
}

template Result<Connection::Attached> Connection::attach(const std::string &, const HelloMessage &, std::uint64_t);
template Result<Connection::Attached> Connection::attach(const std::string &, const HelloDeviceMessage &,
                                                         std::uint64_t);

Result<SpaceId> Connection::open_space(const SpaceDescription &space, std::uint64_t deadline_ns) {
    SpaceOpenMessage message;
    message.space = space;
    auto reply = request<SpaceOpenedMessage>(message, deadline_ns);
    if (!reply.ok()) {
        return reply.take_error();
    }
    const auto opened = read_control<SpaceOpenedMessage>(reply.value());
    return opened ? Result<SpaceId>(opened->space) : unexpected("an opened space");
}

Result<Fd> Connection::get_segment(SegmentId segment, std::uint64_t deadline_ns) {
    SegmentGetMessage message;
    message.segment = segment;
    auto reply = request<SegmentMessage>(message, deadline_ns);
    if (!reply.ok()) {
        return reply.take_error();
    }
    const auto answer = read_control<SegmentMessage>(reply.value());
    if (!answer || answer->segment != segment) {
        return unexpected("the segment that was asked for");
    }
    if (reply.value().fds.size() != 1) {
        return error(UAKV_ERR_NO_MEMORY,
                     "the descriptor of segment %u did not arrive: this process has too many open "
                     "files; raise its limit (ulimit -n)",
                     segment);
    }
    return std::move(reply.value().fds[0]);
}

template <ControlMessage Reply, ControlMessage Request>
Result<Received> Connection::request(const Request &message, std::uint64_t deadline_ns) {
    std::unique_lock lock(mutex_, std::defer_lock);
    if (!lock_until(lock, deadline_ns)) {
        return error(UAKV_ERR_TIMEOUT, "the daemon at %s did not answer other threads in time", path_.c_str());
    }
    if (auto sent = send_request(message, deadline_ns); !sent.ok()) {
        return sent.take_error();
    }
    return await_reply(deadline_ns);
}

template <ControlMessage Request>
Result<void> Connection::send_request(const Request &message, std::uint64_t deadline_ns) {
    if (lost_) {
        return lost_error();
    }
    while (replies_owed_ >= replies_owed_max) {
        if (auto late = receive(deadline_ns); !late.ok()) {
            return late.take_error();
        }
        --replies_owed_;
    }
    if (auto sent = send_control(socket_, message); !sent.ok()) {
        if (sent.error().status == UAKV_ERR_BUSY) {
            return error(UAKV_ERR_TIMEOUT, "the daemon at %s does not read its messages", path_.c_str());
        }
        // It may have said why before it hung up.
        auto last = receive(deadline_ns);
        return last.ok() ? lost_error() : last.take_error();
    }
    ++replies_owed_;
    UAKV_SEQUENCE_POINT(request_sent);
    return {};
}

// To the last request.
Result<Received> Connection::await_reply(std::uint64_t deadline_ns) {
    for (;;) {
        auto reply = receive(deadline_ns);
        if (!reply.ok()) {
            return reply.take_error();
        }
        if (--replies_owed_ > 0) {
            continue; // the late answer to a request that gave up
        }
        if (const auto refused = read_control<RefusedMessage>(reply.value())) {
            return error_of(*refused);
        }
        return reply;
    }
}

Result<Received> Connection::receive(std::uint64_t deadline_ns) {
    for (;;) {
        auto received = receive_message(socket_, AcceptFds::yes);
        if (!received.ok()) {
            return received.take_error();
        }
        switch (received.value().state) {
        case Received::State::message:
            if (const auto refused = read_control<RefusedMessage>(received.value());
                refused && refused->ends_session != 0) {
                last_word_ = error_of(*refused); // a hang-up follows
                continue;
            }
            return received;
        case Received::State::hung_up:
            lost_ = true;
            gone_.store(true, std::memory_order_relaxed);
            return lost_error();
        case Received::State::nothing_yet:
            if (!wait_readable(socket_, deadline_ns)) {
                return error(UAKV_ERR_TIMEOUT, "the daemon at %s did not answer in time; is it stopped?",
                             path_.c_str());
            }
        }
    }
}

bool Connection::lost(std::string &why) {
    if (!has_hung_up(socket_)) {
        return false;
    }
    gone_.store(true, std::memory_order_relaxed);
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock.owns_lock()) {
        while (!lost_ && receive(0).ok()) {
        }
        why = lost_error().detail;
    } else {
        why = "the daemon at " + path_ + " has hung up";
    }
    return true;
}

bool Connection::was_ended() {
    const std::scoped_lock lock(mutex_);
    while (!lost_ && receive(0).ok()) {
    }
    return last_word_.has_value();
}

Error Connection::lost_error() {
    if (last_word_ && !attached_) {
        return *last_word_; // it did not let us in
    }
    if (last_word_) {
        return error(UAKV_ERR_DISCONNECTED, "the daemon ended this session: %s", last_word_->detail.c_str());
    }
    return error(UAKV_ERR_DISCONNECTED, "the daemon at %s is gone", path_.c_str());
}

} // namespace uakv
