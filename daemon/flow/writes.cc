#include "daemon/flow/writes.h"

#include "ipc/clock.h"
#include "ipc/limits.h"

#include <algorithm>
#include <utility>

namespace uakv::flow {
namespace {

// Enough to keep a fast disk busy while the next batch is put together; and so little that what is held does not keep
// others from memory.
constexpr std::uint64_t window_bytes_max = 64ULL << 20;
constexpr std::uint64_t window_parts_of_memory = 8;

} // namespace

Writes::Begun Writes::begin(EntryId entry, bool wanted, Waiter waiter) {
    const Store &store = context_.store;
    const Generation generation = store.index().entry(entry).generation;
    if (!is_live(generation) || (home_of(store.index().entry(entry)).flags & entry_on_disk) != 0) {
        return Begun::not_at_all; // a cold one, too, is on disk
    }
    const BlockDescription block = store.index().describe(entry);
    if (boot_ms() >= block.expires_ms || context_.spaces.is_clearing(block.space)) {
        return Begun::not_at_all;
    }
    const BlockKey key{block.space, block.key};
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
        Write &other = writes_.at(known->second);
        if (other.forgotten || other.generation != generation) {
            return Begun::not_now;
        }
        if (waiter != nobody) {
            other.waiters.push_back(waiter);
        }
        return Begun::under_way;
    }
    if (!has_room(block.length)) {
        return Begun::not_now;
    }
    Write write;
    write.entry = entry;
    write.generation = generation;
    write.block = key;
    write.description = block;
    write.wanted = wanted;
    write.uses = store.uses(entry);
    if (waiter != nobody) {
        write.waiters.push_back(waiter);
    }
    const std::uint64_t number = next_;
    if (!prepare(number, writes_.emplace(number, std::move(write)).first->second)) {
        writes_.erase(number);
        return Begun::not_now;
    }
    ++next_;
    by_key_[key] = number;
    bytes_ += block.length;
    context_.store.hold(entry);
    return Begun::yes;
}

bool Writes::left_memory(const BlockKey &block) {
    const auto found = by_key_.find(block);
    if (found == by_key_.end()) {
        return false;
    }
    Write &write = writes_.at(found->second);
    if (!std::exchange(write.has_left, true)) {
        context_.spaces.leaving_begun(block.space);
    }
    return true;
}

bool Writes::has_room(std::uint64_t bytes) const {
    const std::uint64_t window = std::min(window_bytes_max, context_.memory_bytes() / window_parts_of_memory);
    return context_.disk.accepts_writes() && (bytes_ == 0 || bytes_ + bytes <= window);
}

// What fits into one page takes one on disk however short its frame is.
bool Writes::may_be_encoded(const Write &write) const {
    return context_.options.compress && write.payload.size() > limits::page_bytes &&
           context_.buffers.serves(write.payload.size());
}

// False: there is no buffer for its frame just now.
bool Writes::prepare(std::uint64_t number, Write &write) {
    write.payload = context_.store.bytes_of(write.entry);
    const std::uint32_t dtype = context_.store.spaces().find(write.block.space)->dtype;
    if (write.description.stored_bytes != 0) { // it is a frame already, that the disk has let go of
        const auto info = read_frame_info(write.payload);
        if (info) {
            write.codec = info->codec;
        }
        context_.run([&write] { write.payload_checksum = checksum_of(write.payload.data(), write.payload.size()); },
                     [this, number, &write] { submit(number, write); });
        return true;
    }
    write.codec = may_be_encoded(write) ? chooser_.choose(write.block.space, dtype) : Codec::none;
    if (write.codec != Codec::none) {
        const auto buffer = context_.buffers.take(CodecChooser::frame_bytes_kept_max(write.payload.size()));
        if (!buffer) {
            chooser_.take_back(write.block.space);
            return false;
        }
        write.buffer = *buffer;
        encode(number, write, dtype);
        return true;
    }
    write.payload_checksum = write.description.checksum;
    submit(number, write);
    return true;
}

void Writes::encode(std::uint64_t number, Write &write, std::uint32_t dtype) {
    const auto work = [&write, dtype] {
        const std::uint64_t kept_max = CodecChooser::frame_bytes_kept_max(write.payload.size()); // a buffer is pages
        const std::size_t bytes =
            encode_frame(write.codec, dtype, write.payload, write.description.checksum, write.buffer.first(kept_max));
        if (bytes != 0) {
            write.payload = write.buffer.first(bytes);
            write.payload_checksum = checksum_of(write.payload.data(), bytes);
        }
    };
    context_.run(work, [this, number, &write] {
        settle_encoded(write);
        submit(number, write);
    });
}

