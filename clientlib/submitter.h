// Submissions and their completions: all threads of the process share one ring under a process-local mutex.
// Every wait has a deadline and notices when the daemon is gone. Hits never come here.
#pragma once

#include "clientlib/connection.h"
#include "clientlib/grants.h"
#include "ipc/ring_producer.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace uakv {

class Submitter {
public:
    Submitter(SessionLayout &session, Fd doorbell, Connection &connection, Grants &grants);

    using Call = std::uint32_t;

    // Hands the submission to the daemon, and wakes it if need be. Waits for a place in the ring.
    // Submission::user_data is filled in here.
    Result<Call> submit(Submission submission, std::uint64_t deadline_ns);

    // Waits for the call's completion. After an error the call goes on without its caller: a slot that comes
    // with the completion is kept for later.
    Result<Completion> wait(Call call, std::uint64_t deadline_ns);

    // Both at once.
    Result<Completion> call(const Submission &submission, std::uint64_t deadline_ns);

    // Nobody will wait for this call.
    void forget(Call call);

private:
    enum class State : std::uint8_t { free, waiting, done, forgotten };
    struct Pending {
        State state = State::free;
        std::uint32_t turn = 0;
        Completion completion{};
    };

    bool try_submit(Submission &submission, Call &call, std::uint32_t &seen);
    bool try_take(Call call, Completion &completion, std::uint32_t &seen);
    void reap();
    void drop(Pending &pending);
    void finish(Pending &pending);
    bool spin(std::uint32_t seen);
    Result<void> pause(std::uint32_t seen, std::uint64_t deadline_ns);

    SessionLayout &session_;
    Fd doorbell_;
    Connection &connection_;
    Grants &grants_;
    std::mutex mutex_;
    RingProducer ring_;
    std::array<Pending, limits::submissions> pending_;
    std::vector<Call> free_;
    std::atomic<std::uint32_t> spin_ns_{20'000};
    std::atomic<std::uint32_t> looks_{0};
};

} // namespace uakv
