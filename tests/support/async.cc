#include "support/async.h"

#include "support/check.h"

#include <array>
#include <poll.h>

namespace uakv::test {
namespace {

constexpr uint32_t patience_ms = 20'000;

} // namespace

void Polled::submitted(uakv_status status) {
    CHECK_STATUS(status, UAKV_PENDING);
    ++in_flight_;
}

uakv_completion Polled::next(uint32_t kind, uint64_t user_data) {
    uakv_completion completion = {};
    CHECK_EQ(uakv_poll(client_, &completion, 1, patience_ms), 1);
    CHECK_EQ(completion.kind, kind);
    CHECK_EQ(completion.user_data, user_data);
    --in_flight_;
    return completion;
}

void Polled::take(std::map<uint64_t, uakv_status> &statuses) {
    std::array<uakv_completion, 16> completions;
    const size_t count = uakv_poll(client_, completions.data(), completions.size(), patience_ms);
    CHECK(count > 0 && count <= in_flight_);
    for (size_t i = 0; i < count; ++i) {
        const bool is_new = statuses.emplace(completions[i].user_data, completions[i].status).second;
        CHECK_MESSAGE(is_new, "two completions of one call");
    }
    in_flight_ -= count;
}

void Polled::take_all(std::map<uint64_t, uakv_status> &statuses) {
    while (in_flight_ > 0) {
        take(statuses);
    }
    uakv_completion surplus;
    CHECK_EQ(uakv_poll(client_, &surplus, 1, 0), 0);
}

bool readable(uakv_client *client, int timeout_ms) {
    pollfd event = {uakv_event_fd(client), POLLIN, 0};
    CHECK(event.fd >= 0);
    return ::poll(&event, 1, timeout_ms) == 1;
}

} // namespace uakv::test
