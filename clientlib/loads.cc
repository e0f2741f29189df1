#include "clientlib/loads.h"

#include "clientlib/calls.h"
#include "clientlib/hit.h"

#include <algorithm>

namespace uakv {
namespace {

// The daemon is told a little less than we wait, so that its word arrives: a miss, where the disk is too slow. Only one
// who hears nothing has to say UAKV_ERR_TIMEOUT.
constexpr std::uint64_t told_less_ns_max = 20 * ns_per_ms;
constexpr std::uint64_t told_less_part = 8;

std::uint64_t left_ns(const Call &call) {
    const std::uint64_t now = now_ns();
    return call.deadline_ns() - std::min(now, call.deadline_ns());
}

bool is_marked(const uakv_view &view) {
    return view.data == nullptr && view.tier == UAKV_TIER_DISK;
}

} // namespace

uakv_status ask_load(const Call &call, const uakv_space &space, const uakv_key &key, bool as_stored,
                     Submission &submission) {
    auto id = space_id_in(call.attachment(), space, call.deadline_ns());
    if (!id.ok()) {
        return fail(id.error());
    }
    const std::uint64_t left = left_ns(call);
    if (left == 0) {
        return UAKV_MISS;
    }
    const std::uint64_t told_ns = left - std::min(left / told_less_part, told_less_ns_max);
    submission = Submission{};
    submission.opcode = Opcode::load;
    submission.flags = as_stored ? submission_as_stored : 0;
    submission.space = id.value();
    submission.key = key;
    submission.timeout_us = static_cast<std::uint32_t>(std::min<std::uint64_t>(told_ns / 1000, UINT32_MAX));
    return UAKV_OK;
}

uakv_status load_outcome(uakv_status answer, const uakv_space &space) {
    switch (answer) {
    case UAKV_OK:
    case UAKV_MISS:
        return answer;
    case UAKV_ERR_IO:
        return fail(answer, "the disk could not read a block of space \"%s\"; the daemon's log says why",
                    space.description.name);
    case UAKV_ERR_CORRUPT:
        return fail(answer, "a block of space \"%s\" was damaged on disk; it was dropped, so treat it as missing",
                    space.description.name);
    case UAKV_ERR_BUSY:
        return fail(answer, "this tenant makes more requests than its operations_per_second allow; try again later");
    default:
        return fail(answer, "the daemon refused to load a block of space \"%s\"", space.description.name);
    }
}

// ---- one part ---------------------------------------------------------------------------------------------

bool LoadCall::begin(std::size_t part, std::size_t lane, Submission &submission) {
    parts_of_lanes_[lane] = part;
    return has_to_load(part) && ask(part, submission);
}

bool LoadCall::go_on(std::size_t lane, const Completion &answer, Submission &submission) {
    const std::size_t part = parts_of_lanes_[lane];
    if (const uakv_status status = load_outcome(answer.status, space_); status != UAKV_OK) {
        return end(part, status);
    }
    RetrieveRequest request = request_;
    request.timeout_ns = left_ns(*this);
    const uakv_status status = look_at(part, request);
    if (status == needs_load) {
        return ask(part, submission);
    }
    note(part, status); // a miss is counted by who looked
    return false;
}

void LoadCall::fail(std::size_t lane, const Error &why, Sent) {
    note(parts_of_lanes_[lane], uakv::fail(why));
}

bool LoadCall::ask(std::size_t part, Submission &submission) {
    const uakv_status status = ask_load(*this, space_, key_of(part), request_.as_stored, submission);
    return status == UAKV_OK || end(part, status);
}

bool LoadCall::end(std::size_t part, uakv_status status) {
    note(part, status == UAKV_MISS ? note_miss(attachment(), request_, false) : status);
    return false;
}

// ---- a view -----------------------------------------------------------------------------------------------

uakv_status ViewCall::look_at(std::size_t, RetrieveRequest request) {
    return look(space(), key_, request, view_);
}

void ViewCall::give_result(uakv_completion &out) {
    if (status_ == UAKV_OK) {
        out.result.view = view_;
    }
}

uakv_status no_hit(uakv_space &space, const uakv_key &key, RetrieveRequest request, uakv_status status,
                   uakv_view &view) {
    status = look_on(space, key, request, status, view);
    if (status != needs_load) {
        return status;
    }
    auto setting = begin_call(*space.client, TimedCall::load, request.timeout_ns);
    if (!setting.ok()) {
        return fail(setting.error());
    }
    ViewCall call(std::move(setting.value()), space, key, request);
    status = run(call);
    if (status == UAKV_OK) {
        view = call.view();
    }
    return status;
}

uakv_status retrieve(uakv_space &space, const uakv_key &key, RetrieveRequest request, uakv_view &view) {
    return hit(space, key, request, view);
}

// ---- a copy -----------------------------------------------------------------------------------------------

uakv_status CopyCall::look_at(std::size_t, RetrieveRequest request) {
    return copy_block(space(), key_, request, target_);
}

uakv_status retrieve_into(uakv_space &space, const uakv_key &key, RetrieveRequest request, CopyTarget &target) {
    request.as_stored = true;
    uakv_status status = copy_block(space, key, request, target);
    if (status != needs_load) {
        return status;
    }
    auto setting = begin_call(*space.client, TimedCall::load, request.timeout_ns);
    if (!setting.ok()) {
        return fail(setting.error());
    }
    CopyCall call(std::move(setting.value()), space, key, request, target);
    status = run(call);
    target.length = call.length();
    return status;
}

// ---- many views -------------------------------------------------------------------------------------------

void ManyViews::note(std::size_t i, uakv_status status) {
    if (status != UAKV_OK) {
        views[i] = uakv_view{};
    }
    if (each != nullptr) {
        each[i] = status;
    }
    if (overall == UAKV_OK || (overall == UAKV_MISS && status < 0)) {
        overall = status;
    }
}

bool look_many(uakv_space &space, RetrieveRequest request, ManyViews &all) {
    bool marked = false;
    const auto look_at = [&](std::size_t i) {
        all.views[i] = uakv_view{};
        const uakv_status status = look(space, all.keys[i], request, all.views[i]);
        if (status == needs_load) {
            all.views[i].tier = UAKV_TIER_DISK;
            marked = true;
        } else {
            all.note(i, status);
        }
    };
    const Visit visit = space.client->attachments.visit();
    const SpaceId id = visit->space_id(space.index);
    if (id == no_space) {
        for (std::size_t i = 0; i < all.keys.size(); ++i) {
            look_at(i);
        }
        return marked;
    }
    // The first pass brings what the second one reads into the cache, for many keys at a time.
    visit->lookup().find_each(id, all.keys, [&](std::size_t i, const Lookup::Found *) {
        look_at(i);
        return true;
    });
    return marked;
}

std::size_t count_views(const ManyViews &all) {
    return static_cast<std::size_t>(std::count_if(all.views, all.views + all.keys.size(),
                                                  [](const uakv_view &view) { return view.data != nullptr; }));
}

bool ViewsCall::has_to_load(std::size_t part) const {
    return is_marked(all_.views[part]);
}

uakv_status ViewsCall::look_at(std::size_t part, RetrieveRequest request) {
    return look(space(), all_.keys[part], request, all_.views[part]);
}

void ViewsCall::note(std::size_t part, uakv_status status) {
    all_.note(part, status);
}

void ViewsCall::skip(std::size_t part, const Error &why) {
    if (has_to_load(part)) {
        all_.note(part, uakv::fail(why));
    }
}

void ViewsCall::give_result(uakv_completion &out) {
    out.result.count = count_views(all_);
}

uakv_status retrieve_many(uakv_space &space, RetrieveRequest request, ManyViews &all) {
    if (!look_many(space, request, all)) {
        return all.overall;
    }
    auto setting = begin_call(*space.client, std::nullopt, request.timeout_ns);
    if (!setting.ok()) {
        for (std::size_t i = 0; i < all.keys.size(); ++i) {
            if (is_marked(all.views[i])) {
                all.note(i, setting.error().status);
            }
        }
        return fail(setting.error());
    }
    ViewsCall call(std::move(setting.value()), space, request, all);
    return run(call);
}

} // namespace uakv
