#include "daemon/tiers/disk/whole_io.h"

#include "ipc/limits.h"

#include <cerrno>
#include <memory>
#include <utility>

namespace uakv::disk {
namespace {

constexpr unsigned idle_max = 32; // requests in a row that do less than a page: the device is not sane

struct Whole : std::enable_shared_from_this<Whole> {
    IoQueue &io;
    BlockDevice::FileName name;
    std::uint64_t offset;
    std::span<std::byte> target;       // of a read
    std::span<const std::byte> source; // of a write
    WholeThen then;
    std::uint64_t through = 0;
    unsigned idle = 0;

    Whole(IoQueue &queue, BlockDevice::FileName file, std::uint64_t at, WholeThen next)
        : io(queue), name(file), offset(at), then(std::move(next)) {}

    std::uint64_t wanted() const { return target.size() + source.size(); }

    void go_on() {
        const auto next = [self = shared_from_this()](const BlockDevice::Done &done) { self->arrived(done); };
        if (!target.empty()) {
            io.read(name, offset + through, target.subspan(through), next);
        } else {
            const BlockDevice::Piece piece = source.subspan(through);
            io.write(name, offset + through, {&piece, 1}, next);
        }
    }

    void arrived(const BlockDevice::Done &done) {
        const std::uint64_t pages = done.bytes / limits::page_bytes;
        through += pages * limits::page_bytes;
        idle = pages == 0 ? idle + 1 : 0;
        const bool file_ends = done.bytes == 0 && !target.empty();
        if (done.error != 0 || file_ends || through == wanted()) {
            then(done.error, through);
        } else if (idle == idle_max) {
            then(EIO, through);
        } else {
            go_on();
        }
    }
};

} // namespace

void read_whole(IoQueue &io, BlockDevice::FileName name, std::uint64_t offset, std::span<std::byte> target,
                WholeThen then) {
    const auto whole = std::make_shared<Whole>(io, name, offset, std::move(then));
    whole->target = target;
    whole->go_on();
}

void write_whole(IoQueue &io, BlockDevice::FileName name, std::uint64_t offset, std::span<const std::byte> source,
                 WholeThen then) {
    const auto whole = std::make_shared<Whole>(io, name, offset, std::move(then));
    whole->source = source;
    whole->go_on();
}

} // namespace uakv::disk
