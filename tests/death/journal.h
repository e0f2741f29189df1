// What a process that may die at any moment has written down, in memory that outlives it: for each of its blocks, what
// must hold wherever it died.
#pragma once

#include <uakv.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace uakv::test {

class Journal {
public:
    enum class State : uint32_t {
        absent,     // never stored, or removed: nobody may find it
        storing,    // either
        stored,     // everybody finds it
        committing, // either; its slot was reserved
        removing,   // either
    };
    static constexpr uint32_t blocks_max = 8192;

    // A block of its own, by number.
    uint32_t next() { return count_.fetch_add(1); }
    uint32_t count() const { return count_.load(); }
    void note(uint32_t block, State state) { states_[block].store(state); }
    State state(uint32_t block) const { return states_[block].load(); }

    // Blocks that the process computes in single flight, by number.
    std::atomic<uint64_t> flight{0};

private:
    std::atomic<uint32_t> count_{0};
    std::atomic<State> states_[blocks_max] = {};
};

uakv_key key_of(const std::string &name, uint64_t block);
uakv_key flight_key_of(const std::string &name, uint64_t flight);
size_t bytes_of(uint64_t block);
constexpr size_t flight_bytes = 9'000;

// Each block of the journal is where it must be, right byte for byte, or nowhere.
void check_journal(uakv_space *space, const std::string &name, const Journal &journal);

} // namespace uakv::test
