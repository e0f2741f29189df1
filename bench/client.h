// What the groups use of the library: a connection, a space, and an end to the measurement when a call fails.
#pragma once

#include <cstdint>
#include <string>
#include <uakv.h>

namespace uakv::bench {

class Client {
public:
    explicit Client(const std::string &socket_path);
    ~Client() { uakv_disconnect(handle_); }
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    uakv_client *handle() const { return handle_; }
    uakv_statistics statistics() const;

private:
    uakv_client *handle_ = nullptr;
};

class Space {
public:
    Space(const Client &client, std::uint64_t block_bytes, std::uint32_t flags = 0);
    ~Space() { uakv_space_close(handle_); }
    Space(const Space &) = delete;
    Space &operator=(const Space &) = delete;

    uakv_space *handle() const { return handle_; }

private:
    uakv_space *handle_ = nullptr;
};

// Throws, with the library's own sentence, unless the status is UAKV_OK.
[[noreturn]] void throw_status(uakv_status status, const char *call);
inline void require_ok(uakv_status status, const char *call) {
    if (status != UAKV_OK) [[unlikely]] {
        throw_status(status, call);
    }
}

} // namespace uakv::bench
