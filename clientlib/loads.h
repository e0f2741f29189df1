// Retrieves that have to wait until the daemon has brought blocks into memory.
//
// A load is asked for by key, and answered once the block is there; then we look again, like anybody. A block that has
// left in between is asked for again, until the deadline.
#pragma once

#include "clientlib/call.h"
#include "clientlib/copy.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace uakv {

// Fills in what asks for the block. UAKV_MISS when there is no time left, or an error.
uakv_status ask_load(const Call &call, const uakv_space &space, const uakv_key &key, bool as_stored,
                     Submission &submission);

// What the daemon's answer to that means: UAKV_OK to look again, UAKV_MISS or an error.
uakv_status load_outcome(uakv_status answer, const uakv_space &space);

// Loads blocks and looks again. What is looked for, and what becomes of it, is said by those below.
class LoadCall : public Call {
public:
    bool begin(std::size_t part, std::size_t lane, Submission &submission) final;
    bool go_on(std::size_t lane, const Completion &answer, Submission &submission) final;
    void fail(std::size_t lane, const Error &why, Sent sent) final;

protected:
    LoadCall(Setting setting, std::size_t parts, uakv_space &space, RetrieveRequest request)
        : Call(std::move(setting), parts, parts < lanes_max ? parts : lanes_max), space_(space), request_(request) {}

    uakv_space &space() const { return space_; }

    virtual bool has_to_load(std::size_t) const { return true; }
    virtual const uakv_key &key_of(std::size_t part) const = 0;
    virtual uakv_status look_at(std::size_t part, RetrieveRequest request) = 0;
    virtual void note(std::size_t part, uakv_status status) = 0;

private:
    bool ask(std::size_t part, Submission &submission);
    bool end(std::size_t part, uakv_status status);

    uakv_space &space_;
    const RetrieveRequest request_;
    std::array<std::size_t, lanes_max> parts_of_lanes_{};
};

// uakv_retrieve.
class ViewCall final : public LoadCall {
public:
    ViewCall(Setting setting, uakv_space &space, const uakv_key &key, RetrieveRequest request)
        : LoadCall(std::move(setting), 1, space, request), key_(key) {}

    uakv_status status() const override { return status_; }
    void give_result(uakv_completion &out) override;
    const uakv_view &view() const { return view_; } // with UAKV_OK

private:
    const uakv_key &key_of(std::size_t) const override { return key_; }
    uakv_status look_at(std::size_t part, RetrieveRequest request) override;
    void note(std::size_t, uakv_status status) override { status_ = status; }

    const uakv_key key_;
    uakv_view view_{};
    uakv_status status_ = UAKV_OK;
};

// uakv_retrieve_into.
class CopyCall final : public LoadCall {
public:
    CopyCall(Setting setting, uakv_space &space, const uakv_key &key, RetrieveRequest request, const CopyTarget &target)
        : LoadCall(std::move(setting), 1, space, request), key_(key), target_(target) {}

    uakv_status status() const override { return status_; }
    void give_result(uakv_completion &out) override { out.result.count = target_.length; }
    std::size_t length() const { return target_.length; } // with UAKV_OK and UAKV_ERR_TOO_LARGE

private:
    const uakv_key &key_of(std::size_t) const override { return key_; }
    uakv_status look_at(std::size_t part, RetrieveRequest request) override;
    void note(std::size_t, uakv_status status) override { status_ = status; }

    const uakv_key key_;
    CopyTarget target_;
    uakv_status status_ = UAKV_OK;
};

// uakv_retrieve_many, and what becomes of each block. look_many() has gone before: it has set the views and statuses of
// what was in memory, or nowhere, and has left a mark in the views of the others.
struct ManyViews {
    std::span<const uakv_key> keys;
    uakv_view *views = nullptr;
    uakv_status *each = nullptr; // may be null
    uakv_status overall = UAKV_OK;

    void note(std::size_t i, uakv_status status);
};
class ViewsCall final : public LoadCall {
public:
    ViewsCall(Setting setting, uakv_space &space, RetrieveRequest request, const ManyViews &all)
        : LoadCall(std::move(setting), all.keys.size(), space, request), all_(all) {}

    void skip(std::size_t part, const Error &why) override;
    uakv_status status() const override { return all_.overall; }
    void give_result(uakv_completion &out) override;

private:
    bool has_to_load(std::size_t part) const override;
    const uakv_key &key_of(std::size_t part) const override { return all_.keys[part]; }
    uakv_status look_at(std::size_t part, RetrieveRequest request) override;
    void note(std::size_t part, uakv_status status) override;

    ManyViews all_;
};

// True when some have to be loaded.
bool look_many(uakv_space &space, RetrieveRequest request, ManyViews &all);
std::size_t count_views(const ManyViews &all);

uakv_status retrieve_into(uakv_space &space, const uakv_key &key, RetrieveRequest request, CopyTarget &target);
uakv_status retrieve_many(uakv_space &space, RetrieveRequest request, ManyViews &all);

} // namespace uakv
