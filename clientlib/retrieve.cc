#include "clientlib/retrieve.h"

#include "clientlib/errors.h"
#include "clientlib/handles.h"
#include "clientlib/hit.h"
#include "ipc/clock.h"
#include "ipc/hashing.h"
#include "ipc/sequence_point.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace uakv {

// The checksum is wrong: the daemon looks for itself and drops the block, so that nobody meets it again.
uakv_status report_corrupt(uakv_space &space, const uakv_key &key, Attachment &attachment, std::uint64_t deadline_ns) {
    Submission submission{};
    submission.opcode = Opcode::check;
    submission.space = attachment.space_id(space.index);
    submission.key = key;
    Submitter &submitter = attachment.submitter();
    auto number = submitter.submit(submission, deadline_ns);
    if (!number.ok()) {
        return fail(number.error());
    }
    if (auto done = submitter.wait(number.value(), deadline_ns); !done.ok()) {
        return fail(done.error());
    }
    return fail(UAKV_ERR_CORRUPT,
                "a block of space \"%s\" does not have the checksum that it was stored with: a "
                "process wrote to it after the commit, or the memory is faulty; it was dropped",
                space.description.name);
}

uakv_status refuse_view() {
    return fail(UAKV_ERR_DENIED, "this client holds %u views, which is all that one may hold; release some",
                limits::lease_words);
}

uakv_status note_miss(const Attachment &attachment, RetrieveRequest request, bool expired) {
    SessionHeader &header = attachment.session().header;
    if (request.count_miss) {
        add_relaxed(header.misses, 1U);
        if (expired) {
            add_relaxed(header.misses_expired, 1U);
        }
    }
    return UAKV_MISS;
}

// A space that this daemon has not been asked for yet. A reader cannot make it there: nothing is stored in it.
uakv_status find_space(uakv_space &space, Attachment &attachment, std::uint64_t deadline_ns, SpaceId &id) {
    auto asked = space_id_in(attachment, space, deadline_ns);
    if (asked.ok()) {
        id = asked.value();
        return UAKV_OK;
    }
    return asked.error().status == UAKV_ERR_DENIED ? UAKV_MISS : fail(asked.error());
}

uakv_status refuse_quota(const Attachment &attachment) {
    return fail(UAKV_ERR_DENIED,
                "this client would hold views on more than the %llu bytes that its tenant allows a client "
                "(leased_memory); release some",
                static_cast<unsigned long long>(attachment.leased_bytes_max()));
}

// The first time that this process meets the segment. The daemon has it; one that goes on with the index will, too.
uakv_status map_segment(Attachment &attachment, SegmentId segment, std::uint64_t timeout_ns, std::byte *&base) {
    auto mapped = attachment.segments().map(segment, now_ns() + timeout_ns);
    if (!mapped.ok()) {
        return attachment.lost() ? needs_daemon : fail(mapped.error());
    }
    base = mapped.value();
    return UAKV_OK;
}

uakv_status verify_block(uakv_space &space, const uakv_key &key, RetrieveRequest request, Attachment &attachment,
                         EntryId id, std::span<const std::byte> block) {
    if (checksum_of(block.data(), block.size()) == load_relaxed(attachment.lookup().entry(id).checksum)) {
        return UAKV_OK;
    }
    if (lease_revoked(attachment.session())) {
        return UAKV_ERR_REVOKED; // what was read may be another block, and the checksum too
    }
    return report_corrupt(space, key, attachment, now_ns() + request.timeout_ns);
}

// Expired, on disk alone, or a frame.
uakv_status look_closer(const Attachment &attachment, RetrieveRequest request, std::uint16_t flags,
                        std::uint64_t expires_ms) {
    if ((flags & entry_expires) != 0 && boot_ms() >= expires_ms) {
        return note_miss(attachment, request, true);
    }
    const bool wants_load = (flags & entry_cold) != 0 || ((flags & entry_encoded) != 0 && !request.as_stored);
    if (!wants_load) {
        return UAKV_OK;
    }
    return request.resident_only ? note_miss(attachment, request, false) : needs_load;
}

namespace {

Result<void> leave_revoked(uakv_space &space, RetrieveRequest request) {
    const std::uint64_t patience_ns = std::min(request.timeout_ns, reconnect_ns_max);
    return space.client->attachments.leave_revoked(now_ns() + patience_ns);
}

Result<void> await_daemon(uakv_space &space, RetrieveRequest &request) {
    const std::uint64_t begun_ns = now_ns();
    const std::uint64_t patience_ns =
        request.may_wait ? request.timeout_ns : std::min(request.timeout_ns, reconnect_ns_max);
    auto waited = space.client->attachments.await_daemon(begun_ns + patience_ns);
    request.timeout_ns -= std::min(request.timeout_ns, now_ns() - begun_ns);
    return waited;
}

} // namespace

bool is_attachment_useless(uakv_status status) {
    return status == UAKV_ERR_REVOKED || status == needs_daemon;
}

Result<void> take_another(uakv_space &space, RetrieveRequest &request, uakv_status status) {
    return status == needs_daemon ? await_daemon(space, request) : leave_revoked(space, request);
}

