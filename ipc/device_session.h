// What a client of a device arena shares with the daemon: a session like any other, and two tables by which its
// streams, and not its processor, say when a block is written and when a view is through. The client writes all of it;
// the daemon reads it through untrusted.h and believes it no more than the client could harm itself.
#pragma once

#include "ipc/session_layout.h"

#include <cstddef>
#include <cstdint>

namespace uakv {

// Where a stream of the client has come to. The stream itself writes the word, on the device, and what it writes there
// only grows.
struct alignas(limits::cache_line_bytes) StreamWord {
    std::uint64_t reached;
    std::uint64_t reserved[7];
};

struct DeviceSessionLayout {
    SessionLayout session; // as every client has
    // One page, which the client registers with CUDA.
    alignas(limits::page_bytes) StreamWord streams[limits::device_streams_max];
    // By lease word. 0: none; (stream + 1) << 48 | value: the lease ends when streams[stream].reached >= value.
    std::uint64_t releases[limits::lease_words];
};
static_assert(offsetof(DeviceSessionLayout, session) == 0);
static_assert(offsetof(DeviceSessionLayout, streams) == sizeof(SessionLayout));
static_assert(sizeof(DeviceSessionLayout::streams) == limits::page_bytes);
static_assert(offsetof(DeviceSessionLayout, releases) == sizeof(SessionLayout) + limits::page_bytes);
static_assert(sizeof(DeviceSessionLayout) % limits::page_bytes == 0);

constexpr unsigned release_value_bits = 48;
constexpr std::uint64_t release_value_max = (std::uint64_t{1} << release_value_bits) - 1;
static_assert(limits::device_streams_max < (1U << (64 - release_value_bits)));

} // namespace uakv
