#include "daemon/tiers/disk/tier_state.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <poll.h>

namespace uakv::disk {
namespace {

constexpr std::uint64_t files_per_cap = 8; // at least: one open, one ahead, one of headroom, and what is kept

std::string bytes_of(const SpaceDescription &description) {
    return {reinterpret_cast<const char *>(&description), sizeof description};
}

std::string describe(const Recovered &found, const Catalog &catalog, const LogFiles &files) {
    std::string text = fmt::format("{} blocks of {} spaces in {} log files ({} MiB)", catalog.count(),
                                   catalog.spaces().size(), found.files.size(), files.total_bytes() >> 20);
    text += found.from_checkpoint ? ", from a checkpoint" : "";
    text += fmt::format(", {} batches read in {} ms", found.batches_read, found.duration_ns / ns_per_ms);
    text += found.torn > 0 ? fmt::format("; {} records at the end of the log were torn and are gone", found.torn) : "";
    for (const std::string &remark : found.remarks) {
        text += "; " + remark;
    }
    return text;
}

} // namespace

Result<DiskOptions> fitting(const DiskOptions &options) {
    DiskOptions fit = options;
    if (options.bytes_max < DiskTier::bytes_min) {
        return error(UAKV_ERR_INVALID,
                     "the disk tier cannot work with %llu bytes of disk: it needs %llu at least; set disk_size higher",
                     static_cast<unsigned long long>(options.bytes_max),
                     static_cast<unsigned long long>(DiskTier::bytes_min));
    }
    fit.file_bytes = std::bit_floor(std::min(options.file_bytes, options.bytes_max / files_per_cap));
    fit.file_bytes = std::max(fit.file_bytes, DiskTier::file_bytes_min);
    fit.batch_bytes_max = std::max<std::uint64_t>(fit.batch_bytes_max, page_bytes);
    fit.batches_in_flight_max = std::max(fit.batches_in_flight_max, 1U);
    fit.reads_in_flight_max = std::max(fit.reads_in_flight_max, 1U);
    return fit;
}

DiskTier::State::State(std::unique_ptr<Engine> engine_, Recovered found,
                       const std::vector<BlockDevice::FileInfo> &there, std::function<Moment()> clock_)
    : engine(std::move(engine_)), clock(std::move(clock_)), next_space(found.next_space),
      blocks(*engine, std::move(found.catalog)), files(*engine), writer(*engine, blocks, files),
      reader(*engine, blocks), syncer(*engine, files), compaction(*engine, {blocks, files, writer, reader, syncer}),
      checkpoints(*engine, {blocks, files, writer, reader, syncer}, compaction),
      flushes(*engine, {blocks, files, writer, reader, syncer}), breaker(*engine, files),
      scrub(*engine, blocks, reader) {
    files.set_file_bytes(engine->options.file_bytes);
    files.adopt(found);
    checkpoints.adopt(found, there);
    description = uakv::disk::describe(found, blocks.catalog(), files);
    for (const auto &[number, space] : blocks.catalog().spaces()) {
        space_numbers.emplace(bytes_of(space.description), number);
    }
    reader.on_damage = [this](BlockNumber number) { forget_damaged(number); };
    syncer.on_failure = [this](FileNumber file) { writer.sync_failed(file); };
    engine->admission.set_limits(engine->options.write_bytes_per_second, engine->options.write_bytes_per_day);
    window_ns = engine->now.now_ns;
}

// ---- turns -------------------------------------------------------------------------------------------------

std::uint64_t DiskTier::State::turn(Moment now) {
    engine->now = now;
    const bool moved = engine->io.run(now);
    measure();
    breaker.turn();
    reader.turn();
    compaction.turn();
    const bool can_reclaim = compaction.can_reclaim();
    writer.turn(flushes.waiting() || compaction.waits_for_writes() || engine->closing, can_reclaim);
    files.turn();
    flushes.turn(can_reclaim);
    if (writer.wants_sync()) {
        syncer.request();
    }
    syncer.turn();
    writer.note_synced();
    checkpoints.turn();
    blocks.sweep(writer.oldest_under_way());
    scrub.turn();
    engine->io.device().submit();
    const bool synced = rounds_seen != syncer.completed();
    rounds_seen = syncer.completed();
    return moved || synced ? 0 : wants_turn_ns();
}

std::uint64_t DiskTier::State::wants_turn_ns() const {
    if (compaction.busy() || blocks.sweeping() || scrub.busy()) {
        return 0;
    }
    const auto from_now = [this](std::uint64_t at_ns) {
        return at_ns == UINT64_MAX ? UINT64_MAX : std::max(at_ns, engine->now.now_ns) - engine->now.now_ns;
    };
    std::uint64_t wait_ns = std::min(breaker.wants_turn_ns(), checkpoints.wants_turn_ns());
    wait_ns = std::min({wait_ns, from_now(files.next_try_ns()), from_now(writer.next_try_ns())});
    return std::min({wait_ns, from_now(blocks.next_sweep_ns()), compaction.wants_turn_ns()});
}

void DiskTier::State::measure() {
    engine->admission.turn(engine->now.now_ns, engine->now.wall_ms);
    engine->admission.wrote(engine->counts.bytes_written - written_seen);
    written_seen = engine->counts.bytes_written;
    engine->counts.bytes_written_today = engine->admission.today();
    if (const std::uint64_t elapsed_ns = engine->now.now_ns - window_ns; elapsed_ns >= ns_per_s) {
        const auto bytes = static_cast<double>(written_seen - window_bytes);
        engine->counts.write_bytes_per_second =
            static_cast<std::uint64_t>(bytes * static_cast<double>(ns_per_s) / static_cast<double>(elapsed_ns));
        window_ns = engine->now.now_ns;
        window_bytes = written_seen;
    }
}

// ---- blocks ------------------------------------------------------------------------------------------------

SpaceNumber DiskTier::State::space_number(const SpaceDescription &space) {
    const auto [known, is_new] = space_numbers.try_emplace(bytes_of(space), next_space);
    if (is_new) {
        ++next_space;
        blocks.catalog().put_space(known->second, space, engine->next_sequence);
    }
    writer.use_space(known->second);
    return known->second;
}

void DiskTier::State::write(const Write &write) {
    UAKV_ASSERT(!write.payload.empty() && blocks.catalog().find_space(write.space) != nullptr);
    if (blocks.find(write.space, write.key)) {
        engine->tell(Event::Kind::written, UAKV_EXISTS, write.tag);
        return;
    }
    if (writer.join(write)) {
        return;
    }
    if (const auto refused = refusal(write)) {
        engine->tell(Event::Kind::written, *refused, write.tag);
        return;
    }
    if (const auto outdated = blocks.catalog().find(write.space, write.key)) {
        blocks.leave(*outdated);
    }
    engine->admission.expect(write.payload.size());
    writer.add(write);
}

std::optional<uakv_status> DiskTier::State::refusal(const Write &write) {
    if (engine->broken || engine->closing) {
        engine->counts.refused_breaker += engine->broken ? 1U : 0U;
        return UAKV_ERR_BUSY;
    }
    if (writer.in_trouble()) {
        return UAKV_ERR_IO;
    }
    const std::uint64_t pages = pages_of(write.payload.size()) + LogWriter::pages_around;
    const bool too_many = blocks.catalog().count() + writer.coming_blocks() >= engine->options.blocks_max;
    if (too_many || pages * page_bytes > files.file_bytes()) {
        ++engine->counts.refused_room;
        if (too_many) {
            compaction.want_room();
        }
        return UAKV_ERR_NO_SPACE;
    }
    const Moment now = clock(); // the last turn may be long ago
    engine->admission.turn(now.now_ns, now.wall_ms);
    if (!write.wanted && !engine->admission.admits()) {
        ++engine->counts.refused_budget;
        return UAKV_ERR_BUSY;
    }
    return std::nullopt;
}

void DiskTier::State::read(const Read &read) {
    const auto number = engine->broken ? std::nullopt : blocks.find(read.space, read.key);
    const CatalogBlock *block = number ? &blocks.catalog().block(*number) : nullptr;
    if (block == nullptr || pages_of(block->stored_bytes) * page_bytes > read.target.size()) {
        engine->tell(Event::Kind::read, UAKV_MISS, read.tag);
        return;
    }
    reader.add(*block, read.target,
               [this, tag = read.tag](uakv_status status) { engine->tell(Event::Kind::read, status, tag); });
}

void DiskTier::State::erase(SpaceNumber space, const uakv_key &key) {
    // All records of the key that there are have a lower sequence, and what comes later has none yet.
    bool on_disk = writer.kill(space, key);
    if (const auto number = blocks.catalog().find(space, key)) {
        blocks.leave(*number);
        on_disk = true;
    }
    if (on_disk || blocks.has_remains(space, key)) {
        writer.add_erasure(RecordKind::tombstone, space, key, engine->next_sequence);
    }
}

void DiskTier::State::clear(SpaceNumber space) {
    if (blocks.catalog().find_space(space) == nullptr) {
        return;
    }
    writer.kill_space(space);
    blocks.clear(space, engine->next_sequence);
    writer.add_erasure(RecordKind::clear, space, {}, engine->next_sequence);
}

void DiskTier::State::forget_damaged(BlockNumber number) {
    const CatalogBlock &block = blocks.catalog().block(number);
    writer.add_erasure(RecordKind::tombstone, block.space, block.key, engine->next_sequence);
    blocks.drop(number);
}

// ---- the end -----------------------------------------------------------------------------------------------

bool DiskTier::State::close(std::uint64_t timeout_ns) {
    const std::uint64_t begun_ns = clock().now_ns;
    const std::uint64_t deadline_ns = timeout_ns < UINT64_MAX - begun_ns ? begun_ns + timeout_ns : UINT64_MAX;
    engine->closing = true;
    const std::uint64_t failures = writer.failures();
    bool good = run_until([this] { return writer.idle() || writer.in_trouble() || engine->broken; }, deadline_ns);
    good = good && writer.idle() && writer.failures() == failures;
    const auto sync_error = std::make_shared<std::optional<int>>(); // may come after the deadline
    syncer.sync([sync_error](int error) { *sync_error = error; });
    if (!run_until([&] { return sync_error->has_value(); }, deadline_ns)) {
        return false; // the disk does not answer
    }
    good = good && *sync_error == 0;
    good = run_until([this] { return !checkpoints.running() && !blocks.clearing(); }, deadline_ns) && good;
    if (checkpoints.is_stale() && checkpoints.has_place()) {
        good = checkpoints.begin() && run_until([this] { return !checkpoints.running(); }, deadline_ns) &&
               !checkpoints.last_failed() && good;
    }
    engine->stopping = true;
    files.remove_next();
    return run_until([this] { return engine->io.under_way() == 0 && reader.idle(); }, deadline_ns) && good;
}

bool DiskTier::State::run_until(const std::function<bool()> &done, std::uint64_t deadline_ns) {
    for (;;) {
        engine->workers.take_done();
        const Moment now = clock();
        const std::uint64_t wait_ns = turn(now);
        if (done()) {
            return true;
        }
        if (now.now_ns >= deadline_ns) {
            return false;
        }
        wait(std::min(wait_ns, deadline_ns - now.now_ns));
    }
}

// For the device, the workers or the time, whichever comes first.
void DiskTier::State::wait(std::uint64_t timeout_ns) {
    const Fd *event = engine->io.device().event();
    if (event == nullptr) {
        engine->io.wait(); // a simulated one: its time goes on when it waits
        return;
    }
    constexpr std::uint64_t longest_ms = 100;
    pollfd events[] = {{event->get(), POLLIN, 0}, {engine->workers.event().get(), POLLIN, 0}};
    ::poll(events, 2, static_cast<int>(std::min(longest_ms, (timeout_ns + ns_per_ms - 1) / ns_per_ms)));
}

} // namespace uakv::disk
