// How a store begins with what the daemon before has left. What is found, and what becomes of it, is Adoption's; here
// it is taken from the keeper, and what the store knows besides index and slots is made anew.
#include "daemon/base/log.h"
#include "daemon/base/units.h"
#include "daemon/store/adoption.h"
#include "daemon/store/store.h"
#include "ipc/clock.h"
#include "ipc/sequence_point.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace uakv {
namespace {

// More in a row that come to no good: it may be what they find that is the end of them.
constexpr std::uint32_t starts_max = 3;

constexpr EntryId no_entry = UINT32_MAX;

// Equal ones stay in their order. By digits: there may be millions, and somebody waits.
void sort_by_high_half(std::vector<std::uint64_t> &values) {
    constexpr unsigned digit_bits = 11;
    std::vector<std::uint64_t> sorted(values.size());
    for (unsigned shift = 32; shift < 64; shift += digit_bits) {
        std::array<std::size_t, (1U << digit_bits) + 1> first{};
        const auto digit = [shift](std::uint64_t value) { return value >> shift & ((1U << digit_bits) - 1); };
        for (const std::uint64_t value : values) {
            ++first[digit(value) + 1];
        }
        std::partial_sum(first.begin(), first.end(), first.begin());
        for (const std::uint64_t value : values) {
            sorted[first[digit(value)]++] = value;
        }
        values.swap(sorted);
    }
}

Result<Fd> copy_of(const KeptFds &kept, const std::string &name) {
    const auto found =
        std::find_if(kept.all().begin(), kept.all().end(), [&](const auto &one) { return one.name == name; });
    if (found == kept.all().end()) {
        return error(UAKV_MISS, "%s is missing", name.c_str());
    }
    Fd copy = duplicate(found->fd);
    if (!copy.valid()) {
        return error(UAKV_ERR_NO_MEMORY, "no descriptor is left for %s", name.c_str());
    }
    return copy;
}

Result<void> check_use(const State &state, std::span<const FormerClient> clients) {
    if (state.header().starts >= starts_max) {
        return error(UAKV_ERR_CORRUPT, "%u daemons in a row went on with it and did not serve for long",
                     state.header().starts);
    }
    for (const FormerClient &client : clients) {
        if (client.session == nullptr) {
            return client.number == 0 ? error(UAKV_ERR_LAYOUT, "what its clients read and hold cannot be told")
                                      : error(UAKV_MISS, "the memory of session %u is missing", client.number);
        }
    }
    return {};
}

} // namespace

Result<std::vector<std::uint32_t>> Store::sessions_left(const KeptFds &kept, const std::string &name) {
    auto fd = copy_of(kept, Keeping::state_name(name));
    if (!fd.ok()) {
        return std::vector<std::uint32_t>{};
    }
    auto state = State::open(fd.value());
    if (!state.ok()) {
        return state.take_error();
    }
    return state.value().sessions();
}

Result<std::unique_ptr<Store>> Store::adopt(const StoreOptions &wanted, KeptFds &kept,
                                            std::span<const FormerClient> clients) {
    const StoreOptions options = completed(wanted);
    auto store = adopt_parts(options, kept, clients);
    if (store.ok()) {
        for (std::uint32_t segment = 0; segment < store.value()->segments(); ++segment) {
            kept.take(Keeping::segment_name(options.name, segment));
        }
        kept.take(Keeping::index_name(options.name));
        kept.take(Keeping::state_name(options.name));
        Keeping::clear_out(options.keeper, kept, options.name); // a segment that was not counted yet
        return store;
    }
    if (Keeping::clear_out(options.keeper, kept, options.name) == 0) {
        return error(UAKV_MISS, "nothing is left of %s", options.title.c_str());
    }
    log_warn("{}: begins with an empty memory, for what the daemon before has left cannot be used: {}. Blocks "
             "that are not on disk have to be computed again",
             options.title, store.error().detail);
    return store;
}

