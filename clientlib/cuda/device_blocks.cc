#include "clientlib/cuda/device_blocks.h"

#include "clientlib/calls.h"
#include "clientlib/handles.h"
#include "clientlib/hit.h"
#include "ipc/clock.h"

#include <chrono>
#include <thread>

namespace uakv {
namespace {

constexpr auto pause_between_looks = std::chrono::microseconds(50);

uakv_status miss(const DeviceSpace &space, RetrieveRequest request) {
    return note_miss(*space.device.client->attachments.visit(), request, false);
}

// Whether the host's memory has the block, or its disk: then the daemon can bring it here.
class Below {
public:
    explicit Below(uakv_space &space) {
        space.client->attachments.look_after();
        visit_ = space.client->attachments.visit();
        status_ = find_space(space, *visit_, space.client->deadline_ns(), id_);
    }

    // UAKV_OK; UAKV_MISS where the daemon does not know the space, or an error.
    uakv_status status() const { return status_; }
    bool has(const uakv_key &key) const {
        Lookup::Found found;
        return status_ == UAKV_OK && visit_->lookup().find(id_, key, found);
    }

private:
    Visit visit_;
    SpaceId id_ = no_space;
    uakv_status status_ = UAKV_OK;
};

// uakv_prefetch_cuda: one question for each key that lies below alone.
class PrefetchCall final : public Call {
public:
    PrefetchCall(Setting setting, const DeviceSpace &space, std::span<const uakv_key> keys, const Below &below)
        : Call(std::move(setting), keys.size(), lanes_max), space_(space), keys_(keys), below_(below) {}

