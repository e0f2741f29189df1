// What the operations on one key of one space say about its versions, before anybody judges.
#pragma once

#include "history/epochs.h"

#include <unordered_map>
#include <vector>

namespace uakv::test {

// Ends of lifetimes are whole milliseconds of the clock, and a commit's answer takes its time.
inline constexpr uint64_t slack_ns = 2'000'000;

inline uint64_t lifetime_ns(const Operation &operation) {
    return uint64_t{operation.ttl_ms} * 1'000'000;
}

// A block that was possibly stored.
struct Version {
    const Operation *commit = nullptr;
    Epochs epochs;
    uint64_t begun_ns = 0;       // it was not there before
    uint64_t stored_ns = never;  // for certain, by the answer to the commit or a hit
    uint64_t seen_ns = 0;        // it was there for certain at that time or later
    uint64_t excused_ns = never; // from here on it may be missing
    uint64_t gone_ns = never;    // from here on it must be missing
};

struct Span {
    uint64_t from_ns = 0;
    uint64_t until_ns = 0;
    Epochs epochs;
    const Operation *operation = nullptr;
};

struct Hit {
    const Operation *operation = nullptr;
    size_t version = 0; // number in versions; none: nobody can have stored it here
    static constexpr size_t none = SIZE_MAX;
};

struct KeyFacts {
    std::vector<Version> versions;
    std::vector<Hit> hits;
    std::vector<Span> presences; // something was there, at some time in the span
    std::vector<Span> absences;  // nothing else was there, at some time in the span
    std::vector<Span> removes;   // that may have taken a block away
    std::vector<Span> clears;
    std::vector<Span> proofs; // what was stored before the span was gone after it
    std::vector<Span> claims; // that gave a slot
    std::vector<const Operation *> pins;
    std::unordered_map<uint64_t, uint64_t> slot_ends_ns; // when commit or abort was invoked, by version
    std::vector<const Departed *> departures;
};

// The operations are all those that touch the key.
KeyFacts gather_facts(const Attachments &attachments, uint8_t key, const std::vector<const Operation *> &operations,
                      const std::vector<const Departed *> &departures);

} // namespace uakv::test
