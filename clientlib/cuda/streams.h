// The streams of one device session, and the views that end when these have got somewhere.
//
// Each stream that is used has a word of the session (ipc/device_session.h), and each mark on it a value one higher
// than the last: the stream writes it there once all is done that was enqueued before. So `reached` only grows, and a
// mark is passed when its value is.
//
// A stream is told from others by its id (cuStreamGetId), never by its handle: what is made after one was destroyed may
// have the same. A word goes to another stream only once everything that was marked on it has been reached.
//
// How a stream writes, first what costs least: cuStreamWriteValue64; cuLaunchHostFunc; or not at all, and then the
// stream is synchronised. That is also done where all words are busy. What the driver cannot do is tried once.
//
// Threads: any. The driver is called under the lock of one word, so that values are enqueued in order; never under the
// lock of the table, because a stream that is full makes its caller wait.
#pragma once

#include "clientlib/attachment.h"
#include "clientlib/cuda/device.h"
#include "clientlib/leases.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

namespace uakv {

class Streams final : public SessionCompanion {
public:
    struct Mark {
        std::uint16_t stream;
        std::uint64_t value;
    };

    Streams(std::shared_ptr<ClientDevice> device, DeviceSessionLayout &session, Leases &leases);
    ~Streams() override;

    // Passed when the stream has done what was enqueued on it before. Nothing: it has done all of that already.
    // After an error nothing was enqueued: UAKV_ERR_UNSUPPORTED (the stream is being captured), UAKV_ERR_INVALID (not a
    // stream of the context), UAKV_ERR_BUSY (the driver refused, perhaps not the next time). UAKV_ERR_GPU: the context
    // is lost, and all that ran in it has ended.
    Result<std::optional<Mark>> mark(cuda::Stream stream);
    bool is_passed(const Mark &mark) const;
    // The context of the mark was lost: what its stream should have done may not have been done.
    bool is_lost(const Mark &mark) const;

    // The lease of a retired word ends when the mark is passed: for the daemon at once, for us at one of the next
    // calls.
    void release_at(const Mark &mark, std::uint32_t word);
    // Gives back the words whose marks are passed. The number of those that are not.
    std::size_t end_passed();

private:
    struct Place {
        std::mutex mutex; // held while a value is enqueued
        std::atomic<std::uint64_t> issued{0};
        std::atomic<bool> lost{false};
        // Under the lock of the table:
        std::uint64_t id = 0; // of no stream: 0
        cuda::Context context = nullptr;
        std::uint32_t users = 0; // threads that are about to enqueue
        std::uint64_t turn = 0;  // when it was used last
        // Under the lock of the endings, in the order of their values, or nearly:
        struct Ending {
            std::uint32_t word;
            std::uint64_t value;
        };
        std::deque<Ending> endings;
    };
    enum class Way { write_value, host_function, synchronise };

    struct Tried {
        const char *call;
        cuda::Status status;
    };

    std::uint64_t &reached(std::size_t place) const { return session_.streams[place].reached; }
    std::size_t take_place(std::uint64_t id, cuda::Context context);
    void leave_place(std::size_t place);
    Tried enqueue(std::size_t place, cuda::Stream stream);
    Tried write_value(std::size_t place, std::uint64_t value, cuda::Stream stream);
    cuda::Status register_page();
    Result<std::optional<Mark>> synchronise(cuda::Stream stream, cuda::Context context);
    Error refuse(const Tried &tried, cuda::Context context);
    void lose(cuda::Context context);
    void end_passed(std::size_t place);

    static constexpr std::size_t places = limits::device_streams_max;
    static constexpr std::size_t no_place = places;

    const std::shared_ptr<ClientDevice> device_;
    DeviceSessionLayout &session_;
    Leases &leases_;
    std::mutex table_mutex_; // which stream has which place
    std::uint64_t turns_ = 0;
    std::array<Place, places> places_;
    std::atomic<Way> way_{Way::write_value};
    std::mutex page_mutex_;
    std::atomic<cuda::DevicePtr> page_{0}; // where the words lie for the device, once it can write there
    std::mutex endings_mutex_;
    std::size_t endings_ = 0;
};

} // namespace uakv
