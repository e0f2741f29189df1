// The spaces that a client has opened. Each lasts as long as the client, since open slots name it; closing only takes
// back an opening. A new daemon may have other numbers for them: those that are open are opened again there before the
// client uses it; what it refuses, and what was closed, is asked for again when it is used.
#pragma once

#include "clientlib/attachments.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

struct uakv_space {
    uakv_client *client = nullptr;
    std::uint32_t index = 0;            // in Attachment::space_id
    uakv::SpaceDescription description; // block_bytes 0: as large as the daemon's segments
    std::uint32_t openings = 0;
    mutable std::uint64_t stored_in = 0; // the index of the first block that was stored and not flushed; 0: none
};

namespace uakv {

// The number of the space at the attachment's daemon; asks there if need be.
Result<SpaceId> space_id_in(Attachment &attachment, const uakv_space &space, std::uint64_t deadline_ns);

// A block was stored there: uakv_flush() has to say so when that daemon is gone, and none has gone on with its index.
inline void note_stored(const uakv_space &space, const Attachment &attachment) {
    if (load_relaxed(space.stored_in) == 0) {
        store_relaxed(space.stored_in, attachment.epoch());
    }
}

class OpenSpaces {
public:
    // Opens a space, or adds an opening. The description's block_bytes may be 0.
    Result<uakv_space *> open(uakv_client &client, Attachment &attachment, const SpaceDescription &wanted,
                              std::uint64_t deadline_ns);
    void close(uakv_space &space);

    // The same without asking a daemon: that is done when the space is used.
    Result<uakv_space *> add(uakv_client &client, const SpaceDescription &wanted);

    // Opens all of them on an attachment that nobody uses yet, as far as its daemon lets us. UAKV_ERR_DISCONNECTED or
    // UAKV_ERR_TIMEOUT: it is gone, or has not answered; another call goes on from there.
    Result<void> open_all(Attachment &next, std::uint64_t deadline_ns);

private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<uakv_space>> spaces_;
};

} // namespace uakv
