#include "table.h"

#include "bench/failure.h"

#include <cstdio>
#include <fmt/format.h>

namespace uakv::bench {
namespace {

const char *name_of(Work work) {
    constexpr std::array names{"in hand", "every byte read", "copied out", "90/10", "store"};
    return names[static_cast<std::size_t>(work)];
}

bool is_rate(Work work) {
    return work == Work::mixed || work == Work::store;
}

double figure_of(Work work, const Outcome &outcome) {
    return is_rate(work) ? outcome.gigabytes_per_s : outcome.p50_ns;
}

std::string figure_text(Work work, double value) {
    if (is_rate(work)) {
        return fmt::format("{:.2f} GB/s", value);
    }
    return value < 1e4 ? fmt::format("{:.0f} ns", value) : fmt::format("{:.0f} us", value / 1e3);
}

std::string advantage_text(double value) {
    return value >= 10 ? fmt::format("{:.0f} x", value) : fmt::format("{:.2f} x", value);
}

} // namespace

std::string case_text(Work work, const WorkCase &what) {
    return fmt::format("{} {}, {} process{}", name_of(work), size_text(what.block_bytes), what.processes,
                       what.processes == 1 ? "" : "es");
}

Table::Table(Report &report, const std::vector<PeerKind> &kinds) : report_(report), kinds_(kinds) {
    std::printf("\n%-36s", "");
    for (const PeerKind &kind : kinds_) {
        std::printf(" %11s", kind.name.c_str());
    }
    std::printf("\n");
}

std::size_t Table::index_of(const std::string &peer) const {
    for (std::size_t i = 0; i < kinds_.size(); ++i) {
        if (kinds_[i].name == peer) {
            return i;
        }
    }
    return kinds_.size();
}

std::vector<double> Table::figures(const CaseOutcomes &one, Work work, const std::string &peer) const {
    std::vector<double> values;
    const std::size_t index = index_of(peer);
    if (index < kinds_.size()) {
        for (const Outcome &outcome : one.outcomes[static_cast<std::size_t>(work)][index]) {
            values.push_back(figure_of(work, outcome));
        }
    }
    return values;
}

std::vector<double> Table::advantage(const CaseOutcomes &one, Work work, const std::string &peer) const {
    std::vector<double> values = figures(one, work, peer);
    const std::vector<double> ours = figures(one, work, "uakv");
    for (std::size_t run = 0; run < values.size(); ++run) {
        values[run] = is_rate(work) ? ours[run] / values[run] : values[run] / ours[run];
    }
    return values;
}

void Table::add_rows(const std::string &name, Work work, const std::string &peer, const std::vector<Outcome> &runs) {
    const auto row = [&](const char *measure, const char *unit, double Outcome::*member) {
        std::vector<double> values;
        values.reserve(runs.size());
        for (const Outcome &run : runs) {
            values.push_back(run.*member);
        }
        report_.record({fmt::format("{}, {}: {}", name, measure, peer), unit, summarize(values), {}});
    };
    row("p50", "ns", &Outcome::p50_ns);
    row("p99", "ns", &Outcome::p99_ns);
    row("operations", "1/s", &Outcome::operations_per_s);
    if (work != Work::in_hand) { // nothing is moved there by those who read in place
        row("bytes", "GB/s", &Outcome::gigabytes_per_s);
    }
    if (work == Work::mixed) {
        row("found", "percent", &Outcome::found_percent);
    }
}

void Table::add(const CaseOutcomes &one) {
    for (const Work work : all_works) {
        if (figures(one, work, "uakv").empty()) {
            continue;
        }
        const std::string name = case_text(work, one.what);
        std::string values = fmt::format("{:<36}", name);
        std::string ratios = fmt::format("{:<36}", "");
        for (std::size_t i = 0; i < kinds_.size(); ++i) {
            const std::string &peer = kinds_[i].name;
            add_rows(name, work, peer, one.outcomes[static_cast<std::size_t>(work)][i]);
            const Summary figure = summarize(figures(one, work, peer));
            const Summary ratio = summarize(advantage(one, work, peer));
            values += fmt::format(" {:>11}", figure_text(work, figure.median));
            ratios += fmt::format(" {:>11}", peer == "uakv" ? "" : advantage_text(ratio.median));
            if (peer != "uakv") {
                report_.record({fmt::format("{}: {}", name, is_rate(work) ? "uakv / " + peer : peer + " / uakv"),
                                "ratio",
                                ratio,
                                {}});
            }
        }
        std::printf("%s\n%s\n", values.c_str(), ratios.c_str());
        std::fflush(stdout);
    }
}

} // namespace uakv::bench
