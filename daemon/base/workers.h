// Threads for work on bytes: encoding, decoding, checksums. The reactor hands a job over and gets it back when it is
// done; jobs touch nothing but the memory that they were given.
//
// With no threads every job is done at once, in run(), and still comes back through take_done(): so a simulation is
// deterministic, and nothing is called back from inside run().
#pragma once

#include "ipc/fd.h"
#include "ipc/result.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace uakv {

class Workers {
public:
    struct Job {
        std::function<void()> work; // in some thread
        std::function<void()> done; // in the reactor, from take_done()
    };

    static Result<std::unique_ptr<Workers>> start(std::uint32_t threads);
    ~Workers(); // waits for the jobs that run; what was not begun is not done
    Workers(const Workers &) = delete;
    Workers &operator=(const Workers &) = delete;

    void run(Job job);

    // Calls `done` of what is finished, in the order in which it was; true when there was any.
    bool take_done();

    // Becomes readable when something is finished.
    const Fd &event() const { return event_; }

    // Handed over and not taken back yet.
    std::uint64_t under_way() const { return under_way_; }

    // Sleeps until something is finished, if anything is under way. At start and at the end only.
    void wait();

private:
    explicit Workers(Fd event);
    void serve();

    Fd event_;
    std::uint64_t under_way_ = 0;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable finished_one_;
    bool stopping_ = false;
    std::deque<Job> waiting_;
    std::vector<Job> finished_;
    std::vector<std::thread> threads_;
};

} // namespace uakv
