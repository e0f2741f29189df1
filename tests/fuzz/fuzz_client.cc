// Clients that do anything, several at a time: the input is a list of what they and the daemon do in turn, in a small
// code that makes valid requests as likely as nonsense. Whatever comes, nothing breaks, the books agree, and when all
// are gone everything that they held has come back.
#include "input.h"
#include "ipc/clock.h"
#include "ipc/control_message.h"
#include "ipc/kept_slots.h"
#include "ipc/lease_table.h"
#include "world.h"

#include <ctime>

namespace uakv::fuzz {
namespace {

constexpr std::size_t steps_max = 600;

class Story {
public:
    Story(World &world, Input input) : world_(world), input_(input) {}
    void run();

private:
    void step();
    void connect();
    void say();
    void submit();
    void fill();
    bool ask(Player &player, const Submission &submission);
    void set_word();
    void lease();
    void keep();
    void upkeep();
    void end_those_that_hold_too_much();
    void nap();

    Submission submission(const Player &player);
    uakv_key key();
    SlotRef slot(const Player &player);
    Player &player() { return world_.player(input_.byte()); }

    World &world_;
    Input input_;
    bool napped_ = false;
};

void Story::run() {
    for (std::size_t i = 0; i < steps_max && !input_.empty(); ++i) {
        if (world_.count() == 0) {
            connect();
        } else {
            step();
        }
    }
    world_.clear();
}

void Story::step() {
    switch (input_.choose(18)) {
    case 0:
        connect();
        break;
    case 1:
        say();
        break;
    case 2:
        world_.serve(player());
        break;
    case 3:
        set_word();
        break;
    case 4:
        lease();
        break;
    case 5:
        keep();
        break;
    case 6:
        upkeep();
        break;
    case 7:
        world_.hang_up(input_.byte());
        break;
    case 8:
        world_.end(player());
        break;
    case 9:
        world_.reconfigure(input_.byte());
        break;
    case 10:
        world_.check();
        break;
    case 11:
        world_.drain_touches(player());
        break;
    case 12:
        fill();
        break;
    default:
        submit();
    }
}

// Mostly a client that is welcome and opens a space; the rest has to say what it wants by itself.
void Story::connect() {
    Player *player = world_.connect(World::peer(input_.byte()));
    const std::size_t choice = input_.choose(8);
    if (player == nullptr || choice == 7) {
        return;
    }
    HelloMessage hello;
    hello.flags = choice % 4 == 3 ? UAKV_READ_ONLY : 0;
    hello.tenant[0] = 0;
    if (choice >= 4) {
        set_text(hello.tenant, "tight");
    }
    world_.say(*player, hello);
    if (player->session->welcomed()) {
        SpaceOpenMessage open;
        open.space = space_description(0);
        world_.say(*player, open);
    }
}

void Story::say() {
    Player &who = player();
    switch (input_.choose(5)) {
    case 0: {
        SpaceOpenMessage open;
        open.space = space_description(input_.byte());
        world_.say(who, open);
        break;
    }
    case 1: {
        SegmentGetMessage get;
        get.segment = input_.byte();
        world_.say(who, get);
        break;
    }
    case 2: {
        ReportGetMessage get;
        get.kind = static_cast<ReportKind>(input_.choose(7));
        get.limit = input_.byte();
        get.cursor = input_.byte();
        get.key = key_of(input_.choose(8));
        set_text(get.space, input_.flag() ? "one" : "");
        set_text(get.tenant, input_.flag() ? "tight" : "");
        world_.say(who, get);
        break;
    }
    case 3:
        world_.say(who, HelloMessage());
        break;
    default: {
        const auto bytes = input_.take(input_.byte());
        world_.say(who, bytes.data(), bytes.size());
    }
    }
    (void)receive_message(who.socket, AcceptFds::no);
}

// One of a few, or of those that fill() stores.
uakv_key Story::key() {
    const std::uint8_t choice = input_.byte();
    return key_of(choice < 192 ? choice % 24U : 256U + choice % 64U * 8U);
}

// One that it was told of, or any.
SlotRef Story::slot(const Player &player) {
    const std::uint8_t choice = input_.byte();
    if (choice < 240 && !player.slots.empty()) {
        return player.slots[player.slots.size() - 1 - choice % player.slots.size()];
    }
    return {choice % 8U, choice / 8U};
}

Submission Story::submission(const Player &player) {
    constexpr std::uint64_t lengths[] = {1, 4096, 4097, 8192, 60'000, 300'000, 1 << 20, 2 << 20, (2 << 20) + 1, 0};
    constexpr std::uint32_t times[] = {0, 1, 5, 1'000'000, UAKV_PIN_FOREVER};
    constexpr std::uint32_t spaces[] = {0, 0, 0, 1, 2, 3, 1024, UINT32_MAX};
    Submission submission{};
    submission.opcode = static_cast<Opcode>(input_.choose(15));
    submission.user_data = input_.choose(16);
    submission.target = submission.user_data; // of an earlier one, as often as not
    submission.space = input_.choose(spaces);
    submission.key = key();
    const std::uint8_t parent = input_.byte();
    constexpr std::uint8_t others[] = {0, submission_as_stored, submission_anew, 0xFE};
    submission.flags = static_cast<std::uint8_t>((parent % 2 == 0 ? 0U : submission_has_parent) | others[parent / 64]);
    submission.parent = key_of(parent / 2 % 24);
    submission.length = input_.choose(lengths);
    submission.ttl_ms = input_.choose(times);
    submission.timeout_us = submission.ttl_ms;
    const SlotRef own = slot(player);
    submission.segment = own.segment;
    submission.slot = own.index;
    return submission;
}

void Story::submit() {
    Player &who = player();
    if (!who.session->welcomed()) {
        return;
    }
    const std::uint8_t how = input_.byte();
    Submission next = submission(who);
    if (how % 16 == 1) {
        next = input_.value<Submission>();
    }
    if (how % 16 == 2) { // into a place that it has offered, or has not yet
        write_words(who.shared().submissions[(who.tail + input_.byte()) % limits::submissions], next);
        return;
    }
    for (std::uint32_t count = how % 16 == 3 ? input_.byte() : 1; count > 0; --count) {
        World::submit(who, next);
    }
    if (how / 16 % 4 != 0) {
        world_.serve(who);
    }
    if (how / 64 != 0) {
        World::read_completions(who);
    }
}

// One request, and what it brings: true when that is a slot.
bool Story::ask(Player &player, const Submission &submission) {
    const std::size_t before = player.slots.size();
    World::submit(player, submission);
    world_.serve(player);
    World::read_completions(player);
    return player.slots.size() > before;
}

// Many blocks, as a client stores them that keeps to the rules: the slot that came ahead is used first, and in the end
// it goes back.
void Story::fill() {
    constexpr std::uint64_t lengths[] = {4096, 4097, 60'000, 300'000, 1 << 20};
    Player &who = player();
    Submission next{};
    next.length = input_.choose(lengths);
    const std::uint32_t count = input_.byte() * 3U;
    bool has_slot = false;
    for (std::uint32_t i = 0; i < count && who.serving(); ++i) {
        next.opcode = Opcode::grant;
        if (!has_slot && !ask(who, next)) {
            return;
        }
        next.opcode = Opcode::commit;
        next.key = key_of(256 + i);
        next.segment = who.slots.back().segment;
        next.slot = who.slots.back().index;
        has_slot = ask(who, next);
    }
    if (has_slot) {
        next.opcode = Opcode::abort;
        next.segment = who.slots.back().segment;
        next.slot = who.slots.back().index;
        ask(who, next);
    }
}

// A word of the session that is the client's, or, since it can, one of the daemon's.
void Story::set_word() {
    Player &who = player();
    if (!who.session->welcomed()) {
        return;
    }
    SessionLayout &shared = who.shared();
    const std::size_t which = input_.choose(10);
    const std::uint64_t value = input_.flag() ? input_.value<std::uint64_t>() : input_.byte();
    switch (which) {
    case 0:
        store_release(shared.header.submission_tail, who.tail + static_cast<std::uint32_t>(value));
        break;
    case 1:
        store_release(shared.header.completion_head, who.head + static_cast<std::uint32_t>(value));
        break;
    case 2:
        store_release(shared.header.touch_tail, value);
        break;
    case 3:
        store_release(shared.touches[value % limits::touches], input_.byte());
        add_relaxed(shared.header.touch_tail, 1U);
        break;
    case 4:
        store_release(shared.touches[value % limits::touches], static_cast<std::uint32_t>(value >> 16));
        break;
    case 5:
        store_release(shared.header.leases_high, static_cast<std::uint32_t>(value));
        break;
    case 6:
        store_release(shared.header.completion_waiters, static_cast<std::uint32_t>(value));
        store_release(shared.header.bell_wanted, static_cast<std::uint32_t>(value >> 32));
        break;
    case 7:
        store_release(shared.latencies[value % timed_calls].counts[value % histogram_buckets], value);
        break;
    case 8:
        World::read_completions(who);
        break;
    default:
        who.lied = true;
        store_release(value % 2 == 0 ? shared.header.submission_head : shared.header.completion_tail,
                      static_cast<std::uint32_t>(value >> 8));
    }
}

// A view on a block that is there, or any word.
void Story::lease() {
    Player &who = player();
    if (!who.session->welcomed()) {
        return;
    }
    SessionLayout &shared = who.shared();
    const std::uint32_t word = input_.byte() % 32;
    const std::uint8_t how = input_.byte();
    lease_cover(shared, word);
    if (how % 8 == 0) {
        store_release(shared.leases[word], input_.value<std::uint64_t>());
    } else if (how % 8 == 1) {
        lease_end(shared, word);
    } else {
        const Lookup &lookup = who.session->cache().store().index().lookup();
        Lookup::Found found;
        if (lookup.find_even_expired(how / 8 % 4, key(), found)) {
            lease_begin(shared, word, lookup.entry(found.id), found.id, found.generation);
        }
    }
}

void Story::keep() {
    Player &who = player();
    if (!who.session->welcomed()) {
        return;
    }
    const std::size_t place = input_.choose(limits::kept_slots_max);
    if (input_.byte() % 8 == 0) {
        store_release(who.shared().kept[place], input_.value<std::uint64_t>());
        return;
    }
    const SlotRef own = slot(who);
    keep_slot(who.shared(), static_cast<std::uint32_t>(place), own.segment, own.index);
}

void Story::upkeep() {
    Cache &cache = world_.tenant(input_.byte()).host();
    switch (input_.choose(9)) {
    case 0:
        cache.store().maintain();
        break;
    case 1:
        cache.store().expire();
        break;
    case 2:
        cache.store().revisit_limbo();
        break;
    case 3:
        cache.for_each_session([&](Session &session) { world_.dispatcher().retry_waiting(session); });
        break;
    case 4:
        world_.expire_flights(now_ns());
        break;
    case 5:
        world_.expire_flights(now_ns() + 60 * ns_per_s);
        break;
    case 6:
        world_.dispatcher().continue_clears();
        break;
    case 7:
        end_those_that_hold_too_much();
        break;
    default:
        nap();
    }
}

// As the reactor does when memory is short, with its patience at an end.
void Story::end_those_that_hold_too_much() {
    for (std::size_t i = 0; i < world_.count(); ++i) {
        Player &who = world_.player(i);
        std::optional<std::uint64_t> too_much;
        for (int look = 0; look < 20 && who.session->welcomed(); ++look) {
            too_much = who.session->leased_too_much();
        }
        if (too_much && !who.session->leases_taken()) {
            world_.end(who);
            who.session->take_leases_back();
        }
    }
}

// Long enough for lifetimes to end, and, where a request for a slot waits, for that to be refused.
void Story::nap() {
    bool waits = false;
    for (std::size_t i = 0; i < world_.count(); ++i) {
        waits = waits || !world_.player(i).session->waiting_grants.empty();
    }
    if (!napped_) {
        napped_ = true;
        const timespec pause{0, waits ? 21'000'000 : 2'000'000};
        ::nanosleep(&pause, nullptr);
    }
}

} // namespace
} // namespace uakv::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace uakv::fuzz;
    Story(World::get(), Input(data, size)).run();
    return 0;
}
