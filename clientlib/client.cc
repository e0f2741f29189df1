#include "clientlib/client.h"

#include "clientlib/handles.h"
#include "ipc/sequence_point.h"
#include "ipc/socket_path.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace uakv {
namespace {

constexpr std::uint64_t connect_timeout_ms = 5'000;
constexpr std::uint64_t call_timeout_ms = 30'000;

Result<Target> target_of(const uakv_connect_options &options) {
    Target target;
    target.socket_path = options.socket_path != nullptr ? options.socket_path : default_socket_path();
    target.hello.flags = options.flags;
    if (options.tenant != nullptr) {
        if (std::strlen(options.tenant) > limits::tenant_name_bytes_max) {
            return error(UAKV_ERR_INVALID, "the tenant name \"%.80s\" is longer than %zu bytes", options.tenant,
                         limits::tenant_name_bytes_max);
        }
        set_text(target.hello.tenant, options.tenant);
    }
    return target;
}

} // namespace

Result<std::unique_ptr<uakv_client>> make_client(const uakv_connect_options &options) {
    arm_sequence_point();
    auto token = fork_token();
    if (!token.ok()) {
        return token.take_error();
    }
    auto target = target_of(options);
    if (!target.ok()) {
        return target.take_error();
    }
    const std::uint64_t timeout_ns = (options.timeout_ms != 0 ? options.timeout_ms : call_timeout_ms) * ns_per_ms;
    const std::uint64_t connect_ms = options.timeout_ms != 0 ? options.timeout_ms : connect_timeout_ms;
    auto client = std::make_unique<uakv_client>(std::move(target.value()), token.value(), timeout_ns);
    if (auto attached = client->attachments.attach(now_ns() + connect_ms * ns_per_ms); !attached.ok()) {
        return attached.take_error();
    }
    client->handle = register_client(client.get());
    if (client->handle == 0) {
        return error(UAKV_ERR_NO_MEMORY, "this process has %u clients connected; disconnect one first",
                     limits::clients_per_process_max);
    }
    return client;
}

void destroy_client(uakv_client *client) {
    unregister_client(client->handle);
    UAKV_SEQUENCE_POINT(handle_withdrawn);
    ClientAnnex *annex = client->annex.load();
    if (is_forked(client->fork_token)) {
        if (annex != nullptr) {
            annex->abandon();
        }
        // These addresses were left out of the child; what lies there now is not ours to unmap. And the
        // socket is shared with the parent, whose session must go on: closing our copy is all.
        client->attachments.abandon();
    } else {
        if (annex != nullptr) {
            annex->close();
        }
        client->attachments.close_for_all();
        UAKV_SEQUENCE_POINT(connection_closed);
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
    space.block_bytes = options.block_bytes;
    space.ttl_ms = options.ttl_ms;
    space.flags = options.flags;
    const std::uint64_t deadline_ns = client.deadline_ns();
    auto visit = client.attachments.visit_daemon(deadline_ns);
    if (!visit.ok()) {
        return visit.take_error();
    }
    return client.spaces.open(client, *visit.value(), space, deadline_ns);
}

void close_space(uakv_space *space) {
    space->client->spaces.close(*space);
}

} // namespace uakv

uakv_client::uakv_client(uakv::Target target, std::uint64_t token, std::uint64_t timeout)
    : fork_token(token), timeout_ns(timeout),
      attachments(
          std::move(target), leases,
          [this](uakv::Attachment &next, std::uint64_t deadline_ns) { return spaces.open_all(next, deadline_ns); },
          [this](uakv::Attachment *before, uakv::Attachment &now) { async_calls.attach(before, now); }),
      async_calls(attachments) {}
