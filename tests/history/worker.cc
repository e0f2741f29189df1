#include "history/worker.h"

#include "history/call.h"
#include "history/departure_log.h"
#include "support/check.h"
#include "support/pattern.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <poll.h>

namespace uakv::test {
namespace {

constexpr size_t held_views = 4;
constexpr size_t open_slots = 3;
constexpr size_t calls_in_flight = 4;
constexpr size_t at_once = 4; // keys in a call for many
constexpr size_t block_bytes_max = 900'000;
constexpr uint32_t timeout_ms = 3000;

struct Weight {
    uint32_t kind;
    uint32_t percent;
};
constexpr uint32_t look = 0; // contains and match_prefix: they have no twin and no kind
constexpr Weight weights[] = {{UAKV_CALL_RETRIEVE, 26},     {UAKV_CALL_RETRIEVE_INTO, 6},
                              {UAKV_CALL_RETRIEVE_MANY, 5}, {look, 10},
                              {UAKV_CALL_STORE, 20},        {UAKV_CALL_RESERVE, 8},
                              {UAKV_CALL_STORE_MANY, 3},    {UAKV_CALL_RETRIEVE_OR_RESERVE, 10},
                              {UAKV_CALL_REMOVE, 9},        {UAKV_CALL_PIN, 3}};

Content content_of(const Call &call, size_t i = 0) {
    return {call.versions[i], static_cast<uint32_t>(call.space), static_cast<uint32_t>(call.first + i)};
}

class Worker {
public:
    Worker(const WorkerOptions &options, Journal &journal, const std::atomic<bool> &stop)
        : options_(options), journal_(journal), stop_(stop), random_(options.seed),
          keys_(make_keys("history", key_count)) {}

    void run();

private:
    struct Held {
        uakv_view view = {};
        Content content;
    };
    struct Open {
        uakv_slot slot = {};
        Content content;
        uint32_t ttl_ms = 0;
    };

    bool connect();
    void step();
    void end();

    uint32_t choose_kind();
    size_t choose_length();
    Call &free_call();
    void prepare(Call &call, uint32_t kind);
    void prepare_blocks(Call &call);
    void begin(Call &call, Action action);
    void make(Call &call);
    void poll(uint32_t patience_ms);
    void finish(Call &call, uakv_status status, uint64_t at_ns);
    void finish_each(Call &call, uakv_status status, uint64_t at_ns);

    void look_up();
    void hit(uint32_t number, const uakv_view &view, uint64_t at_ns);
    void hit_copy(Call &call, uint64_t at_ns);
    void release(Held &held);
    void open_slot(const Call &call);
    void end_slot(Open &open);
    void abort(const Open &open);
    void note_wrong(size_t space, size_t key, size_t offset);

    Operation operation_of(Action action, size_t space, size_t first, size_t count) const;
    uint64_t new_version() { return make_version(options_.process, options_.incarnation, ++versions_); }
    uint32_t effective_ttl(const Call &call) const { return call.ttl_ms != 0 ? call.ttl_ms : space_ttl_ms[call.space]; }

