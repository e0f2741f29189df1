// What a disk tier may show, from what it was asked and what it has answered. For each key a set of two states: it may
// be there, it may be missing; a state that is not in the set must not be seen.
//
// Live: a block whose write was answered is there until it is erased or reported as dropped. After a crash: what a
// flush has answered for is so; of what came later, each beginning of it is allowed.
#pragma once

#include "sim/universe.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace uakv::test {

class TierModel {
public:
    using States = unsigned;
    static constexpr States missing = 1;
    static constexpr States there = 2;
    static constexpr States either = missing | there;

    TierModel() : keys_(Universe::keys) {}

    // ---- what happens ------------------------------------------------------------------------------------

    void write_begun(SimKey key, std::uint64_t expires_ms);
    void write_done(SimKey key, uakv_status status);
    void erased(SimKey key);
    void dropped(SimKey key);
    // The disk lied about this block: it may be missing at any time.
    void damaged(SimKey key) { keys_[key].damaged = true; }
    // The disk lied about what ties the log together: whatever may be missing, or be there again.
    void anything_goes() { wild_ = true; }

    void flush_begun(std::uint64_t tag);
    void flush_done(std::uint64_t tag, uakv_status status);
    // All that was answered is on stable storage.
    void closed();

    // Whatever a crash may show may be seen now; and then what was found, which must stay so.
    void crashed(std::uint64_t wall_ms);
    void recovered(SimKey key, bool is_there);

    // ---- what may be seen ---------------------------------------------------------------------------------

    States now(SimKey key, std::uint64_t wall_ms) const;
    States after_crash(SimKey key, std::uint64_t wall_ms) const;
    bool writing(SimKey key) const { return keys_[key].writing > 0; }
    bool is_damaged(SimKey key) const { return wild_ || keys_[key].damaged; }
    bool wild() const { return wild_; }
    std::string describe(SimKey key) const; // what has happened to it, for a failure

private:
    enum class Kind : std::uint8_t { begun, written, refused, erased, dropped };
    struct Change {
        std::uint64_t order = 0;
        Kind kind{};
    };
    struct Key {
        States durable = missing;    // what a crash shows of what was flushed
        std::vector<Change> changes; // since
        States now = missing;
        std::uint32_t writing = 0;
        bool killed = false; // erased while it is written: what the write says later does not count
        bool damaged = false;
        std::uint64_t expires_first = UINT64_MAX;
        std::uint64_t expires_last = 0;
        std::string story;
    };

    static States after(States states, Kind kind);
    States with_time(const Key &key, States states, std::uint64_t wall_ms) const;
    void change(SimKey key, Kind kind);
    void settle(Key &key, std::uint64_t order);

    std::vector<Key> keys_;
    std::map<std::uint64_t, std::uint64_t> flushes_; // where each began
    std::uint64_t order_ = 0;
    bool wild_ = false;
};

} // namespace uakv::test
