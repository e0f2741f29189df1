#include "clientlib/retrieve.h"

#include "clientlib/errors.h"
#include "clientlib/handles.h"
#include "ipc/clock.h"
#include "ipc/hashing.h"
#include "ipc/touch_ring.h"

#include <cstring>

namespace uakv {
namespace {

// What uakv_view::opaque holds.
enum ViewField { view_client = 0, view_word = 1, view_ticket = 2 };

// A view in the making: a claimed lease word, which keeps the attachment in place, and what was found through it.
struct Finding {
    Attachment &attachment;
    std::uint32_t word;
    std::uint64_t deadline_ns;
    Lookup::Found found;
};

// One retrieve in so many is timed. Both counters lie on a line that the retrieve touches anyway.
bool is_sampled(const SessionHeader &header) {
    return (load_relaxed(header.touch_tail) + load_relaxed(header.misses)) % retrieves_per_sample == 0;
}

uakv_status miss(const Attachment &attachment, const RetrieveRequest &request, bool expired) {
    SessionHeader &header = attachment.session().header;
    if (request.count_miss) {
        add_relaxed(header.misses, 1U);
        if (expired) {
            add_relaxed(header.misses_expired, 1U);
        }
    }
    return UAKV_MISS;
}

// The checksum is wrong: the daemon looks for itself and drops the block, so that nobody meets it again.
uakv_status report_corrupt(uakv_space &space, const uakv_key &key, const Finding &finding) {
    Submission submission{};
    submission.opcode = Opcode::check;
    submission.space = finding.attachment.space_id(space.index);
    submission.key = key;
    Submitter &submitter = finding.attachment.submitter();
    auto number = submitter.submit(submission, finding.deadline_ns);
    if (!number.ok()) {
        return fail(number.error());
    }
    if (auto done = submitter.wait(number.value(), finding.deadline_ns); !done.ok()) {
        return fail(done.error());
    }
    return fail(UAKV_ERR_CORRUPT,
                "a block of space \"%s\" does not have the checksum that it was stored with: a "
                "process wrote to it after the commit, or the memory is faulty; it was dropped",
                space.description.name);
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

// UAKV_OK: the block stays in place until the word's lease ends.
uakv_status find_and_lease(uakv_space &space, const uakv_key &key, const RetrieveRequest &request, Finding &finding) {
    Attachment &attachment = finding.attachment;
    SpaceId id = attachment.space_id(space.index);
    if (id == no_space) [[unlikely]] {
        if (const uakv_status status = find_space(space, attachment, now_ns() + request.timeout_ns, id);
            status != UAKV_OK) {
            return status == UAKV_MISS ? miss(attachment, request, false) : status;
        }
    }
    attachment.cover(finding.word);
    const std::uint64_t quota = attachment.leased_bytes_max();
    const Lookup &lookup = attachment.lookup();
    Lookup::Found &found = finding.found;
    while (lookup.find_even_expired(id, key, found)) {
        if (Lookup::is_expired(found)) {
            return miss(attachment, request, true);
        }
        // Before the daemon can see the lease: it never sees more than there may be.
        if (quota != 0 && !space.client->leases.charge(finding.word, found.length, quota)) [[unlikely]] {
            return refuse_quota(attachment);
        }
        if (lease_begin(attachment.session(), finding.word, lookup.entry(found.id), found.id, found.generation))
            [[likely]] {
            return UAKV_OK;
        } // it left while we looked; perhaps the key has been stored anew
    }
    return miss(attachment, request, false);
}

// Where the leased block lies in this process, verified if wanted.
uakv_status open_block(uakv_space &space, const uakv_key &key, const RetrieveRequest &request, Finding &finding,
                       const std::byte *&data) {
    Attachment &attachment = finding.attachment;
    const Lookup::Found &found = finding.found;
    UAKV_ASSERT(found.segment < attachment.lookup().segment_capacity() &&
                found.offset + found.length <= attachment.lookup().segment_bytes());
    std::byte *base = attachment.segments().known(found.segment);
    if (base == nullptr) [[unlikely]] {
        auto mapped = attachment.segments().map(found.segment, now_ns() + request.timeout_ns);
        if (!mapped.ok()) {
            return fail(mapped.error());
        }
        base = mapped.value();
    }
    data = base + found.offset;
    if (request.verify &&
        checksum_of(data, found.length) != load_relaxed(attachment.lookup().entry(found.id).checksum)) {
        finding.deadline_ns = now_ns() + request.timeout_ns;
        return report_corrupt(space, key, finding);
    }
    return UAKV_OK;
}

} // namespace

uakv_status retrieve(uakv_space &space, const uakv_key &key, const RetrieveRequest &request, uakv_view &view) {
    uakv_client &client = *space.client;
    const auto word = client.leases.claim();
    if (!word) {
        return fail(UAKV_ERR_DENIED, "this client holds %u views, which is all that one may hold; release some",
                    limits::lease_words);
    }
    Attachment &attachment = client.attachments.current();
    SessionLayout &session = attachment.session();
    const bool sampled = is_sampled(session.header);
    const std::uint64_t begun_ns = sampled ? now_ns() : 0;
    Finding finding{attachment, *word, 0, {}};
    uakv_status status = find_and_lease(space, key, request, finding);
    if (status != UAKV_OK) {
        client.leases.give_back(*word);
        client.attachments.look_after();
        return status;
    }
    const std::byte *data = nullptr;
    status = open_block(space, key, request, finding, data);
    if (status != UAKV_OK) [[unlikely]] {
        lease_end(session, *word);
        client.leases.give_back(*word);
        return status;
    }
    const std::uint32_t ticket = client.leases.open(*word, attachment.number());
    touch(session, finding.found.id, finding.found.length);
    view = {data, finding.found.length, UAKV_TIER_HOST, 0, {client.handle, *word, ticket, 0, 0, 0}};
    if (sampled) [[unlikely]] {
        histogram_record(session.latencies[static_cast<std::size_t>(TimedCall::retrieve)], now_ns() - begun_ns);
        client.attachments.look_after();
    }
    return UAKV_OK;
}

uakv_status retrieve_into(uakv_space &space, const uakv_key &key, const RetrieveRequest &request, void *target,
                          std::size_t capacity, std::size_t *length) {
    uakv_view view;
    if (const uakv_status status = retrieve(space, key, request, view); status != UAKV_OK) {
        return status;
    }
    const std::size_t bytes = view.nbytes;
    if (bytes <= capacity) {
        std::memcpy(target, view.data, bytes);
    }
    release(view);
    if (length != nullptr) {
        *length = bytes;
    }
    if (bytes > capacity) {
        return fail(UAKV_ERR_TOO_LARGE, "the block has %zu bytes, the buffer %zu", bytes, capacity);
    }
    return UAKV_OK;
}

uakv_status retrieve_many(uakv_space &space, std::span<const uakv_key> keys, uakv_view *views, uakv_status *each) {
    const RetrieveRequest request{false, true, space.client->timeout_ns};
    uakv_status overall = UAKV_OK;
    const auto get = [&](std::size_t i) {
        views[i] = uakv_view{};
        const uakv_status status = retrieve(space, keys[i], request, views[i]);
        if (each != nullptr) {
            each[i] = status;
        }
        if (overall == UAKV_OK || (overall == UAKV_MISS && status < 0)) {
            overall = status;
        }
    };
    const Visit visit = space.client->attachments.visit();
    const SpaceId id = visit->space_id(space.index);
    if (id == no_space) {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            get(i);
        }
        return overall;
    }
    // The first pass brings what the second one reads into the cache, for many keys at a time.
    visit->lookup().find_each(id, keys, [&](std::size_t i, bool) {
        get(i);
        return true;
    });
    return overall;
}

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
    const Attachment &current = client->attachments.current();
    if (current.number() == number) [[likely]] {
        lease_end(current.session(), word);
        client->leases.give_back(word);
        return UAKV_OK;
    }
    client->attachments.end_old_lease(number, word);
    client->leases.give_back(word);
    client->attachments.sweep();
    return UAKV_OK;
}

