#include "daemon/tiers/disk/checkpoints.h"

#include <algorithm>
#include <utility>

namespace uakv::disk {

Checkpoints::Checkpoints(Engine &engine, const Compaction::Parts &parts, Compaction &compaction)
    : engine_(engine), parts_(parts), compaction_(compaction),
      checkpointer_(engine.io, parts.blocks.catalog(), engine.store) {}

void Checkpoints::adopt(const Recovered &found, const std::vector<BlockDevice::FileInfo> &there) {
    next_number_ = found.next_checkpoint;
    old_ = found.checkpoints;
    for (const BlockDevice::FileInfo &file : there) {
        if (file.name.kind == FileKind::checkpoint && std::ranges::count(old_, file.name.number) > 0) {
            parts_.files.add_checkpoint(file.name.number, file.bytes);
        }
    }
    engine_.counts.checkpoint_wall_ms = found.checkpoint_ms;
    // What came after the checkpoint, or a log without one, is told by the next one.
    sequence_ = found.from_checkpoint && found.batches_read == 0 ? found.next_sequence : 0;
    ended_ns_ = engine_.now.now_ns;
}

bool Checkpoints::is_stale() const {
    return engine_.next_sequence != sequence_ && (parts_.blocks.catalog().count() > 0 || !old_.empty());
}

bool Checkpoints::due() const {
    if (!is_stale() || !has_place() || backoff_.waiting(engine_.now.now_ns) || engine_.broken || engine_.closing) {
        return false;
    }
    return parts_.writer.log_bytes() - log_bytes_ >= engine_.options.checkpoint_bytes ||
           engine_.now.now_ns - ended_ns_ >= engine_.options.checkpoint_ns;
}

void Checkpoints::turn() {
    if (!checkpointer_.creating()) {
        parts_.files.set_checkpoint_creating(0);
    }
    if (checkpointer_.running()) {
        parts_.files.set_checkpoint_reserve(0);
        checkpointer_.step();
        return;
    }
    parts_.files.set_checkpoint_reserve(has_place() ? checkpointer_.bytes_wanted() : 0);
    if (due()) {
        begin();
    }
}

// There may be two of them at once, beside files that can be written to. Under a very small cap there is none.
bool Checkpoints::has_place() const {
    return 2 * checkpointer_.bytes_wanted() + 3 * parts_.files.file_bytes() <= engine_.options.bytes_max;
}

// While a space is being cleared the catalog has blocks that are gone, and behind the clear's record nothing tells so.
bool Checkpoints::begin() {
    if (checkpointer_.running() || parts_.blocks.clearing() || parts_.files.any_sync_failed()) {
        return false;
    }
    const std::uint64_t bytes = checkpointer_.bytes_wanted();
    if (!parts_.files.may_create(bytes)) {
        backoff_.failed(engine_.now.now_ns);
        compaction_.want_room();
        return false;
    }
    const std::uint32_t number = next_number_++;
    parts_.files.add_checkpoint(number, bytes);
    parts_.files.set_checkpoint_creating(bytes);
    parts_.files.set_checkpoint_reserve(0);
    log_bytes_ = parts_.writer.log_bytes();
    const Checkpointer::Plan plan{number, parts_.writer.replay_from(), engine_.next_sequence, engine_.now.wall_ms};
    checkpointer_.begin(
        plan, [this](std::function<void(int)> then) { parts_.syncer.sync(std::move(then)); },
        [this, number, sequence = plan.next_sequence, wall_ms = plan.wall_ms](int error) {
            if (error == 0) {
                engine_.counts.checkpoint_wall_ms = wall_ms;
            }
            ended(number, sequence, error);
        });
    return true;
}

void Checkpoints::ended(std::uint32_t number, std::uint64_t sequence, int error) {
    last_failed_ = error != 0;
    ended_ns_ = engine_.now.now_ns;
    if (error != 0) {
        backoff_.failed(engine_.now.now_ns);
        if (checkpointer_.left_file()) {
            old_.push_back(number);
        } else {
            parts_.files.remove_checkpoint(number);
        }
        if (engine_.write_trouble.due(engine_.now.now_ns)) {
            log_warn("disk tier: checkpoint {} failed: {}; the one before it stays, and a start would read more of the "
                     "log",
                     number, std::strerror(error));
        }
        return;
    }
    backoff_.worked();
    sequence_ = sequence;
    ++engine_.counts.checkpoints;
    remove_old(number);
}

void Checkpoints::remove_old(std::uint32_t newest) {
    for (const std::uint32_t number : std::exchange(old_, {newest})) {
        engine_.io.remove({FileKind::checkpoint, number}, [this, number](const IoQueue::Done &done) {
            if (done.error == 0) {
                parts_.files.remove_checkpoint(number);
            } else {
                old_.push_back(number); // with the next one
            }
        });
    }
}

std::uint64_t Checkpoints::wants_turn_ns() const {
    if (checkpointer_.running()) {
        return ns_per_ms;
    }
    if (!is_stale() || !has_place() || engine_.broken || engine_.closing) {
        return UINT64_MAX;
    }
    const std::uint64_t at_ns = std::max(ended_ns_ + engine_.options.checkpoint_ns, backoff_.until_ns());
    return std::max(at_ns, engine_.now.now_ns) - engine_.now.now_ns;
}

} // namespace uakv::disk
