#include "sim/tier_world.h"

#include "support/check.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

namespace uakv::test {
namespace {

constexpr std::uint64_t close_ns_max = 20 * ns_per_s;
constexpr std::uint64_t wall_ms_at_start = 1'700'000'000'000;
// A request that is not answered within so many turns, of which none has less to do than the one before, hangs.
constexpr std::uint64_t turns_max = 20'000;

} // namespace

TierWorld::TierWorld(const WorldOptions &options, const WorldStart *start)
    : options_(options), random_(options.seed * 2 + 1) {
    if (start != nullptr) {
        clock_.now_ns = start->now_ns;
        model_ = start->model;
    }
    device_ =
        std::make_unique<SimDevice>(clock_, options.seed, options.device, start != nullptr ? start->image : SimImage{});
    open();
}

TierWorld::~TierWorld() = default;

disk::Moment TierWorld::moment() const {
    return {clock_.now_ns, wall_ms_at_start + clock_.now_ns / ns_per_ms};
}

void TierWorld::open() {
    auto workers = Workers::start(0);
    CHECK_MESSAGE(workers.ok(), workers.error().detail);
    workers_ = std::move(workers.value());
    auto tier = disk::DiskTier::open(*device_, *workers_, options_.tier, random_.next(), [this] {
        clock_.now_ns += closing_ ? ns_per_ms : 0;
        return moment();
    });
    ++tally_.lives;
    if (!tier.ok()) {
        if (!crashed()) {
            fail("the tier does not open: " + tier.error().detail);
        }
        return;
    }
    tier_ = std::move(tier.value());
    trace("opened: " + tier_->describe());
    tally_.from_checkpoint += tier_->describe().find("checkpoint") != std::string::npos ? 1U : 0U;
    tally_.torn_logs += tier_->describe().find("torn and are gone") != std::string::npos ? 1U : 0U;
    next_call_ns_ = 0;
}

// ---- what is asked ----------------------------------------------------------------------------------------

TierWorld::Tag TierWorld::ask(Event::Kind kind, SimKey key) {
    const Tag tag = next_tag_++;
    pending_[tag] = {kind, key, model_.now(key, wall_ms()), false, 0, clock_.now_ns};
    return tag;
}

void TierWorld::write(SimKey key, std::uint64_t lifetime_ms, bool wanted) {
    if (model_.writing(key) || !tier_) {
        return;
    }
    SimBlock &block = Universe::get().block(key);
    disk::DiskTier::Write write;
    write.space = tier_->space_number(Universe::get().space(block.space));
    write.key = block.key;
    write.block_bytes = block.bytes;
    write.checksum = block.checksum;
    write.payload_checksum = block.checksum;
    write.expires_ms = lifetime_ms == 0 ? UINT64_MAX : wall_ms() + lifetime_ms;
    write.wanted = wanted;
    write.payload = std::span<const std::byte>(block.memory.all()).first(block.bytes);
    write.tag = ask(Event::Kind::written, key);
    trace("write " + std::to_string(key) + " as " + std::to_string(write.tag));
    model_.write_begun(key, write.expires_ms);
    widen_reads();
    tier_->write(write);
}

void TierWorld::read(SimKey key) {
    const auto space = tier_ ? number_of(Universe::get().block(key).space) : std::nullopt;
    if (!space) {
        return;
    }
    const Tag tag = ask(Event::Kind::read, key);
    PageBuffer &target =
        targets_.emplace(tag, PageBuffer(Universe::get().block(key).memory.all().size())).first->second;
    pending_[tag].may_miss = tier_->statistics(moment()).breaker_open;
    trace("read " + std::to_string(key) + " as " + std::to_string(tag));
    tier_->read({*space, Universe::get().block(key).key, target.all(), tag});
}

void TierWorld::erase(SimKey key) {
    if (const auto space = tier_ ? number_of(Universe::get().block(key).space) : std::nullopt) {
        trace("erase " + std::to_string(key));
        model_.erased(key);
        widen_reads();
        ++tally_.erased;
        tally_.tombstones += tier_->catalog().find(*space, Universe::get().block(key).key) ? 1U : 0U;
        tier_->erase(*space, Universe::get().block(key).key);
    }
}

void TierWorld::clear(std::uint32_t space) {
    if (const auto number = tier_ ? number_of(space) : std::nullopt) {
        trace("clear space " + std::to_string(space));
        for (SimKey key = 0; key < Universe::keys; ++key) {
            if (Universe::get().block(key).space == space) {
                model_.erased(key);
            }
        }
        widen_reads();
        tier_->clear(*number);
    }
}

void TierWorld::use(SimKey key) {
    if (const auto space = tier_ ? number_of(Universe::get().block(key).space) : std::nullopt) {
        tier_->note_use(*space, Universe::get().block(key).key, 1);
    }
}

void TierWorld::flush() {
    if (tier_) {
        const Tag tag = ask(Event::Kind::flushed, 0);
        trace("flush as " + std::to_string(tag));
        model_.flush_begun(tag);
        tier_->flush(tag);
    }
}

void TierWorld::verify() {
    if (tier_) {
        const Tag tag = ask(Event::Kind::verified, 0);
        trace("verify as " + std::to_string(tag));
        if (!tier_->verify(tag)) {
            pending_.erase(tag); // one is running
        }
    }
}

// The number that the log has for it, if it has one.
std::optional<disk::SpaceNumber> TierWorld::number_of(std::uint32_t space) const {
    for (const auto &[number, found] : tier_->catalog().spaces()) {
        if (std::memcmp(&found.description, &Universe::get().space(space), sizeof(SpaceDescription)) == 0) {
            return number;
        }
    }
    return std::nullopt;
}

// A read that is under way may see what its key was at any time since it was asked.
void TierWorld::widen_reads() {
    for (auto &[tag, pending] : pending_) {
        if (pending.kind == Event::Kind::read) {
            pending.states |= model_.now(pending.key, wall_ms());
        }
    }
}

// ---- time -------------------------------------------------------------------------------------------------

void TierWorld::turn() {
    if (!tier_ || crashed()) {
        return;
    }
    const bool breaker_before = tier_->statistics(moment()).breaker_open;
    events_.clear();
    workers_->take_done();
    next_call_ns_ = tier_->turn(moment(), events_);
    const bool breaker = breaker_before || tier_->statistics(moment()).breaker_open;
    for (auto &[tag, pending] : pending_) {
        ++pending.turns;
        pending.may_miss = pending.may_miss || breaker;
    }
    for (const Event &event : std::exchange(events_, {})) {
        take(event);
    }
    check_limits();
}

// What is under way is through before: a pause of the test is no stall of the disk.
void TierWorld::pass(std::uint64_t ns) {
    for (int waits = 0; waits < 100 && tier_ && !crashed() && device_->under_way() > 0; ++waits) {
        device_waits();
        turn();
    }
    clock_.now_ns += ns;
    widen_reads();
    turn(); // the tier knows the time by its turns
}

void TierWorld::device_waits() {
    device_->wait();
    widen_reads();
}

void TierWorld::settle() {
    for (std::uint64_t turns = 0; tier_ && !crashed(); ++turns) {
        turn();
        if (pending_.empty() && device_->under_way() == 0) {
            return;
        }
        for (const auto &[tag, pending] : pending_) {
            if (pending.turns > turns_max) {
                fail("request " + std::to_string(tag) + " is not answered after " + std::to_string(pending.turns) +
                     " turns and " + std::to_string((clock_.now_ns - pending.since_ns) / ns_per_ms) + " ms; " +
                     std::to_string(pending_.size()) + " wait, " + std::to_string(device_->under_way()) +
                     " calls are under way");
            }
        }
        CHECK(turns < turns_max);
        if (device_->under_way() > 0) {
            device_waits();
        } else if (next_call_ns_ > 0) {
            pass(std::min<std::uint64_t>(next_call_ns_, 100 * ns_per_ms));
        }
    }
}

// ---- what is answered -------------------------------------------------------------------------------------

void TierWorld::take(const Event &event) {
    if (event.kind == Event::Kind::dropped) {
        take_dropped(event);
        return;
    }
    const auto found = pending_.find(event.tag);
    if (found == pending_.end() || found->second.kind != event.kind) {
        fail("an event of tag " + std::to_string(event.tag) + " that nobody waits for");
    }
    const Pending pending = found->second;
    pending_.erase(found);
    trace("answer " + std::to_string(event.tag) + ": " + uakv_status_name(event.status));
    switch (event.kind) {
    case Event::Kind::written:
        take_written(pending, event.status);
        break;
    case Event::Kind::read:
        take_read(pending, event.tag, event.status);
        break;
    case Event::Kind::flushed:
        model_.flush_done(event.tag, event.status);
        ++(event.status == UAKV_OK ? tally_.flushed : tally_.flush_errors);
        break;
    default:
        break;
    }
}

void TierWorld::take_written(const Pending &pending, uakv_status status) {
    if (status == UAKV_EXISTS && (pending.states & TierModel::there) == 0) {
        fail("a block that is missing is said to exist: " + model_.describe(pending.key));
    }
    model_.write_done(pending.key, status);
    widen_reads();
    ++(status == UAKV_OK ? tally_.written : tally_.refused);
}

void TierWorld::take_read(const Pending &pending, Tag tag, uakv_status status) {
    const auto target = targets_.extract(tag);
    SimBlock &block = Universe::get().block(pending.key);
    const TierModel::States states = pending.states | model_.now(pending.key, wall_ms());
    if (status == UAKV_OK) {
        ++tally_.read;
        if (std::memcmp(target.mapped().all().data(), block.memory.all().data(), block.bytes) != 0) {
            fail("wrong bytes are served: " + model_.describe(pending.key));
        }
        if ((states & TierModel::there) == 0) {
            fail("a block that has gone is served: " + model_.describe(pending.key));
        }
    } else if (status == UAKV_MISS) {
        ++tally_.missed;
        if ((states & TierModel::missing) == 0 && !pending.may_miss) {
            fail("a block that is there is a miss: " + model_.describe(pending.key));
        }
    } else if (status == UAKV_ERR_IO) {
        ++tally_.read_errors;
        const std::uint64_t errors = device_->counts().errors[static_cast<std::size_t>(SimCall::read)];
        if (!crashed() && errors == 0) {
            fail("an error of a disk that had none: " + model_.describe(pending.key));
        }
    } else if (status == UAKV_ERR_CORRUPT) {
        ++tally_.corrupt;
        if (!model_.is_damaged(pending.key)) {
            fail("a block that is sound is called corrupt: " + model_.describe(pending.key));
        }
        model_.dropped(pending.key);
        dropped_.push_back(pending.key);
        widen_reads();
    } else {
        fail(std::string("a read gives ") + uakv_status_name(status));
    }
}

void TierWorld::take_dropped(const Event &event) {
    const std::optional<SimKey> key = key_of(event.space, event.key);
    if (!key) {
        fail("a block that nobody knows is reported as dropped");
    }
    trace("dropped " + std::to_string(*key));
    ++tally_.dropped;
    model_.dropped(*key);
    dropped_.push_back(*key);
    widen_reads();
}

std::optional<SimKey> TierWorld::key_of(disk::SpaceNumber number, const uakv_key &key) const {
    for (std::uint32_t space = 0; space < Universe::spaces; ++space) {
        if (number_of(space) == number) {
            return Universe::get().find(space, key);
        }
    }
    return std::nullopt;
}

// What holds at each moment.
void TierWorld::check_limits() {
    if (device_->bytes_peak() > options_.tier.bytes_max) {
        fail("the files take " + std::to_string(device_->bytes_peak()) + " bytes, and the cap is " +
             std::to_string(options_.tier.bytes_max));
    }
    if (device_->counts().free_bytes_low < options_.tier.free_floor_bytes) {
        fail("a file was made that leaves " + std::to_string(device_->counts().free_bytes_low) +
             " bytes free, and the floor is " + std::to_string(options_.tier.free_floor_bytes));
    }
}

// ---- lives ------------------------------------------------------------------------------------------------

void TierWorld::end_life() {
    tally_ = tally();
    tier_.reset();
    workers_.reset();
    pending_.clear();
    targets_.clear();
}

void TierWorld::restart() {
    if (close()) {
        next_life(device_->crash());
    }
}

WorldStart TierWorld::leave() {
    CHECK(close());
    WorldStart start{device_->crash(), model_, clock_.now_ns};
    end_life();
    start.image.damages.clear();
    return start;
}

// A log that has no room for its erasures is not closed in time.
bool TierWorld::close() {
    settle();
    if (!tier_ || crashed()) {
        return false;
    }
    trace("close");
    closing_ = true; // its pauses pass, though no request is under way
    const bool whole = tier_->close(close_ns_max);
    closing_ = false;
    if (crashed()) {
        return false;
    }
    events_.clear();
    tier_->turn(moment(), events_); // what left meanwhile
    for (const Event &event : std::exchange(events_, {})) {
        take(event);
    }
    if (whole) {
        model_.closed();
    }
    check_limits();
    device_->options().crash = SimCrash::keep; // what was written stays: the machine goes on
    return true;
}

void TierWorld::crash_and_recover() {
    const SimImage image = device_->crash();
    ++tally_.crashes;
    next_life(image);
}

void TierWorld::next_life(const SimImage &image) {
    end_life();
    trace("the next life begins");
    SimOptions options = options_.device;
    options.errors.fill(0); // so that what is missing is missing
    device_ = std::make_unique<SimDevice>(clock_, random_.next(), options, image);
    if (crash_in_recovery_) {
        device_->crash_after(*std::exchange(crash_in_recovery_, std::nullopt));
    }
    model_.crashed(wall_ms());
    open();
    check_every_key();
    device_->options().errors = options_.device.errors;
}

// Asks for all of them, and holds each answer against what may be. What is seen then is how it stays.
void TierWorld::check_every_key() {
    std::vector<bool> found(Universe::keys, false);
    std::vector<TierModel::States> states(Universe::keys); // when it was asked for: time passes meanwhile
    dropped_.clear();
    for (SimKey key = 0; key < Universe::keys && !crashed(); ++key) {
        const std::uint64_t read_before = tally_.read;
        states[key] = model_.after_crash(key, wall_ms());
        read(key);
        settle();
        states[key] |= model_.after_crash(key, wall_ms());
        found[key] = tally_.read > read_before;
    }
    if (crashed()) {
        return;
    }
    for (SimKey key = 0; key < Universe::keys; ++key) {
        if ((states[key] & (found[key] ? TierModel::there : TierModel::missing)) == 0) {
            fail(std::string(found[key] ? "a block has come back: " : "a block is lost: ") + model_.describe(key));
        }
        tally_.found += found[key] ? 1U : 0U;
        model_.recovered(key, found[key]);
    }
    for (const SimKey key : std::exchange(dropped_, {})) {
        model_.dropped(key); // after it was looked at, maybe
    }
}

// ---- faults -----------------------------------------------------------------------------------------------

void TierWorld::rot_a_block() {
    const disk::BlockNumber numbers = tier_ ? tier_->catalog().numbers() : 0;
    for (std::uint32_t tries = 0; numbers > 0 && tries < 8; ++tries) {
        const disk::CatalogBlock &block =
            tier_->catalog().block(static_cast<disk::BlockNumber>(random_.below(numbers)));
        const auto key = block.live ? key_of(block.space, block.key) : std::nullopt;
        if (key) {
            trace("rot in " + std::to_string(*key));
            const std::uint64_t at = block.page + random_.below(disk::pages_of(block.stored_bytes));
            CHECK(device_->rot({BlockDevice::FileKind::log, block.file}, at * page));
            model_.damaged(*key);
            return;
        }
    }
}

// ---- reports ----------------------------------------------------------------------------------------------

SimTally TierWorld::tally() const {
    SimTally tally = tally_;
    const SimCounts &counts = device_->counts();
    tally.calls += counts.submitted();
    tally.torn_pages += counts.torn_pages;
    tally.lost_pages += counts.lost_pages;
    tally.removed_files += counts.calls[static_cast<std::size_t>(SimCall::remove)];
    tally.create_faults += counts.errors[static_cast<std::size_t>(SimCall::create)];
    tally.write_faults += counts.errors[static_cast<std::size_t>(SimCall::write)];
    tally.read_faults += counts.errors[static_cast<std::size_t>(SimCall::read)];
    tally.sync_faults += counts.errors[static_cast<std::size_t>(SimCall::sync)];
    tally.remove_faults += counts.errors[static_cast<std::size_t>(SimCall::remove)];
    tally.no_space += counts.no_space;
    tally.short_reads += counts.short_reads;
    tally.short_writes += counts.short_writes;
    tally.rotten += counts.rotten;
    tally.lost_writes += counts.lost;
    tally.misdirected += counts.misdirected;
    if (tier_) {
        const disk::DiskStatistics statistics = tier_->statistics(moment());
        tally.relocated_bytes += statistics.bytes_relocated;
        tally.checkpoints += statistics.checkpoints;
    }
    return tally;
}

void TierWorld::trace(const std::string &line) const {
    if (options_.trace) {
        std::fprintf(stderr, "%12.3f ms, call %llu: %s\n", static_cast<double>(clock_.now_ns) / ns_per_ms,
                     static_cast<unsigned long long>(device_->counts().submitted()), line.c_str());
    }
}

void TierWorld::fail(const std::string &what) const {
    throw Failure("at " + std::to_string(clock_.now_ns / ns_per_ms) + " ms, life " + std::to_string(tally_.lives) +
                  ", call " + std::to_string(device_->counts().submitted()) + ": " + what);
}

} // namespace uakv::test
