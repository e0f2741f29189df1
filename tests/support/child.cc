#include "support/child.h"

#include "support/check.h"
#include "support/process.h"

#include <csignal>
#include <cstdio>
#include <utility>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace uakv::test {
namespace {

[[noreturn]] void run_and_exit(const std::function<void()> &body) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int status = 0;
    try {
        body();
    } catch (const Skip &) {
        status = 77;
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "child %d: %s\n", static_cast<int>(getpid()), failure.what());
        status = 1;
    }
    std::fflush(nullptr);
    _exit(status);
}

} // namespace

Child::Child(const std::function<void()> &body) {
    std::fflush(nullptr); // else the child prints what the parent has buffered once more
    pid_ = fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
        run_and_exit(body);
    }
}

Child::Child(Child &&other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

Child::~Child() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
}

void Child::join() {
    const pid_t pid = std::exchange(pid_, -1);
    CHECK(pid > 0);
    const std::string end = wait_for_exit(pid);
    if (end == "exit status 77") {
        throw Skip("the child skipped");
    }
    CHECK_MESSAGE(end == "exit status 0", "child " + std::to_string(pid) + " ended with " + end);
}

std::string Child::end() {
    return wait_for_exit(std::exchange(pid_, -1));
}

void Child::await(const std::string &what, const std::function<bool()> &condition) {
    test::await(what, [&] {
        const std::string end = poll_for_exit(pid_);
        if (!end.empty()) {
            pid_ = -1;
            throw Failure("the child ended with " + end + " instead of: " + what);
        }
        return condition();
    });
}

void Child::kill() {
    const pid_t pid = std::exchange(pid_, -1);
    ::kill(pid, SIGKILL);
    const std::string end = wait_for_exit(pid);
    CHECK_MESSAGE(end == "signal 9 (Killed)", "child " + std::to_string(pid) + " had ended with " + end);
}

void Child::pause() {
    ::kill(pid_, SIGSTOP);
}

void Child::resume() {
    ::kill(pid_, SIGCONT);
}

void run_child(const std::function<void()> &body) {
    Child(body).join();
}

void *map_shared(size_t size) {
    void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

void unmap_shared(void *memory, size_t size) {
    munmap(memory, size);
}

} // namespace uakv::test
