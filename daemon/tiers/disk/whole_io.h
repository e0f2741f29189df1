// Reads and writes that go on where the device does less than was asked for.
#pragma once

#include "daemon/tiers/disk/io_queue.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace uakv::disk {

// An errno or 0, and how many bytes were read or written, in whole pages. The memory stays until then.
using WholeThen = std::function<void(int error, std::uint64_t bytes)>;

// Fewer bytes than asked for, without an error: the file ends there.
void read_whole(IoQueue &io, BlockDevice::FileName name, std::uint64_t offset, std::span<std::byte> target,
                WholeThen then);

// All of it, or an error.
void write_whole(IoQueue &io, BlockDevice::FileName name, std::uint64_t offset, std::span<const std::byte> source,
                 WholeThen then);

} // namespace uakv::disk
