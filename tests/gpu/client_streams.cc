// The table of streams in a device session: what is told to a stream, how it says that it has got there, and what ends
// with that. No daemon.
#include "clientlib/cuda/streams.h"
#include "gpu/gpu_client.h"
#include "ipc/lease_table.h"
#include "ipc/memfd.h"

#include <algorithm>
#include <set>

namespace uakv::test {
namespace {

// A session without a daemon.
class Session {
public:
    explicit Session(int ordinal = 0) {
        auto fd = create_memfd("session", sizeof(DeviceSessionLayout));
        CHECK(fd.ok());
        auto mapping = Mapping::map(fd.value(), sizeof(DeviceSessionLayout), Access::read_write);
        CHECK(mapping.ok());
        mapping_ = std::move(mapping.value());
        auto device = ClientDevice::open(ordinal);
        CHECK_MESSAGE(device.ok(), device.ok() ? "" : device.error().detail);
        streams_ = std::make_unique<Streams>(std::move(device.value()), layout(), leases_);
    }

    Streams &streams() { return *streams_; }
    Leases &leases() { return leases_; }
    DeviceSessionLayout &layout() { return mapping_.at<DeviceSessionLayout>(0); }

    Streams::Mark mark(cuda::Stream stream) {
        auto made = streams_->mark(stream);
        CHECK_MESSAGE(made.ok(), made.ok() ? "" : made.error().detail);
        CHECK_MESSAGE(made.value().has_value(), "the stream was synchronised");
        return *made.value();
    }

