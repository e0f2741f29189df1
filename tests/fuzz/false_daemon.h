// Something that listens where a daemon should be, and says what an input wants: to the first that connects, all of it
// at once, without listening to what was asked.
#pragma once

#include "input.h"
#include "ipc/fd.h"

#include <cstddef>
#include <string>
#include <thread>
#include <vector>

namespace uakv::fuzz {

struct Answer {
    std::vector<std::byte> bytes; // at most control_message_bytes_max
    std::vector<Fd> fds;          // at most control_fds_max
};

template <typename T> Answer answer_of(const T &message) {
    const auto bytes = std::as_bytes(std::span<const T, 1>(&message, 1));
    Answer answer;
    answer.bytes.assign(bytes.begin(), bytes.end());
    return answer;
}

// A message as the input wants it: mostly `message` with some of its bytes written over, sometimes any bytes.
template <typename T> Answer twisted(Input &input, T message) {
    for (std::size_t i = input.choose(4); i > 0; --i) {
        const std::size_t at = input.value<std::uint16_t>() % sizeof message;
        const auto bytes = input.take(input.choose(9));
        std::memcpy(reinterpret_cast<std::byte *>(&message) + at, bytes.data(),
                    std::min(bytes.size(), sizeof message - at));
    }
    return answer_of(message);
}

class FalseDaemon {
public:
    // With `hangs_up` it goes right after it has said everything; else it stays, and is silent.
    FalseDaemon(std::vector<Answer> answers, bool hangs_up);
    FalseDaemon(const FalseDaemon &) = delete;
    FalseDaemon &operator=(const FalseDaemon &) = delete;
    ~FalseDaemon();

    // The same for all: one at a time.
    static const std::string &path();

private:
    void serve();

    std::vector<Answer> answers_;
    const bool hangs_up_;
    Fd listener_;
    Fd socket_;
    std::thread thread_;
};

// A region of `bytes` that begins with the text.
Fd region_of(std::string_view text, std::uint64_t bytes);

} // namespace uakv::fuzz
