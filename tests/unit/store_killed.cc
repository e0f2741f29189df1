// Daemons that are killed at any of their steps, in their work and in going on with the work of another. What was
// answered is there, with its bytes; whoever reads meanwhile misses nothing; no slot is lost and none has two owners.
#include "daemon/base/log.h"
#include "death/points.h"
#include "ipc/clock.h"
#include "kept_bench.h"
#include "support/effort.h"

#include <cstdio>
#include <thread>

namespace uakv::test {
namespace {

constexpr std::uint32_t keys = 4096;
constexpr std::uint32_t clients = 3;  // by number from 1 on; the last one is gone when the next daemon comes
constexpr std::uint32_t words = 16;   // leases of each
constexpr std::uint32_t held_max = 8; // slots of each
constexpr std::uint32_t steps = 3000;

enum class Known : std::uint8_t { nothing, storing, stored, leaving };

// What was answered, so that the test can hold the next daemon to it.
struct Journal {
    struct Lease {
        std::atomic<bool> stands{false};
        std::uint64_t number = 0;
        SlotRef slot;
        std::uint64_t length = 0;
    };
    std::atomic<Known> known[keys];
    Lease leases[clients][words];
    std::atomic<std::uint64_t> held[clients][held_max]; // segment << 32 | index, + 1; 0: none
    std::atomic<std::uint32_t> spaces{0};
    std::atomic<std::uint64_t> seen{0}; // by the reader
    SessionLayout sessions[clients];
};

std::uint64_t length_of(std::uint64_t number) {
    constexpr std::uint64_t lengths[] = {1, 4096, 5000, 9000, 20'000, 70'000, 200'000};
    return lengths[number % std::size(lengths)];
}

// The daemon that will be killed.
class Life {
public:
    Life(Store &store, Journal &journal, std::uint64_t seed, bool roomy)
        : store_(store), journal_(journal), random_(seed), roomy_(roomy) {}

    void open_space() {
        const std::uint32_t number = journal_.spaces;
        if (number < 4) {
            CHECK(store_.spaces().open(some_space(("space" + std::to_string(number)).c_str()), true).ok());
            ++journal_.spaces;
        }
    }
    void live() {
        for (std::uint32_t client = 0; client < clients; ++client) {
            store_.note_session(client + 1);
            store_.leases().attach(journal_.sessions[client]);
        }
        store_.note_session(99);
        store_.forget_session(99);
        open_space();
        for (std::uint32_t step = 0; step < steps; ++step) {
            act();
        }
    }

private:
    void act() {
        switch (random_.below(16)) {
        case 0:
            return remove();
        case 1:
            return lease();
        case 2:
            return end_lease();
        case 3:
            return hold_slot();
        case 4:
            return give_back_slot();
        case 5:
            return pin();
        case 6:
            store_.maintain();
            return;
        case 7:
            if (const auto slot = store_.grant(4096, 0); slot.outcome == Store::GrantOutcome::granted) {
                store_.give_back(slot.slot);
            }
            return;
        case 8:
            store_.expire();
            return random_.below(50) == 0 ? open_space() : void();
        case 9:
            if (const auto found = find_block(store_, random_.below(next_ + 1))) {
                store_.touch(found->id);
            }
            return;
        default:
            return store();
        }
    }
    // Where there is room for all, what is old is removed before anything has to be evicted.
    void store() {
        if (next_ == keys) {
            return;
        }
        if (roomy_ && next_ >= 60) {
            remove_number(next_ - 60);
        }
        const std::uint32_t number = next_++;
        const Store::Grant grant = store_.grant(length_of(number), 1 + number % clients);
        if (grant.outcome != Store::GrantOutcome::granted) {
            return;
        }
        Store::CommitRequest request;
        if (number > 0 && number % 4 != 0) {
            request.parent = sample_key(number - 1);
        }
        request.ttl_ms = number % 50 == 7 && !roomy_ ? 1 : 0;
        journal_.known[number] = Known::storing;
        CHECK_STATUS(commit_block(store_, grant.slot, number, length_of(number), request), UAKV_OK);
        journal_.known[number] = Known::stored;
    }
    void remove() {
        if (next_ > 0) {
            remove_number(static_cast<std::uint32_t>(random_.below(next_)));
        }
    }
    void remove_number(std::uint32_t number) {
        if (journal_.known[number] == Known::stored) {
            journal_.known[number] = Known::leaving;
            store_.remove(0, sample_key(number));
        }
    }
    void lease() {
        const std::uint32_t client = static_cast<std::uint32_t>(random_.below(clients));
        const std::uint32_t word = static_cast<std::uint32_t>(random_.below(words));
        const std::uint64_t number = next_ - std::min<std::uint64_t>(next_, random_.below(40));
        const auto found = find_block(store_, number);
        Journal::Lease &lease = journal_.leases[client][word];
        if (!found || lease.stands) {
            return;
        }
        SessionLayout &session = journal_.sessions[client];
        lease_cover(session, word);
        CHECK(lease_begin(session, word, store_.index().entry(found->id), found->id, found->generation));
        lease.number = number;
        lease.slot = store_.slots().slot_at(found->segment, found->offset);
        lease.length = found->length;
        lease.stands = true;
    }
    void end_lease() {
        const auto client = random_.below(clients), word = random_.below(words);
        journal_.leases[client][word].stands = false;
        lease_end(journal_.sessions[client], static_cast<std::uint32_t>(word));
    }
    void hold_slot() {
        const std::uint32_t client = static_cast<std::uint32_t>(random_.below(clients));
        auto &held = journal_.held[client][random_.below(held_max)];
        if (held == 0) {
            const auto grant = store_.grant(length_of(random_.below(7)), client + 1);
            if (grant.outcome == Store::GrantOutcome::granted) {
                held = (static_cast<std::uint64_t>(grant.slot.segment) << 32 | grant.slot.index) + 1;
            }
        }
    }
    void give_back_slot() {
        auto &held = journal_.held[random_.below(clients)][random_.below(held_max)];
        if (const std::uint64_t word = held.exchange(0); word != 0) {
            store_.give_back({static_cast<SegmentId>((word - 1) >> 32), static_cast<std::uint32_t>(word - 1)});
        }
    }
    void pin() {
        if (next_ > 0 && random_.below(4) == 0) {
            store_.pin(0, sample_key(random_.below(next_)), random_.below(2) == 0 ? 0 : 60'000);
        }
    }

    Store &store_;
    Journal &journal_;
    Random random_;
    bool roomy_;
    std::uint32_t next_ = 0;
};

std::vector<FormerClient> formers(const Journal &journal) {
    std::vector<FormerClient> all;
    for (std::uint32_t client = 0; client + 1 < clients; ++client) {
        all.push_back({client + 1, &journal.sessions[client]});
    }
    return all;
}

// Looks up, as clients do, what was there before the daemon came and is there after it.
class Reader {
public:
    Reader(const Fd &index, std::vector<std::uint64_t> numbers, Journal &journal)
        : numbers_(std::move(numbers)), journal_(journal) {
        auto bytes = memfd_bytes(index);
        auto mapping = Mapping::map(index, bytes.value(), Access::read_only);
        CHECK(mapping.ok());
        mapping_ = std::move(mapping.value());
        thread_ = std::thread([this] { run(); });
        await("the reader reads", [&] { return journal_.seen > 0; });
    }
    ~Reader() { stop(); }
    void stop() {
        stopping_ = true;
        if (thread_.joinable()) {
            thread_.join();
        }
    }
    std::uint64_t missed() const { return missed_; }

private:
    void run() {
        const Lookup lookup(IndexRegion::at(mapping_.data()));
        do {
            for (const std::uint64_t number : numbers_) {
                Lookup::Found found;
                if (!lookup.find(0, sample_key(number), found) || found.length != length_of(number)) {
                    ++missed_;
                }
            }
            ++journal_.seen;
        } while (!stopping_);
    }

    std::vector<std::uint64_t> numbers_;
    Journal &journal_;
    Mapping mapping_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::uint64_t> missed_{0};
    std::thread thread_;
};

struct Trial {
    std::string at;      // the sequence point of the first daemon, or nothing
    std::string at_next; // that of the second, or nothing: there is none
    std::uint64_t seed = 0;
    bool roomy = true;
};

void check_leases(const Store &store, const Journal &journal) {
    for (std::uint32_t client = 0; client + 1 < clients; ++client) {
        for (const Journal::Lease &lease : journal.leases[client]) {
            if (lease.stands) {
                const auto bytes = const_cast<Store &>(store).segment_memory(lease.slot.segment);
                check_block(bytes.data() + lease.slot.index * store.slots().slot_bytes(lease.slot.segment),
                            lease.length, sample_key(lease.number));
            }
        }
    }
}

void check_held(Store &store, const Journal &journal) {
    for (std::uint32_t client = 0; client + 1 < clients; ++client) {
        const std::vector<SlotRef> found = store.slots_of_former(client + 1);
        for (const auto &held : journal.held[client]) {
            if (const std::uint64_t word = held; word != 0) {
                const SlotRef slot{static_cast<SegmentId>((word - 1) >> 32), static_cast<std::uint32_t>(word - 1)};
                CHECK(std::find(found.begin(), found.end(), slot) != found.end());
            }
        }
    }
}

void check_blocks(const Store &store, const Journal &journal, bool roomy) {
    for (std::uint64_t number = 0; number < keys; ++number) {
        const Known known = journal.known[number];
        const auto found = find_block(store, number);
        CHECK(!found || known != Known::nothing);
        CHECK(found || known != Known::stored || !roomy);
        if (found) {
            check_there(store, number);
        }
    }
}

// The next daemon works on; then everybody goes.
void live_on(Store &store, Journal &journal) {
    for (std::uint64_t number = 0; number < 40; ++number) {
        const std::uint64_t key = keys + number;
        if (const auto grant = store.grant(length_of(number), 50); grant.outcome == Store::GrantOutcome::granted) {
            CHECK_STATUS(commit_block(store, grant.slot, key, length_of(number)), UAKV_OK);
        }
        store.maintain();
        check_partition(store);
    }
    check_leases(store, journal);
    for (std::uint32_t client = 0; client + 1 < clients; ++client) {
        store.leases().detach(journal.sessions[client]);
        for (const SlotRef slot : store.slots_of_former(client + 1)) {
            store.give_back(slot);
        }
    }
    store.release_abandoned();
    check_empties(store);
}

void run_trial(const Trial &trial) {
    KeeperSocket socket;
    Shared<Journal> journal;
    const auto first = [&] {
        arm_this_process(trial.at.empty() ? "owner_noted:1000000:kill" : trial.at);
        arm_sequence_point();
        SocketKeeper keeper(socket);
        auto store = create_kept(&keeper);
        Life life(*store, *journal, trial.seed, trial.roomy);
        life.open_space(); // from here on what is left has to be of use
        take_all_segments(*store);
        life.live();
        ::kill(::getpid(), SIGKILL);
    };
    CHECK_EQ(Child(first).end(), "signal 9 (Killed)");
    std::vector<std::uint64_t> stored;
    for (std::uint64_t number = 0; number < keys && trial.roomy; ++number) {
        if (journal->known[number] == Known::stored) {
            stored.push_back(number);
        }
    }
    std::optional<Reader> reader;
    if (KeptFds::One *index = socket.find(Keeping::index_name(tenant)); index != nullptr && !stored.empty()) {
        reader.emplace(index->fd, stored, *journal);
    }
    if (!trial.at_next.empty()) {
        const auto second = [&] {
            arm_this_process(trial.at_next);
            arm_sequence_point();
            SocketKeeper keeper(socket);
            KeptFds kept = socket.copies();
            auto store = Store::adopt(kept_options(&keeper), kept, formers(*journal));
            while (store.ok() && store.value()->maintain()) {
            }
            ::kill(::getpid(), SIGKILL);
        };
        CHECK_EQ(Child(second).end(), "signal 9 (Killed)");
    }
    SocketKeeper keeper(socket);
    KeptFds kept = socket.copies();
    auto store = Store::adopt(kept_options(&keeper), kept, formers(*journal));
    if (!store.ok()) { // it was killed before it served anybody
        CHECK(journal->spaces == 0);
        CHECK(socket.kept().empty());
        return;
    }
    if (reader) {
        const std::uint64_t seen = journal->seen;
        await("the reader has seen it", [&] { return journal->seen > seen; });
        reader->stop();
        CHECK_EQ(reader->missed(), 0);
    }
    check_blocks(*store.value(), *journal, trial.roomy);
    check_leases(*store.value(), *journal);
    check_held(*store.value(), *journal);
    CHECK(store.value()->spaces().count() >= journal->spaces && store.value()->spaces().count() <= journal->spaces + 1);
    check_partition(*store.value());
    take_all_segments(*store.value());
    while (store.value()->maintain()) {
    }
    check_blocks(*store.value(), *journal, trial.roomy);
    live_on(*store.value(), *journal);
}

void run_and_name(const Trial &trial) {
    try {
        run_trial(trial);
    } catch (const Failure &) {
        std::fprintf(stderr, "at %s, then %s, seed %llu, %s\n", trial.at.c_str(), trial.at_next.c_str(),
                     static_cast<unsigned long long>(trial.seed), trial.roomy ? "roomy" : "full");
        throw;
    }
}

const char *const points_of_work[] = {
    "index_kept",        "state_kept",        "segment_kept",       "segment_noted",   "segments_taken",
    "records_cleared",   "segment_assigned",  "segment_unassigned", "space_written",   "space_noted",
    "session_noted",     "session_forgotten", "owner_noted",        "owner_cleared",   "block_noted",
    "entry_writing",     "entry_written",     "block_published",    "block_accounted", "entry_retired",
    "reference_removed", "leases_fenced",     "slot_freed",         "takeover_begun",  "takeover_step",
    "block_expired",     "block_pinned",
};

const char *const points_of_adoption[] = {
    "start_noted", "entry_doubted", "bucket_mended", "index_mended", "slot_settled", "store_adopted",
};

// Which passing of a point: any of the first `most`, but for those that are not passed as often.
std::string somewhere(const std::string &name, Random &random, std::uint64_t most) {
    if (name.starts_with("space_")) {
        return at_point(name, 2, "kill");
    }
    if (name.starts_with("segment_") && name != "segment_assigned" && name != "segment_unassigned") {
        return at_point(name, 1 + random.below(segments), "kill");
    }
    const char *const once[] = {"index_kept",   "state_kept",    "session_forgotten", "start_noted",
                                "index_mended", "store_adopted", "segments_taken"};
    const bool is_once = std::find(std::begin(once), std::end(once), name) != std::end(once);
    return at_point(name, is_once ? 1 : 1 + random.below(name == "session_noted" ? clients : most), "kill");
}

void each_point_of_work() {
    Random random(seed());
    for (const char *name : points_of_work) {
        for (const bool roomy : {true, false}) {
            run_and_name({somewhere(name, random, 6), "", random.next(), roomy});
            run_and_name({somewhere(name, random, 300), "", random.next(), roomy});
        }
    }
}

// The first leaves work for the second: it is killed between two steps that belong together.
void each_point_of_adoption() {
    Random random(seed() + 1);
    const char *const left[] = {"entry_written", "entry_retired", "block_published", "owner_noted", "takeover_step"};
    for (const char *name : points_of_adoption) {
        for (const char *first : left) {
            run_and_name(
                {somewhere(first, random, 300), somewhere(name, random, 2), random.next(), random.below(2) == 0});
        }
    }
}

void random_points() {
    Random random(seed() + 2);
    const std::uint64_t until_ns =
        now_ns() + static_cast<std::uint64_t>(effort(std::chrono::milliseconds(3000)).count()) * ns_per_ms;
    do {
        const std::string first = points_of_work[random.below(std::size(points_of_work))];
        const std::string next =
            random.below(2) == 0 ? points_of_adoption[random.below(std::size(points_of_adoption))] : "";
        run_and_name({somewhere(first, random, 1000), next.empty() ? next : somewhere(next, random, 4), random.next(),
                      random.below(2) == 0});
    } while (now_ns() < until_ns);
}

void needs_points() {
    sequence_points(Side::daemon); // or skips
}

constexpr Case cases[] = {
    {"each_point_of_work",
     [] {
         needs_points();
         each_point_of_work();
     }},
    {"each_point_of_adoption",
     [] {
         needs_points();
         each_point_of_adoption();
     }},
    {"random_points",
     [] {
         needs_points();
         random_points();
     }},
};

} // namespace
} // namespace uakv::test

int main() {
    uakv::set_log_level(uakv::LogLevel::error); // a start for each trial
    return uakv::test::run_cases("store_killed", uakv::test::cases);
}