Result<std::unique_ptr<Store>> Store::adopt_parts(const StoreOptions &options, KeptFds &kept,
                                                  std::span<const FormerClient> clients) {
    const std::uint64_t began_ns = now_ns();
    auto parts = take_parts(shape_of(options), options, kept, clients);
    if (!parts.ok()) {
        return parts.take_error();
    }
    const bool clean = parts.value().state.header().clean != 0;
    parts.value().state.begin_start();
    const StateHeader header = parts.value().state.header();
    auto maker = SegmentMaker::start(options.source, {options.title, header.segment_capacity, header.segment_bytes},
                                     header.segments);
    if (!maker.ok()) {
        return maker.take_error();
    }
    std::unique_ptr<Store> store(new Store(std::move(parts.value()), std::move(maker.value()), options));
    if (auto spaces = store->spaces_.load(); !spaces.ok()) {
        return spaces.take_error();
    }
    store->keeping_.go_on(header.segments);
    const std::uint64_t retired = store->take_over(clients);
    if (!clean && store->is_addressable()) {
        store->suspects_ = Suspects(options.title, store->index_.entries_used());
    }
    log_info("{}: goes on with the {} blocks ({}) of the daemon before, which ended {}, and {} of its clients, "
             "after {:.1f} ms; {} entries were not whole",
             options.title, store->counters_.blocks, format_size(store->counters_.bytes_blocks),
             clean ? "in order" : "suddenly", clients.size(), static_cast<double>(now_ns() - began_ns) / ns_per_ms,
             retired);
    if (const std::uint32_t wanted = shape_of(options).cold_blocks_max; wanted != store->cold_blocks_max()) {
        log_info("tenant {}: keeps track of {} blocks that are on disk alone, as disk_size had it when this memory was "
                 "begun; the {} that it asks for now come with a start that does not go on with this memory",
                 options.name, store->cold_blocks_max(), wanted);
    }
    UAKV_SEQUENCE_POINT(store_adopted);
    return store;
}

// All that has to be there. Nothing is taken out of `kept` and nothing is written.
Result<Store::Parts> Store::take_parts(const Shape &shape, const StoreOptions &options, const KeptFds &kept,
                                       std::span<const FormerClient> clients) {
    auto state_fd = copy_of(kept, Keeping::state_name(options.name));
    if (!state_fd.ok()) {
        return state_fd.take_error();
    }
    auto state = State::open(state_fd.value());
    if (!state.ok()) {
        return state.take_error();
    }
    const StateHeader header = state.value().header();
    if (header.segment_capacity != shape.segments || header.segment_bytes != shape.segment_bytes) {
        return error(UAKV_ERR_LAYOUT, "its memory is %s, and the settings say %s",
                     format_size(header.segment_capacity * header.segment_bytes).c_str(),
                     format_size(shape.segments * shape.segment_bytes).c_str());
    }
    if (auto usable = check_use(state.value(), clients); !usable.ok()) {
        return usable.take_error();
    }
    auto index_fd = copy_of(kept, Keeping::index_name(options.name));
    if (!index_fd.ok()) {
        return index_fd.take_error();
    }
    auto index =
        IndexWriter::adopt(std::move(index_fd.value()), shape.segments, shape.segment_bytes, shape.cold_blocks_max);
    if (!index.ok()) {
        return index.take_error();
    }
    if (index.value().epoch() != header.epoch) {
        return error(UAKV_ERR_LAYOUT, "its state belongs to another index");
    }
    std::vector<MadeSegment> segments;
    for (std::uint32_t number = 0; number < header.segments; ++number) {
        auto fd = copy_of(kept, Keeping::segment_name(options.name, number));
        if (!fd.ok()) {
            return fd.take_error();
        }
        auto segment = options.source->adopt(std::move(fd.value()), shape.segment_bytes);
        if (!segment.ok()) {
            return segment.take_error();
        }
        segments.push_back(std::move(segment.value()));
    }
    return Parts{std::move(state.value()), std::move(index.value()), std::move(segments)};
}

