// A hit: lookup, lease, view. All that is done for one is here, so that it is compiled into one function; what is rare
// is in retrieve.cc, and what has to be loaded first in loads.cc.
#pragma once

#include "clientlib/retrieve.h"
#include "ipc/clock.h"
#include "ipc/sequence_point.h"
#include "ipc/touch_ring.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace uakv {

// What uakv_view::opaque holds.
enum ViewField { view_client = 0, view_word = 1, view_ticket = 2 };

// ---- what is rare -----------------------------------------------------------------------------------------------

[[gnu::cold]] uakv_status refuse_view();
[[gnu::cold]] uakv_status revoked_view(const std::string &why);
[[gnu::cold]] uakv_status refuse_quota(const Attachment &attachment);
[[gnu::cold]] uakv_status find_space(uakv_space &space, Attachment &attachment, std::uint64_t deadline_ns, SpaceId &id);
[[gnu::cold]] uakv_status map_segment(Attachment &attachment, SegmentId segment, std::uint64_t timeout_ns,
                                      std::byte *&base);
// After such an outcome the retrieve can go on through another attachment. What the wait for it takes is taken from the
// request's timeout.
bool is_attachment_useless(uakv_status status);
[[gnu::cold]] Result<void> take_another(uakv_space &space, RetrieveRequest &request, uakv_status status);
// Both go on from what try_hit() gave instead of UAKV_OK; no_hit() loads what needs it.
uakv_status look_on(uakv_space &space, const uakv_key &key, RetrieveRequest request, uakv_status status,
                    uakv_view &view);
uakv_status no_hit(uakv_space &space, const uakv_key &key, RetrieveRequest request, uakv_status status,
                   uakv_view &view);
// For a block that is not plain: UAKV_OK when it can be leased all the same.
uakv_status look_closer(const Attachment &attachment, RetrieveRequest request, std::uint16_t flags,
                        std::uint64_t expires_ms);
uakv_status view_block_timed(uakv_space &space, const uakv_key &key, RetrieveRequest request, Attachment &attachment,
                             std::uint32_t word, uakv_view &view);
[[gnu::cold]] uakv_status report_corrupt(uakv_space &space, const uakv_key &key, Attachment &attachment,
                                         std::uint64_t deadline_ns);
uakv_status verify_block(uakv_space &space, const uakv_key &key, RetrieveRequest request, Attachment &attachment,
                         EntryId id, std::span<const std::byte> block);

// ---- a hit ------------------------------------------------------------------------------------------------------

// One retrieve in so many is timed. Both counters lie on a line that the retrieve touches anyway.
[[gnu::always_inline]] inline bool is_sampled(const SessionHeader &header) {
    return (load_relaxed(header.touch_tail) + load_relaxed(header.misses)) % retrieves_per_sample == 0;
}

// UAKV_OK: the block stays in place until the word's lease ends.
[[gnu::always_inline]] inline uakv_status find_and_lease(uakv_space &space, const uakv_key &key,
                                                         RetrieveRequest request, Attachment &attachment,
                                                         std::uint32_t word, Lookup::Found &found) {
    SpaceId id = attachment.space_id(space.index);
    if (id == no_space) [[unlikely]] {
        SpaceId asked = no_space;
        if (const uakv_status status = find_space(space, attachment, now_ns() + request.timeout_ns, asked);
            status != UAKV_OK) {
            return status == UAKV_MISS ? note_miss(attachment, request, false) : status;
        }
        id = asked;
    }
    attachment.cover(word);
    const Lookup &lookup = attachment.lookup();
    while (lookup.find_even_expired(id, key, found)) {
        if (!found.is_plain()) [[unlikely]] {
            const uakv_status status = look_closer(attachment, request, found.flags, found.expires_ms);
            if (status != UAKV_OK) {
                return status;
            }
        }
        // Before the daemon can see the lease: it never sees more than there may be.
        if (const std::uint64_t quota = attachment.leased_bytes_max();
            quota != 0 && !space.client->leases.charge(word, found.length, quota)) [[unlikely]] {
            return refuse_quota(attachment);
        }
        if (lease_begin(attachment.session(), word, lookup.entry(found.id), found.id, found.generation,
                        lookup.lease_clock())) [[likely]] {
            return UAKV_OK;
        } // it left while we looked; perhaps the key has been stored anew
    }
    return note_miss(attachment, request, false);
}

// Where the leased block lies in this process, verified if wanted.
[[gnu::always_inline]] inline uakv_status open_block(uakv_space &space, const uakv_key &key, RetrieveRequest request,
                                                     Attachment &attachment, const Lookup::Found &found,
                                                     const std::byte *&data) {
    UAKV_ASSERT(found.segment < attachment.lookup().segment_capacity() &&
                found.offset + found.length <= attachment.lookup().segment_bytes());
    std::byte *base = attachment.segments().known(found.segment);
    if (base == nullptr) [[unlikely]] {
        std::byte *mapped = nullptr;
        if (const uakv_status status = map_segment(attachment, found.segment, request.timeout_ns, mapped);
            status != UAKV_OK) {
            return status;
        }
        base = mapped;
    }
    data = base + found.offset;
    return request.verify ? verify_block(space, key, request, attachment, found.id, {data, found.length}) : UAKV_OK;
}

// With a claimed word. UAKV_ERR_REVOKED: the daemon has taken back all leases of the attachment; it takes another.
// needs_daemon: the daemon has gone, and the next one must be asked.
[[gnu::always_inline]] inline uakv_status view_block(uakv_space &space, const uakv_key &key, RetrieveRequest request,
                                                     Attachment &attachment, std::uint32_t word, uakv_view &view) {
    uakv_client &client = *space.client;
    Lookup::Found found;
    uakv_status status = find_and_lease(space, key, request, attachment, word, found);
    if (status != UAKV_OK) {
        client.leases.give_back(word);
        client.attachments.look_after();
        return status;
    }
    UAKV_SEQUENCE_POINT(block_leased);
    const std::byte *data = nullptr;
    status = open_block(space, key, request, attachment, found, data);
    SessionLayout &session = attachment.session();
    const bool revoked = lease_revoked(session);
    if (status != UAKV_OK || revoked) [[unlikely]] {
        lease_end(session, word);
        client.leases.give_back(word);
        return revoked ? UAKV_ERR_REVOKED : status;
    }
    const std::uint32_t ticket = client.leases.open(word, attachment.number());
    UAKV_SEQUENCE_POINT(view_opened);
    touch(session, found.id, found.length);
    view = {data, found.length, UAKV_TIER_HOST, 0, {client.handle, word, ticket, 0, 0, 0}};
    return UAKV_OK;
}

[[gnu::always_inline]] inline uakv_status try_hit(uakv_space &space, const uakv_key &key, RetrieveRequest request,
                                                  uakv_view &view) {
    uakv_client &client = *space.client;
    const std::uint32_t word = client.leases.claim();
    if (word == Leases::none) [[unlikely]] {
        return refuse_view();
    }
    UAKV_SEQUENCE_POINT(lease_claimed);
    Attachment &attachment = client.attachments.current();
    return is_sampled(attachment.session().header) ? view_block_timed(space, key, request, attachment, word, view)
                                                   : view_block(space, key, request, attachment, word, view);
}

[[gnu::always_inline]] inline uakv_status hit(uakv_space &space, const uakv_key &key, RetrieveRequest request,
                                              uakv_view &view) {
    const uakv_status status = try_hit(space, key, request, view);
    return status == UAKV_OK ? UAKV_OK : no_hit(space, key, request, status, view);
}

} // namespace uakv