// What was forgotten meanwhile says nothing about what its space has now.
void Writes::settle_encoded(Write &write) {
    const bool is_frame = write.payload.data() == write.buffer.data();
    if (!write.forgotten) {
        chooser_.note(write.block.space, write.codec, write.description.length, is_frame ? write.payload.size() : 0);
    }
    if (is_frame) {
        ++context_.statistics.encoded;
        context_.statistics.bytes_before_encoding += write.description.length;
        context_.statistics.bytes_after_encoding += write.payload.size();
        return;
    }
    ++context_.statistics.encoded_in_vain;
    write.codec = Codec::none;
    write.payload_checksum = write.description.checksum;
    context_.buffers.give_back(std::exchange(write.buffer, {}));
}

void Writes::submit(std::uint64_t number, Write &write) {
    if (write.forgotten) {
        written(number, UAKV_MISS);
        return;
    }
    const BlockDescription &block = write.description;
    disk::DiskTier::Write request;
    request.space = context_.spaces.number_for_write(block.space);
    request.key = block.key;
    request.parent = block.parent;
    request.block_bytes = block.length;
    request.checksum = block.checksum;
    request.payload_checksum = write.payload_checksum;
    request.expires_ms = to_wall_ms(block.expires_ms, context_.clock().wall_ms, boot_ms());
    request.uses = write.uses;
    request.codec = static_cast<std::uint8_t>(write.codec);
    request.wanted = write.wanted;
    request.payload = write.payload;
    request.tag = number;
    context_.disk.write(request);
}

void Writes::written(disk::DiskTier::Tag tag, uakv_status status) {
    const auto found = writes_.find(tag);
    UAKV_ASSERT(found != writes_.end());
    const Write write = std::move(found->second);
    writes_.erase(found);
    by_key_.erase(write.block);
    bytes_ -= write.description.length;
    if (!write.buffer.empty()) {
        context_.buffers.give_back(write.buffer);
    }
    context_.store.let_go(write.entry);
    settle(write, status);
    if (write.has_left) {
        context_.spaces.leaving_ended(write.block.space);
    }
    for (const Waiter waiter : write.waiters) {
        ended_.push_back({waiter, write.forgotten ? UAKV_MISS : status, write.entry, write.generation});
    }
}

void Writes::settle(const Write &write, uakv_status status) {
    const bool there = status == UAKV_OK || status == UAKV_EXISTS;
    if (write.forgotten) {
        erase(write.block); // also where it was to be refused: an older one may be there
        return;
    }
    refused_ = refused_ || !there;
    if (there) {
        settle_written(write);
    } else if (!context_.store.is_live(write.entry, write.generation) &&
               !context_.store.find_even_expired(write.block.space, write.block.key)) {
        ++context_.statistics.unsaved;
        context_.spaces.note_unsaved(write.block.space);
    }
}

// It may be in another slot by now, or it had to leave memory before it was on disk. What is on disk under the key must
// be what was written: it was there before where a clear or a removal has not come through yet.
void Writes::settle_written(const Write &write) {
    const BlockKey &key = write.block;
    const auto number = context_.spaces.number_of(key.space);
    const auto place = number ? context_.disk.catalog().find(*number, key.key) : std::nullopt;
    if (!place) {
        return; // gone again already
    }
    const auto is_it = [&](std::uint64_t length, std::uint64_t checksum) {
        const disk::CatalogBlock &there = context_.disk.catalog().block(*place);
        return there.block_bytes == length && there.checksum == checksum;
    };
    Store &store = context_.store;
    const auto entry = store.find_even_expired(key.space, key.key);
    const BlockDescription block = entry ? store.index().describe(*entry) : write.description;
    if (!is_it(block.length, block.checksum)) {
        erase(key);
        return;
    }
    ++context_.statistics.cleaned;
    if (!entry) {
        if (!store.publish_cold(block).ok()) {
            erase(key);
        }
    } else if (!block.cold) {
        store.set_on_disk(*entry, true);
    }
}

// While its space is cleared the disk knows already, of all of it.
void Writes::erase(const BlockKey &block) {
    const auto number = context_.spaces.number_of(block.space);
    if (number && !context_.spaces.is_clearing(block.space)) {
        context_.disk.erase(*number, block.key);
    }
}

void Writes::forgotten(const BlockKey &block) {
    if (const auto known = by_key_.find(block); known != by_key_.end()) {
        writes_.at(known->second).forgotten = true;
    }
}

void Writes::forgotten(SpaceId space) {
    chooser_.forget(space); // what comes next may be of another kind
    for (auto &[number, write] : writes_) {
        write.forgotten = write.forgotten || write.block.space == space;
    }
}

} // namespace uakv::flow
