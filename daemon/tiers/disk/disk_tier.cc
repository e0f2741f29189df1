#include "daemon/tiers/disk/disk_tier.h"

#include "daemon/tiers/disk/tier_state.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace uakv::disk {
namespace {

// Of a read, as long as none was measured.
constexpr std::uint64_t latency_guess_ns = 200'000;
constexpr double bytes_per_ns_guess = 0.5;
// A measure that is so old counts half; else one slow hour would forbid all reads, and no read would tell better.
constexpr std::uint64_t measure_half_life_ns = 5 * ns_per_s;

} // namespace

DiskTier::DiskTier(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<DiskTier>> DiskTier::open(BlockDevice &device, Workers &workers, const DiskOptions &options,
                                                 std::uint64_t seed, std::function<Moment()> clock) {
    auto fit = fitting(options);
    if (!fit.ok()) {
        return fit.take_error();
    }
    auto engine = std::make_unique<Engine>(device, workers, fit.value());
    engine->seed = seed;
    engine->now = clock();
    engine->io.run(engine->now); // so that it knows when the first read begins
    auto found = recover(engine->io, workers, seed, clock);
    if (!found.ok()) {
        return found.take_error();
    }
    auto there = device.list();
    if (!there.ok()) {
        return there.take_error();
    }
    engine->store = found.value().store;
    engine->next_sequence = found.value().next_sequence;
    engine->now = clock();
    auto state = std::make_unique<State>(std::move(engine), std::move(found.value()), there.value(), clock);
    // What the daemon before did not get to: a flush of this one speaks for it, too.
    bool synced = false;
    state->syncer.sync([&synced](int) { synced = true; });
    state->run_until([&synced] { return synced; }, UINT64_MAX);
    return std::unique_ptr<DiskTier>(new DiskTier(std::move(state)));
}

// Requests that are under way use memory of the tier and of callers: they have to end.
DiskTier::~DiskTier() {
    if (state_ == nullptr) {
        return;
    }
    state_->engine->closing = state_->engine->stopping = true;
    state_->engine->io.drain(state_->clock);
    state_->reader.wait_for_workers();
}

void DiskTier::reconfigure(const DiskOptions &options) {
    auto fit = fitting(options);
    if (!fit.ok()) {
        log_warn("disk tier: the new limits are not used: {}", fit.error().detail);
        return;
    }
    state_->engine->options = fit.value();
    state_->files.set_file_bytes(fit.value().file_bytes);
    state_->engine->admission.set_limits(fit.value().write_bytes_per_second, fit.value().write_bytes_per_day);
}

std::string DiskTier::describe() const {
    return state_->description;
}

const Catalog &DiskTier::catalog() const {
    return state_->blocks.catalog();
}

SpaceNumber DiskTier::space_number(const SpaceDescription &description) {
    return state_->space_number(description);
}

void DiskTier::write(const Write &write) {
    state_->write(write);
}

bool DiskTier::accepts_writes() const {
    const Engine &engine = *state_->engine;
    const std::uint64_t batches = engine.options.batches_in_flight_max;
    return !engine.broken && !engine.closing && !state_->writer.in_trouble() &&
           state_->writer.waiting_bytes() < batches * engine.options.batch_bytes_max &&
           state_->writer.waiting_blocks() < batches * records_per_batch;
}

void DiskTier::read(const Read &read) {
    state_->read(read);
}

std::uint64_t DiskTier::predicted_ns(std::uint64_t bytes) const {
    const Engine &engine = *state_->engine;
    if (engine.broken) {
        return UINT64_MAX;
    }
    double latency = static_cast<double>(latency_guess_ns);
    double bytes_per_ns = bytes_per_ns_guess;
    if (engine.io.last_read_ns() != 0) {
        const std::uint64_t age_ns = engine.now.now_ns - engine.io.last_read_ns();
        const double share = std::exp2(-static_cast<double>(age_ns) / static_cast<double>(measure_half_life_ns));
        latency += (static_cast<double>(engine.io.read_latency_ns()) - latency) * share;
        bytes_per_ns += (engine.io.read_bytes_per_ns() - bytes_per_ns) * share;
    }
    // A disk that has hung for so long will do so for the next one.
    if (const std::uint64_t oldest_ns = engine.io.oldest_read_ns(); oldest_ns != UINT64_MAX) {
        latency = std::max(latency, static_cast<double>(engine.now.now_ns - oldest_ns));
    }
    const std::uint64_t ahead = state_->reader.waiting_bytes() + engine.io.read_bytes_under_way();
    const double whole = latency + static_cast<double>(ahead + bytes) / std::max(bytes_per_ns, 1e-9);
    return static_cast<std::uint64_t>(std::min(whole, 1e18));
}

void DiskTier::note_use(SpaceNumber space, const uakv_key &key, std::uint32_t uses) {
    if (const auto number = state_->blocks.find(space, key)) {
        state_->blocks.catalog().note_use(*number, uses);
    }
}

void DiskTier::erase(SpaceNumber space, const uakv_key &key) {
    state_->erase(space, key);
}

void DiskTier::clear(SpaceNumber space) {
    state_->clear(space);
}

void DiskTier::flush(Tag tag) {
    state_->flushes.add(tag);
}

bool DiskTier::verify(Tag tag) {
    return state_->scrub.begin(tag);
}

DiskTier::VerifyProgress DiskTier::verify_progress() const {
    return state_->scrub.progress();
}

std::uint64_t DiskTier::turn(Moment now, std::vector<Event> &events) {
    const std::uint64_t wait_ns = state_->turn(now);
    std::vector<Event> &happened = state_->engine->events;
    events.insert(events.end(), happened.begin(), happened.end());
    happened.clear();
    return wait_ns;
}

bool DiskTier::close(std::uint64_t timeout_ns) {
    return state_->close(timeout_ns);
}

DiskStatistics DiskTier::statistics(Moment now) const {
    DiskStatistics counts = state_->engine->counts;
    const Catalog &catalog = state_->blocks.catalog();
    counts.files = state_->files.all().size();
    counts.bytes_files = state_->files.total_bytes();
    counts.bytes_live = catalog.live_bytes();
    counts.blocks = catalog.count();
    for (const auto &[number, space] : catalog.spaces()) {
        counts.bytes_blocks += space.bytes;
    }
    counts.breaker_open = state_->engine->broken;
    const DiskOptions &options = state_->engine->options;
    counts.bytes_max = options.bytes_max;
    counts.writes_per_second = options.write_bytes_per_second;
    counts.writes_per_day = options.write_bytes_per_day;
    counts.day_used_up = options.write_bytes_per_day != 0 && counts.bytes_written_today >= options.write_bytes_per_day;
    counts.create_error = state_->files.create_error();
    if (now.now_ns - state_->window_ns >= 2 * ns_per_s) {
        counts.write_bytes_per_second = 0; // no turn since: nothing was written
    }
    return counts;
}

} // namespace uakv::disk
