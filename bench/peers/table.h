// The table of peers: for each work, block size and number of processes one line of figures, with a column for each
// peer, and below it how many times better uakv is. All of it goes into the report, too, as rows.
#pragma once

#include "bench/report.h"
#include "workload.h"

#include <string>
#include <vector>

namespace uakv::bench {

// All outcomes of one case.
struct CaseOutcomes {
    WorkCase what;
    Outcomes outcomes;
};

class Table {
public:
    Table(Report &report, const std::vector<PeerKind> &kinds);

    void add(const CaseOutcomes &one);

    // How many times better uakv is than `peer`, run by run: for a latency theirs by ours, for a rate ours by theirs.
    std::vector<double> advantage(const CaseOutcomes &one, Work work, const std::string &peer) const;

    // The runs of what is compared: the median latency of a retrieve, the bytes per second of `mixed` and `store`.
    std::vector<double> figures(const CaseOutcomes &one, Work work, const std::string &peer) const;

private:
    void add_rows(const std::string &name, Work work, const std::string &peer, const std::vector<Outcome> &runs);
    std::size_t index_of(const std::string &peer) const;

    Report &report_;
    const std::vector<PeerKind> &kinds_;
};

// "in hand 2 MiB, 1 process"
std::string case_text(Work work, const WorkCase &what);

} // namespace uakv::bench
