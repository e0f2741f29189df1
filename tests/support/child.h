// Other processes of a test: forked, so that they run a lambda; they connect for themselves.
#pragma once

#include <functional>
#include <new>
#include <string>

#include <sys/types.h>

namespace uakv::test {

// Runs body in a child. A check that fails there prints to stderr and ends the child with status 1, a Skip with 77.
// A child that is still there when the handle goes out of scope is killed.
class Child {
public:
    explicit Child(const std::function<void()> &body);
    Child(Child &&other) noexcept;
    Child &operator=(Child &&) = delete;
    Child(const Child &) = delete;
    Child &operator=(const Child &) = delete;
    ~Child();

    pid_t pid() const { return pid_; }
    void join();       // waits; the test fails unless the child ended with status 0
    std::string end(); // waits, and says how it ended: "signal 9 (Killed)"
    // As test::await(), but fails at once when the child ends.
    void await(const std::string &what, const std::function<bool()> &condition);
    void kill();   // SIGKILL, and waits until it is gone; the test fails when it had ended by itself
    void pause();  // SIGSTOP
    void resume(); // SIGCONT

private:
    pid_t pid_;
};

// A child that has to succeed, from start to end.
void run_child(const std::function<void()> &body);

// Memory that parent and children see alike. For atomics and plain arrays.
void *map_shared(size_t size);
void unmap_shared(void *memory, size_t size);

template <typename T> class Shared {
public:
    Shared() : value_(new (map_shared(sizeof(T))) T{}) {}
    Shared(const Shared &) = delete;
    Shared &operator=(const Shared &) = delete;
    ~Shared() { unmap_shared(value_, sizeof(T)); }

    T &operator*() const { return *value_; }
    T *operator->() const { return value_; }

private:
    T *value_;
};

} // namespace uakv::test
