#include "daemon/control/quarantine.h"

#include "ipc/clock.h"
#include "ipc/process_handle.h"

#include <algorithm>
#include <utility>

namespace uakv {
namespace {

constexpr std::uint64_t after_death_ns = ns_per_s;
constexpr std::uint64_t while_alive_ns = 10 * ns_per_s;
constexpr std::uint64_t look_every_ns = 100 * ns_per_ms; // at processes that live

} // namespace

Quarantine::~Quarantine() {
    for (Held &held : held_) {
        if (held.kept) {
            held.kept->leave();
        }
    }
}

void Quarantine::add(std::vector<SlotRef> slots, Fd process, std::optional<KeptSession> kept, std::uint64_t now) {
    if (slots.empty()) {
        return;
    }
    slots_count_ += slots.size();
    Held &held = held_.emplace_back();
    held.slots = std::move(slots);
    held.process = std::move(process);
    if (kept) {
        held.kept.emplace(std::move(*kept));
    }
    held.since_ns = now;
}

std::uint64_t Quarantine::due_ns(Held &held, std::uint64_t now) {
    if (held.gone_ns == 0 && (!held.process.valid() || has_died(held.process))) {
        held.gone_ns = now;
    }
    return held.gone_ns != 0 ? held.gone_ns + after_death_ns : held.since_ns + while_alive_ns;
}

std::uint64_t Quarantine::turn(std::uint64_t now) {
    std::uint64_t next = UINT64_MAX;
    std::erase_if(held_, [&](Held &held) {
        const std::uint64_t due = due_ns(held, now);
        if (now < due) {
            next = std::min(next, held.gone_ns != 0 ? due - now : std::min(due - now, look_every_ns));
            return false;
        }
        for (const SlotRef slot : held.slots) {
            store_.give_back(slot);
        }
        slots_count_ -= held.slots.size();
        return true;
    });
    return next;
}

} // namespace uakv
