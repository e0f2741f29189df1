// The calls of codec.h with the kernels chosen by hand: for tests, which compare them, and for the bench.
#pragma once

#include "ipc/codec/codec.h"
#include "ipc/codec/plane_kernels.h"

namespace uakv::codec {

std::size_t encode_frame_with(const PlaneKernels &kernels, Codec codec, std::uint32_t dtype,
                              std::span<const std::byte> block, std::uint64_t checksum, std::span<std::byte> frame);

bool decode_frame_with(const PlaneKernels &kernels, std::span<const std::byte> frame, std::span<std::byte> block);

} // namespace uakv::codec
