// A simulated disk with what recovery and checkpoints want beside it: a queue, workers without threads, a clock.
#pragma once

#include "daemon/tiers/disk/recovery.h"
#include "disk/log_builder.h"
#include "sim/sim_device.h"
#include "support/check.h"

#include <memory>
#include <string>
#include <utility>

namespace uakv::test {

class Machine {
public:
    explicit Machine(SimImage image, std::uint64_t seed = 1, const SimOptions &options = {})
        : device(clock, seed, options, std::move(image)), io(device), workers(start_workers()) {}

    Result<disk::Recovered> try_recover() {
        return disk::recover(io, *workers, 0x5EED, [this] { return moment(); });
    }
    disk::Recovered recover() {
        auto recovered = try_recover();
        CHECK_MESSAGE(recovered.ok(), recovered.ok() ? "" : recovered.error().detail);
        return std::move(recovered.value());
    }
    disk::Moment moment() const { return {clock.now_ns, 1'000'000}; }

    SimClock clock;
    SimDevice device;
    disk::IoQueue io;
    std::unique_ptr<Workers> workers;

private:
    static std::unique_ptr<Workers> start_workers() {
        auto started = Workers::start(0);
        CHECK(started.ok());
        return std::move(started.value());
    }
};

inline disk::Recovered recover_image(const SimImage &image, std::uint64_t seed = 1, const SimOptions &options = {}) {
    return Machine(image, seed, options).recover();
}

inline bool has_remark(const disk::Recovered &found, const std::string &words) {
    for (const std::string &remark : found.remarks) {
        if (remark.find(words) != std::string::npos) {
            return true;
        }
    }
    return false;
}

inline void check_remark(const disk::Recovered &found, const std::string &words) {
    std::string all;
    for (const std::string &remark : found.remarks) {
        all += "\n  " + remark;
    }
    CHECK_MESSAGE(has_remark(found, words), "no remark says \"" + words + "\":" + all);
}

inline void check_no_remarks(const disk::Recovered &found) {
    CHECK_MESSAGE(found.remarks.empty(), found.remarks.empty() ? "" : found.remarks.front());
}

// The block is known as it was written there.
inline void check_known(const disk::Recovered &found, std::uint32_t space, const uakv_key &key, const Written &as) {
    const auto number = found.catalog.find(space, key);
    CHECK(number.has_value());
    const disk::CatalogBlock &block = found.catalog.block(*number);
    CHECK_EQ(block.sequence, as.sequence);
    CHECK_EQ(block.file, as.file);
    CHECK_EQ(block.page, as.page);
}

inline bool is_known(const disk::Recovered &found, std::uint32_t space, const uakv_key &key) {
    return found.catalog.find(space, key).has_value();
}

} // namespace uakv::test
