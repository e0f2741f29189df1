#include "daemon/flow/fetches.h"

#include "ipc/clock.h"
#include "ipc/codec/codec.h"

#include <algorithm>
#include <iterator>

namespace uakv::flow {
namespace {

// How long a block waits for room in memory: views and slots are mostly held for much less.
constexpr std::uint64_t patience_ns = 20 * ns_per_ms;
constexpr std::uint64_t retry_ns = ns_per_ms;
constexpr std::size_t refusals_per_turn = 16; // each may look at all leases

// Slots that are being filled are of no use to others meanwhile.
constexpr std::uint64_t parts_of_memory = 4;
constexpr std::uint64_t unasked_max = 64;
constexpr std::uint32_t uses_max = 127;

std::uint64_t in_pages(std::uint64_t bytes) {
    return disk::pages_of(bytes) * limits::page_bytes;
}

bool decode_and_check(std::span<const std::byte> frame, std::span<std::byte> block, std::uint64_t checksum) {
    return decode_frame(frame, block) && checksum_of(block.data(), block.size()) == checksum;
}

} // namespace

void Fetches::begin(const Mover::Load &load) {
    const BlockKey block{load.space, load.key};
    const Waiter waiter{load.tag, load.deadline_ns, load.as_stored};
    const auto entry = context_.store.find(block.space, block.key);
    if (!entry) {
        answer(waiter, UAKV_MISS);
        return;
    }
    const std::uint16_t flags = home_of(context_.store.index().entry(*entry)).flags;
    if ((flags & entry_cold) == 0 && ((flags & entry_encoded) == 0 || load.as_stored)) {
        answer(waiter, UAKV_OK);
        return;
    }
    if (const auto known = by_key_.find(block); known != by_key_.end()) {
        ++context_.statistics.load_joins;
        wait(known->second, waiter);
        return;
    }
    Fetch fetch;
    if (!describe(block, *entry, fetch)) {
        answer(waiter, UAKV_MISS);
        return;
    }
    const std::uint64_t now = context_.clock().now_ns;
    const std::uint64_t left = load.deadline_ns - std::min(load.deadline_ns, now);
    if (left == 0 || (!fetch.resident && context_.disk.predicted_ns(fetch.stored_bytes) > left)) {
        ++context_.statistics.load_late;
        answer(waiter, UAKV_MISS);
        return;
    }
    fetch.as_stored = load.as_stored && fetch.codec != Codec::none;
    fetch.since_ns = now;
    const Number number = insert(std::move(fetch));
    wait(number, waiter);
    if (!waiting_.empty() || start(number, fetches_.at(number)) != Started::yes) {
        waiting_.push_back(number);
    }
}

bool Fetches::prefetch(const BlockKey &block, bool only_into_free) {
    const auto entry = context_.store.find(block.space, block.key);
    if (!entry || !context_.store.is_cold(*entry) || by_key_.count(block) != 0) {
        return true;
    }
    Fetch fetch;
    if (!describe(block, *entry, fetch)) {
        return true;
    }
    if (fetches_.size() >= unasked_max || !waiting_.empty() ||
        (only_into_free && !context_.store.has_free_room(fetch.length))) {
        return false;
    }
    const Number number = insert(std::move(fetch));
    if (start(number, fetches_.at(number)) != Started::yes) {
        finish(number, UAKV_MISS);
        return false;
    }
    return true;
}

// What there is to know of the block that is to come. False: it is nowhere any more, or is just going.
bool Fetches::describe(const BlockKey &block, EntryId entry, Fetch &fetch) const {
    if (context_.spaces.is_clearing(block.space)) {
        return false;
    }
    const BlockDescription there = context_.store.index().describe(entry);
    fetch.block = block;
    fetch.from = entry;
    fetch.generation = context_.store.index().entry(entry).generation;
    fetch.length = there.length;
    fetch.checksum = there.checksum;
    fetch.resident = !there.cold;
    fetch.stored_bytes = there.stored_bytes;
    fetch.uses = context_.store.uses(entry);
    if (fetch.resident) {
        fetch.codec = Codec::lz4; // whichever: the frame says it
        return true;
    }
    const auto number = context_.spaces.number_of(block.space);
    const auto place = number ? context_.disk.catalog().find(*number, block.key) : std::nullopt;
    if (!place) {
        context_.store.drop_cold(entry, Departure::dropped);
        return false;
    }
    const disk::CatalogBlock &stored = context_.disk.catalog().block(*place);
    fetch.stored_bytes = stored.stored_bytes;
    fetch.codec = static_cast<Codec>(stored.codec);
    fetch.uses = std::min(stored.uses, uses_max);
    return true;
}

Fetches::Number Fetches::insert(Fetch fetch) {
    const Number number = next_++;
    by_key_[fetch.block] = number;
    fetches_.emplace(number, std::move(fetch));
    return number;
}

void Fetches::wait(Number number, const Waiter &waiter) {
    fetches_.at(number).waiters.push_back(waiter);
    by_tag_[waiter.tag] = number;
    deadlines_.emplace(waiter.deadline_ns, waiter.tag);
}

void Fetches::answer(const Waiter &waiter, uakv_status status) {
    context_.answers.push_back({waiter.tag, status});
}

// Takes the waiter off its fetch; which fetch it was.
Fetches::Number Fetches::take_off(Mover::Tag tag) {
    const auto found = by_tag_.find(tag);
    const Number number = found->second;
    by_tag_.erase(found);
    Fetch &fetch = fetches_.at(number);
    const auto waiter =
        std::find_if(fetch.waiters.begin(), fetch.waiters.end(), [&](const Waiter &each) { return each.tag == tag; });
    deadlines_.erase({waiter->deadline_ns, tag});
    fetch.waiters.erase(waiter);
    return number;
}

bool Fetches::cancel(Mover::Tag tag) {
    if (by_tag_.count(tag) == 0) {
        return false;
    }
    const Number number = take_off(tag);
    const Fetch &fetch = fetches_.at(number);
    if (fetch.waiters.empty() && !fetch.under_way) {
        finish(number, UAKV_MISS); // nobody hears it
    }
    return true;
}

// A slot, a buffer where the frame is not what is wanted, and then the bytes.
Fetches::Started Fetches::start(Number number, Fetch &fetch) {
    const bool frame_on_disk = !fetch.resident && fetch.codec != Codec::none;
    if (frame_on_disk && !context_.buffers.serves(fetch.stored_bytes)) {
        fetch.as_stored = true; // who wants the block itself has it decoded from memory
    }
    const std::uint64_t slot_bytes = fetch.as_stored ? fetch.stored_bytes : fetch.length;
    if (bytes_under_way_ != 0 && bytes_under_way_ + slot_bytes > context_.memory_bytes() / parts_of_memory) {
        return Started::later;
    }
    if (frame_on_disk && !fetch.as_stored) {
        const auto buffer = context_.buffers.take(fetch.stored_bytes);
        if (!buffer) {
            return Started::later;
        }
        fetch.buffer = *buffer;
    }
    if (fetch.resident) {
        context_.store.hold(fetch.from);
        fetch.held = true;
    }
    const Store::Grant grant = context_.store.grant(slot_bytes, 0);
    if (grant.outcome != Store::GrantOutcome::granted) {
        give_up_memory(fetch);
        return grant.outcome == Store::GrantOutcome::later ? Started::later : Started::no_room;
    }
    fetch.slot = grant.slot;
    fetch.under_way = true;
    fetch.slot_bytes = slot_bytes;
    bytes_under_way_ += slot_bytes;
    if (fetch.resident) {
        decode(number, fetch, context_.store.bytes_of(fetch.from));
        return Started::yes;
    }
    const std::span<std::byte> target = fetch.buffer.empty() ? context_.store.bytes_of(grant.slot) : fetch.buffer;
    context_.disk.read({*context_.spaces.number_of(fetch.block.space), fetch.block.key,
                        target.first(in_pages(fetch.stored_bytes)), number});
    return Started::yes;
}

void Fetches::read(disk::DiskTier::Tag tag, uakv_status status) {
    const auto found = fetches_.find(tag);
    UAKV_ASSERT(found != fetches_.end() && found->second.under_way);
    Fetch &fetch = found->second;
    const bool wanted = is_wanted_still(fetch);
    if (status == UAKV_ERR_CORRUPT && wanted) {
        drop_damaged(fetch);
    } else if (!wanted && (status != UAKV_ERR_CORRUPT || context_.store.find(fetch.block.space, fetch.block.key))) {
        look_again(tag); // the disk has said already that it let go of a damaged one: then there is none
        return;
    }
    if (status != UAKV_OK) {
        finish(tag, status);
    } else if (fetch.codec == Codec::none || fetch.as_stored) {
        publish(tag, fetch.codec == Codec::none ? 0 : fetch.stored_bytes);
    } else {
        decode(tag, fetch, std::span<const std::byte>(fetch.buffer).first(fetch.stored_bytes));
    }
}

void Fetches::decode(Number number, Fetch &fetch, std::span<const std::byte> frame) {
    const std::span<std::byte> block = context_.store.bytes_of(*fetch.slot).first(fetch.length);
    context_.run([&fetch, frame, block] { fetch.good = decode_and_check(frame, block, fetch.checksum); },
                 [this, number] { decoded(number); });
}

void Fetches::decoded(Number number) {
    Fetch &fetch = fetches_.at(number);
    if (!is_wanted_still(fetch)) {
        look_again(number);
    } else if (fetch.good) {
        publish(number, 0);
    } else {
        drop_damaged(fetch);
        finish(number, UAKV_ERR_CORRUPT);
    }
}

void Fetches::publish(Number number, std::uint64_t stored_bytes) {
    Fetch &fetch = fetches_.at(number);
    if (!context_.store.publish_loaded(*fetch.slot, fetch.from, stored_bytes, fetch.uses).ok()) {
        ++context_.statistics.load_no_room;
        finish(number, UAKV_MISS);
        return;
    }
    fetch.slot.reset();
    if (!fetch.resident) {
        ++context_.statistics.loads;
        context_.statistics.bytes_loaded += fetch.length;
    }
    std::vector<Waiter> others; // for whom a frame will not do
    if (stored_bytes != 0) {
        std::copy_if(fetch.waiters.begin(), fetch.waiters.end(), std::back_inserter(others),
                     [](const Waiter &waiter) { return !waiter.as_stored; });
    }
    begin_anew(number, others, UAKV_OK);
}

// It was stored again meanwhile, or has come in by another way, or is gone.
void Fetches::look_again(Number number) {
    begin_anew(number, std::vector<Waiter>(fetches_.at(number).waiters), UAKV_MISS);
}

// The fetch ends with `status` for all but these, who ask once more.
void Fetches::begin_anew(Number number, const std::vector<Waiter> &waiters, uakv_status status) {
    const BlockKey block = fetches_.at(number).block;
    for (const Waiter &waiter : waiters) {
        take_off(waiter.tag);
    }
    finish(number, status);
    for (const Waiter &waiter : waiters) {
        begin({block.space, block.key, waiter.deadline_ns, waiter.as_stored, waiter.tag});
    }
}

// The entry is still the block that it was.
bool Fetches::is_wanted_still(const Fetch &fetch) const {
    return context_.store.is_live(fetch.from, fetch.generation) && !context_.spaces.is_clearing(fetch.block.space);
}

void Fetches::drop_damaged(const Fetch &fetch) {
    if (fetch.resident) {
        context_.store.drop_damaged(fetch.from);
        return;
    }
    const auto number = context_.spaces.number_of(fetch.block.space);
    if (number) {
        context_.disk.erase(*number, fetch.block.key);
    }
    context_.store.drop_cold(fetch.from, Departure::corrupt);
}

void Fetches::give_up_memory(Fetch &fetch) {
    if (!fetch.buffer.empty()) {
        context_.buffers.give_back(std::exchange(fetch.buffer, {}));
    }
    if (fetch.slot) {
        context_.store.give_back(*std::exchange(fetch.slot, std::nullopt));
    }
    if (std::exchange(fetch.held, false)) {
        context_.store.let_go(fetch.from);
    }
}

void Fetches::finish(Number number, uakv_status status) {
    const auto found = fetches_.find(number);
    Fetch fetch = std::move(found->second);
    fetches_.erase(found);
    by_key_.erase(fetch.block);
    give_up_memory(fetch);
    if (fetch.under_way) {
        bytes_under_way_ -= fetch.slot_bytes;
        try_ns_ = 0;
    }
    for (const Waiter &waiter : fetch.waiters) {
        by_tag_.erase(waiter.tag);
        deadlines_.erase({waiter.deadline_ns, waiter.tag});
        answer(waiter, status);
    }
}

std::uint64_t Fetches::turn(std::uint64_t now_ns) {
    expire(now_ns);
    if (!waiting_.empty() && now_ns >= try_ns_) {
        start_waiting(now_ns);
        try_ns_ = now_ns + retry_ns;
    }
    std::uint64_t next = waiting_.empty() ? UINT64_MAX : try_ns_;
    if (!deadlines_.empty()) {
        next = std::min(next, std::get<0>(*deadlines_.begin()));
    }
    return next == UINT64_MAX ? next : next - std::min(next, now_ns);
}

void Fetches::expire(std::uint64_t now_ns) {
    while (!deadlines_.empty() && std::get<0>(*deadlines_.begin()) <= now_ns) {
        const Mover::Tag tag = std::get<1>(*deadlines_.begin());
        cancel(tag);
        ++context_.statistics.load_late;
        context_.answers.push_back({tag, UAKV_MISS});
    }
}

void Fetches::start_waiting(std::uint64_t now_ns) {
    std::deque<Number> waiting = std::exchange(waiting_, {});
    std::size_t refusals = 0;
    for (const Number number : waiting) {
        const auto found = fetches_.find(number);
        if (found == fetches_.end()) {
            continue; // nobody waited for it any more
        }
        Fetch &fetch = found->second;
        if (refusals == refusals_per_turn) {
            waiting_.push_back(number);
        } else if (!is_wanted_still(fetch)) {
            look_again(number);
        } else if (const Started started = start(number, fetch); started != Started::yes) {
            ++refusals;
            if (started == Started::no_room && now_ns - fetch.since_ns >= patience_ns) {
                ++context_.statistics.load_no_room;
                finish(number, UAKV_MISS);
            } else {
                waiting_.push_back(number);
            }
        }
    }
}

} // namespace uakv::flow
