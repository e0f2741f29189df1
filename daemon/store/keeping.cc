#include "daemon/store/keeping.h"

#include "daemon/base/log.h"
#include "ipc/sequence_point.h"

#include <algorithm>
#include <vector>

namespace uakv {
namespace {

bool is_number(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

void Keeping::begin(const Fd &index, const Fd &state) {
    index_ = keep(index_name(tenant_), index);
    UAKV_SEQUENCE_POINT(index_kept);
    state_ = index_ && keep(state_name(tenant_), state);
    UAKV_SEQUENCE_POINT(state_kept);
}

void Keeping::add_segment(const Fd &fd) {
    if (state_ && keep(segment_name(tenant_, segments_), fd)) {
        ++segments_;
        UAKV_SEQUENCE_POINT(segment_kept);
    }
}

// All or nothing: a store with a hole is of no use to anybody.
bool Keeping::keep(const std::string &name, const Fd &fd) {
    if (keeper_ == nullptr) {
        return false;
    }
    if (keeper_->keep(name, fd)) {
        return true;
    }
    log_warn("{}: {} was not kept, so the cache is lost when this daemon ends", title_, name);
    end();
    keeper_ = nullptr;
    return false;
}

void Keeping::end() {
    if (state_) {
        keeper_->drop(state_name(tenant_));
    }
    if (index_) {
        keeper_->drop(index_name(tenant_));
    }
    for (; segments_ > 0; --segments_) {
        keeper_->drop(segment_name(tenant_, segments_ - 1));
    }
    state_ = index_ = false;
}

// Names are read from the right: a tenant's name may hold dots.
std::size_t Keeping::clear_out(Keeper *keeper, KeptFds &kept, std::string_view tenant) {
    const std::string segments = name(tenant, "");
    std::vector<std::string> names;
    for (const KeptFds::One &one : kept.all()) {
        const bool segment =
            one.name.starts_with(segments) && is_number(std::string_view(one.name).substr(segments.size()));
        if (segment || one.name == state_name(tenant) || one.name == index_name(tenant)) {
            names.push_back(one.name);
        }
    }
    // The state first.
    std::stable_partition(names.begin(), names.end(), [&](const auto &each) { return each == state_name(tenant); });
    for (const std::string &each : names) {
        kept.take(each);
        if (keeper != nullptr) {
            keeper->drop(each);
        }
    }
    return names.size();
}

} // namespace uakv
