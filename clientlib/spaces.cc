#include "clientlib/spaces.h"

#include "ipc/sequence_point.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace uakv {
namespace {

Result<SpaceId> ask(Attachment &attachment, SpaceDescription description, std::uint64_t deadline_ns) {
    if (description.block_bytes == 0) {
        description.block_bytes = attachment.segments().bytes();
    }
    auto id = attachment.connection().open_space(description, deadline_ns);
    UAKV_SEQUENCE_POINT(space_opened);
    return id;
}

} // namespace

Result<SpaceId> space_id_in(Attachment &attachment, const uakv_space &space, std::uint64_t deadline_ns) {
    if (const SpaceId id = attachment.space_id(space.index); id != no_space) [[likely]] {
        return id;
    }
    auto id = ask(attachment, space.description, deadline_ns);
    if (id.ok()) {
        attachment.set_space_id(space.index, id.value());
    }
    return id;
}

Result<uakv_space *> OpenSpaces::open(uakv_client &client, Attachment &attachment, const SpaceDescription &wanted,
                                      std::uint64_t deadline_ns) {
    auto id = ask(attachment, wanted, deadline_ns);
    if (!id.ok()) {
        return id.take_error();
    }
    auto space = add(client, wanted);
    if (space.ok()) {
        attachment.set_space_id(space.value()->index, id.value());
    }
    return space;
}

Result<uakv_space *> OpenSpaces::add(uakv_client &client, const SpaceDescription &wanted) {
    // One of the same name and another description was opened at a daemon that is gone.
    const std::scoped_lock lock(mutex_);
    auto found = std::find_if(spaces_.begin(), spaces_.end(), [&](const auto &known) {
        return std::memcmp(&known->description, &wanted, sizeof wanted) == 0;
    });
    if (found == spaces_.end()) {
        if (spaces_.size() == limits::spaces_max) {
            return error(UAKV_ERR_NO_SPACE, "this client has opened %u different spaces, which is all that it can",
                         limits::spaces_max);
        }
        const auto index = static_cast<std::uint32_t>(spaces_.size());
        spaces_.push_back(std::make_unique<uakv_space>(uakv_space{&client, index, wanted, 0, 0}));
        found = std::prev(spaces_.end());
    }
    ++(*found)->openings;
    return found->get();
}

Result<void> OpenSpaces::open_all(Attachment &next, std::uint64_t deadline_ns) {
    std::vector<const uakv_space *> open;
    {
        const std::scoped_lock lock(mutex_);
        for (const auto &space : spaces_) {
            if (space->openings > 0) {
                open.push_back(space.get());
            }
        }
    }
    for (const uakv_space *space : open) {
        const auto id = space_id_in(next, *space, deadline_ns);
        if (!id.ok() && (id.error().status == UAKV_ERR_DISCONNECTED || id.error().status == UAKV_ERR_TIMEOUT)) {
            return id.error();
        }
    }
    return {};
}

void OpenSpaces::close(uakv_space &space) {
    const std::scoped_lock lock(mutex_);
    space.openings -= space.openings > 0 ? 1U : 0U; // closed once too often: nothing to take back
}

} // namespace uakv