namespace {

// Calls visit(i, present) for the keys in order until it returns false.
template <typename Look> uakv_status look_up(uakv_space &space, std::span<const uakv_key> keys, Look look) {
    uakv_client &client = *space.client;
    client.attachments.look_after();
    const Visit visit = client.attachments.visit();
    SpaceId id = no_space;
    const uakv_status status = find_space(space, *visit, client.deadline_ns(), id);
    if (status == UAKV_OK) {
        visit->lookup().find_each(id, keys, look);
    }
    for (std::size_t i = 0; status == UAKV_MISS && i < keys.size() && look(i, false); ++i) {
    }
    return status < 0 ? status : UAKV_OK;
}

} // namespace

uakv_status match_prefix(uakv_space &space, std::span<const uakv_key> keys, std::size_t &matched, std::uint8_t *tiers) {
    std::size_t run = 0;
    const uakv_status status = look_up(space, keys, [&](std::size_t i, bool present) {
        if (present) {
            run = i + 1;
            if (tiers != nullptr) {
                tiers[i] = UAKV_TIER_HOST;
            }
        }
        return present;
    });
    if (status == UAKV_OK) {
        matched = run;
    }
    return status;
}

uakv_status contains(uakv_space &space, std::span<const uakv_key> keys, std::uint8_t *tiers) {
    return look_up(space, keys, [&](std::size_t i, bool present) {
        tiers[i] = present ? UAKV_TIER_HOST : std::uint8_t{0};
        return true;
    });
}

} // namespace uakv
