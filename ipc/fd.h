// A file descriptor with one owner.
#pragma once

#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace uakv {

class Fd {
public:
    Fd() = default;
    explicit Fd(int number) : number_(number) {}
    Fd(Fd &&other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Fd &operator=(Fd &&other) noexcept {
        if (this != &other) {
            reset();
            number_ = std::exchange(other.number_, -1);
        }
        return *this;
    }
    Fd(const Fd &) = delete;
    Fd &operator=(const Fd &) = delete;
    ~Fd() { reset(); }

    int get() const { return number_; }
    bool valid() const { return number_ >= 0; }
    void reset() {
        if (number_ >= 0) {
            // Linux frees the number even when close() reports an error, so there is nothing to try again.
            ::close(std::exchange(number_, -1));
        }
    }

private:
    int number_ = -1;
};

// Another descriptor of the same; not valid where there are too many.
inline Fd duplicate(const Fd &fd) {
    return Fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
}

} // namespace uakv
