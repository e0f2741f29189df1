#include "attackers.h"

#include "failure.h"
#include "ipc/control_message.h"
#include "ipc/mapping.h"
#include "ipc/ring_producer.h"
#include "timing.h"

namespace uakv::bench {
namespace {

constexpr std::uint64_t patience_ns = 10'000'000'000;

Fd connected(const std::string &socket_path) {
    auto socket = connect_unix(socket_path, now_ns() + patience_ns);
    if (!socket.ok()) {
        throw Failure(socket.error().detail);
    }
    return std::move(socket.value());
}

Received hello(const Fd &socket) {
    if (send_control(socket, HelloMessage()).ok() && wait_readable(socket, now_ns() + patience_ns)) {
        auto received = receive_message(socket, AcceptFds::yes);
        if (received.ok() && received.value().fds.size() == welcome_fds) {
            return std::move(received.value());
        }
    }
    throw Failure("the daemon did not welcome an attacker");
}

class Attacker {
public:
    explicit Attacker(const std::string &socket_path) : socket_(connected(socket_path)), welcome_(hello(socket_)) {
        auto mapping = Mapping::map(welcome_.fds[1], sizeof(SessionLayout), Access::read_write);
        if (!mapping.ok()) {
            throw Failure(mapping.error().detail);
        }
        session_ = std::move(mapping.value());
    }

    SessionLayout &session() { return session_.at<SessionLayout>(0); }
    const Fd &doorbell() const { return welcome_.fds[2]; }

private:
    Fd socket_;
    Received welcome_;
    Mapping session_;
};

// A slot, and back with it: the two requests that each change what the daemon keeps.
void flood(Attacker &attacker, const std::atomic<bool> &stop) {
    RingProducer ring(attacker.session());
    Submission next{};
    next.opcode = Opcode::grant;
    next.length = 4096;
    while (!stop) {
        while (ring.submit(next)) {
            next.opcode = Opcode::grant;
        }
        ring.notify(attacker.doorbell());
        for (Completion completion; ring.complete(completion);) {
            if (completion.capacity != 0) {
                Submission back{};
                back.opcode = Opcode::abort;
                back.segment = completion.segment;
                back.slot = completion.slot;
                while (!ring.submit(back) && !stop) {
                    ring.notify(attacker.doorbell());
                }
            }
        }
    }
}

} // namespace

void be_a_nuisance(Nuisance nuisance, const std::string &socket_path, std::atomic<bool> &begun,
                   const std::atomic<bool> &stop) {
    Attacker attacker(socket_path);
    begun = true;
    switch (nuisance) {
    case Nuisance::spins:
        while (!stop) {
        }
        return;
    case Nuisance::floods:
        flood(attacker, stop);
        return;
    case Nuisance::connects:
        while (!stop) {
            const Fd socket = connected(socket_path);
            static_cast<void>(send_control(socket, HelloMessage()));
        }
        return;
    case Nuisance::rings:
        while (!stop) {
            ring_doorbell(attacker.doorbell());
        }
    }
}

} // namespace uakv::bench
