#include "death/every_call.h"

#include "support/check.h"
#include "support/client.h"

#include <array>

namespace uakv::test {
namespace {

constexpr uint32_t timeout_ms = 100;

} // namespace

bool EveryCall::set_up(const std::string &socket_path, const std::string &name, const std::atomic<bool> &stopped) {
    socket_path_ = socket_path;
    name_ = name;
    key_ = make_key(name + "/resident");
    new_key_ = make_key(name + "/new");
    const uakv_key open_key = make_key(name + "/open");
    // A daemon that is busy is asked again.
    const auto done = [&stopped](const auto &call) {
        uakv_status status = UAKV_OK;
        do {
            status = call();
            CHECK_MESSAGE(status == UAKV_OK || status == UAKV_EXISTS || status == UAKV_ERR_TIMEOUT ||
                              status == UAKV_ERR_DISCONNECTED,
                          uakv_status_name(status));
        } while (status < 0 && !stopped.load());
        return status >= 0;
    };
    const auto reserve = [&](uakv_slot &slot) {
        return done([&] { return uakv_reserve(space_, &open_key, bytes_, nullptr, &slot); });
    };
    return done([&] { return connect_to(socket_path, 0, timeout_ms, &client_); }) &&
           done([&] { return uakv_space_open(client_, "called", nullptr, &space_); }) &&
           done([&] { return store_block(space_, key_, bytes_); }) &&
           done([&] { return uakv_retrieve(space_, &key_, nullptr, &view_); }) && uakv_event_fd(client_) >= 0 &&
           reserve(commit_slot_) && reserve(submit_slot_) && reserve(abort_slot_);
}

void EveryCall::make_while_it_stands_still() {
    check_hits();
    submit();
    wait();
    check_hits();
}

// What lies in shared memory needs no daemon. The block may be evicted by now, and stays in its view.
void EveryCall::check_hits() {
    check_block(view_.data, view_.nbytes, key_);
    std::array<uint8_t, bytes_> copy;
    size_t n = 0;
    uint8_t tier = 0;
    uakv_view view = {};
    const auto found = [](uakv_status status) {
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_MISS, uakv_status_name(status));
        return status == UAKV_OK;
    };
    if (found(uakv_retrieve(space_, &key_, nullptr, &view))) {
        check_block(view.data, view.nbytes, key_);
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
    if (found(uakv_retrieve_into(space_, &key_, copy.data(), copy.size(), &n, nullptr))) {
        check_block(copy.data(), n, key_);
    }
    if (found(uakv_retrieve_many(space_, &key_, 1, &view, nullptr))) {
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
    CHECK_STATUS(uakv_match_prefix(space_, &key_, 1, &n, &tier), UAKV_OK);
    CHECK_STATUS(uakv_contains(space_, &key_, 1, &tier), UAKV_OK);
}

void EveryCall::wait() {
    const std::vector<uint8_t> block = make_block(bytes_, new_key_);
    const void *const data = block.data();
    const size_t n = bytes_;
    uakv_view view;
    uakv_slot slot;
    uakv_client *client = nullptr;
    uakv_space *space = nullptr;
    uakv_statistics statistics = {};
    statistics.struct_size = sizeof statistics;
    const uakv_status connected = connect_to(socket_path_, 0, timeout_ms, &client);
    CHECK(connected == UAKV_ERR_TIMEOUT || connected == UAKV_ERR_DISCONNECTED); // where the socket is removed already
    CHECK_STATUS(uakv_space_open(client_, "another", nullptr, &space), UAKV_ERR_TIMEOUT);
    CHECK_STATUS(uakv_store(space_, &new_key_, data, n, nullptr), UAKV_ERR_TIMEOUT);
    CHECK_STATUS(uakv_store_many(space_, &new_key_, &data, &n, 1, nullptr), UAKV_ERR_TIMEOUT);
    CHECK_STATUS(uakv_commit(&commit_slot_), UAKV_ERR_TIMEOUT);
    CHECK_STATUS(uakv_abort(&abort_slot_), UAKV_OK);
    CHECK_STATUS(uakv_retrieve_or_reserve(space_, &new_key_, n, timeout_ms, &view, &slot), UAKV_ERR_TIMEOUT);
    CHECK_STATUS(uakv_remove(space_, &new_key_, 1, nullptr), UAKV_ERR_TIMEOUT);
    CHECK_STATUS(uakv_pin(space_, &new_key_, 1, 1), UAKV_ERR_TIMEOUT);
    CHECK_STATUS(uakv_clear(space_), UAKV_ERR_TIMEOUT);
    CHECK_STATUS(uakv_flush(space_), UAKV_ERR_TIMEOUT);
    CHECK_STATUS(uakv_prefetch(space_, &new_key_, 1, 0), UAKV_OK); // nothing to ask for
    CHECK_STATUS(uakv_stats(client_, &statistics), UAKV_ERR_TIMEOUT);
    // From the slots that were granted ahead, as long as there are any.
    uakv_status status = UAKV_OK;
    for (size_t i = 0; i < 100 && status == UAKV_OK; ++i) {
        const uakv_key key = make_key(name_ + "/reserved", i);
        status = uakv_reserve(space_, &key, n, nullptr, &slot);
        if (status == UAKV_OK) {
            CHECK(i < 50);
            fill_block(slot.data, n, key);
        }
    }
    CHECK_STATUS(status, UAKV_ERR_TIMEOUT);
}

void EveryCall::submit() {
    const uakv_key key = make_key(name_ + "/submitted");
    const std::vector<uint8_t> block = make_block(bytes_, key);
    const void *const data = block.data();
    const size_t n = bytes_;
    std::vector<uint8_t> copy(bytes_);
    uakv_view view = {};
    uakv_status each = UAKV_OK;
    uakv_statistics statistics = {};
    statistics.struct_size = sizeof statistics;
    const std::array submitted = {uakv_store_submit(space_, &key, data, n, nullptr, 0),
                                  uakv_reserve_submit(space_, &key, n, nullptr, 1),
                                  uakv_commit_submit(&submit_slot_, 2),
                                  uakv_store_many_submit(space_, &key, &data, &n, 1, nullptr, 3),
                                  uakv_retrieve_or_reserve_submit(space_, &key, n, timeout_ms, 4),
                                  uakv_remove_submit(space_, &key, 1, 5),
                                  uakv_clear_submit(space_, 6),
                                  uakv_pin_submit(space_, &key, 1, 1, 7),
                                  uakv_stats_submit(client_, &statistics, 8),
                                  uakv_flush_submit(space_, 9),
                                  uakv_prefetch_submit(space_, &key_, 1, 0, 10),
                                  uakv_retrieve_submit(space_, &key_, nullptr, 11),
                                  uakv_retrieve_into_submit(space_, &key_, copy.data(), n, nullptr, 12),
                                  uakv_retrieve_many_submit(space_, &key_, 1, &view, &each, 13)};
    for (const uakv_status status : submitted) {
        CHECK_STATUS(status, UAKV_PENDING);
    }
    for (size_t i = 0; i < submitted.size(); ++i) {
        uakv_completion done = {};
        CHECK_MESSAGE(uakv_poll(client_, &done, 1, 20'000) == 1, "a completion does not come");
        const bool hit = done.user_data >= 10;
        const bool from_memory =
            hit ? done.status == UAKV_OK || done.status == UAKV_MISS : done.user_data == 1 && done.status == UAKV_OK;
        CHECK_MESSAGE(from_memory || (!hit && done.status == UAKV_ERR_TIMEOUT),
                      "call " + std::to_string(done.user_data) + " ended with " + uakv_status_name(done.status));
        if (done.user_data == 11 && done.status == UAKV_OK) {
            CHECK_STATUS(uakv_release(&done.result.view), UAKV_OK);
        } else if (done.user_data == 1 && done.status == UAKV_OK) {
            CHECK_STATUS(uakv_abort(&done.result.slot), UAKV_OK);
        }
    }
    if (view.data != nullptr) {
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
}

void EveryCall::disconnect() {
    check_block(view_.data, view_.nbytes, key_);
    CHECK_STATUS(uakv_release(&view_), UAKV_OK);
    uakv_disconnect(client_);
}

} // namespace uakv::test
