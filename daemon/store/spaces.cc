#include "daemon/store/spaces.h"

#include "daemon/base/log.h"
#include "ipc/clock.h"
#include "ipc/control_message.h"

#include <algorithm>
#include <cstring>

namespace uakv {
namespace {

// The first field in which two descriptions differ; null when they agree.
const char *difference(const SpaceDescription &a, const SpaceDescription &b) {
    if (a.dtype != b.dtype) {
        return "layout.dtype";
    }
    if (a.ndim != b.ndim) {
        return "layout.ndim";
    }
    if (std::memcmp(a.shape, b.shape, sizeof a.shape) != 0) {
        return "layout.shape";
    }
    if (std::memcmp(a.axis, b.axis, sizeof a.axis) != 0) {
        return "layout.axis";
    }
    if (a.block_bytes != b.block_bytes) {
        return "block_bytes";
    }
    if (a.ttl_ms != b.ttl_ms) {
        return "ttl_ms";
    }
    if (std::memcmp(a.fingerprint, b.fingerprint, sizeof a.fingerprint) != 0) {
        return "fingerprint";
    }
    return a.flags != b.flags ? "flags" : nullptr;
}

bool printable(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

} // namespace

Result<void> Spaces::check(const SpaceDescription &wanted) const {
    const auto text = get_text(wanted.name);
    if (!text || !printable(*text)) {
        return error(UAKV_ERR_INVALID, "the name of the space is not 1 to %zu bytes of printable ASCII",
                     limits::space_name_bytes_max);
    }
    if (wanted.ndim > UAKV_NDIM_MAX || wanted.block_bytes == 0 || wanted.block_bytes > segment_bytes_ ||
        (wanted.flags & ~UAKV_SPACE_DURABLE) != 0) {
        return error(UAKV_ERR_INVALID, "the description of space \"%s\" is out of range", std::string(*text).c_str());
    }
    return {};
}

Result<SpaceId> Spaces::open(const SpaceDescription &wanted, bool may_create) {
    if (auto sound = check(wanted); !sound.ok()) {
        return sound.take_error();
    }
    const std::string name(*get_text(wanted.name));
    if (const auto known = names_.find(name); known != names_.end()) {
        const char *field = difference(wanted, spaces_[known->second]);
        if (field != nullptr) {
            return error(UAKV_ERR_LAYOUT,
                         "space \"%s\" exists with another %s; use its own, or another name for other blocks",
                         name.c_str(), field);
        }
        return known->second;
    }
    if (!may_create) {
        return error(UAKV_ERR_DENIED, "space \"%s\" does not exist, and a read-only client cannot make it",
                     name.c_str());
    }
    if (spaces_.size() == limits::spaces_max) {
        return error(UAKV_ERR_NO_SPACE, "there are %u spaces already, which is all that there can be",
                     limits::spaces_max);
    }
    if (auto noted = state_.add_space(wanted); !noted.ok()) {
        return noted.take_error();
    }
    add(wanted);
    const auto id = static_cast<SpaceId>(spaces_.size() - 1);
    log_trace("{} ns: space {} is \"{}\"", now_ns(), id, name);
    return id;
}

Result<void> Spaces::load() {
    for (SpaceId number = 0; number < state_.spaces(); ++number) {
        const SpaceDescription space = state_.space(number);
        if (!check(space).ok() || names_.count(std::string(*get_text(space.name))) != 0) {
            return error(UAKV_ERR_LAYOUT, "what its state says of space %u cannot be", number);
        }
        add(space);
    }
    return {};
}

void Spaces::add(const SpaceDescription &space) {
    names_.emplace(*get_text(space.name), static_cast<SpaceId>(spaces_.size()));
    spaces_.push_back(space);
}

} // namespace uakv