// As often as the daemon takes all leases back meanwhile, which takes it as long as lease_max_age, or goes away.
uakv_status look_on(uakv_space &space, const uakv_key &key, RetrieveRequest request, uakv_status status,
                    uakv_view &view) {
    while (is_attachment_useless(status)) {
        if (auto taken = take_another(space, request, status); !taken.ok()) {
            return fail(taken.error());
        }
        status = try_hit(space, key, request, view);
    }
    return status;
}

uakv_status view_block_timed(uakv_space &space, const uakv_key &key, RetrieveRequest request, Attachment &attachment,
                             std::uint32_t word, uakv_view &view) {
    const std::uint64_t begun_ns = now_ns();
    const uakv_status status = view_block(space, key, request, attachment, word, view);
    if (status == UAKV_OK) { // the view keeps the attachment in place
        histogram_record(attachment.session().latencies[static_cast<std::size_t>(TimedCall::retrieve)],
                         now_ns() - begun_ns);
        space.client->attachments.look_after();
    }
    return status;
}

uakv_status look(uakv_space &space, const uakv_key &key, RetrieveRequest request, uakv_view &view) {
    const uakv_status status = try_hit(space, key, request, view);
    return status == UAKV_OK ? UAKV_OK : look_on(space, key, request, status, view);
}

[[gnu::noinline, gnu::cold]] uakv_status revoked_view(const std::string &why) {
    return fail(UAKV_ERR_REVOKED,
                "this view was taken back while it was held: what was read through it may be wrong, so treat the block "
                "as missing (%s)",
                why.c_str());
}

namespace {

[[gnu::noinline]] uakv_status release_old(uakv_client &client, std::uint32_t number, std::uint32_t word) {
    const auto revoked = client.attachments.end_old_lease(number, word);
    client.leases.give_back(word);
    client.attachments.sweep();
    return revoked ? revoked_view(*revoked) : UAKV_OK;
}

[[gnu::noinline, gnu::cold]] uakv_status release_revoked(uakv_client &client, Attachment &current, std::uint32_t word) {
    const uakv_status status = revoked_view(current.why_lost());
    lease_end(current.session(), word);
    client.leases.give_back(word);
    return status;
}

} // namespace

uakv_status release(uakv_view &view) {
    uakv_client *client = client_of_handle(view.opaque[view_client]);
    if (client == nullptr) {
        return fail(UAKV_ERR_INVALID, "this view is not open: its client has disconnected, or it never was a view");
    }
    if (is_forked(client->fork_token)) {
        return fail(UAKV_ERR_FORKED, "this view belongs to the parent process");
    }
    if (view.opaque[view_word] >= limits::lease_words) {
        return fail(UAKV_ERR_INVALID, "this view is not open: it never was one of this client");
    }
    const auto word = static_cast<std::uint32_t>(view.opaque[view_word]);
    const std::uint32_t number = client->leases.close(word, static_cast<std::uint32_t>(view.opaque[view_ticket]));
    if (number == 0) {
        return fail(UAKV_ERR_INVALID, "this view is not open: it was released before");
    }
    UAKV_SEQUENCE_POINT(view_closed);
    Attachment &current = client->attachments.current();
    if (current.number() != number) [[unlikely]] {
        return release_old(*client, number, word);
    }
    if (lease_revoked(current.session())) [[unlikely]] {
        return release_revoked(*client, current, word);
    }
    lease_end(current.session(), word);
    UAKV_SEQUENCE_POINT(lease_cleared);
    client->leases.give_back(word);
    return UAKV_OK;
}

namespace {

constexpr std::uint8_t tiers_of(const Lookup::Found *found) {
    if (found == nullptr) {
        return 0;
    }
    if (found->is_cold()) {
        return UAKV_TIER_DISK;
    }
    return static_cast<std::uint8_t>(UAKV_TIER_HOST | ((found->flags & entry_on_disk) != 0 ? UAKV_TIER_DISK : 0U));
}

// Calls look(i, found) for the keys in order until it returns false.
template <typename Look> uakv_status look_up(uakv_space &space, std::span<const uakv_key> keys, Look look) {
    uakv_client &client = *space.client;
    client.attachments.look_after();
    const Visit visit = client.attachments.visit();
    SpaceId id = no_space;
    const uakv_status status = find_space(space, *visit, client.deadline_ns(), id);
    if (status == UAKV_OK) {
        visit->lookup().find_each(id, keys, look);
    }
    for (std::size_t i = 0; status == UAKV_MISS && i < keys.size() && look(i, nullptr); ++i) {
    }
    return status < 0 ? status : UAKV_OK;
}

} // namespace

uakv_status match_prefix(uakv_space &space, std::span<const uakv_key> keys, std::size_t &matched, std::uint8_t *tiers) {
    std::size_t run = 0;
    const uakv_status status = look_up(space, keys, [&](std::size_t i, const Lookup::Found *found) {
        if (found != nullptr) {
            run = i + 1;
            if (tiers != nullptr) {
                tiers[i] = tiers_of(found);
            }
        }
        return found != nullptr;
    });
    if (status == UAKV_OK) {
        matched = run;
    }
    return status;
}

uakv_status contains(uakv_space &space, std::span<const uakv_key> keys, std::uint8_t *tiers) {
    return look_up(space, keys, [&](std::size_t i, const Lookup::Found *found) {
        tiers[i] = tiers_of(found);
        return true;
    });
}

} // namespace uakv