    const WorkerOptions &options_;
    Journal &journal_;
    const std::atomic<bool> &stop_;
    Random random_;
    const std::vector<uakv_key> keys_;
    uakv_client *client_ = nullptr;
    uakv_space *spaces_[space_count] = {};
    uint32_t versions_ = 0;
    Held held_[held_views];
    Open open_[open_slots];
    Call calls_[calls_in_flight + 1]; // one is always free, to be waited for
    size_t in_flight_ = 0;
};

// ---- from beginning to end --------------------------------------------------------------------------------

void Worker::run() {
    if (connect()) {
        while (!stop_.load(std::memory_order_relaxed) && journal_.has_room()) {
            step();
        }
        end();
    }
    uakv_disconnect(client_);
}

// False when the run ends before there is a daemon.
bool Worker::connect() {
    uakv_connect_options options = {};
    options.struct_size = sizeof options;
    options.socket_path = options_.socket_path.c_str();
    options.timeout_ms = timeout_ms;
    const auto keep_trying = [&](auto attempt) {
        uakv_status status = UAKV_ERR_DISCONNECTED;
        while (!stop_.load(std::memory_order_relaxed) && (status = attempt()) != UAKV_OK) {
            CHECK_MESSAGE(status == UAKV_ERR_DISCONNECTED || status == UAKV_ERR_TIMEOUT, last_error());
            ::poll(nullptr, 0, 2); // until there is a daemon again
        }
        return status == UAKV_OK;
    };
    const uint32_t number = journal_.invoke(operation_of(Action::connect, 0, 0, 0));
    if (!keep_trying([&] { return uakv_connect(&options, &client_); })) {
        return false;
    }
    journal_.respond(number, UAKV_OK, Journal::now_ns());
    for (size_t i = 0; i < space_count; ++i) {
        uakv_space_options space = {};
        space.struct_size = sizeof space;
        space.ttl_ms = space_ttl_ms[i];
        if (!keep_trying([&] { return uakv_space_open(client_, space_name(i).c_str(), &space, &spaces_[i]); })) {
            return false;
        }
    }
    return true;
}

void Worker::end() {
    while (in_flight_ > 0) {
        poll(timeout_ms);
    }
    std::for_each(std::begin(held_), std::end(held_), [this](Held &held) { release(held); });
    std::for_each(std::begin(open_), std::end(open_), [this](Open &open) { abort(open); });
}

// ---- one call ---------------------------------------------------------------------------------------------

void Worker::step() {
    poll(in_flight_ == calls_in_flight ? 1 : 0);
    if (random_.below(8) == 0) {
        end_slot(open_[random_.below(open_slots)]);
        return;
    }
    const uint32_t kind = choose_kind();
    if (kind == look) {
        look_up();
        return;
    }
    Call &call = free_call();
    prepare(call, kind);
    make(call);
}

uint32_t Worker::choose_kind() {
    if (random_.below(1500) == 0) {
        return UAKV_CALL_CLEAR;
    }
    uint64_t percent = random_.below(100);
    for (const Weight &weight : weights) {
        if (percent < weight.percent) {
            return weight.kind;
        }
        percent -= weight.percent;
    }
    return UAKV_CALL_RETRIEVE;
}

// Of several size classes, so that they take segments from each other.
size_t Worker::choose_length() {
    const uint64_t choice = random_.below(100);
    const size_t most = choice < 30   ? 4096
                        : choice < 60 ? 16'000
                        : choice < 80 ? 65'000
                        : choice < 93 ? 260'000
                                      : block_bytes_max;
    return content_bytes_min + random_.below(most - content_bytes_min) / 4 + most * 3 / 4 - content_bytes_min;
}

Call &Worker::free_call() {
    return *std::find_if(std::begin(calls_), std::end(calls_), [](const Call &call) { return !call.in_flight; });
}

void Worker::prepare(Call &call, uint32_t kind) {
    const bool many = kind == UAKV_CALL_STORE_MANY || kind == UAKV_CALL_RETRIEVE_MANY ||
                      ((kind == UAKV_CALL_REMOVE || kind == UAKV_CALL_PIN) && random_.below(3) == 0);
    constexpr uint32_t lifetimes_ms[] = {0, 0, 0, 20, 100, 500};
    call.kind = kind;
    call.space = random_.below(space_count);
    call.count = many ? 2 + random_.below(at_once - 1) : 1;
    call.first = random_.below(key_count - at_once);
    const bool has_lifetime = kind == UAKV_CALL_STORE || kind == UAKV_CALL_RESERVE || kind == UAKV_CALL_PIN;
    call.ttl_ms = has_lifetime ? lifetimes_ms[random_.below(std::size(lifetimes_ms))] : 0;
    call.timeout_ms = random_.below(4) == 0 ? 5 : 200;
    call.verify = random_.below(8) == 0;
    call.parent = call.first > 0 && random_.below(2) == 0 ? &keys_[call.first - 1] : nullptr;
    call.each.assign(call.count, UAKV_PENDING);
    call.views.assign(call.count, uakv_view{});
    call.copy.resize(kind == UAKV_CALL_RETRIEVE_INTO ? block_bytes_max : 0);
    call.removed = 0;
    call.slot = {};
    call.view = {};
    prepare_blocks(call);
}

void Worker::prepare_blocks(Call &call) {
    call.versions.clear();
    call.blocks.clear();
    call.data.clear();
    call.lengths.clear();
    const bool has_data = call.kind == UAKV_CALL_STORE || call.kind == UAKV_CALL_STORE_MANY;
    const bool has_version = has_data || call.kind == UAKV_CALL_RESERVE || call.kind == UAKV_CALL_RETRIEVE_OR_RESERVE;
    for (size_t i = 0; has_version && i < call.count; ++i) {
        call.versions.push_back(new_version());
        call.lengths.push_back(choose_length());
        call.blocks.emplace_back(has_data ? call.lengths[i] : 0);
        call.data.push_back(call.blocks[i].data());
        if (has_data) {
            write_content(call.blocks[i].data(), call.lengths[i], content_of(call, i));
        }
    }
}

Operation Worker::operation_of(Action action, size_t space, size_t first, size_t count) const {
    Operation operation;
    operation.action = action;
    operation.process = options_.process;
    operation.incarnation = options_.incarnation;
    operation.space = static_cast<uint8_t>(space);
    operation.first_key = static_cast<uint8_t>(first);
    operation.key_count = static_cast<uint8_t>(count);
    return operation;
}

// Into the journal: calls for many blocks are an operation for each, calls for many keys are one.
void Worker::begin(Call &call, Action action) {
    const bool one_each = call.kind == UAKV_CALL_STORE_MANY || call.kind == UAKV_CALL_RETRIEVE_MANY;
    call.numbers.clear();
    for (size_t i = 0; i < (one_each ? call.count : 1); ++i) {
        Operation operation = operation_of(action, call.space, call.first + i, one_each ? 1 : call.count);
        if (action == Action::clear) {
            operation.first_key = operation.key_count = 0;
        }
        const bool stores = action == Action::store || action == Action::commit || action == Action::reserve;
        operation.ttl_ms = action == Action::pin ? call.ttl_ms : stores ? effective_ttl(call) : 0;
        operation.version = action == Action::store || action == Action::commit ? call.versions[i] : 0;
        operation.asynchronous = call.in_flight;
        call.numbers.push_back(journal_.invoke(operation));
    }
}

void Worker::make(Call &call) {
    constexpr Action actions[] = {Action::look,  Action::store,    Action::reserve,  Action::commit,
                                  Action::store, Action::retrieve, Action::retrieve, Action::retrieve,
                                  Action::claim, Action::remove,   Action::clear,    Action::pin};
    call.in_flight = in_flight_ < calls_in_flight && random_.below(3) == 0;
    begin(call, actions[call.kind]);
    if (!call.in_flight) {
        const uakv_status status = test::run(call, spaces_[call.space], keys_.data());
        finish(call, status, Journal::now_ns());
        return;
    }
    const uakv_status status = submit(call, spaces_[call.space], keys_.data(), static_cast<uint64_t>(&call - calls_));
    if (status == UAKV_PENDING) {
        ++in_flight_;
        return;
    }
    call.in_flight = false;
    const uint64_t at_ns = Journal::now_ns();
    if (call.kind == UAKV_CALL_COMMIT) { // it is still open
        abort({call.slot, content_of(call), 0});
    }
    std::fill(call.each.begin(), call.each.end(), status);
    finish(call, status, at_ns);
}

void Worker::poll(uint32_t patience_ms) {
    std::array<uakv_completion, calls_in_flight> completions;
    const size_t count = in_flight_ == 0 ? 0 : uakv_poll(client_, completions.data(), completions.size(), patience_ms);
    const uint64_t at_ns = Journal::now_ns();
    for (size_t i = 0; i < count; ++i) {
        Call &call = calls_[completions[i].user_data];
        CHECK(call.in_flight);
        take_result(call, completions[i]);
        --in_flight_;
        finish(call, completions[i].status, at_ns);
        call.in_flight = false;
    }
}

void Worker::finish(Call &call, uakv_status status, uint64_t at_ns) {
    if (call.kind == UAKV_CALL_STORE_MANY || call.kind == UAKV_CALL_RETRIEVE_MANY) {
        finish_each(call, status, at_ns);
        return;
    }
    const uint32_t number = call.numbers[0];
    const bool claimed = call.kind == UAKV_CALL_RETRIEVE_OR_RESERVE && status == UAKV_MISS;
    if (status == UAKV_OK && (call.kind == UAKV_CALL_RETRIEVE || call.kind == UAKV_CALL_RETRIEVE_OR_RESERVE)) {
        hit(number, call.view, at_ns);
        return;
    }
    if (status == UAKV_OK && call.kind == UAKV_CALL_RETRIEVE_INTO) {
        hit_copy(call, at_ns);
        return;
    }
    if (claimed) {
        journal_.at(number).version = call.versions[0];
    }
    journal_.at(number).result = call.removed;
    journal_.respond(number, status, at_ns);
    if (claimed || (call.kind == UAKV_CALL_RESERVE && status == UAKV_OK)) {
        open_slot(call);
    }
}

void Worker::finish_each(Call &call, uakv_status status, uint64_t at_ns) {
    for (size_t i = 0; i < call.count; ++i) {
        const uakv_status own = call.each[i] == UAKV_PENDING ? status : call.each[i];
        if (call.kind == UAKV_CALL_RETRIEVE_MANY && own == UAKV_OK) {
            hit(call.numbers[i], call.views[i], at_ns);
        } else {
            journal_.respond(call.numbers[i], own, at_ns);
        }
    }
}

// ---- what is found ----------------------------------------------------------------------------------------

void Worker::note_wrong(size_t space, size_t key, size_t offset) {
    Operation operation = operation_of(Action::wrong, space, key, 1);
    operation.result = offset;
    const uint32_t number = journal_.invoke(operation);
    journal_.respond(number, UAKV_OK, Journal::now_ns());
}

// The view is kept for a while in a random place: whatever lay there is released.
void Worker::hit(uint32_t number, const uakv_view &view, uint64_t at_ns) {
    Operation &operation = journal_.at(number);
    Held held{view, {}};
    const size_t right = read_content(view.data, view.nbytes, held.content);
    if (right != view.nbytes) {
        note_wrong(operation.space, operation.first_key, right);
        uakv_release(&held.view);
        return;
    }
    operation.version = held.content.version;
    journal_.respond(number, UAKV_OK, at_ns);
    Held &place = held_[random_.below(held_views)];
    release(place);
    place = held;
}

void Worker::hit_copy(Call &call, uint64_t at_ns) {
    Content content;
    const size_t right = read_content(call.copy.data(), call.copied, content);
    if (right != call.copied) {
        note_wrong(call.space, call.first, right);
        return;
    }
    journal_.at(call.numbers[0]).version = content.version;
    journal_.respond(call.numbers[0], UAKV_OK, at_ns);
}

void Worker::release(Held &held) {
    if (held.view.data == nullptr) {
        return;
    }
    Content content;
    const size_t right = read_content(held.view.data, held.view.nbytes, content);
    if (right != held.view.nbytes || content != held.content) {
        note_wrong(held.content.space, held.content.key, right);
    }
    CHECK_STATUS(uakv_release(&held.view), UAKV_OK);
    held.view = {};
}

void Worker::look_up() {
    const size_t space = random_.below(space_count);
    const size_t first = random_.below(key_count - at_once);
    const bool prefix = random_.below(2) == 0;
    const uint32_t number = journal_.invoke(operation_of(Action::look, space, first, at_once));
    uint8_t tiers[at_once] = {};
    size_t matched = 0;
    const uakv_status status = prefix ? uakv_match_prefix(spaces_[space], &keys_[first], at_once, &matched, nullptr)
                                      : uakv_contains(spaces_[space], &keys_[first], at_once, tiers);
    const uint64_t at_ns = Journal::now_ns();
    Operation &operation = journal_.at(number);
    for (size_t i = 0; i < at_once; ++i) {
        const bool there = prefix ? i < matched : tiers[i] != 0;
        operation.result |= static_cast<uint64_t>(there) << i;
        operation.looked |= static_cast<uint64_t>(!prefix || i <= matched) << i;
    }
    journal_.respond(number, status, at_ns);
}

// ---- slots ------------------------------------------------------------------------------------------------

// It stays open for a while with some bytes that nobody may see: whatever lay in its place is ended.
void Worker::open_slot(const Call &call) {
    const Open opened{call.slot, content_of(call), call.ttl_ms}; // the call may serve for the commit below
    std::fill_n(static_cast<uint8_t *>(opened.slot.data), std::min<size_t>(opened.slot.nbytes, 512), uint8_t{0xdd});
    Open &place = open_[random_.below(open_slots)];
    end_slot(place);
    place = opened;
}

void Worker::end_slot(Open &open) {
    if (open.slot.data == nullptr) {
        return;
    }
    const Open ending = std::exchange(open, Open());
    if (random_.below(4) == 0) {
        abort(ending);
        return;
    }
    write_content(ending.slot.data, ending.slot.nbytes, ending.content);
    Call &call = free_call();
    call.kind = UAKV_CALL_COMMIT;
    call.space = ending.content.space;
    call.first = ending.content.key;
    call.count = 1;
    call.ttl_ms = ending.ttl_ms;
    call.versions.assign(1, ending.content.version);
    call.slot = ending.slot;
    call.removed = 0;
    make(call);
}

void Worker::abort(const Open &open) {
    if (open.slot.data == nullptr) {
        return;
    }
    Operation operation = operation_of(Action::abort, open.content.space, open.content.key, 1);
    operation.version = open.content.version;
    const uint32_t number = journal_.invoke(operation);
    uakv_slot slot = open.slot;
    const uakv_status status = uakv_abort(&slot);
    journal_.respond(number, status, Journal::now_ns());
}

} // namespace

void work(const WorkerOptions &options, Journal &journal, const std::atomic<bool> &stop) {
    Worker(options, journal, stop).run();
}

} // namespace uakv::test
