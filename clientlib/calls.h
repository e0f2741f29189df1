// From the checked arguments of an exported function to its Call: the same for the waiting and the *_submit twin.
#pragma once

#include "clientlib/client.h"
#include "clientlib/flight.h"
#include "clientlib/guarded.h"
#include "clientlib/loads.h"
#include "clientlib/requests.h"
#include "clientlib/store.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace uakv {

// Attaches anew first if the daemon is known to be gone. timeout_ns 0: the client's.
inline Result<Call::Setting> begin_call(uakv_client &client, std::optional<TimedCall> timed,
                                        std::uint64_t timeout_ns = 0) {
    const std::uint64_t started_ns = now_ns();
    const std::uint64_t deadline_ns = started_ns + (timeout_ns != 0 ? timeout_ns : client.timeout_ns);
    auto visit = client.attachments.visit_daemon(deadline_ns);
    if (!visit.ok()) {
        return visit.take_error();
    }
    return Call::Setting{std::move(visit.value()), started_ns, deadline_ns, timed};
}

// The same for uakv_flush, which waits for the disk anyway: where the daemon is gone, it waits a while for the next
// one.
inline Result<Call::Setting> begin_flush(uakv_client &client) {
    const std::uint64_t patience_ns = std::min(client.timeout_ns, reconnect_ns_max);
    if (auto there = client.attachments.await_daemon(now_ns() + patience_ns); !there.ok()) {
        return there.take_error();
    }
    return begin_call(client, std::nullopt);
}

// Begins a call of this type and leaves it to uakv_poll.
template <typename SomeCall, typename... Arguments>
uakv_status launch(uakv_client &client, std::uint32_t kind, std::uint64_t user_data, std::optional<TimedCall> timed,
                   std::uint64_t timeout_ns, Arguments &&...arguments) {
    auto setting = begin_call(client, timed, timeout_ns);
    if (!setting.ok()) {
        return fail(setting.error());
    }
    std::unique_ptr<Call> call =
        std::make_unique<SomeCall>(std::move(setting.value()), std::forward<Arguments>(arguments)...);
    return client.async_calls.launch(call, kind, user_data);
}

} // namespace uakv
