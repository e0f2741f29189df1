#include "daemon/control/arena_mover.h"

#include "ipc/clock.h"

#include <array>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace uakv {
namespace {

constexpr int wait_ms_max = 20;

} // namespace

Result<std::unique_ptr<ArenaMover>> ArenaMover::create(const cuda::Driver &driver, int ordinal, std::string title,
                                                       std::uint32_t number, Store &arena,
                                                       const DeviceMover::Host &host, Workers &workers) {
    std::unique_ptr<ArenaMover> made(new ArenaMover(workers));
    auto copier = gpu::DeviceCopier::start(driver, ordinal, std::move(title), arena, host.store);
    if (!copier.ok()) {
        return copier.take_error();
    }
    made->copier_ = std::move(copier.value());
    made->mover_ = std::make_unique<DeviceMover>(arena, host, *made->copier_, workers, number, now_ns);
    return made;
}

void ArenaMover::stop(std::uint64_t timeout_ms, const std::function<void()> &alive) {
    alive();
    mover_->stop(timeout_ms * ns_per_ms, [&] {
        wait();
        alive();
    });
}

// Not for ever: a device may not answer any more.
void ArenaMover::wait() const {
    std::array<pollfd, 2> events = {{{copier_->event().get(), POLLIN, 0}, {workers_.event().get(), POLLIN, 0}}};
    ::poll(events.data(), events.size(), wait_ms_max);
    for (const pollfd &event : events) { // what comes from here on is new
        std::uint64_t count = 0;
        [[maybe_unused]] const ssize_t bytes = ::read(event.fd, &count, sizeof count);
    }
}

} // namespace uakv
