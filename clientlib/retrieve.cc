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

uakv_status miss(uakv_client &client) {
    add_relaxed(client.session->header.misses, 1U);
    return UAKV_MISS;
}

// The checksum is wrong: the daemon looks for itself and drops the block, so that nobody meets it again.
uakv_status report_corrupt(uakv_space &space, const uakv_key &key, const RetrieveRequest &request) {
    Submission submission{};
    submission.opcode = Opcode::check;
    submission.space = space.id;
    submission.key = key;
    if (auto done = space.client->submitter->call(submission, now_ns() + request.timeout_ns); !done.ok()) {
        return fail(done.error());
    }
    return fail(UAKV_ERR_CORRUPT,
                "a block of space \"%s\" does not have the checksum that it was stored with: a "
                "process wrote to it after the commit, or the memory is faulty; it was dropped",
                space.description.name);
}

// Finds and leases. UAKV_OK: the block of `found` stays in place until `word` ends.
uakv_status lease(uakv_space &space, const uakv_key &key, Lookup::Found &found, std::uint32_t &word) {
    uakv_client &client = *space.client;
    while (client.lookup->find(space.id, key, found)) {
        const auto claimed = client.leases->claim();
        if (!claimed) {
            return fail(UAKV_ERR_DENIED, "this client holds %u views, which is all that one may hold; release some",
                        limits::lease_words);
        }
        word = *claimed;
        if (lease_begin(*client.session, word, client.lookup->entry(found.id), found.id, found.generation)) [[likely]] {
            return UAKV_OK;
        }
        client.leases->give_back(word); // it left while we looked; perhaps the key has been stored anew
    }
    return miss(client);
}

} // namespace

uakv_status retrieve(uakv_space &space, const uakv_key &key, const RetrieveRequest &request, uakv_view &view) {
    uakv_client &client = *space.client;
    Lookup::Found found;
    std::uint32_t word = 0;
    if (const uakv_status status = lease(space, key, found, word); status != UAKV_OK) {
        return status;
    }
    const std::uint32_t ticket = client.leases->open(word);
    UAKV_ASSERT(found.segment < client.lookup->segment_capacity() &&
                found.offset + found.length <= client.lookup->segment_bytes());
    std::byte *base = client.segments->known(found.segment);
    if (base == nullptr) [[unlikely]] {
        auto mapped = client.segments->map(found.segment, now_ns() + request.timeout_ns);
        if (!mapped.ok()) {
            client.leases->close(word, ticket);
            return fail(mapped.error());
        }
        base = mapped.value();
    }
    const std::byte *data = base + found.offset;
    if (request.verify && checksum_of(data, found.length) != load_relaxed(client.lookup->entry(found.id).checksum)) {
        client.leases->close(word, ticket);
        return report_corrupt(space, key, request);
    }
    touch(*client.session, found.id, found.length);
    view = {data, found.length, UAKV_TIER_HOST, 0, {client.handle, word, ticket, 0, 0, 0}};
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
    const RetrieveRequest request{false, space.client->timeout_ns};
    uakv_status overall = UAKV_OK;
    // The first pass brings what the second one reads into the cache, for many keys at a time.
    space.client->lookup->find_each(space.id, keys, [&](std::size_t i, bool) {
        views[i] = uakv_view{};
        const uakv_status status = retrieve(space, keys[i], request, views[i]);
        if (each != nullptr) {
            each[i] = status;
        }
        if (overall == UAKV_OK || (overall == UAKV_MISS && status < 0)) {
            overall = status;
        }
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
    if (view.opaque[view_word] >= limits::lease_words ||
        !client->leases->close(static_cast<std::uint32_t>(view.opaque[view_word]),
                               static_cast<std::uint32_t>(view.opaque[view_ticket]))) {
        return fail(UAKV_ERR_INVALID, "this view is not open: it was released before");
    }
    return UAKV_OK;
}

std::size_t match_prefix(const uakv_space &space, std::span<const uakv_key> keys, std::uint8_t *tiers) {
    std::size_t matched = 0;
    space.client->lookup->find_each(space.id, keys, [&](std::size_t i, bool present) {
        if (present) {
            matched = i + 1;
            if (tiers != nullptr) {
                tiers[i] = UAKV_TIER_HOST;
            }
        }
        return present;
    });
    return matched;
}

void contains(const uakv_space &space, std::span<const uakv_key> keys, std::uint8_t *tiers) {
    space.client->lookup->find_each(space.id, keys, [&](std::size_t i, bool present) {
        tiers[i] = present ? UAKV_TIER_HOST : std::uint8_t{0};
        return true;
    });
}

} // namespace uakv
