// Which daemon can have answered? Daemons follow one after another, and each has a number.
#pragma once

#include "history/history.h"

#include <map>
#include <utility>

namespace uakv::test {

struct Epochs {
    size_t first = 0;
    size_t last = 0;
    bool certain() const { return first == last; }
};

class Attachments {
public:
    explicit Attachments(const History &history);

    // The daemons that can have served the operation.
    Epochs of(const Operation &operation) const;

    // The newest one that had answered the operation's process when it was invoked.
    size_t known(const Operation &operation) const;

    // When the effect of an operation is over for certain: its response, or for one without, the end of the last daemon
    // that may have it.
    uint64_t effective_until(const Operation &operation) const;

    // When the daemon after this one began.
    uint64_t end_of(size_t daemon) const;
    size_t newest_at(uint64_t at_ns) const;

    // When the process of that operation was killed.
    uint64_t death_of(const Operation &operation) const;

private:
    using Incarnation = std::pair<uint8_t, uint16_t>;
    static Incarnation incarnation_of(const Operation &operation) { return {operation.process, operation.incarnation}; }
    size_t gone_before(uint64_t at_ns) const;

    const History &history_;
    std::map<Incarnation, uint64_t> deaths_;
    std::map<Incarnation, std::map<uint64_t, size_t>> answered_; // newest daemon, from that time on
};

// Nobody can say whether it happened: there was no answer, or one that leaves it open.
bool is_open(const Operation &operation);

} // namespace uakv::test
