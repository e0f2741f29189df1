// What the daemon answers to loads, prefetches and flushes, and to claims of blocks that were loaded in vain: where
// there is no tier below memory. With one, tests/integration/disk_* ask the whole daemon.
#include "ring_client.h"
#include "sample.h"
#include "support/check.h"

#include <algorithm>
#include <string>

namespace uakv::test {
namespace {

SpaceId open_space(World &world) {
    SpaceDescription space;
    space.block_bytes = limits::segment_bytes_min;
    space.name[0] = 's';
    auto opened = world.store().spaces().open(space, true);
    CHECK(opened.ok());
    return opened.value();
}

struct Fixture {
    World world;
    SpaceId space = open_space(world);
    uakv_key key = sample_key(1);
    RingClient client{world, 1};

    Submission of(Opcode opcode, std::uint64_t user_data) const { return submission_of(opcode, user_data, space, key); }
    void store() {
        const Completion granted = client.call(of(Opcode::grant, 1));
        CHECK_STATUS(granted.status, UAKV_OK);
        CHECK_STATUS(client.call(with_slot(of(Opcode::commit, 2), granted)).status, UAKV_OK);
    }
};

void loads_find_what_is_in_memory() {
    Fixture f;
    CHECK_STATUS(f.client.call(f.of(Opcode::load, 5)).status, UAKV_MISS);
    f.store();
    for (const std::uint8_t flags : {std::uint8_t{0}, submission_as_stored, std::uint8_t{255}}) {
        Submission load = f.of(Opcode::load, 6);
        load.flags = flags;
        CHECK_STATUS(f.client.call(load).status, UAKV_OK);
    }
    Submission patient = f.of(Opcode::load, 7);
    patient.key = sample_key(2);
    patient.timeout_us = UINT32_MAX;
    CHECK_STATUS(f.client.call(patient).status, UAKV_MISS);
    CHECK_EQ(f.client.session().unanswered(), 0);
}

void prefetches_are_hints() {
    Fixture f;
    f.store();
    const Completion done = f.client.call(f.of(Opcode::prefetch, 5));
    CHECK_STATUS(done.status, UAKV_OK);
    CHECK_EQ(done.value, 0);
}

void flushes_need_a_disk() {
    Fixture f;
    CHECK_STATUS(f.client.call(f.of(Opcode::flush, 5)).status, UAKV_ERR_UNSUPPORTED);
}

void readers_may() {
    Fixture f;
    f.store();
    RingClient reader(f.world, 2, true);
    CHECK_STATUS(reader.call(f.of(Opcode::load, 5)).status, UAKV_OK);
    CHECK_STATUS(reader.call(f.of(Opcode::prefetch, 6)).status, UAKV_OK);
    CHECK_STATUS(reader.call(f.of(Opcode::flush, 7)).status, UAKV_ERR_UNSUPPORTED);
}

void no_such_space() {
    Fixture f;
    for (const Opcode opcode : {Opcode::load, Opcode::prefetch, Opcode::flush}) {
        for (const SpaceId space : {f.space + 1, limits::spaces_max, UINT32_MAX}) {
            RingClient liar(f.world, 2);
            Submission submission = f.of(opcode, 5);
            submission.space = space;
            liar.submit(submission);
            const std::string violation = liar.serve();
            CHECK_MESSAGE(violation.find("which there is not") != std::string::npos, violation);
            CHECK(!liar.take());
        }
    }
}

// They count like all others.
void over_the_rate() {
    Settings settings = settings_of({tenant_settings("default")});
    settings.tenants[0].operations_per_second = 2;
    World world(settings);
    const SpaceId space = open_space(world);
    RingClient client(world, 1);
    const std::uint64_t now = now_ns();
    const auto status_of = [&](Opcode opcode) {
        return client.call(submission_of(opcode, 5, space, sample_key(1)), now).status;
    };
    CHECK_STATUS(status_of(Opcode::prefetch), UAKV_OK);
    CHECK_STATUS(status_of(Opcode::load), UAKV_MISS);
    for (const Opcode opcode : {Opcode::load, Opcode::prefetch, Opcode::flush}) {
        CHECK_STATUS(status_of(opcode), UAKV_ERR_BUSY);
    }
    CHECK_EQ(world.cache().statistics().refused_busy, 3);
}

// A claim that says that a load was in vain gets what any gets.
void claims_anew() {
    Fixture f;
    f.store();
    Submission claim = f.of(Opcode::claim, 5);
    claim.flags = submission_anew;
    CHECK_STATUS(f.client.call(claim).status, UAKV_EXISTS); // it is in memory
    claim.key = sample_key(2);
    const Completion granted = f.client.call(claim);
    CHECK_STATUS(granted.status, UAKV_MISS);
    CHECK_EQ(granted.capacity, 4096);
}

void cancelled_in_vain() {
    Fixture f;
    Submission cancel = f.of(Opcode::cancel, 9);
    cancel.target = 5;
    CHECK_STATUS(f.client.call(cancel).status, UAKV_OK);
}

constexpr Case cases[] = {
    {"loads_find_what_is_in_memory", loads_find_what_is_in_memory},
    {"prefetches_are_hints", prefetches_are_hints},
    {"flushes_need_a_disk", flushes_need_a_disk},
    {"readers_may", readers_may},
    {"no_such_space", no_such_space},
    {"over_the_rate", over_the_rate},
    {"claims_anew", claims_anew},
    {"cancelled_in_vain", cancelled_in_vain},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("tier_requests", uakv::test::cases);
}
