// Threads whose failures become the failure of the test.
#pragma once

#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace uakv::test {

class Threads {
public:
    template <typename Body> void start(Body body) {
        threads_.emplace_back([this, body] {
            try {
                body();
            } catch (...) {
                const std::scoped_lock lock(mutex_);
                failure_ = failure_ ? failure_ : std::current_exception();
            }
        });
    }
    void join() {
        for (std::thread &thread : threads_) {
            thread.join();
        }
        threads_.clear();
        if (failure_) {
            std::rethrow_exception(failure_);
        }
    }

private:
    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::exception_ptr failure_;
};

} // namespace uakv::test
