// A client that says anything: the input is cut into control messages and submissions, which go to the daemon's real
// handlers. Whatever comes, nothing breaks, and when the client is gone all that it held has come back.
#include "daemon/base/log.h"
#include "daemon/control/dispatcher.h"
#include "daemon/control/greeting.h"
#include "ipc/clock.h"
#include "ipc/control_message.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>

namespace {

using namespace uakv;

struct World {
    std::unique_ptr<Tenants> tenants;
    Stages stages;
    std::unique_ptr<Reports> reports;
    std::unique_ptr<Greeting> greeting;
    std::unique_ptr<Dispatcher> dispatcher;
    Store *store = nullptr;
};

// One small tenant for all inputs, with all of its memory there.
std::unique_ptr<World> make_world() {
    set_log_level(LogLevel::error);
    auto made = std::make_unique<World>();
    World &world = *made;
    Settings settings;
    settings.memory_bytes = limits::memory_bytes_min;
    TenantSettings tenant;
    tenant.name = "default";
    tenant.memory_bytes = settings.memory_bytes;
    tenant.pinned_bytes_max = settings.memory_bytes / 2;
    settings.tenants.push_back(tenant);
    auto tenants = Tenants::create(settings);
    UAKV_ASSERT(tenants.ok());
    world.tenants = std::move(tenants.value());
    world.store = &world.tenants->all()[0]->store();
    while (world.store->slots().segments() < limits::memory_bytes_min / limits::segment_bytes_min) {
        pollfd entry{world.store->segment_event().get(), POLLIN, 0};
        ::poll(&entry, 1, 1000);
        world.store->take_segments();
    }
    world.reports = std::make_unique<Reports>(*world.tenants, world.stages, "socket", "loop");
    world.greeting = std::make_unique<Greeting>(*world.tenants, *world.reports);
    world.dispatcher = std::make_unique<Dispatcher>(world.stages);
    return made;
}

void say(World &world, Session &session, const std::uint8_t *data, std::size_t size) {
    Received message;
    message.state = Received::State::message;
    message.length = std::min(size, message.bytes.size());
    std::memcpy(message.bytes.data(), data, message.length);
    std::string violation;
    world.greeting->answer(session, message, violation);
}

// False when the daemon would have ended the session.
bool submit(World &world, Session &session, const std::uint8_t *data, std::size_t size, std::uint32_t &tail) {
    Submission submission{};
    std::memcpy(&submission, data, std::min(size, sizeof submission));
    SessionLayout &shared = session.layout();
    write_words(shared.submissions[tail % limits::submissions], submission);
    store_release(shared.header.submission_tail, ++tail);
    std::string violation;
    const auto served = world.dispatcher->serve(session, now_ns(), violation);
    world.dispatcher->continue_clears();
    world.dispatcher->retry_waiting(session);
    store_release(shared.header.completion_head, load_acquire(shared.header.completion_tail));
    world.store->maintain();
    return served != Dispatcher::Served::violation;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static const std::unique_ptr<World> all = make_world();
    World &world = *all;
    int pair[2];
    UAKV_ASSERT(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    const Fd peer(pair[1]);
    {
        Session session(1, Fd(pair[0]), PeerIdentity{});
        if (size > 0 && data[0] % 16 == 1) { // an operator
            say(world, session, data + 1, size - 1);
            size = 0;
        }
        const HelloMessage hello;
        say(world, session, reinterpret_cast<const std::uint8_t *>(&hello), sizeof hello);
        UAKV_ASSERT(session.welcomed() || session.reporting());
        std::uint32_t tail = 0;
        bool served = true;
        while (size >= 2 && served) {
            // Two bytes say what follows and how long it is.
            const std::size_t length = std::min<std::size_t>(data[1] * 2U, size - 2);
            if (data[0] % 4 == 0) {
                say(world, session, data + 2, length);
            } else {
                served = submit(world, session, data + 2, length, tail);
            }
            data += 2 + length;
            size -= 2 + length;
        }
        if (session.welcomed()) {
            world.dispatcher->leave(session);
        }
    }
    UAKV_ASSERT(world.tenants->all()[0]->flights().count() == 0);
    world.store->revisit_limbo();
    UAKV_ASSERT(world.store->slots().granted_slots() == 0 && world.store->leases().count() == 0);
    return 0;
}
