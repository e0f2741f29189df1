// A block on its way through all tiers: the arena of a device, the host's memory, the disk, and back.
#include "device_mover_bench.h"
#include "mover_bench.h"

namespace uakv::test {
namespace {

struct Tiers {
    MoverBench disk{MoverBench::compressing()};
    DeviceMoverBench device{1, &disk.store(), &disk.mover()};

    void turn() {
        device.turn();
        disk.mover().turn();
        disk.turn();
        for (const Mover::Answer &answer : disk.take_answers_with(DeviceMover::host_tag)) {
            device.mover().host_answered(answer);
        }
    }
    uakv_status load(std::uint64_t number, SpaceId space) {
        const DeviceMover::Tag tag = device.begin_load(number, space);
        disk.turn_until("an answer", [&] {
            turn();
            return device.answer(tag).has_value();
        });
        return *device.answer(tag);
    }
};

// From the device through the host to the disk, and all the way back.
void through_all_tiers() {
    Tiers tiers;
    const SpaceId space = tiers.device.open("a");
    tiers.device.put(1, space);
    tiers.disk.turn_until("it is below", [&] {
        tiers.turn();
        return tiers.device.below(1, space);
    });
    const SpaceId below = tiers.device.host_space(space);
    CHECK_STATUS(tiers.disk.flush(below), UAKV_OK);
    tiers.disk.push_out();
    CHECK(tiers.disk.is_cold(1, below));
    tiers.device.arena()->remove(space, sample_key(1)); // as if evicted: nothing is said below
    CHECK(!tiers.device.above(1, space));
    CHECK_STATUS(tiers.load(1, space), UAKV_OK);
    tiers.device.check_above(1, space);
    CHECK_STATUS(tiers.load(2, space), UAKV_MISS);
    tiers.device.check_quiet();
}

constexpr Case cases[] = {
    {"through_all_tiers", through_all_tiers},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("device_mover_tiers", uakv::test::cases);
}
