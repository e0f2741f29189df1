#include "daemon/store/store.h"

#include "daemon/policy/lru.h"
#include "daemon/store/host_segments.h"
#include "daemon/store/random_word.h"
#include "ipc/clock.h"
#include "ipc/sequence_point.h"

#include <algorithm>
#include <bit>

namespace uakv {
namespace {

constexpr std::uint32_t eviction_batch_max = 64;
constexpr std::uint32_t uses_max = UINT8_MAX;

// Whether what the disk has of a key can stand for what was stored under it now. A lifetime begins anew with each.
bool is_same(const BlockDescription &a, const BlockDescription &b) {
    return a.length == b.length && a.checksum == b.checksum && a.expires_ms == UINT64_MAX && b.expires_ms == UINT64_MAX;
}

} // namespace

Store::Shape Store::shape_of(const StoreOptions &options) {
    const std::uint64_t memory_bytes = options.memory_bytes;
    UAKV_ASSERT(memory_bytes >= limits::memory_bytes_min && memory_bytes <= limits::memory_bytes_max);
    Shape shape;
    const std::uint64_t usual = std::bit_floor(memory_bytes / limits::segments_per_memory);
    shape.segment_bytes = std::clamp(options.segment_bytes != 0 ? options.segment_bytes : usual,
                                     limits::segment_bytes_min, limits::segment_bytes_max);
    UAKV_ASSERT(std::has_single_bit(shape.segment_bytes) && shape.segment_bytes <= memory_bytes);
    shape.segments = static_cast<std::uint32_t>(memory_bytes / shape.segment_bytes);
    UAKV_ASSERT(shape.segments <= limits::segments_max);
    const auto resident = static_cast<std::uint32_t>(shape.segments * (shape.segment_bytes / limits::page_bytes));
    shape.cold_blocks_max = std::min(options.cold_blocks_max, limits::entries_max - resident);
    return shape;
}

StoreOptions Store::completed(const StoreOptions &wanted) {
    StoreOptions options = wanted;
    options.title = options.title.empty() ? "tenant " + options.name : options.title;
    options.source = options.source != nullptr ? options.source : std::make_shared<HostSegments>();
    return options;
}

Result<std::unique_ptr<Store>> Store::create(const StoreOptions &wanted) {
    const StoreOptions options = completed(wanted);
    const Shape shape = shape_of(options);
    auto index = IndexWriter::create(shape.segments, shape.segment_bytes, shape.cold_blocks_max);
    if (!index.ok()) {
        return index.take_error();
    }
    auto state = State::create(shape.segments, shape.segment_bytes, index.value().epoch());
    if (!state.ok()) {
        return state.take_error();
    }
    auto maker = SegmentMaker::start(options.source, {options.title, shape.segments, shape.segment_bytes});
    if (!maker.ok()) {
        return maker.take_error();
    }
    std::unique_ptr<Store> store(
        new Store({std::move(state.value()), std::move(index.value()), {}}, std::move(maker.value()), options));
    store->keeping_.begin(store->index_.fd(), store->state_.fd());
    return store;
}

Store::Store(Parts parts, std::unique_ptr<SegmentMaker> maker, const StoreOptions &options)
    : state_(std::move(parts.state)), index_(std::move(parts.index)), maker_(std::move(maker)),
      segment_count_(state_.header().segment_capacity), segment_bytes_(state_.header().segment_bytes),
      segments_(std::move(parts.segments)), addressable_(options.source->is_addressable()),
      keeping_(options.keeper, options.name, options.title), slots_(state_), spaces_(state_), leases_(options.sessions),
      lease_clock_(now_ns(), index_.lookup().lease_clock()), policy_(std::make_unique<Lru>(index_.cold_begin())),
      pins_(*policy_, options.pinned_bytes_max), departures_(boot_ms(), random_word()),
      cold_(index_, {expiry_, counters_, departures_}),
      evictor_(index_, slots_, *policy_, leases_, {expiry_, pins_, counters_, departures_, cold_}) {
    reconfigure(options);
}

// It may be the end of a daemon that could not start, or did not come to compare all with its checksums.
Store::~Store() {
    state_.note_end(!suspects_.any());
}

void Store::reconfigure(const StoreOptions &options) {
    UAKV_ASSERT(options.gc_threshold >= 0 && options.gc_threshold <= 1);
    pins_.set_bytes_max(options.pinned_bytes_max);
    evict_ = options.evict;
    evictor_.set_evicting(options.evict);
    gc_threshold_ = options.gc_threshold;
}

Store::Grant Store::grant(std::uint64_t length, std::uint32_t client) {
    const SizeClass size_class = size_class_of(length);
    pressed_.push_back(size_class);
    if (const auto slot = slots_.take(size_class, client)) {
        return {GrantOutcome::granted, *slot};
    }
    if (maker_->promising()) {
        return {GrantOutcome::later, {}}; // nothing is evicted while there is memory to come
    }
    // Where there are about as many sizes as segments, taking segments over would only empty the cache: then a size
    // without a segment shares that of a neighbour.
    const bool crowded = slots_.total_slots(size_class) == 0 && 2 * slots_.classes_in_use() >= slots_.segments();
    if (crowded) {
        if (const auto slot = take_larger(size_class, slot_bytes_of(size_class) * 3 / 2, client)) {
            return {GrantOutcome::granted, *slot};
        }
    }
    evictor_.make_room(size_class, std::min(free_goal(size_class) + 1, eviction_batch_max));
    if (const auto slot = slots_.take(size_class, client)) {
        return {GrantOutcome::granted, *slot};
    }
    if (evictor_.draining()) {
        return {GrantOutcome::later, {}};
    }
    // Every segment is in use for something else: better a slot that is far too large than none.
    const auto larger = take_larger(size_class, segment_bytes_, client);
    return larger ? Grant{GrantOutcome::granted, *larger} : Grant{GrantOutcome::none, {}};
}

std::optional<SlotRef> Store::take_larger(SizeClass size_class, std::uint64_t slot_bytes_max, std::uint32_t client) {
    for (SizeClass larger = size_class + 1; larger < size_classes && slot_bytes_of(larger) <= slot_bytes_max;
         ++larger) {
        if (slots_.total_slots(larger) == 0) {
            continue;
        }
        if (slots_.free_slots(larger) == 0) {
            evictor_.make_room(larger, 1);
        }
        if (const auto slot = slots_.take(larger, client)) {
            return slot;
        }
    }
    return std::nullopt;
}

std::optional<SlotRef> Store::grant_ahead(SizeClass size_class, std::uint32_t client) {
    const bool plenty = slots_.unassigned_segments() > 0 || slots_.free_slots(size_class) > low_watermark(size_class);
    if (!plenty) {
        return std::nullopt;
    }
    pressed_.push_back(size_class);
    return slots_.take(size_class, client);
}

uakv_status Store::commit(SlotRef slot, const CommitRequest &request) {
    const Lookup &lookup = index_.lookup();
    Lookup::Found found;
    std::optional<EntryId> cold;
    if (lookup.find_even_expired(request.space, request.key, found)) {
        if (boot_ms() >= found.expires_ms) {
            forget(found.id, Departure::expired);
        } else if (is_cold(found.id)) {
            cold = found.id;
        } else {
            ++counters_.exists;
            return UAKV_EXISTS;
        }
    }
    BlockDescription block;
    block.space = request.space;
    block.key = request.key;
    block.parent = request.parent;
    block.segment = slot.segment;
    block.offset = slots_.offset(slot);
    block.length = request.length;
    block.checksum = request.checksum;
    block.expires_ms = request.ttl_ms != 0 ? boot_ms() + request.ttl_ms : UINT64_MAX;
    const BlockDescription below = cold ? index_.describe(*cold) : BlockDescription{};
    block.on_disk = cold && is_same(block, below) && below_ != nullptr && below_->has(*cold);
    auto published = cold ? index_.replace(*cold, block) : index_.publish(block);
    if (!published.ok()) {
        return published.error().status;
    }
    const EntryId entry = published.value();
    UAKV_SEQUENCE_POINT(block_published);
    if (cold) {
        cold_.replaced(below, *cold);
        if (!block.on_disk && below_ != nullptr) {
            below_->forgotten(block.space, block.key, Departure::removed);
        }
    }
    entered(slot, entry, block, 0);
    counters_.entered(request.space, request.length);
    UAKV_SEQUENCE_POINT(block_accounted);
    if (!block.on_disk && below_ != nullptr) {
        below_->stored(entry);
    }
    return UAKV_OK;
}

// What a block that is in memory now is to all but the counters.
void Store::entered(SlotRef slot, EntryId entry, const BlockDescription &block, std::uint32_t uses) {
    slots_.set_block(slot, entry);
    if (block.expires_ms != UINT64_MAX) {
        expiry_.add(block.expires_ms, entry);
    }
    const auto parent = block.parent ? find(block.space, *block.parent) : std::nullopt;
    policy_->inserted(entry, size_class_of(slots_.slot_bytes(slot.segment)), parent);
    evictor_.used(entry);
    if (entry >= uses_.size()) {
        uses_.resize(entry + 1);
    }
    uses_[entry] = static_cast<std::uint8_t>(std::min(uses, uses_max));
}

// It leaves for good, wherever it is.
void Store::forget(EntryId entry, Departure why) {
    if (!is_cold(entry)) {
        evictor_.retire(entry, why);
        return;
    }
    const BlockDescription block = index_.describe(entry);
    cold_.retire(entry, why);
    if (below_ != nullptr) {
        below_->forgotten(block.space, block.key, why);
    }
}

bool Store::remove(SpaceId space, const uakv_key &key) {
    Lookup::Found found;
    if (!index_.lookup().find_even_expired(space, key, found)) {
        return false;
    }
    const bool expired = boot_ms() >= found.expires_ms;
    forget(found.id, expired ? Departure::expired : Departure::removed);
    return !expired;
}

uakv_status Store::pin(SpaceId space, const uakv_key &key, std::uint32_t ttl_ms) {
    const std::uint64_t now_ms = boot_ms();
    pins_.end_due(now_ms);
    Lookup::Found found;
    if (!index_.lookup().find(space, key, found) || is_cold(found.id)) {
        return UAKV_MISS;
    }
    if (ttl_ms == 0) {
        pins_.unpin(found.id);
        slots_.note_pinned(slots_.slot_at(found.segment, found.offset), 0);
        return UAKV_OK;
    }
    const std::uint64_t end_ms = ttl_ms == UAKV_PIN_FOREVER ? UINT64_MAX : now_ms + ttl_ms;
    if (!pins_.pin(found.id, found.segment, slots_.slot_bytes(found.segment), end_ms)) {
        return UAKV_ERR_NO_SPACE;
    }
    slots_.note_pinned(slots_.slot_at(found.segment, found.offset), end_ms);
    UAKV_SEQUENCE_POINT(block_pinned);
    evictor_.spare(found.segment);
    return UAKV_OK;
}

void Store::begin_clear(SpaceId space) {
    if (below_ != nullptr) {
        below_->clear_begun(space);
    }
}

void Store::end_clear(SpaceId space) {
    if (below_ != nullptr) {
        below_->clear_ended(space);
    }
}

bool Store::clear_some(SpaceId space, EntryId &cursor, std::uint32_t steps, std::uint64_t &removed) {
    const std::uint64_t now_ms = boot_ms();
    const auto any = [&] {
        const SpaceCounters counters = space_counters(space);
        return counters.blocks + counters.blocks_cold > 0;
    };
    for (; steps > 0 && any() && (cursor = index_.first_from(cursor)) != UINT32_MAX; --steps, ++cursor) {
        const IndexEntry &entry = index_.entry(cursor);
        if (!uakv::is_live(entry.generation) || home_of(entry).space != space) {
            continue;
        }
        const bool expired = now_ms >= entry.expires_ms;
        forget(cursor, expired ? Departure::expired : Departure::cleared);
        removed += expired ? 0 : 1;
    }
    return !any() || index_.first_from(cursor) == UINT32_MAX;
}

bool Store::drop_if_corrupt(SpaceId space, const uakv_key &key) {
    Lookup::Found found;
    if (!is_addressable() || !index_.lookup().find_even_expired(space, key, found) || is_cold(found.id)) {
        return false;
    }
    if (is_sound(bytes_of(found.id), index_.describe(found.id))) {
        return false;
    }
    forget(found.id, Departure::corrupt);
    return true;
}

// The tier below hears of the 1st, 2nd, 4th, 8th ... use, and of each 128th at the end: not of every one.
void Store::touch(EntryId entry) {
    if (entry >= index_.entries_used() || !uakv::is_live(index_.entry(entry).generation)) {
        return;
    }
    policy_->touched(entry);
    evictor_.used(entry);
    slots_.note_used(slots_.slot_at(home_of(index_.entry(entry)).segment, index_.entry(entry).offset));
    const std::uint32_t uses = uses_[entry] + 1U;
    const bool round = uses == uses_max;
    uses_[entry] = static_cast<std::uint8_t>(round ? uses_max / 2 + 1 : uses);
    const std::uint32_t times = round ? uses_max / 2 : std::has_single_bit(uses) ? (uses + 1) / 2 : 0;
    if (times != 0 && below_ != nullptr) {
        below_->used(entry, times);
    }
}

void Store::expire() {
    const std::uint64_t now_ms = boot_ms();
    while (const auto entry = expiry_.first_due(now_ms)) {
        forget(*entry, Departure::expired);
        UAKV_SEQUENCE_POINT(block_expired);
    }
    pins_.end_due(now_ms);
}

bool Store::maintain() {
    if (evictor_.unsettled()) {
        evictor_.settle();
    }
    if (evictor_.draining()) {
        evictor_.continue_drain();
    }
    const bool full = evict_ && slots_.unassigned_segments() == 0 && !maker_->promising();
    std::sort(pressed_.begin(), pressed_.end());
    pressed_.erase(std::unique(pressed_.begin(), pressed_.end()), pressed_.end());
    for (const SizeClass size_class : pressed_) {
        const std::uint32_t low = low_watermark(size_class);
        if (full && slots_.free_slots(size_class) < low) {
            evictor_.make_room(size_class,
                               std::min(free_goal(size_class), slots_.free_slots(size_class) + eviction_batch_max));
        }
    }
    pressed_.clear();
    if (suspects_.any()) {
        for (const EntryId entry : suspects_.look(index_, segments_)) {
            note_loss(home_of(index_.entry(entry)).space);
            forget(entry, Departure::corrupt);
            UAKV_SEQUENCE_POINT(suspect_dropped);
        }
    }
    return evictor_.draining() || suspects_.any();
}

bool Store::tick_leases(std::uint64_t now_ns, std::uint64_t every_ns) {
    if (!lease_clock_.is_due(now_ns, every_ns)) {
        return false;
    }
    lease_clock_.tick(now_ns);
    index_.show_lease_clock(lease_clock_.shown());
    return true;
}

void Store::take_segments() {
    for (MadeSegment &segment : maker_->take()) {
        keeping_.add_segment(segment.fd);
        segments_.push_back(std::move(segment));
        slots_.add_segment();
    }
    UAKV_SEQUENCE_POINT(segments_taken);
}

const Fd *Store::segment_fd(SegmentId segment, bool read_only) const {
    if (segment >= segments_.size()) {
        return nullptr;
    }
    const MadeSegment &made = segments_[segment];
    return read_only && made.read_only_fd.valid() ? &made.read_only_fd : &made.fd;
}

std::uint32_t Store::low_watermark(SizeClass size_class) const {
    return static_cast<std::uint32_t>(slots_.total_slots(size_class) * (1 - gc_threshold_));
}

// Eviction ahead of need goes on to twice the low watermark, a batch at a time; never to more than half of what may be
// in use.
std::uint32_t Store::free_goal(SizeClass size_class) const {
    const std::uint32_t low = low_watermark(size_class);
    return low + std::min(low, (slots_.total_slots(size_class) - low) / 2);
}

} // namespace uakv
