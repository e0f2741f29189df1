#include "death/journal.h"

#include "support/check.h"
#include "support/pattern.h"

namespace uakv::test {

uakv_key key_of(const std::string &name, uint64_t block) {
    return make_key(name, block);
}

uakv_key flight_key_of(const std::string &name, uint64_t flight) {
    return make_key(name + "/flight", flight);
}

size_t bytes_of(uint64_t block) {
    constexpr size_t sizes[] = {100, 4'096, 9'000, 9'000, 70'000};
    return sizes[block % std::size(sizes)];
}

void check_journal(uakv_space *space, const std::string &name, const Journal &journal) {
    for (uint32_t block = 0; block < journal.count(); ++block) {
        const Journal::State state = journal.state(block);
        const bool there = check_stored_or_missing(space, key_of(name, block), bytes_of(block));
        if (state == Journal::State::stored) {
            CHECK_MESSAGE(there, "block " + std::to_string(block) + " was committed and is missing");
        }
        if (state == Journal::State::absent) {
            CHECK_MESSAGE(!there,
                          "block " + std::to_string(block) + " was never committed, or was removed, and is there");
        }
    }
}

} // namespace uakv::test
