#include "history/checker.h"

#include "history/extremes.h"
#include "history/key_facts.h"

#include <algorithm>

namespace uakv::test {
namespace {

constexpr size_t report_lines_max = 200;

std::string name_of(const Operation &operation) {
    return "p" + std::to_string(operation.process) + "." + std::to_string(operation.incarnation);
}

class KeyChecker {
public:
    KeyChecker(const History &history, const Attachments &attachments, uint8_t space, uint8_t key, KeyFacts facts)
        : history_(history), attachments_(attachments), space_(space), key_(key), facts_(std::move(facts)) {}

    // The first violation becomes the smaller of it and what it was.
    void check(std::optional<Violation> &first);

private:
    void check_hit(const Hit &hit);
    void check_foreign(const Operation &operation);
    void check_presences();
    void check_absences();
    void check_departures();
    void check_departure(const Departed &departed, const LatestUpTo &removes, const LatestUpTo &clears);
    void check_pin(const Operation &pin);
    void check_flights();
    uint64_t end_of_flight(const Span &claim, const EarliestFrom &stores) const;
    bool was_possible(uint64_t at_ns, bool expired) const;
    void found(const char *rule, uint64_t at_ns, uint64_t since_ns, const std::string &text);

    const History &history_;
    const Attachments &attachments_;
    uint8_t space_;
    uint8_t key_;
    KeyFacts facts_;
    std::optional<Violation> first_;
};

void KeyChecker::found(const char *rule, uint64_t at_ns, uint64_t since_ns, const std::string &text) {
    if (!first_ || at_ns < first_->at_ns) {
        first_ = Violation{rule, text, space_, key_, at_ns, since_ns};
    }
}

void KeyChecker::check(std::optional<Violation> &first) {
    for (const Hit &hit : facts_.hits) {
        check_hit(hit);
    }
    check_presences();
    check_absences();
    check_departures();
    for (const Operation *pin : facts_.pins) {
        check_pin(*pin);
    }
    check_flights();
    if (first_ && (!first || first_->at_ns < first->at_ns)) {
        first = first_;
    }
}

void KeyChecker::check_hit(const Hit &hit) {
    const Operation &operation = *hit.operation;
    if (hit.version == Hit::none) {
        check_foreign(operation);
        return;
    }
    const Version &version = facts_.versions[hit.version];
    const std::string name = version_name(operation.version);
    if (operation.responded_ns < version.begun_ns) {
        found("foreign", operation.responded_ns, 0, name + " was found before its commit began");
    } else if (operation.invoked_ns > version.gone_ns) {
        found("stale", operation.responded_ns, version.begun_ns,
              name_of(operation) + " found " + name + ", which was gone for certain before");
    } else if (version.epochs.last < attachments_.known(operation)) {
        found("stale", operation.responded_ns, version.begun_ns,
              name_of(operation) + " found " + name + " of a daemon that is dead, after a later one had answered it");
    }
}

// Nobody can have stored this version under this key. Where did it come from?
void KeyChecker::check_foreign(const Operation &operation) {
    const auto origin = std::find_if(history_.operations.begin(), history_.operations.end(), [&](const Operation &one) {
        return one.version == operation.version && (one.action == Action::store || one.action == Action::commit);
    });
    std::string text = name_of(operation) + " found " + version_name(operation.version) + ", which ";
    if (origin == history_.operations.end()) {
        text += "nobody committed";
    } else if (origin->space != space_ || origin->first_key != key_) {
        text += "belongs to s" + std::to_string(origin->space) + "/k" + std::to_string(origin->first_key);
    } else {
        text += std::string("was refused with ") + uakv_status_name(origin->status);
    }
    found("foreign", operation.responded_ns, origin == history_.operations.end() ? 0 : origin->invoked_ns, text);
}

void KeyChecker::check_presences() {
    LatestUpTo lasting;
    for (size_t i = 0; i < facts_.versions.size(); ++i) {
        lasting.add(facts_.versions[i].begun_ns, facts_.versions[i].gone_ns, i);
    }
    lasting.seal();
    for (const Span &presence : facts_.presences) {
        if (const auto last = lasting.up_to(presence.until_ns); last.value < presence.from_ns) {
            found("ghost", presence.until_ns, last.value == 0 ? 0 : facts_.versions[last.number].begun_ns,
                  name_of(*presence.operation) + " was told of a block, but every one was gone for certain before");
        }
    }
}

void KeyChecker::check_absences() {
    LatestUpTo present;
    for (size_t i = 0; i < facts_.versions.size(); ++i) {
        if (facts_.versions[i].stored_ns != never) {
            present.add(facts_.versions[i].stored_ns, facts_.versions[i].excused_ns, i);
        }
    }
    present.seal();
    for (const Span &absence : facts_.absences) {
        if (!absence.epochs.certain() || absence.from_ns == 0) {
            continue;
        }
        const auto last = present.up_to(absence.from_ns - 1);
        if (last.value > absence.until_ns) {
            const Version &version = facts_.versions[last.number];
            found("lost", absence.until_ns, version.begun_ns,
                  name_of(*absence.operation) + " was told that " + version_name(version.commit->version) +
                      " is not there, which was stored before and has no excuse to have left");
        }
    }
}

void KeyChecker::check_departures() {
    LatestUpTo removes;
    LatestUpTo clears;
    for (const Span &span : facts_.removes) {
        removes.add(span.from_ns, span.until_ns);
    }
    for (const Span &span : facts_.clears) {
        clears.add(span.from_ns, span.until_ns);
    }
    removes.seal();
    clears.seal();
    for (const Departed *departed : facts_.departures) {
        check_departure(*departed, removes, clears);
    }
}

void KeyChecker::check_departure(const Departed &departed, const LatestUpTo &removes, const LatestUpTo &clears) {
    const uint64_t at_ns = departed.at_ns;
    const auto wrong = [&](const std::string &text) {
        found("departure", at_ns, 0, "the daemon says that a block left (" + departed.why + "), but " + text);
    };
    if (!was_possible(at_ns, departed.why == "expired")) {
        wrong("none can have been there whose time was over, or at all");
    } else if (departed.why == "removed" && removes.up_to(at_ns).value < at_ns) {
        wrong("nobody was removing it");
    } else if (departed.why == "cleared" && clears.up_to(at_ns).value < at_ns) {
        wrong("nobody was clearing the space");
    } else if (departed.why == "corrupt") {
        wrong("each was stored with its checksum");
    }
}

bool KeyChecker::was_possible(uint64_t at_ns, bool expired) const {
    return std::any_of(facts_.versions.begin(), facts_.versions.end(), [&](const Version &version) {
        const uint64_t lifetime = lifetime_ns(*version.commit);
        return expired ? lifetime != 0 && version.begun_ns + lifetime - slack_ns <= at_ns : version.begun_ns <= at_ns;
    });
}

// The block that was pinned is the next one that departs, when nobody else spoke about pins meanwhile and no departure
// may have come between its being found and its being pinned.
void KeyChecker::check_pin(const Operation &pin) {
    if (is_open(pin) || pin.status != UAKV_OK || pin.ttl_ms == 0 || !attachments_.of(pin).certain()) {
        return;
    }
    const auto departed = std::find_if(facts_.departures.begin(), facts_.departures.end(),
                                       [&](const Departed *one) { return one->at_ns >= pin.invoked_ns; });
    if (departed == facts_.departures.end() || (*departed)->at_ns <= pin.responded_ns ||
        (*departed)->daemon != attachments_.of(pin).first) {
        return;
    }
    uint64_t end_ns = pin.ttl_ms == UAKV_PIN_FOREVER ? never : pin.invoked_ns + lifetime_ns(pin) - slack_ns;
    for (const Operation *other : facts_.pins) {
        if (other != &pin && attachments_.effective_until(*other) >= pin.invoked_ns) {
            end_ns = std::min(end_ns, other->invoked_ns);
        }
    }
    const bool evicted = (*departed)->why == "evicted" || (*departed)->why == "rebalanced";
    if (evicted && (*departed)->at_ns < end_ns) {
        found("departure", (*departed)->at_ns, pin.invoked_ns,
              "a block was " + (*departed)->why + " although " + name_of(pin) + " had pinned it");
    }
}

// Until when nobody else is told to compute the block.
uint64_t KeyChecker::end_of_flight(const Span &claim, const EarliestFrom &stores) const {
    uint64_t end_ns = std::min(attachments_.death_of(*claim.operation), attachments_.end_of(claim.epochs.first));
    if (history_.single_flight_ns != never) {
        end_ns = std::min(end_ns, claim.from_ns + history_.single_flight_ns);
    }
    if (const auto end = facts_.slot_ends_ns.find(claim.operation->version); end != facts_.slot_ends_ns.end()) {
        end_ns = std::min(end_ns, end->second);
    }
    return std::min(end_ns, stores.at_or_after(claim.from_ns));
}

void KeyChecker::check_flights() {
    EarliestFrom stores;
    for (const Version &version : facts_.versions) {
        stores.add(attachments_.effective_until(*version.commit), version.begun_ns);
    }
    stores.seal();
    LatestUpTo holders;
    for (size_t i = 0; i < facts_.claims.size(); ++i) {
        holders.add(facts_.claims[i].until_ns, end_of_flight(facts_.claims[i], stores), i);
    }
    holders.seal();
    for (const Span &claim : facts_.claims) {
        const auto holder = holders.up_to(claim.from_ns);
        if (holder.value > claim.until_ns) {
            const Span &other = facts_.claims[holder.number];
            found("flight", claim.until_ns, other.from_ns,
                  name_of(*claim.operation) + " was told to compute the block while " + name_of(*other.operation) +
                      " did");
        }
    }
}

bool is_expected(const Operation &operation) {
    switch (operation.status) {
    case UAKV_OK:
    case UAKV_ERR_BUSY:
    case UAKV_ERR_TIMEOUT:
    case UAKV_ERR_DISCONNECTED:
        return true;
    case UAKV_MISS:
        return operation.action == Action::retrieve || operation.action == Action::claim ||
               operation.action == Action::pin;
    case UAKV_EXISTS:
        return operation.action == Action::store || operation.action == Action::commit ||
               operation.action == Action::reserve;
    case UAKV_ERR_NO_SPACE:
        return operation.action != Action::retrieve && operation.action != Action::remove;
    default:
        return false;
    }
}

void check_alone(const Operation &operation, std::optional<Violation> &first) {
    const bool wrong = operation.action == Action::wrong;
    if (operation.responded_ns == 0 || (!wrong && is_expected(operation)) ||
        (first && first->at_ns <= operation.responded_ns)) {
        return;
    }
    const std::string text =
        wrong ? name_of(operation) + " met a wrong byte at offset " + std::to_string(operation.result) + " of a block"
              : name_of(operation) + " got " + uakv_status_name(operation.status);
    first =
        Violation{wrong ? "bytes" : "status", text, operation.space, operation.first_key, operation.responded_ns, 0};
}

bool touches(const Operation &operation, uint8_t space, uint8_t key) {
    return operation.action != Action::connect && operation.space == space &&
           (operation.action == Action::clear ||
            (key >= operation.first_key && key < operation.first_key + operation.key_count));
}

} // namespace

std::optional<Violation> check(const History &history) {
    const Attachments attachments(history);
    std::vector<std::vector<const Operation *>> operations(space_count * key_count);
    std::vector<std::vector<const Departed *>> departures(space_count * key_count);
    std::optional<Violation> first;
    for (const Operation &operation : history.operations) {
        check_alone(operation, first);
        const bool all = operation.action == Action::clear;
        const size_t begin = all ? 0 : operation.first_key;
        const size_t end = all ? key_count : operation.first_key + operation.key_count;
        for (size_t key = begin; key < end && operation.action != Action::connect; ++key) {
            operations[operation.space * key_count + key].push_back(&operation);
        }
    }
    for (const Departed &departed : history.departures) {
        departures[departed.space * key_count + departed.key].push_back(&departed);
    }
    for (size_t i = 0; i < operations.size(); ++i) {
        const auto space = static_cast<uint8_t>(i / key_count);
        const auto key = static_cast<uint8_t>(i % key_count);
        KeyChecker(history, attachments, space, key, gather_facts(attachments, key, operations[i], departures[i]))
            .check(first);
    }
    return first;
}

std::string report(const History &history, const Violation &violation) {
    uint64_t begin_ns = never;
    std::vector<std::pair<uint64_t, std::string>> lines;
    for (const Operation &operation : history.operations) {
        begin_ns = std::min(begin_ns, operation.invoked_ns);
    }
    const auto counts = [&](uint64_t from_ns, uint64_t until_ns) {
        return from_ns <= violation.at_ns && (until_ns == 0 || until_ns >= violation.since_ns);
    };
    for (const Operation &operation : history.operations) {
        if (touches(operation, violation.space, violation.key) &&
            counts(operation.invoked_ns, operation.responded_ns)) {
            lines.emplace_back(operation.invoked_ns, describe(operation, begin_ns));
        }
    }
    for (const Departed &departed : history.departures) {
        if (departed.space == violation.space && departed.key == violation.key &&
            counts(departed.at_ns, departed.at_ns)) {
            lines.emplace_back(departed.at_ns, describe(departed, begin_ns));
        }
    }
    std::sort(lines.begin(), lines.end());
    const size_t left_out = lines.size() > report_lines_max ? lines.size() - report_lines_max : 0;
    std::string text = "rule \"" + violation.rule + "\", key " + std::to_string(violation.key) + " of space " +
                       std::to_string(violation.space) + ": " + violation.text + "\n";
    text += left_out == 0 ? "" : "(" + std::to_string(left_out) + " earlier lines are left out)\n";
    for (size_t i = left_out; i < lines.size(); ++i) {
        text += lines[i].second + "\n";
    }
    return text;
}

} // namespace uakv::test
