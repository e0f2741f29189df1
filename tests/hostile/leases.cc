// Attacks by lease words: whatever a client writes there is what it holds views on, and that may only keep memory.
#include "hostile/arena.h"

#include "ipc/lease_table.h"

namespace uakv::test {
namespace {

constexpr std::size_t block_bytes = 64 << 10;

void write_word(SessionLayout &session, std::uint32_t place, std::uint64_t word) {
    __atomic_store_n(&session.leases[place], word, __ATOMIC_RELEASE);
}

void write_high(SessionLayout &session, std::uint32_t high) {
    __atomic_store_n(&session.header.leases_high, high, __ATOMIC_RELEASE);
}

// The word that a view on the entry would have now; 0 when no block is there.
std::uint64_t word_on(const Lookup &lookup, EntryId id) {
    const Generation generation = load_acquire(lookup.entry(id).generation);
    return generation != 0 && generation % 2 == 0 ? make_lease(id, generation) : 0;
}

void garbage() {
    Arena arena(Memory::short_); // some words may name blocks
    for_seeds([&](Random &random) {
        arena.tolerate([&](RawClient &raw) {
            fill_random(raw.session().leases, sizeof raw.session().leases, random);
            write_high(raw.session(), limits::lease_words);
        });
    });
    arena.finish();
}

void high_marks_that_lie() {
    Arena arena(Memory::short_);
    for_seeds([&](Random &random) {
        arena.tolerate([&](RawClient &raw) {
            fill_random(raw.session().leases, sizeof raw.session().leases, random);
            for (const std::uint32_t high : {0U, UINT32_MAX, limits::lease_words + 1, 1U << 31, 0U}) {
                write_high(raw.session(), high);
                raw.call(submission_for(Opcode::stats, 0, {}));
            }
        });
    });
    arena.finish();
}

// Every block of the tenant, in every word that there is, again and again: others find no memory, and get it back.
void every_block_of_the_tenant() {
    Arena arena(Memory::short_);
    for_seeds([&](Random &random) {
        arena.tolerate([&](RawClient &raw) {
            SessionLayout &session = raw.session();
            const Lookup lookup = raw.lookup();
            write_high(session, limits::lease_words);
            const std::uint32_t entries = 1'000 + static_cast<std::uint32_t>(random.below(1'000));
            for (int round = 0; round < 20; ++round) {
                for (std::uint32_t place = 0; place < limits::lease_words; ++place) {
                    write_word(session, place, word_on(lookup, place % entries));
                }
                raw.call(submission_for(Opcode::stats, 0, {}));
            }
        });
    });
    arena.finish();
}

void words_that_flicker() {
    Arena arena(Memory::short_);
    for_seeds([&](Random &random) {
        arena.tolerate([&](RawClient &raw) {
            SessionLayout &session = raw.session();
            const Lookup lookup = raw.lookup();
            write_high(session, limits::lease_words);
            for (int i = 0; i < 1'000'000; ++i) {
                const auto place = static_cast<std::uint32_t>(random.below(limits::lease_words));
                const auto entry = static_cast<EntryId>(random.below(256));
                write_word(session, place, i % 2 == 0 ? word_on(lookup, entry) : 0);
            }
        });
    });
    arena.finish();
}

// One thread of a client breaks the rules while another reads: what it views stays in place until it hangs up, though
// the block is removed and others need the memory.
void views_of_a_session_that_was_ended() {
    const Daemon daemon;
    const Shared<std::atomic<int>> phase;
    const uakv_key key = make_key("viewed");
    const Client other(daemon);
    const Space space(other, "viewed");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    Child reader([&] {
        RawClient raw(daemon.socket_path());
        raw.attach();
        const SpaceId id = raw.open_space("viewed");
        Lookup::Found found;
        CHECK(raw.lookup().find(id, key, found));
        auto segment = Mapping::map(raw.segment(found.segment), raw.segment_bytes(), Access::read_only);
        CHECK(segment.ok());
        lease_block(raw.session(), 5, raw.lookup(), id, key);
        raw.submit(submission_for(static_cast<Opcode>(99), 0, {}));
        raw.last_words();
        for (*phase = 1; *phase == 1;) {
            check_block(segment.value().data() + found.offset, block_bytes, key);
        }
    });
    reader.await("its session is over", [&] { return *phase == 1; });
    CHECK_STATUS(uakv_remove(space, &key, 1, nullptr), UAKV_OK);
    for (std::uint64_t i = 0; i < 3'000; ++i) { // three times the memory
        const uakv_status status = store_block(space, make_key("pressing", i), block_bytes);
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_ERR_NO_SPACE, uakv_status_name(status));
    }
    CHECK(other.statistics().slots_limbo > 0);
    *phase = 2;
    reader.join();
    await("nothing is in limbo", [&] { return other.statistics().slots_limbo == 0; });
}

constexpr Case cases[] = {
    {"garbage", garbage},
    {"high_marks_that_lie", high_marks_that_lie},
    {"every_block_of_the_tenant", every_block_of_the_tenant},
    {"words_that_flicker", words_that_flicker},
    {"views_of_a_session_that_was_ended", views_of_a_session_that_was_ended},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("hostile.leases", uakv::test::cases);
}