    bool begin(std::size_t part, std::size_t, Submission &submission) override {
        if (status() < 0) {
            return false;
        }
        auto id = space_id_in(attachment(), space_.device, deadline_ns());
        if (!id.ok()) {
            return over(id.error().status == UAKV_ERR_DENIED ? UAKV_OK : uakv::fail(id.error()));
        }
        Lookup::Found found;
        if (attachment().lookup().find(id.value(), keys_[part], found) || !below_.has(keys_[part])) {
            return false;
        }
        submission.opcode = Opcode::prefetch;
        submission.space = id.value();
        submission.key = keys_[part];
        return true;
    }
    bool go_on(std::size_t, const Completion &answer, Submission &) override {
        if (answer.status >= 0) {
            return false;
        }
        return over(uakv::fail(answer.status, "the daemon refused to bring a block of space \"%s\" onto the device",
                               space_.host.description.name));
    }
    void fail(std::size_t, const Error &why, Sent) override { over(uakv::fail(why)); }

private:
    const DeviceSpace space_;
    const std::span<const uakv_key> keys_;
    const Below &below_;
};

} // namespace

// ---- retrieve ---------------------------------------------------------------------------------------------

uakv_status retrieve_from_below(const DeviceSpace &space, const uakv_key &key, RetrieveRequest request,
                                uakv_status status, uakv_view &view) {
    RetrieveRequest quiet = request;
    quiet.count_miss = false;
    if (status == UAKV_ERR_DENIED) { // perhaps for want of words whose streams have got there
        space.cache.end_passed();
        status = try_hit(space.device, key, quiet, view);
    }
    status = look_on(space.device, key, quiet, status, view);
    if (status != UAKV_MISS && status != needs_load) {
        return status;
    }
    space.cache.commits().count();
    if (request.resident_only) {
        return miss(space, request);
    }
    if (const Below below(space.host); !below.has(key)) {
        return below.status() < 0 ? below.status() : miss(space, request);
    }
    auto setting = begin_call(*space.device.client, TimedCall::load, request.timeout_ns);
    if (!setting.ok()) {
        return fail(setting.error());
    }
    ViewCall call(std::move(setting.value()), space.device, key, request);
    status = run(call);
    if (status == UAKV_OK) {
        view = call.view();
    }
    return status;
}

uakv_status prefetch(const DeviceSpace &space, std::span<const uakv_key> keys) {
    const Below below(space.host);
    if (below.status() != UAKV_OK) {
        return below.status() < 0 ? below.status() : UAKV_OK;
    }
    auto setting = begin_call(*space.device.client, std::nullopt);
    if (!setting.ok()) {
        return fail(setting.error());
    }
    PrefetchCall call(std::move(setting.value()), space, keys, below);
    return run(call);
}

// ---- release ----------------------------------------------------------------------------------------------

namespace {

uakv_status refuse_mark(const char *call, const Error &why) {
    return fail(why.status, "%s: %s", call, why.detail.c_str());
}

// As uakv_release does it: the stream has done all that reads it.
uakv_status end_lease(uakv_client &client, Attachment &attachment, std::uint32_t word) {
    lease_end(attachment.session(), word);
    client.leases.give_back_retired(word);
    if (&client.attachments.current() != &attachment) {
        client.attachments.sweep();
    }
    return UAKV_OK;
}

} // namespace

uakv_status release_on_stream(const uakv_view &view, cuda::Stream stream) {
    constexpr const char *call = "uakv_release_on_stream";
    uakv_client *client = client_of_handle(view.opaque[view_client]);
    if (client == nullptr) {
        return fail(UAKV_ERR_INVALID, "%s: this view is not open: its client has disconnected, or it never was a view",
                    call);
    }
    if (is_forked(client->fork_token)) {
        return fail(UAKV_ERR_FORKED, "%s: this view belongs to the parent process", call);
    }
    if (client->device_cache == nullptr) {
        return fail(UAKV_ERR_INVALID, "%s: this view is of host memory, which no stream orders; use uakv_release",
                    call);
    }
    const auto word = static_cast<std::uint32_t>(view.opaque[view_word]);
    const auto ticket = static_cast<std::uint32_t>(view.opaque[view_ticket]);
    const std::uint32_t number = view.opaque[view_word] < limits::lease_words ? client->leases.retire(word, ticket) : 0;
    if (number == 0) {
        return fail(UAKV_ERR_INVALID, "%s: this view is not open: it was released before", call);
    }
    Attachment &attachment = client->attachments.numbered(number); // the word keeps it in place
    const bool revoked = lease_revoked(attachment.session());
    auto mark = streams_of(attachment).mark(stream);
    if (!mark.ok() && mark.error().status != UAKV_ERR_GPU) {
        client->leases.reopen(word, ticket);
        return refuse_mark(call, mark.error());
    }
    if (mark.ok() && mark.value()) {
        streams_of(attachment).release_at(*mark.value(), word);
    }
    const std::string why = revoked ? attachment.why_lost() : "";
    if (!mark.ok() || !mark.value()) {
        end_lease(*client, attachment, word);
    }
    if (!mark.ok()) {
        return refuse_mark(call, mark.error());
    }
    return revoked ? revoked_view(why) : UAKV_OK;
}

// ---- commit -----------------------------------------------------------------------------------------------

namespace {

// Where the commit is sent: where the slot was granted, or to the daemon that has gone on from there.
Visit commit_through(uakv_client &client, Reservation &reservation) {
    const std::uint64_t now = now_ns();
    auto successor = client.attachments.visit_successor(reservation.visit, now);
    if (!successor.ok() || &*successor.value() == &*reservation.visit) {
        return reservation.visit.again();
    }
    auto id = space_id_in(*successor.value(), *reservation.space, now);
    if (!id.ok()) {
        return reservation.visit.again();
    }
    reservation.space_id = id.value();
    return std::move(successor.value());
}

// Waits while too many commits wait for their streams.
bool await_turn(uakv_client &client) {
    StreamCommits &commits = client.device_cache->commits();
    const std::uint64_t deadline_ns = client.deadline_ns();
    while (commits.count() >= StreamCommits::most) {
        if (now_ns() >= deadline_ns) {
            return false;
        }
        std::this_thread::sleep_for(pause_between_looks);
    }
    return true;
}

} // namespace

uakv_status commit_on_stream(const uakv_slot &slot, cuda::Stream stream) {
    constexpr const char *call = "uakv_commit_on_stream";
    uakv_client *client = client_of_handle(slot.opaque[slot_client]);
    if (client == nullptr) {
        return fail(UAKV_ERR_INVALID, "%s: this slot is not open: its client has disconnected, or it never was a slot",
                    call);
    }
    if (is_forked(client->fork_token)) {
        return fail(UAKV_ERR_FORKED, "%s: this slot belongs to the parent process", call);
    }
    if (client->device_cache == nullptr) {
        return fail(UAKV_ERR_INVALID, "%s: this slot is in host memory, which no stream orders; use uakv_commit", call);
    }
    if (!await_turn(*client)) {
        return fail(UAKV_ERR_BUSY, "%s: %zu commits wait for their streams already; nothing was enqueued, try again",
                    call, StreamCommits::most);
    }
    const std::uint64_t number = slot.opaque[slot_reservation];
    auto borrowed = client->reservations.borrow(number);
    if (!borrowed) {
        return fail(UAKV_ERR_INVALID, "%s: this slot is not open: it was committed or aborted before", call);
    }
    Visit through = commit_through(*client, *borrowed);
    auto mark = streams_of(*through).mark(stream);
    if (!mark.ok() && mark.error().status != UAKV_ERR_GPU) {
        client->reservations.bring_back(number, std::move(*borrowed));
        return refuse_mark(call, mark.error());
    }
    client->reservations.settle(number);
    if (!mark.ok()) { // nothing writes to it any more
        give_back(*borrowed->visit, borrowed->slot, false);
        return refuse_mark(call, mark.error());
    }
    client->device_cache->commits().add(std::move(*borrowed), std::move(through), mark.value());
    return UAKV_OK;
}

} // namespace uakv
