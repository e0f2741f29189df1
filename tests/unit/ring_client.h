// The daemon's handlers without a daemon: tenants, a dispatcher, and clients that write into their rings themselves.
#pragma once

#include "daemon/control/dispatcher.h"
#include "daemon/control/tenants.h"
#include "ipc/ring_producer.h"
#include "served.h"
#include "support/check.h"

#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <vector>

namespace uakv::test {

// One tenant with all of its memory there.
class World {
public:
    explicit World(const Settings &settings = settings_of({tenant_settings("default")})) {
        auto made = Tenants::create(settings);
        CHECK(made.ok());
        tenants_ = std::move(made.value());
        while (store().slots().segments() < settings.memory_bytes / limits::segment_bytes_min) {
            pollfd entry{store().segment_event().get(), POLLIN, 0};
            ::poll(&entry, 1, 1000);
            store().take_segments();
        }
    }

    Tenants &tenants() { return *tenants_; }
    Tenant &tenant() { return *tenants_->all()[0]; }
    Cache &cache() { return tenant().host(); }
    Store &store() { return cache().store(); }
    Dispatcher &dispatcher() { return dispatcher_; }
    Stages &stages() { return stages_; }

private:
    std::unique_ptr<Tenants> tenants_;
    Stages stages_;
    Dispatcher dispatcher_{stages_};
};

class RingClient {
public:
    RingClient(World &world, std::uint32_t number, bool read_only = false)
        : RingClient(world, world.cache(), number, read_only) {}
    RingClient(World &world, Cache &cache, std::uint32_t number, bool read_only = false)
        : world_(world), session_(std::make_unique<Session>(number, Fd(), PeerIdentity{})) {
        auto shared = SharedSession::create(cache.store().leases().kind());
        CHECK(shared.ok());
        session_->welcome(cache, {}, std::move(shared.value()), read_only);
        ring_.emplace(session_->layout());
    }
    RingClient(const RingClient &) = delete;
    RingClient &operator=(const RingClient &) = delete;
    ~RingClient() {
        if (session_) {
            leave();
        }
    }

    Session &session() { return *session_; }

    // As the daemon does when the client has gone.
    void leave() {
        world_.dispatcher().leave(*session_);
        session_.reset();
    }

    void submit(const Submission &submission) { CHECK(ring_->submit(submission)); }

    // One turn of the daemon. Returns what the client did wrong.
    std::string serve(std::uint64_t now = now_ns()) {
        std::string violation;
        world_.dispatcher().serve(*session_, now, violation);
        return violation;
    }

    // The next completion that the client can see.
    std::optional<Completion> take() {
        Completion completion;
        return ring_->complete(completion) ? std::optional(completion) : std::nullopt;
    }

    // Submits and serves; fails unless exactly this call is answered.
    Completion call(const Submission &submission, std::uint64_t now = now_ns()) {
        submit(submission);
        CHECK_EQ(serve(now), "");
        const auto completion = take();
        CHECK(completion.has_value());
        CHECK_EQ(completion->user_data, submission.user_data);
        CHECK(!take());
        return *completion;
    }

    // Submits and serves; fails if anything is answered.
    void call_waits(const Submission &submission) {
        submit(submission);
        CHECK_EQ(serve(), "");
        CHECK(!take());
    }

private:
    World &world_;
    std::unique_ptr<Session> session_;
    std::optional<RingProducer> ring_;
};

inline Submission submission_of(Opcode opcode, std::uint64_t user_data, SpaceId space, const uakv_key &key) {
    Submission submission{};
    submission.opcode = opcode;
    submission.user_data = user_data;
    submission.space = space;
    submission.key = key;
    submission.length = 4096;
    return submission;
}

inline Submission with_slot(Submission submission, const Completion &granted) {
    submission.segment = granted.segment;
    submission.slot = granted.slot;
    return submission;
}

} // namespace uakv::test
