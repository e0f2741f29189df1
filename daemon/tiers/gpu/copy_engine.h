// Copies between a device's segments and host memory, by the driver: the device's primary context, a stream each way,
// and the segments of the arena as they are mapped here. For one thread alone, from its making to its end.
//
// Everything that the driver can refuse is an outcome. After an error that takes the context with it (is_lost())
// nothing more is asked of it.
#pragma once

#include "daemon/store/block_copier.h"
#include "ipc/cuda/driver.h"
#include "ipc/fd.h"
#include "ipc/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace uakv::gpu {

class CopyEngine {
public:
    // Retains the context. UAKV_ERR_GPU.
    static Result<std::unique_ptr<CopyEngine>> open(const cuda::Driver &driver, int ordinal,
                                                    std::uint64_t segment_bytes);
    ~CopyEngine(); // waits for what is under way, and gives everything back
    CopyEngine(const CopyEngine &) = delete;
    CopyEngine &operator=(const CopyEngine &) = delete;

    // Maps a segment of the arena by its descriptor.
    Result<void> import(SegmentId segment, const Fd &descriptor);
    bool has(SegmentId segment) const { return segment < segments_.size() && segments_[segment] != 0; }

    // Lets the device read and write this memory itself, from now to the end: copies are faster then. It is mapped
    // until this engine has gone.
    Result<void> register_memory(std::span<std::byte> memory);

    struct Job {
        BlockCopier::Way way = BlockCopier::Way::down;
        SegmentId segment = 0; // of the arena; it was imported
        std::uint64_t offset = 0;
        std::byte *host = nullptr;
        std::uint64_t bytes = 0;
        BlockCopier::Tag tag = 0;
    };
    // An error: it is not under way.
    Result<void> begin(const Job &job);

    // Appends what is done by now.
    void take_done(std::vector<BlockCopier::Done> &done);
    bool any() const { return !lanes_[0].under_way.empty() || !lanes_[1].under_way.empty(); }

    // The context is gone. What was under way ends in UAKV_ERR_GPU.
    bool is_lost() const { return lost_; }

    // The first error of a copy that was under way since the last call; empty: there was none.
    std::string take_trouble() { return std::exchange(trouble_, {}); }

private:
    struct UnderWay {
        BlockCopier::Tag tag = 0;
        cuda::Event event = nullptr;
    };
    struct Lane { // one way
        cuda::Stream stream = nullptr;
        std::deque<UnderWay> under_way;
    };

    CopyEngine(const cuda::Driver &driver, int ordinal, std::uint64_t segment_bytes)
        : driver_(driver), ordinal_(ordinal), segment_bytes_(segment_bytes) {}
    Result<void> begin_context();
    Result<void> check(std::string_view call, cuda::Status status);
    Result<void> map(cuda::DevicePtr address, const Fd &descriptor);
    Result<cuda::Event> take_event();
    Result<void> enqueue(const Job &job, cuda::Stream stream);
    void fail_all(std::vector<BlockCopier::Done> &done);

    const cuda::Driver &driver_;
    int ordinal_;
    cuda::Device device_ = 0;
    std::uint64_t segment_bytes_;
    bool retained_ = false;
    bool pushed_ = false;
    bool lost_ = false;
    std::array<Lane, 2> lanes_;             // by Way
    std::vector<cuda::DevicePtr> segments_; // 0: not mapped
    std::vector<std::byte *> registered_;
    std::vector<cuda::Event> events_; // free ones
    std::string trouble_;
};

} // namespace uakv::gpu
