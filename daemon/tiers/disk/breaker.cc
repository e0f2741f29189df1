#include "daemon/tiers/disk/breaker.h"

#include <algorithm>

namespace uakv::disk {
namespace {

constexpr std::uint64_t errors_max = 16; // in a row
constexpr std::uint64_t probe_pause_ns = ns_per_s;

} // namespace

bool Breaker::stalled() const {
    const std::uint64_t oldest_ns = engine_.io.oldest_ns();
    return oldest_ns != UINT64_MAX && engine_.now.now_ns - oldest_ns > engine_.options.stall_ns;
}

void Breaker::turn() {
    const std::uint64_t errors = engine_.io.errors_in_a_row();
    if (!engine_.broken) {
        if (!stalled() && errors < errors_max) {
            return;
        }
        engine_.broken = true;
        next_probe_ns_ = engine_.now.now_ns + probe_pause_ns;
        log_warn("disk tier: {}; blocks are neither read nor saved until the disk is well again",
                 stalled() ? "the disk has not answered for too long" : "the disk fails again and again");
        return;
    }
    if (!stalled() && errors == 0) {
        engine_.broken = false;
        log_info("disk tier: the disk is well again");
        return;
    }
    if (engine_.now.now_ns >= next_probe_ns_ && !probing_) {
        next_probe_ns_ = engine_.now.now_ns + probe_pause_ns;
        probe();
    }
}

void Breaker::probe() {
    const auto file = std::ranges::find_if(files_.all(), [](const auto &one) { return !one.second.leaving; });
    if (file == files_.all().end()) {
        engine_.io.forget_errors(); // nothing to read: the next write tells
        return;
    }
    probing_ = true;
    engine_.io.read(log_file(file->first), 0, page_.bytes(), [this](const IoQueue::Done &) { probing_ = false; });
}

std::uint64_t Breaker::wants_turn_ns() const {
    const std::uint64_t oldest_ns = engine_.io.oldest_ns();
    std::uint64_t at_ns = engine_.broken ? next_probe_ns_ : UINT64_MAX;
    if (!engine_.broken && oldest_ns != UINT64_MAX) {
        at_ns = oldest_ns + engine_.options.stall_ns + 1;
    }
    return at_ns == UINT64_MAX ? UINT64_MAX : std::max(at_ns, engine_.now.now_ns) - engine_.now.now_ns;
}

} // namespace uakv::disk
