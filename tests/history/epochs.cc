#include "history/epochs.h"

#include <algorithm>

namespace uakv::test {
namespace {

// Only the daemon can have said that.
bool daemon_answered(const Operation &operation) {
    switch (operation.action) {
    case Action::connect:
    case Action::commit:
    case Action::store:
    case Action::clear:
        return operation.status == UAKV_OK;
    case Action::remove:
    case Action::pin:
        return operation.status >= 0;
    case Action::claim:
        return operation.status == UAKV_MISS;
    default:
        return false;
    }
}

} // namespace

bool is_open(const Operation &operation) {
    return operation.responded_ns == 0 || operation.status == UAKV_ERR_TIMEOUT ||
           operation.status == UAKV_ERR_DISCONNECTED;
}

Attachments::Attachments(const History &history) : history_(history) {
    for (const Death &death : history.deaths) {
        deaths_[{death.process, death.incarnation}] = death.at_ns;
    }
    for (const Operation &operation : history.operations) {
        if (operation.responded_ns != 0 && daemon_answered(operation)) {
            size_t &daemon = answered_[incarnation_of(operation)][operation.responded_ns];
            daemon = std::max(daemon, gone_before(operation.invoked_ns));
        }
    }
    for (auto &[incarnation, answers] : answered_) {
        size_t newest = 0;
        for (auto &[at_ns, daemon] : answers) {
            newest = daemon = std::max(newest, daemon);
        }
    }
}

size_t Attachments::gone_before(uint64_t at_ns) const {
    const auto &daemons = history_.daemons;
    return static_cast<size_t>(std::count_if(daemons.begin(), daemons.end(),
                                             [&](const DaemonLife &daemon) { return daemon.ended_ns <= at_ns; }));
}

size_t Attachments::newest_at(uint64_t at_ns) const {
    const auto &daemons = history_.daemons;
    const auto begun = std::count_if(daemons.begin(), daemons.end(),
                                     [&](const DaemonLife &daemon) { return daemon.begun_ns <= at_ns; });
    return static_cast<size_t>(std::max<std::ptrdiff_t>(begun, 1)) - 1;
}

size_t Attachments::known(const Operation &operation) const {
    const auto answers = answered_.find(incarnation_of(operation));
    if (answers == answered_.end()) {
        return 0;
    }
    const auto later = answers->second.lower_bound(operation.invoked_ns);
    return later == answers->second.begin() ? 0 : std::prev(later)->second;
}

Epochs Attachments::of(const Operation &operation) const {
    const size_t newest = newest_at(operation.responded_ns != 0 ? operation.responded_ns : death_of(operation));
    const size_t known_daemon = known(operation);
    const bool reads_index = !is_open(operation) && !daemon_answered(operation);
    return {reads_index ? known_daemon : std::min(newest, std::max(known_daemon, gone_before(operation.invoked_ns))),
            newest};
}

uint64_t Attachments::effective_until(const Operation &operation) const {
    return is_open(operation) ? history_.daemons[of(operation).last].ended_ns : operation.responded_ns;
}

uint64_t Attachments::end_of(size_t daemon) const {
    return daemon + 1 < history_.daemons.size() ? history_.daemons[daemon + 1].begun_ns : never;
}

uint64_t Attachments::death_of(const Operation &operation) const {
    const auto death = deaths_.find(incarnation_of(operation));
    return death == deaths_.end() ? never : death->second;
}

} // namespace uakv::test
