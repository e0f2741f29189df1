// Submissions and their completions: all threads of the process share one ring under a process-local mutex. A thread
// either waits for its call, with a deadline, or leaves the answer to be collected. Hits never come here.
#pragma once

#include "clientlib/connection.h"
#include "clientlib/grants.h"
#include "ipc/ring_producer.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace uakv {

class Submitter {
public:
    Submitter(SessionLayout &session, Fd doorbell, Connection &connection, Grants &grants);

    using Number = std::uint32_t;

    // ---- calls that a thread waits for -------------------------------------------------------------------

    // Hands the submission to the daemon, and wakes it if need be. Waits for a place in the ring.
    // Submission::user_data is filled in here.
    Result<Number> submit(Submission submission, std::uint64_t deadline_ns);

    // Waits for the call's completion. After an error the call goes on without its caller: see forget().
    Result<Completion> wait(Number number, std::uint64_t deadline_ns);

    // The completion, if it has come; else the call goes on.
    std::optional<Completion> poll(Number number);

    // Nobody will wait for this call. If it still stands in line at the daemon, it is cancelled; a slot that comes
    // with its completion is kept for later.
    void forget(Number number);

    // ---- calls whose answers are collected ---------------------------------------------------------------

    // A place for a call and all its steps, until release(); nothing when all are taken. `owner` must not be null.
    std::optional<Number> reserve(void *owner);
    void release(Number number);

    // Never waits: a reserved number has its place in the ring.
    void submit_reserved(Number number, Submission submission);

    struct Arrival {
        void *owner = nullptr;
        Number number = 0;
        Completion completion;
    };
    // Appends what has arrived.
    void collect(std::vector<Arrival> &arrivals);

    // Takes a reserved call back that waits for its answer, as forget() does, and releases its number. False when the
    // answer has come, or nothing was asked.
    bool take_back(Number number);

    // Whether collect() would find something. The first time it says no, the daemon rings the bell at the next
    // completion.
    bool arm_bell();

    // The same before a call is submitted: what is completed before does not count.
    void want_bell() { store_relaxed(session_.header.bell_wanted, 1); }
    void need_no_bell() { store_relaxed(session_.header.bell_wanted, 0); }

    // Looks for completions for a short while that has proved useful.
    void look_a_while();

private:
    enum class State : std::uint8_t { free, reserved, waiting, done, forgotten };
    struct Pending {
        State state = State::free;
        Opcode opcode{};
        std::uint32_t turn = 0;
        void *owner = nullptr;
        Completion completion{};
    };

    std::uint64_t user_data(Number number) const {
        return static_cast<std::uint64_t>(pending_[number].turn) << 32 | number;
    }
    bool try_submit(const Submission &submission, Number &number, std::uint32_t &seen);
    bool try_take(Number number, Completion &completion, std::uint32_t &seen);
    void send(Number number, Submission submission);
    void give_up(Number number);
    void reap();
    void drop(Number number);
    void finish(Number number);
    bool spin(std::uint32_t seen);
    Result<void> pause(std::uint32_t seen, std::uint64_t deadline_ns);

    SessionLayout &session_;
    Fd doorbell_;
    Connection &connection_;
    Grants &grants_;
    std::mutex mutex_;
    RingProducer ring_;
    std::array<Pending, limits::submissions> pending_;
    std::vector<Number> free_;
    std::vector<Arrival> arrivals_;
    std::atomic<std::uint32_t> spin_ns_{20'000};
    std::atomic<std::uint32_t> looks_{0};
};

} // namespace uakv
