// The control connection: the handshake, and requests that are answered over the socket. The slow path;
// blocks are stored and found through shared memory.
#pragma once

#include "ipc/control_message.h"
#include "ipc/index_layout.h"
#include "ipc/result.h"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace uakv {

class Connection {
public:
    struct Attached {
        WelcomeMessage welcome;
        Fd index;
        Fd session;
        Fd doorbell; // rung by this client
        Fd bell;     // rung by the daemon
    };

    // Connects and shakes hands. After UAKV_ERR_TIMEOUT it goes on where it was when called again; after any other
    // failure the connection is not to be used.
    template <ControlMessage Hello>
    Result<Attached> attach(const std::string &path, const Hello &hello, std::uint64_t deadline_ns);

    Result<SpaceId> open_space(const SpaceDescription &space, std::uint64_t deadline_ns);
    Result<Fd> get_segment(SegmentId segment, std::uint64_t deadline_ns);

    // Whether the daemon is gone or has ended this session; if so, `why` is a sentence.
    bool lost(std::string &why);

    // What is known of that without asking the kernel.
    bool known_lost() const { return gone_.load(std::memory_order_relaxed); }

    // Of one that is lost: whether the daemon has ended this session, and may be there still.
    bool was_ended();

    // Ends the session for the daemon, also while a forked child holds a copy of the socket.
    void close_for_all() { shut_down(socket_); }

    // Nobody uses it any more.
    void close() { socket_ = Fd(); }

    const Fd &socket() const { return socket_; }

private:
    template <ControlMessage Reply, ControlMessage Request>
    Result<Received> request(const Request &message, std::uint64_t deadline_ns);
    template <ControlMessage Request> Result<void> send_request(const Request &message, std::uint64_t deadline_ns);
    Result<Received> await_reply(std::uint64_t deadline_ns);
    Result<Received> receive(std::uint64_t deadline_ns);
    Error lost_error();

    std::mutex mutex_;
    std::string path_;
    Fd socket_;
    std::uint32_t replies_owed_ = 0; // to requests that gave up waiting; they are skipped when they come
    std::optional<Error> last_word_; // why the daemon ended the session, where it said so
    bool attached_ = false;
    bool lost_ = false;
    std::atomic<bool> gone_{false};
};

} // namespace uakv
