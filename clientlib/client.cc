#include "clientlib/client.h"

#include "clientlib/handles.h"
#include "ipc/clock.h"
#include "ipc/memfd.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <unistd.h>

namespace uakv {
namespace {

constexpr std::uint64_t connect_timeout_ms = 5'000;
constexpr std::uint64_t call_timeout_ms = 30'000;

std::string default_socket_path() {
    if (const char *path = std::getenv("UAKV_SOCKET"); path != nullptr && *path != 0) {
        return path;
    }
    if (const char *directory = std::getenv("XDG_RUNTIME_DIR"); directory != nullptr && *directory != 0) {
        std::string path = std::string(directory) + "/uakv/uakvd.sock";
        if (::access(path.c_str(), F_OK) == 0) {
            return path;
        }
    }
    return "/run/uakv/uakvd.sock";
}

Result<Mapping> map_region(const Fd &fd, std::uint64_t expected, Access access, const char *name) {
    auto bytes = memfd_bytes(fd);
    if (!bytes.ok()) {
        return bytes.take_error();
    }
    if (bytes.value() != expected) {
        return error(UAKV_ERR_VERSION, "the %s region has %llu bytes; expected %llu", name,
                     static_cast<unsigned long long>(bytes.value()), static_cast<unsigned long long>(expected));
    }
    auto mapping = Mapping::map(fd, expected, access);
    if (mapping.ok()) {
        mapping.value().keep_from_children();
    }
    return mapping;
}

Result<void> map_regions(uakv_client &client, Connection::Attached &attached) {
    const WelcomeMessage &welcome = attached.welcome;
    if (welcome.session_bytes != sizeof(SessionLayout) || welcome.index_bytes < sizeof(IndexHeader)) {
        return error(UAKV_ERR_VERSION, "the daemon's session has %llu bytes; expected %zu",
                     static_cast<unsigned long long>(welcome.session_bytes), sizeof(SessionLayout));
    }
    auto index = map_region(attached.index, welcome.index_bytes, Access::read_only, "index");
    if (!index.ok()) {
        return index.take_error();
    }
    auto session = map_region(attached.session, welcome.session_bytes, Access::read_write, "session");
    if (!session.ok()) {
        return session.take_error();
    }
    client.index = std::move(index.value());
    client.session_mapping = std::move(session.value());
    client.session = &client.session_mapping.at<SessionLayout>(0);
    const auto &header = client.index.at<IndexHeader>(0);
    if (header.magic != index_magic || header.layout_version != index_layout_version ||
        client.session->header.magic != session_magic ||
        client.session->header.layout_version != session_layout_version) {
        return error(UAKV_ERR_VERSION, "the daemon's memory layout (%u, %u) is not this library's (%u, %u)",
                     header.layout_version, client.session->header.layout_version, index_layout_version,
                     session_layout_version);
    }
    client.index.prefer_huge_pages();
    return {};
}

} // namespace

Result<std::unique_ptr<uakv_client>> make_client(const uakv_connect_options &options) {
    auto token = fork_token();
    if (!token.ok()) {
        return token.take_error();
    }
    auto client = std::make_unique<uakv_client>();
    client->fork_token = token.value();
    client->read_only = (options.flags & UAKV_READ_ONLY) != 0;
    client->timeout_ns = (options.timeout_ms != 0 ? options.timeout_ms : call_timeout_ms) * ns_per_ms;
    const std::uint64_t connect_ms = options.timeout_ms != 0 ? options.timeout_ms : connect_timeout_ms;

    HelloMessage hello;
    hello.flags = options.flags;
    if (options.tenant != nullptr) {
        if (std::strlen(options.tenant) > limits::tenant_name_bytes_max) {
            return error(UAKV_ERR_INVALID, "the tenant name \"%.80s\" is longer than %zu bytes", options.tenant,
                         limits::tenant_name_bytes_max);
        }
        set_text(hello.tenant, options.tenant);
    }
    const std::string path = options.socket_path != nullptr ? options.socket_path : default_socket_path();
    auto attached = client->connection.attach(path, hello, now_ns() + connect_ms * ns_per_ms);
    if (!attached.ok()) {
        return attached.take_error();
    }
    if (auto mapped = map_regions(*client, attached.value()); !mapped.ok()) {
        return mapped.take_error();
    }
    const auto &header = client->index.at<IndexHeader>(0);
    client->lookup.emplace(IndexRegion::at(client->index.data()));
    client->leases.emplace(*client->session);
    client->segments.emplace(client->connection, header.segment_capacity, header.segment_bytes,
                             client->read_only ? Access::read_only : Access::read_write);
    client->grants.emplace(*client->session);
    client->submitter.emplace(*client->session, std::move(attached.value().doorbell), client->connection,
                              *client->grants);
    client->handle = register_client(client.get());
    if (client->handle == 0) {
        return error(UAKV_ERR_NO_MEMORY, "this process has %u clients connected; disconnect one first",
                     limits::clients_per_process_max);
    }
    return client;
}

void destroy_client(uakv_client *client) {
    unregister_client(client->handle);
    if (is_forked(client->fork_token)) {
        // These addresses were left out of the child; what lies there now is not ours to unmap. And the
        // socket is shared with the parent, whose session must go on: closing our copy is all.
        client->index.abandon();
        client->session_mapping.abandon();
        client->segments->abandon();
    } else {
        client->connection.close_for_all();
    }
    delete client;
}

Result<uakv_space *> open_space(uakv_client &client, const char *name, const uakv_space_options &options) {
    SpaceDescription space;
    set_text(space.name, name);
    std::copy(std::begin(options.layout.shape), std::end(options.layout.shape), space.shape);
    std::copy(std::begin(options.layout.axis), std::end(options.layout.axis), space.axis);
    std::copy(std::begin(options.fingerprint), std::end(options.fingerprint), space.fingerprint);
    space.dtype = options.layout.dtype;
    space.ndim = options.layout.ndim;
    space.block_bytes = options.block_bytes != 0 ? options.block_bytes : client.segments->bytes();
    space.ttl_ms = options.ttl_ms;
    space.flags = options.flags;
    auto id = client.connection.open_space(space, client.deadline_ns());
    if (!id.ok()) {
        return id.take_error();
    }
    const std::scoped_lock lock(client.spaces_mutex);
    auto found = std::find_if(client.spaces.begin(), client.spaces.end(),
                              [&](const auto &known) { return known->id == id.value(); });
    if (found == client.spaces.end()) {
        client.spaces.push_back(std::make_unique<uakv_space>(uakv_space{&client, id.value(), space, 0}));
        found = std::prev(client.spaces.end());
    }
    ++(*found)->openings;
    return found->get();
}

void close_space(uakv_space *space) {
    const std::scoped_lock lock(space->client->spaces_mutex);
    space->openings -= space->openings > 0 ? 1U : 0U; // closed once too often: nothing to take back
}

} // namespace uakv

std::uint64_t uakv_client::deadline_ns() const {
    return uakv::now_ns() + timeout_ns;
}