    // A view that was open and is retired.
    std::uint32_t retired_word() {
        const std::uint32_t word = leases_.claim();
        const std::uint32_t ticket = leases_.open(word, 1);
        store_release(layout().session.leases[word], make_lease(word, 2));
        CHECK_EQ(leases_.retire(word, ticket), 1);
        return word;
    }

private:
    Mapping mapping_;
    Leases leases_;
    std::unique_ptr<Streams> streams_;
};

void check_refused(const Result<std::optional<Streams::Mark>> &made, uakv_status status, const std::string &text) {
    CHECK(!made.ok());
    CHECK_STATUS(made.error().status, status);
    CHECK_MESSAGE(made.error().detail.find(text) != std::string::npos, made.error().detail);
}

void passed_in_order() {
    const Caller caller;
    const OwnStream stream;
    Session session;
    fake().hold(stream);
    const Streams::Mark first = session.mark(stream), second = session.mark(stream);
    CHECK_EQ(second.value, first.value + 1);
    CHECK_EQ(second.stream, first.stream);
    CHECK(!session.streams().is_passed(first));
    CHECK_EQ(fake().step(stream, 1), 1);
    CHECK(session.streams().is_passed(first));
    CHECK(!session.streams().is_passed(second));
    CHECK_EQ(fake().step(stream, 1), 1);
    CHECK(session.streams().is_passed(second));
}

void streams_apart() {
    const Caller caller;
    const OwnStream held, free;
    Session session;
    fake().hold(held);
    const Streams::Mark later = session.mark(held), soon = session.mark(free);
    CHECK(later.stream != soon.stream);
    await("the other stream gets there", [&] { return session.streams().is_passed(soon); });
    CHECK(!session.streams().is_passed(later));
    fake().let_go(held);
    await("the held stream gets there", [&] { return session.streams().is_passed(later); });
}

// The daemon sees the word of the release at once; we use the lease word again only after.
void release_in_time() {
    const Caller caller;
    const OwnStream stream;
    Session session;
    fake().hold(stream);
    const std::uint32_t word = session.retired_word();
    const Streams::Mark mark = session.mark(stream);
    session.streams().release_at(mark, word);
    CHECK_EQ(load_acquire(session.layout().releases[word]),
             (std::uint64_t{mark.stream} + 1) << release_value_bits | mark.value);
    CHECK_EQ(session.streams().end_passed(), 1);
    CHECK(load_acquire(session.layout().session.leases[word]) != 0);
    CHECK(session.leases().may_use(1)); // so its memory stays
    CHECK_EQ(fake().step(stream, 1), 1);
    CHECK(load_acquire(session.layout().session.leases[word]) != 0);
    CHECK_EQ(session.streams().end_passed(), 0);
    CHECK_EQ(load_acquire(session.layout().session.leases[word]), 0);
    CHECK_EQ(load_acquire(session.layout().releases[word]), 0);
    CHECK(!session.leases().may_use(1));
    CHECK_EQ(session.leases().claim(), word);
}

// 64 that are busy have a word each; the next is waited for.
void more_streams_than_words() {
    const Caller caller;
    Session session;
    std::vector<OwnStream> streams(limits::device_streams_max);
    std::vector<Streams::Mark> marks;
    std::set<std::uint16_t> places;
    for (const OwnStream &stream : streams) {
        fake().hold(stream);
        marks.push_back(session.mark(stream));
        places.insert(marks.back().stream);
    }
    CHECK_EQ(places.size(), limits::device_streams_max);
    const OwnStream one_more;
    auto made = session.streams().mark(one_more);
    CHECK(made.ok());
    CHECK(!made.value().has_value());
    for (std::size_t i = 0; i < streams.size(); ++i) {
        CHECK(!session.streams().is_passed(marks[i]));
        fake().let_go(streams[i]);
    }
    for (const Streams::Mark &mark : marks) {
        await("each stream gets there", [&] { return session.streams().is_passed(mark); });
    }
    const Streams::Mark now = session.mark(one_more);
    await("the last one, in the place of another", [&] { return session.streams().is_passed(now); });
}

// What a stream that was destroyed still does must not be taken for the work of one made after it, whatever its handle.
void destroyed_with_work() {
    const Caller caller;
    Session session;
    OwnStream first;
    fake().hold_all();
    const Streams::Mark old = session.mark(first);
    first.destroy();
    for (int i = 0; i < 100; ++i) { // sooner or later the handle comes again
        OwnStream next;
        auto made = session.streams().mark(next);
        CHECK(made.ok() && made.value().has_value());
        CHECK(made.value()->stream != old.stream);
        CHECK(!session.streams().is_passed(old));
        while (fake().pending(next) > 0) {
            fake().step(next, 1);
        }
        CHECK(session.streams().is_passed(*made.value()));
        CHECK(!session.streams().is_passed(old));
    }
    fake().let_all_go();
    await("the destroyed stream gets there", [&] { return session.streams().is_passed(old); });
}

void check_works(Session &session) {
    const OwnStream stream;
    fake().hold(stream);
    const Streams::Mark first = session.mark(stream), second = session.mark(stream);
    CHECK_EQ(fake().step(stream, 1), 1);
    CHECK(session.streams().is_passed(first));
    CHECK(!session.streams().is_passed(second));
    fake().let_go(stream);
    await("the second mark", [&] { return session.streams().is_passed(second); });
}

void check_synchronises(Session &session) {
    const OwnStream stream;
    auto made = session.streams().mark(stream);
    CHECK_MESSAGE(made.ok(), made.ok() ? "" : made.error().detail);
    CHECK(!made.value().has_value());
}

// First what costs least, then a function on the host, then the wait.
void fallbacks() {
    const Caller caller;
    Session session;
    const std::uint64_t launched = fake().calls("cuLaunchHostFunc"), waited = fake().calls("cuStreamSynchronize");
    check_works(session);
    CHECK_EQ(fake().calls("cuLaunchHostFunc"), launched);
    fake().fail("cuStreamWriteValue64", 1, true, cuda::error_not_supported);
    check_works(session);
    CHECK_EQ(fake().calls("cuLaunchHostFunc"), launched + 2);
    const std::uint64_t tried = fake().calls("cuStreamWriteValue64");
    check_works(session);
    CHECK_EQ(fake().calls("cuStreamWriteValue64"), tried); // once was enough
    CHECK_EQ(fake().calls("cuStreamSynchronize"), waited);
    fake().fail("cuLaunchHostFunc", 1, true, cuda::error_not_supported);
    check_synchronises(session);
    fake().mend();
    check_synchronises(session); // for good
}

// What fails once is tried again the next time.
void failing_once() {
    const Caller caller;
    Session session;
    check_works(session);
    const std::uint64_t launched = fake().calls("cuLaunchHostFunc");
    fake().fail("cuStreamWriteValue64", 1, false, cuda::error_out_of_memory);
    check_works(session);
    CHECK_EQ(fake().calls("cuLaunchHostFunc"), launched + 1);
    fake().fail("cuStreamWriteValue64", 1, false, cuda::error_out_of_memory);
    fake().fail("cuLaunchHostFunc", 1, false, cuda::error_out_of_memory);
    check_synchronises(session);
    check_works(session);
    fake().fail("cuStreamGetId", 1, false, cuda::error_invalid_value);
    check_synchronises(session);
    check_works(session);
    const OwnStream stream;
    for (const char *name : {"cuStreamIsCapturing", "cuCtxGetCurrent"}) {
        fake().fail(name, 1, false, cuda::error_out_of_memory);
        check_refused(session.streams().mark(stream), UAKV_ERR_BUSY, name);
    }
    fake().fail("cuStreamGetId", 1, false, cuda::error_invalid_value);
    fake().fail("cuStreamSynchronize", 1, false, cuda::error_out_of_memory);
    check_refused(session.streams().mark(stream), UAKV_ERR_BUSY, "cuStreamSynchronize");
    fake().mend();
    check_works(session);
}

// The page of the words cannot be registered: functions on the host can write it all the same.
void page_refused() {
    const Caller caller;
    for (const char *name : {"cuMemHostRegister", "cuMemHostGetDevicePointer"}) {
        Session session;
        fake().fail(name, 1, false, cuda::error_out_of_memory);
        const std::uint64_t launched = fake().calls("cuLaunchHostFunc");
        check_works(session);
        CHECK_EQ(fake().calls("cuLaunchHostFunc"), launched + 2);
    }
    fake().mend();
    CHECK_EQ(fake().counts().registrations, 0);
}

void captured() {
    const Caller caller;
    const OwnStream stream;
    Session session;
    fake().set_capture(stream, cuda::capture_active);
    check_refused(session.streams().mark(stream), UAKV_ERR_UNSUPPORTED, "captured");
    CHECK_EQ(fake().captured(stream), 0);
    fake().set_capture(stream, cuda::capture_none);
    fake().fail("cuStreamIsCapturing", 1, false, cuda::error_capture_implicit);
    check_refused(session.streams().mark(stream), UAKV_ERR_UNSUPPORTED, "captured");
    fake().mend();
    const Streams::Mark mark = session.mark(stream);
    await("the stream gets there", [&] { return session.streams().is_passed(mark); });
}

void not_a_stream() {
    const Caller caller;
    Session session;
    OwnStream gone;
    const cuda::Stream stale = gone;
    gone.destroy();
    check_refused(session.streams().mark(stale), UAKV_ERR_INVALID, "current context");
}

// The caller's own context is used where he has one on the device, otherwise the primary one; and what was current is.
void contexts() {
    driver();
    Session session;
    cuda::Context current = nullptr;
    CHECK_EQ(driver().ctx_get_current(&current), cuda::success);
    CHECK(current == nullptr);
    const Streams::Mark first = session.mark(cuda::stream_default);
    await("the primary context's default stream", [&] { return session.streams().is_passed(first); });
    CHECK_EQ(driver().ctx_get_current(&current), cuda::success);
    CHECK(current == nullptr);

    cuda::Context own = fake().make_context(0);
    CHECK_EQ(driver().ctx_push_current(own), cuda::success);
    fake().hold(cuda::stream_default);
    const Streams::Mark second = session.mark(cuda::stream_default);
    CHECK(second.stream != first.stream);
    CHECK(!session.streams().is_passed(second));
    CHECK_EQ(driver().ctx_get_current(&current), cuda::success);
    CHECK(current == own);
    CHECK_EQ(fake().step(cuda::stream_default, 1), 1);
    CHECK(session.streams().is_passed(second));
    CHECK_EQ(driver().ctx_pop_current(&current), cuda::success);
    fake().destroy_context(own);
}

// Nothing runs in a context that is lost, so nothing is waited for that was marked there.
void lost_context() {
    driver();
    cuda::Context own = fake().make_context(0);
    CHECK_EQ(driver().ctx_push_current(own), cuda::success);
    Session session;
    const OwnStream stream;
    fake().hold(stream);
    const std::uint32_t word = session.retired_word();
    const Streams::Mark mark = session.mark(stream);
    session.streams().release_at(mark, word);
    fake().fail("cuStreamWriteValue64", 1, false, cuda::error_illegal_address);
    check_refused(session.streams().mark(stream), UAKV_ERR_GPU, "cuStreamWriteValue64");
    CHECK(session.streams().is_lost(mark));
    CHECK(session.streams().is_passed(mark));
    CHECK_EQ(session.streams().end_passed(), 0);
    CHECK_EQ(load_acquire(session.layout().session.leases[word]), 0);
    check_refused(session.streams().mark(stream), UAKV_ERR_GPU, "context is lost");
    cuda::Context popped = nullptr;
    CHECK_EQ(driver().ctx_pop_current(&popped), cuda::success);
    fake().destroy_context(own);
    fake().mend();
    const Caller caller;
    check_works(session); // in the primary one
}

void nothing_left() {
    {
        const Caller caller;
        Session session;
        check_works(session);
        CHECK_EQ(fake().counts().registrations, 1);
    }
    const fakecuda::Counts counts = fake().counts();
    CHECK_EQ(counts.registrations, 0);
    CHECK_EQ(counts.contexts, 0);
    CHECK_EQ(counts.streams, 0);
}

} // namespace
} // namespace uakv::test

int main() {
    using namespace uakv::test;
    use_stand_in();
    constexpr Case cases[] = {
        {"passed in order", passed_in_order},
        {"streams apart", streams_apart},
        {"release in time", release_in_time},
        {"more streams than words", more_streams_than_words},
        {"destroyed with work", destroyed_with_work},
        {"fallbacks", fallbacks},
        {"failing once", failing_once},
        {"page refused", page_refused},
        {"captured", captured},
        {"not a stream", not_a_stream},
        {"contexts", contexts},
        {"lost context", lost_context},
        {"nothing left", nothing_left},
    };
    return run_cases("gpu.client_streams", cases);
}
