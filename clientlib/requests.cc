#include "clientlib/requests.h"

#include "clientlib/client.h"
#include "clientlib/errors.h"
#include "ipc/clock.h"
#include "ipc/sequence_point.h"
#include "ipc/untrusted.h"

#include <algorithm>
#include <cstring>

namespace uakv {
namespace {

uakv_status refused(uakv_status status, const uakv_space &space) {
    switch (status) {
    case UAKV_ERR_NO_SPACE:
        return fail(status,
                    "the tenant has as many bytes pinned as it may (pinned_memory); unpin others, or let the operator "
                    "raise it (space \"%s\")",
                    space.description.name);
    case UAKV_ERR_BUSY:
        return fail(status, "this tenant makes more requests than its operations_per_second allow; try again later");
    default:
        return fail(status, "the daemon refused a request for space \"%s\"", space.description.name);
    }
}

uakv_status read_only(const char *what) {
    return fail(UAKV_ERR_DENIED, "this client is connected with UAKV_READ_ONLY and cannot %s", what);
}

} // namespace

// ---- remove, pin and prefetch ---------------------------------------------------------------------------------------

bool KeysCall::may_ask() {
    if (error_ == UAKV_OK && space_.client->read_only() && opcode_ != Opcode::prefetch) {
        error_ = read_only(opcode_ == Opcode::pin ? "pin blocks" : "remove blocks");
    }
    return error_ == UAKV_OK;
}

bool KeysCall::begin(std::size_t part, std::size_t, Submission &submission) {
    if (!may_ask()) {
        return false;
    }
    auto id = space_id_in(attachment(), space_, deadline_ns());
    if (!id.ok()) {
        error_ = uakv::fail(id.error());
        return false;
    }
    Lookup::Found found;
    if (opcode_ == Opcode::prefetch &&
        !(attachment().lookup().find(id.value(), keys_[part], found) && found.is_cold())) {
        return false;
    }
    submission.opcode = opcode_;
    submission.space = id.value();
    submission.key = keys_[part];
    submission.ttl_ms = ttl_ms_;
    return true;
}

bool KeysCall::go_on(std::size_t, const Completion &answer, Submission &) {
    UAKV_SEQUENCE_POINT(keys_answered);
    if (answer.status < 0 && error_ == UAKV_OK) {
        error_ = refused(answer.status, space_);
    }
    count_ += answer.status == UAKV_OK ? answer.value : 0;
    return false;
}

void KeysCall::fail(std::size_t, const Error &why, Sent) {
    error_ = uakv::fail(why);
}

uakv_status KeysCall::status() const {
    if (error_ != UAKV_OK || opcode_ != Opcode::pin) {
        return error_;
    }
    return count_ == keys_.size() ? UAKV_OK : UAKV_MISS;
}

// ---- clear ------------------------------------------------------------------------------------------------

bool ClearCall::begin(std::size_t, std::size_t, Submission &submission) {
    if (space_.client->read_only()) {
        status_ = read_only("clear a space");
        return false;
    }
    auto id = space_id_in(attachment(), space_, deadline_ns());
    if (!id.ok()) {
        status_ = uakv::fail(id.error());
        return false;
    }
    submission.opcode = Opcode::clear;
    submission.space = id.value();
    return true;
}

bool ClearCall::go_on(std::size_t, const Completion &answer, Submission &) {
    UAKV_SEQUENCE_POINT(clear_answered);
    status_ = answer.status >= 0 ? answer.status : refused(answer.status, space_);
    return false;
}

void ClearCall::fail(std::size_t, const Error &why, Sent) {
    status_ = uakv::fail(why);
}

// ---- flush ------------------------------------------------------------------------------------------------

namespace {

uakv_status flush_outcome(uakv_status answer, const uakv_space &space) {
    switch (answer) {
    case UAKV_ERR_UNSUPPORTED:
        return fail(answer, "uakv_flush: this daemon has no disk to write space \"%s\" to (enable_persistence)",
                    space.description.name);
    case UAKV_ERR_NO_SPACE:
        return fail(answer,
                    "uakv_flush: some blocks of space \"%s\" are not on disk: there is no room for them (disk_size, "
                    "disk_free), or they had to leave memory before they were written",
                    space.description.name);
    case UAKV_ERR_IO:
        return fail(answer, "uakv_flush: some blocks of space \"%s\" could not be written; the daemon's log says why",
                    space.description.name);
    default:
        return answer >= 0 ? answer : refused(answer, space);
    }
}

} // namespace

bool FlushCall::begin(std::size_t, std::size_t, Submission &submission) {
    auto id = space_id_in(attachment(), space_, deadline_ns());
    if (!id.ok()) {
        return over(uakv::fail(id.error()));
    }
    stored_in_ = __atomic_exchange_n(&space_.stored_in, std::uint64_t{0}, __ATOMIC_RELAXED);
    submission.opcode = Opcode::flush;
    submission.space = id.value();
    return true;
}

// What was stored in another index than that of the daemon that answers may be gone, and that is told once.
bool FlushCall::go_on(std::size_t, const Completion &answer, Submission &) {
    UAKV_SEQUENCE_POINT(flush_answered);
    if (answer.status != UAKV_OK || stored_in_ == 0 || stored_in_ == attachment().epoch()) {
        return over(flush_outcome(answer.status, space_));
    }
    status_ = uakv::fail(UAKV_ERR_DISCONNECTED,
                         "uakv_flush: the daemon that blocks of space \"%s\" were stored in is gone, and they were not "
                         "flushed before: look for them with uakv_contains; what this daemon has is on disk",
                         space_.description.name);
    return false;
}

void FlushCall::fail(std::size_t, const Error &why, Sent) {
    over(uakv::fail(why));
}

bool FlushCall::over(uakv_status status) {
    status_ = status;
    if (status != UAKV_OK && stored_in_ != 0) {
        store_relaxed(space_.stored_in, stored_in_);
    }
    return false;
}

// ---- statistics -------------------------------------------------------------------------------------------

namespace {

// The daemon writes the numbers between two steps of the sequence; read until they stood still. They may not, when it
// dies while it writes them for another thread.
bool copy_statistics(const SessionStatistics &shared, std::uint64_t deadline_ns, uakv_statistics &values) {
    do {
        const std::uint32_t before = load_acquire(shared.sequence);
        values = copy_once(shared.values);
        acquire_fence();
        if (before % 2 == 0 && load_relaxed(shared.sequence) == before) {
            return true;
        }
        cpu_relax();
    } while (now_ns() < deadline_ns);
    return false;
}

} // namespace

bool StatisticsCall::begin(std::size_t, std::size_t, Submission &submission) {
    submission.opcode = Opcode::stats;
    return true;
}

bool StatisticsCall::go_on(std::size_t, const Completion &answer, Submission &) {
    if (answer.status != UAKV_OK) {
        status_ =
            uakv::fail(answer.status, "uakv_stats: the daemon refused; it allows this tenant no more requests now");
        return false;
    }
    UAKV_SEQUENCE_POINT(statistics_answered);
    uakv_statistics values;
    if (!copy_statistics(attachment().session().statistics, deadline_ns(), values)) {
        status_ = uakv::fail(UAKV_ERR_TIMEOUT, "uakv_stats: the daemon did not finish its statistics in time");
        return false;
    }
    const std::size_t size = out_.struct_size;
    values.struct_size = out_.struct_size;
    std::memset(&out_, 0, size);
    std::memcpy(&out_, &values, std::min(size, sizeof values));
    return false;
}

void StatisticsCall::fail(std::size_t, const Error &why, Sent) {
    status_ = uakv::fail(why);
}

} // namespace uakv
