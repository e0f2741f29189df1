#include "history/key_facts.h"

#include "history/extremes.h"

#include <algorithm>
#include <map>

namespace uakv::test {
namespace {

class Gatherer {
public:
    Gatherer(const Attachments &attachments, uint8_t key) : attachments_(attachments), key_(key) {}

    void add_version(const Operation &operation);
    void add(const Operation &operation);
    void settle(const std::vector<const Departed *> &departures);
    KeyFacts take() { return std::move(facts_); }

private:
    Span span_of(const Operation &operation) const {
        return {operation.invoked_ns, operation.responded_ns, attachments_.of(operation), &operation};
    }
    Span effect_of(const Operation &operation) const {
        return {operation.invoked_ns, attachments_.effective_until(operation), attachments_.of(operation), &operation};
    }
    void add_hit(const Operation &operation);
    void add_absence(const Operation &operation);
    void add_remove(const Operation &operation);
    void add_pin(const Operation &operation);
    void add_look(const Operation &operation);
    void find_ends();
    void find_excuses();

    const Attachments &attachments_;
    const uint8_t key_;
    KeyFacts facts_;
    std::unordered_map<uint64_t, size_t> numbers_; // of versions
};

bool is_commit(const Operation &operation) {
    return operation.action == Action::store || operation.action == Action::commit;
}

void Gatherer::add_version(const Operation &operation) {
    if (!is_commit(operation) || !(is_open(operation) || operation.status == UAKV_OK)) {
        return;
    }
    Version version;
    version.commit = &operation;
    version.epochs = attachments_.of(operation);
    version.begun_ns = version.seen_ns = operation.invoked_ns;
    version.stored_ns = is_open(operation) ? never : operation.responded_ns;
    numbers_[operation.version] = facts_.versions.size();
    facts_.versions.push_back(version);
}

void Gatherer::add(const Operation &operation) {
    if (operation.action == Action::commit || operation.action == Action::abort) {
        facts_.slot_ends_ns[operation.version] = operation.invoked_ns;
    }
    if (operation.action == Action::pin) {
        add_pin(operation);
    } else if (operation.action == Action::remove) {
        add_remove(operation);
    } else if (operation.action == Action::clear && (is_open(operation) || operation.status == UAKV_OK)) {
        facts_.clears.push_back(effect_of(operation));
        if (!is_open(operation)) {
            facts_.proofs.push_back(span_of(operation));
        }
    } else if (is_open(operation)) {
        return;
    } else if (operation.action == Action::look) {
        add_look(operation);
    } else if (operation.status == UAKV_EXISTS) {
        facts_.presences.push_back(span_of(operation));
    } else if (is_commit(operation) && operation.status == UAKV_OK) {
        facts_.absences.push_back(span_of(operation)); // of others
    } else if (operation.action == Action::retrieve || operation.action == Action::claim) {
        if (operation.status == UAKV_OK) {
            add_hit(operation);
        } else if (operation.status == UAKV_MISS) {
            add_absence(operation);
        }
    }
}

void Gatherer::add_hit(const Operation &operation) {
    const auto found = numbers_.find(operation.version);
    if (found == numbers_.end()) {
        facts_.hits.push_back({&operation, Hit::none});
        return;
    }
    Version &version = facts_.versions[found->second];
    version.stored_ns = std::min(version.stored_ns, operation.responded_ns);
    version.seen_ns = std::max(version.seen_ns, operation.invoked_ns);
    facts_.hits.push_back({&operation, found->second});
}

void Gatherer::add_absence(const Operation &operation) {
    facts_.absences.push_back(span_of(operation));
    facts_.proofs.push_back(span_of(operation));
    if (operation.action == Action::claim) {
        facts_.claims.push_back(span_of(operation));
    }
}

// Of several keys it is known which were there only when all were, or none.
void Gatherer::add_remove(const Operation &operation) {
    if (!is_open(operation) && operation.status != UAKV_OK) {
        return;
    }
    if (!is_open(operation) && operation.result == 0) {
        add_absence(operation);
        return;
    }
    facts_.removes.push_back(effect_of(operation));
    if (!is_open(operation)) {
        facts_.proofs.push_back(span_of(operation));
        if (operation.result == operation.key_count) {
            facts_.presences.push_back(span_of(operation));
        }
    }
}

void Gatherer::add_pin(const Operation &operation) {
    facts_.pins.push_back(&operation);
    if (is_open(operation)) {
        return;
    }
    if (operation.status == UAKV_OK) {
        facts_.presences.push_back(span_of(operation));
    } else if (operation.status == UAKV_MISS && operation.key_count == 1) {
        add_absence(operation);
    }
}

void Gatherer::add_look(const Operation &operation) {
    const unsigned bit = key_ - operation.first_key;
    if ((operation.looked >> bit & 1) == 0 || operation.status != UAKV_OK) {
        return;
    }
    if ((operation.result >> bit & 1) != 0) {
        facts_.presences.push_back(span_of(operation));
    } else {
        add_absence(operation);
    }
}

// Version::gone_ns.
void Gatherer::find_ends() {
    std::map<size_t, EarliestFrom> ends; // of each daemon
    const auto add = [&](const Span &proof) {
        if (proof.epochs.certain()) {
            ends[proof.epochs.first].add(proof.from_ns, proof.until_ns);
        }
    };
    std::for_each(facts_.proofs.begin(), facts_.proofs.end(), add);
    for (const Version &version : facts_.versions) {
        if (version.stored_ns != never) {
            add({version.begun_ns, version.stored_ns, version.epochs, version.commit});
        }
    }
    for (const Departed *departed : facts_.departures) {
        add({departed->at_ns, departed->gone_ns, {departed->daemon, departed->daemon}, nullptr});
    }
    for (auto &[daemon, earliest] : ends) {
        earliest.seal();
    }
    for (Version &version : facts_.versions) {
        if (version.stored_ns == never) {
            continue;
        }
        if (const auto found = ends.find(version.epochs.first); version.epochs.certain() && found != ends.end()) {
            version.gone_ns = found->second.at_or_after(version.stored_ns + 1);
        }
        if (version.commit->ttl_ms != 0) {
            version.gone_ns = std::min(version.gone_ns, version.stored_ns + lifetime_ns(*version.commit) + slack_ns);
        }
    }
}

// Version::excused_ns.
void Gatherer::find_excuses() {
    EarliestFrom excuses;
    for (const auto *spans : {&facts_.removes, &facts_.clears}) {
        for (const Span &span : *spans) {
            excuses.add(span.until_ns, span.from_ns);
        }
    }
    for (const Departed *departed : facts_.departures) {
        if (departed->why == "evicted" || departed->why == "rebalanced") {
            excuses.add(departed->gone_ns, departed->at_ns);
        }
    }
    excuses.seal();
    for (Version &version : facts_.versions) {
        version.excused_ns = std::min(excuses.at_or_after(version.seen_ns), attachments_.end_of(version.epochs.first));
        if (version.commit->ttl_ms != 0) {
            const uint64_t end_ns = version.begun_ns + lifetime_ns(*version.commit) - slack_ns;
            version.excused_ns = std::min(version.excused_ns, end_ns);
        }
    }
}

void Gatherer::settle(const std::vector<const Departed *> &departures) {
    facts_.departures = departures;
    find_ends();
    find_excuses();
}

} // namespace

KeyFacts gather_facts(const Attachments &attachments, uint8_t key, const std::vector<const Operation *> &operations,
                      const std::vector<const Departed *> &departures) {
    Gatherer gatherer(attachments, key);
    for (const Operation *operation : operations) {
        gatherer.add_version(*operation);
    }
    for (const Operation *operation : operations) {
        gatherer.add(*operation);
    }
    gatherer.settle(departures);
    return gatherer.take();
}

} // namespace uakv::test
