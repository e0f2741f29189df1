// How long the parts of the daemon's own work take. Only while profiling is on: else a timer costs one look at a bool.
// For the reactor's thread alone.
#pragma once

#include "ipc/clock.h"
#include "ipc/histogram.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace uakv {

enum class Stage : std::uint8_t {
    serve,  // a batch of one client's requests
    commit, // of them: publishing a block
    grant,  // of them: finding a slot, with the evictions that it needs at once
    remove, // of them: dropping a block
    evict,  // upkeep of a turn that evicted blocks ahead of need
    turn,   // a turn of the reactor that had work, without its sleep
};
constexpr std::array<const char *, 6> stage_names = {"serve", "commit", "grant", "remove", "evict", "turn"};

class Stages {
public:
    bool on() const { return on_; }
    void set_on(bool on) { on_ = on; }

    void record(Stage stage, std::uint64_t ns) { histogram_record(histograms_[static_cast<std::size_t>(stage)], ns); }
    const Histogram &histogram(std::size_t stage) const { return histograms_[stage]; }

private:
    bool on_ = false;
    std::array<Histogram, stage_names.size()> histograms_{};
};

// Times what happens while it lives.
class StageTimer {
public:
    StageTimer(Stages &stages, Stage stage) : stages_(stages), stage_(stage), begin_ns_(stages.on() ? now_ns() : 0) {}
    StageTimer(const StageTimer &) = delete;
    StageTimer &operator=(const StageTimer &) = delete;
    ~StageTimer() {
        if (begin_ns_ != 0) {
            stages_.record(stage_, now_ns() - begin_ns_);
        }
    }

    // It was nothing worth counting after all.
    void discard() { begin_ns_ = 0; }

private:
    Stages &stages_;
    const Stage stage_;
    std::uint64_t begin_ns_; // 0: not timed
};

} // namespace uakv
