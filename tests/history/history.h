// What a run leaves behind to be judged: every operation with its invocation and its response, the deaths of processes
// and daemons, and each departure that a daemon logged. Times are CLOCK_MONOTONIC, which all processes share.
#pragma once

#include <uakv.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace uakv::test {

inline constexpr uint64_t never = UINT64_MAX;

inline constexpr size_t space_count = 3;
inline constexpr size_t key_count = 48; // in each space, and the same in all of them

enum class Action : uint8_t {
    connect,
    store, // also each block of store_many
    reserve,
    commit,
    abort,
    retrieve, // also into memory of the caller, and each block of retrieve_many
    claim,    // retrieve_or_reserve
    look,     // contains and match_prefix
    remove,
    clear,
    pin,
    wrong, // no call: bytes were met that nobody stored, or that changed under a view
};

// One operation on one key, or on key_count keys from first_key on. Plain memory that several processes see.
struct Operation {
    Action action{};
    uint8_t process = 0;
    uint8_t space = 0;
    uint8_t first_key = 0;
    uint8_t key_count = 1;
    bool asynchronous = false;
    uint16_t incarnation = 0; // of the process: it is killed and started again
    uakv_status status = 0;
    uint32_t ttl_ms = 0;  // store, commit, pin. 0: no end; for pin: unpin
    uint64_t version = 0; // of the content that was stored or found, or that a claimed slot will hold
    uint64_t result = 0;  // remove: how many. look: a bit for each key that was there. wrong: the offset
    uint64_t looked = 0;  // look: a bit for each key of which the result tells
    uint64_t invoked_ns = 0;
    uint64_t responded_ns = 0; // 0: never; then it may or may not have happened, status and result mean nothing
};
static_assert(std::is_trivially_copyable_v<Operation>);

// A SIGKILL: sent after at_ns.
struct Death {
    uint8_t process = 0;
    uint16_t incarnation = 0;
    uint64_t at_ns = 0;
};

struct DaemonLife {
    uint64_t begun_ns = 0;     // before it was started
    uint64_t ended_ns = never; // after it was gone
};

// A block left, in the daemon's words: after at_ns, and before gone_ns.
struct Departed {
    uint8_t space = 0;
    uint8_t key = 0;
    size_t daemon = 0; // number of its life
    std::string why;
    uint64_t at_ns = 0;
    uint64_t gone_ns = never;
};

struct History {
    std::vector<Operation> operations; // in any order
    std::vector<Death> deaths;
    std::vector<DaemonLife> daemons;   // one after another
    std::vector<Departed> departures;  // in order of time
    uint64_t single_flight_ns = never; // how long a claimed slot is waited for
};

// A line for people; times are relative to begin_ns.
std::string describe(const Operation &operation, uint64_t begin_ns);
std::string describe(const Departed &departed, uint64_t begin_ns);

// A version names its process, the incarnation of it, and a number: "p3.1#42".
constexpr uint64_t make_version(uint8_t process, uint16_t incarnation, uint32_t number) {
    return static_cast<uint64_t>(process + 1) << 56 | static_cast<uint64_t>(incarnation) << 32 | number;
}
std::string version_name(uint64_t version);

} // namespace uakv::test
