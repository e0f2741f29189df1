// The least that a client of a server behind a Unix socket must do: what is sent goes out in one call where the
// kernel takes it, and what is received is read straight into the memory of the caller.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace uakv::bench {

class Stream {
public:
    explicit Stream(const std::string &socket_path);
    ~Stream();
    Stream(const Stream &) = delete;
    Stream &operator=(const Stream &) = delete;

    void send(std::string_view head, const std::byte *data = nullptr, std::size_t bytes = 0,
              std::string_view tail = {});

    // Without its "\r\n"; valid until the next call.
    std::string_view receive_line();
    void receive(std::byte *target, std::size_t bytes);

private:
    void fill(); // at least one byte more into the buffer

    int socket_;
    std::array<char, 4096> buffer_{};
    std::size_t begin_ = 0; // of what was read and not yet given out
    std::size_t end_ = 0;
};

bool server_listens(const std::string &socket_path);

} // namespace uakv::bench
