// Handles that close themselves. A failed open fails the test.
#pragma once

#include <uakv.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace uakv::test {

class Daemon;

class Client {
public:
    explicit Client(const Daemon &daemon, uint32_t flags = 0, uint32_t timeout_ms = 0);
    Client(const Daemon &daemon, const std::string &tenant, uint32_t flags = 0);
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;
    ~Client() { uakv_disconnect(handle_); }

    operator uakv_client *() const { return handle_; }
    uakv_statistics statistics() const;
    void disconnect();

    // The daemon allocates its memory in the background: waits until it has all of it, and so all its descriptors.
    void await_populated() const;

private:
    uakv_client *handle_ = nullptr;
};

// Plain uakv_connect() with the path of the daemon's socket.
uakv_status connect_to(const std::string &socket_path, uint32_t flags, uint32_t timeout_ms, uakv_client **out);

// The same to a tenant by its name; null: the one for this user.
uakv_status connect_to_tenant(const Daemon &daemon, const char *tenant, uint32_t flags, uakv_client **out);

class Space {
public:
    // Opaque blocks of any length.
    explicit Space(uakv_client *client, const std::string &name = "test", const uakv_space_options *options = nullptr);
    Space(const Space &) = delete;
    Space &operator=(const Space &) = delete;
    ~Space() { uakv_space_close(handle_); }

    operator uakv_space *() const { return handle_; }

    // uakv_disconnect() has freed it already.
    void forget() { handle_ = nullptr; }

private:
    uakv_space *handle_ = nullptr;
};

bool contains(uakv_space *space, const uakv_key &key);
size_t count_present(uakv_space *space, const uakv_key *keys, size_t count);

} // namespace uakv::test
