// What worker threads promise: each job is done once, and comes back in the thread that gave it.
#include "daemon/base/workers.h"
#include "ipc/wakeup.h"
#include "support/check.h"

#include <atomic>
#include <future>
#include <poll.h>
#include <thread>
#include <vector>

namespace uakv::test {
namespace {

std::unique_ptr<Workers> start(std::uint32_t threads) {
    auto workers = Workers::start(threads);
    CHECK_MESSAGE(workers.ok(), workers.ok() ? "" : workers.error().detail);
    return std::move(workers.value());
}

bool readable(const Fd &fd) {
    pollfd asked{fd.get(), POLLIN, 0};
    return ::poll(&asked, 1, 0) == 1 && (asked.revents & POLLIN) != 0;
}

// Takes until nothing is under way.
void drain(Workers &workers) {
    while (workers.under_way() > 0) {
        workers.wait();
        CHECK(workers.take_done());
    }
    CHECK(!workers.take_done());
}

void without_threads() {
    auto workers = start(0);
    CHECK(!readable(workers->event()));
    CHECK(!workers->take_done());
    workers->wait(); // nothing is under way
    std::vector<int> order;
    for (int i = 0; i < 3; ++i) {
        workers->run({[&order, i] { order.push_back(i); }, [&order, i] { order.push_back(10 + i); }});
    }
    CHECK(order == (std::vector{0, 1, 2})); // done at once, and nothing was called back
    CHECK_EQ(workers->under_way(), 3);
    CHECK(readable(workers->event()));
    workers->wait(); // does not: something is finished
    CHECK(workers->take_done());
    CHECK(order == (std::vector{0, 1, 2, 10, 11, 12}));
    CHECK_EQ(workers->under_way(), 0);
    CHECK(!workers->take_done());
}

// One thread begins the jobs in the order in which they were given, and they come back in it.
void one_thread_keeps_the_order() {
    auto workers = start(1);
    constexpr int jobs = 200;
    std::vector<int> worked; // by the one thread; read after it has given them back
    std::vector<int> done;
    for (int i = 0; i < jobs; ++i) {
        workers->run({[&worked, i] { worked.push_back(i); }, [&done, i] { done.push_back(i); }});
    }
    drain(*workers);
    CHECK_EQ(worked.size(), jobs);
    CHECK_EQ(done.size(), jobs);
    for (int i = 0; i < jobs; ++i) {
        CHECK_EQ(worked[static_cast<std::size_t>(i)], i);
        CHECK_EQ(done[static_cast<std::size_t>(i)], i);
    }
}

// What a job wrote is seen by its `done`, in the thread that takes it.
void many_threads_do_each_once() {
    auto workers = start(4);
    CHECK(!readable(workers->event()));
    constexpr std::size_t jobs = 2000;
    std::vector<std::uint64_t> worked(jobs, 0);
    std::vector<int> done(jobs, 0);
    const auto here = std::this_thread::get_id();
    for (std::size_t i = 0; i < jobs; ++i) {
        workers->run({[&worked, i] { worked[i] += i + 1; },
                      [&, i] {
                          CHECK(std::this_thread::get_id() == here);
                          CHECK_EQ(worked[i], i + 1);
                          ++done[i];
                      }});
        if (i % 7 == 0) {
            workers->take_done();
        }
    }
    drain(*workers);
    CHECK(readable(workers->event()));
    for (std::size_t i = 0; i < jobs; ++i) {
        CHECK_EQ(done[i], 1);
    }
}

// Two jobs that wait for each other: they must be worked on side by side.
void threads_work_side_by_side() {
    auto workers = start(2);
    std::promise<void> first;
    std::promise<void> second;
    int done = 0;
    workers->run({[&] {
                      first.set_value();
                      second.get_future().wait();
                  },
                  [&] { ++done; }});
    workers->run({[&] {
                      second.set_value();
                      first.get_future().wait();
                  },
                  [&] { ++done; }});
    drain(*workers);
    CHECK_EQ(done, 2);
}

// `done` may give the next job, at any number of threads; it comes back with a later take_done().
void done_runs_another(std::uint32_t threads) {
    auto workers = start(threads);
    int left = 50;
    std::function<void()> next = [&] {
        if (--left > 0) {
            workers->run({[] {}, next});
        }
    };
    workers->run({[] {}, next});
    for (int takes = 1; takes <= 50; ++takes) {
        CHECK_EQ(workers->under_way(), 1);
        workers->wait();
        CHECK(workers->take_done());
        CHECK_EQ(left, 50 - takes);
    }
    CHECK_EQ(workers->under_way(), 0);
}

void done_runs_another_at_once() {
    done_runs_another(0);
}

void done_runs_another_in_a_thread() {
    done_runs_another(1);
}

// The end waits for the job that runs, and nothing is called back. What waits behind it may be begun or not; what it
// holds is let go.
void destroyed_with_jobs_waiting() {
    std::promise<void> begun;
    std::promise<void> go_on;
    std::atomic<int> worked = 0;
    std::atomic<int> done = 0;
    auto held = std::make_shared<int>(0);
    auto workers = start(1);
    workers->run({[&] {
                      begun.set_value();
                      go_on.get_future().wait();
                      ++worked;
                  },
                  [&] { ++done; }});
    for (int i = 0; i < 5; ++i) {
        workers->run({[&worked, held] { ++worked; }, [&done] { ++done; }});
    }
    begun.get_future().wait();
    std::thread helper([&] { go_on.set_value(); });
    workers.reset();
    helper.join();
    CHECK(worked >= 1);
    CHECK_EQ(done.load(), 0);
    CHECK_EQ(held.use_count(), 1);
}

void destroyed_with_results_untaken() {
    auto held = std::make_shared<int>(0);
    for (const std::uint32_t threads : {0U, 2U}) {
        auto workers = start(threads);
        workers->run({[held] {}, [held] { CHECK(false); }});
        workers->wait();
        workers.reset();
        CHECK_EQ(held.use_count(), 1);
    }
}

constexpr Case cases[] = {
    {"without_threads", without_threads},
    {"one_thread_keeps_the_order", one_thread_keeps_the_order},
    {"many_threads_do_each_once", many_threads_do_each_once},
    {"threads_work_side_by_side", threads_work_side_by_side},
    {"done_runs_another_at_once", done_runs_another_at_once},
    {"done_runs_another_in_a_thread", done_runs_another_in_a_thread},
    {"destroyed_with_jobs_waiting", destroyed_with_jobs_waiting},
    {"destroyed_with_results_untaken", destroyed_with_results_untaken},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("workers", uakv::test::cases);
}
