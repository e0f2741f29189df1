#include "clientlib/copy.h"

#include "clientlib/errors.h"
#include "clientlib/hit.h"
#include "ipc/codec/codec.h"
#include "ipc/hashing.h"

#include <cstring>
#include <span>

namespace uakv {
namespace {

// The frame lies in memory that others can write to, and once the leases are taken back the entry may be another
// block's: what both say is checked. False: it is no frame of this block.
bool decode(const Attachment &attachment, const Lookup::Found &found, RetrieveRequest request, const std::byte *base,
            std::span<std::byte> target) {
    const IndexEntry &entry = attachment.lookup().entry(found.id);
    const std::uint64_t stored_bytes = load_relaxed(entry.stored_bytes);
    const std::uint64_t checksum = load_relaxed(entry.checksum);
    const std::uint64_t segment_bytes = attachment.lookup().segment_bytes();
    if (found.offset > segment_bytes || stored_bytes > segment_bytes - found.offset) {
        return false;
    }
    const std::span<const std::byte> frame(base + found.offset, stored_bytes);
    const auto info = read_frame_info(frame);
    if (!info || info->block_bytes != target.size() || !decode_frame(frame, target)) {
        return false;
    }
    return !request.verify || checksum_of(target.data(), target.size()) == checksum;
}

uakv_status copy_frame(uakv_space &space, const uakv_key &key, RetrieveRequest request, Attachment &attachment,
                       const Lookup::Found &found, const CopyTarget &target) {
    std::byte *base = attachment.segments().known(found.segment);
    if (base == nullptr) {
        if (const uakv_status status = map_segment(attachment, found.segment, request.timeout_ns, base);
            status != UAKV_OK) {
            return status;
        }
    }
    if (decode(attachment, found, request, base, {target.data, found.length})) {
        return UAKV_OK;
    }
    return lease_revoked(attachment.session()) ? UAKV_ERR_REVOKED
                                               : report_corrupt(space, key, attachment, now_ns() + request.timeout_ns);
}

uakv_status copy_leased(uakv_space &space, const uakv_key &key, RetrieveRequest request, Attachment &attachment,
                        const Lookup::Found &found, CopyTarget &target) {
    target.length = found.length;
    if (found.length > target.capacity) {
        return fail(UAKV_ERR_TOO_LARGE, "the block has %zu bytes, the buffer %zu", target.length, target.capacity);
    }
    if (found.is_encoded()) {
        return copy_frame(space, key, request, attachment, found, target);
    }
    const std::byte *data = nullptr;
    const uakv_status status = open_block(space, key, request, attachment, found, data);
    if (status == UAKV_OK) {
        std::memcpy(target.data, data, found.length);
    }
    return status;
}

// With a claimed word, as view_block(); the lease ends with the copy.
uakv_status copy_once(uakv_space &space, const uakv_key &key, RetrieveRequest request, Attachment &attachment,
                      std::uint32_t word, CopyTarget &target) {
    SessionLayout &session = attachment.session();
    const bool timed = is_sampled(session.header);
    const std::uint64_t begun_ns = timed ? now_ns() : 0;
    Lookup::Found found;
    uakv_status status = find_and_lease(space, key, request, attachment, word, found);
    if (status != UAKV_OK) {
        return status;
    }
    if (timed) { // without the copy, so that all retrieves are alike
        histogram_record(session.latencies[static_cast<std::size_t>(TimedCall::retrieve)], now_ns() - begun_ns);
    }
    status = copy_leased(space, key, request, attachment, found, target);
    const bool revoked = lease_revoked(session);
    lease_end(session, word);
    if (revoked) {
        return UAKV_ERR_REVOKED; // what was copied may be another block
    }
    if (status == UAKV_OK || status == UAKV_ERR_TOO_LARGE) {
        touch(session, found.id, found.length);
    }
    return status;
}

} // namespace

// Another attempt each time that the lease is taken back meanwhile, which takes it as long as lease_max_age, or that
// the daemon goes away when it is needed.
uakv_status copy_block(uakv_space &space, const uakv_key &key, RetrieveRequest request, CopyTarget &target) {
    uakv_client &client = *space.client;
    request.as_stored = true;
    for (;;) {
        const std::uint32_t word = client.leases.claim();
        if (word == Leases::none) {
            return refuse_view();
        }
        const uakv_status status = copy_once(space, key, request, client.attachments.current(), word, target);
        client.leases.give_back(word);
        if (!is_attachment_useless(status)) {
            client.attachments.look_after();
            return status;
        }
        if (auto taken = take_another(space, request, status); !taken.ok()) {
            return fail(taken.error());
        }
    }
}

} // namespace uakv