// How many entries were found that are not whole.
std::uint64_t Store::take_over(std::span<const FormerClient> clients) {
    for (const FormerClient &client : clients) {
        leases_.attach(*client.session);
    }
    Adoption::Outcome outcome = Adoption(state_, index_, clients, leases_).run();
    of_formers_ = std::move(outcome.of_clients);
    abandoned_ = std::move(outcome.abandoned);
    slots_.load();
    for (const EntryId entry : outcome.limbo) {
        evictor_.adopt(entry);
    }
    take_over_blocks();
    for (const std::uint32_t number : state_.sessions()) {
        if (of_formers_.count(number) == 0) {
            state_.forget_session(number);
        }
    }
    return outcome.index.unbelievable + outcome.index.unreachable + outcome.doubly;
}

// One walk over the entries, in their order; what the policy needs of them is noted on the way.
void Store::take_over_blocks() {
    const std::uint64_t now_ms = boot_ms();
    const std::uint32_t tick = State::tick_now();
    const std::uint32_t entries = index_.entries_used();
    uses_.resize(entries);
    Inherited blocks;
    blocks.parents.assign(entries, no_entry);
    blocks.segments.resize(entries);
    blocks.by_age.reserve(entries);
    std::vector<std::pair<EntryId, std::uint64_t>> pinned; // and until when
    for (EntryId id = 0; id < entries; ++id) {
        const IndexEntry &entry = index_.entry(id);
        if (!uakv::is_live(entry.generation)) {
            continue;
        }
        const EntryHome home = home_of(entry);
        const SlotRecord &record = slots_.record(slots_.slot_at(home.segment, entry.offset));
        blocks.by_age.push_back(static_cast<std::uint64_t>(~(tick - record.used)) << 32 | id);
        blocks.segments[id] = home.segment;
        if ((home.flags & entry_has_parent) != 0) {
            blocks.parents[id] = find(home.space, entry.parent).value_or(no_entry);
            blocks.any_parent = blocks.any_parent || blocks.parents[id] != no_entry;
        }
        if ((home.flags & entry_expires) != 0) {
            expiry_.add(entry.expires_ms, id);
        }
        if (record.pinned_until_ms > now_ms) {
            pinned.emplace_back(id, record.pinned_until_ms);
        }
        counters_.loaded(home.space, entry.length);
    }
    sort_by_high_half(blocks.by_age);
    insert_into_policy(blocks);
    for (const auto &[id, until_ms] : pinned) {
        pins_.keep(id, blocks.segments[id], slots_.slot_bytes(blocks.segments[id]), until_ms);
    }
}

// From the one that was used longest ago to the last. A parent comes before those that hang on it, whenever it was
// used; then all are used once more in their order.
void Store::insert_into_policy(const Inherited &blocks) {
    std::vector<std::uint8_t> begun(blocks.parents.size());
    std::vector<EntryId> chain;
    for (const std::uint64_t each : blocks.by_age) {
        // Up to one that is in already, has no parent, or is in the chain itself: clients can say anything.
        for (auto id = static_cast<EntryId>(each); id != no_entry && begun[id] == 0; id = blocks.parents[id]) {
            chain.push_back(id);
            begun[id] = 1;
        }
        for (; !chain.empty(); chain.pop_back()) {
            const EntryId id = chain.back();
            const EntryId parent = blocks.parents[id];
            policy_->inserted(id, size_class_of(slots_.slot_bytes(blocks.segments[id])),
                              parent != no_entry ? std::optional(parent) : std::nullopt);
            evictor_.segment_used(blocks.segments[id]);
        }
    }
    if (blocks.any_parent) {
        for (const std::uint64_t each : blocks.by_age) {
            policy_->touched(static_cast<EntryId>(each));
            evictor_.segment_used(blocks.segments[static_cast<EntryId>(each)]);
        }
    }
}

std::vector<SlotRef> Store::slots_of_former(std::uint32_t number) const {
    const auto found = of_formers_.find(number);
    return found == of_formers_.end() ? std::vector<SlotRef>{} : found->second;
}

void Store::release_abandoned() {
    for (const SlotRef slot : abandoned_) {
        slots_.give_back(slot);
    }
    abandoned_.clear();
}

} // namespace uakv
