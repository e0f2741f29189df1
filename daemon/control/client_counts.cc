#include "daemon/control/client_counts.h"

#include "ipc/untrusted.h"

namespace uakv {

void ClientCounts::add(const SessionHeader &header) {
    hits += load_once(header.touch_tail);
    bytes_hit += load_once(header.bytes_hit);
    misses += load_once(header.misses);
    misses_expired += load_once(header.misses_expired);
}

void add_latencies(Latencies &sum, const SessionLayout &session) {
    for (std::size_t call = 0; call < timed_calls; ++call) {
        histogram_add(sum[call], session.latencies[call]);
    }
}

} // namespace uakv
