// Every call of the ABI, made while the daemon stands still: each ends in time, with what shared memory gives or with
// UAKV_ERR_TIMEOUT.
#pragma once

#include "support/pattern.h"

#include <atomic>
#include <string>

namespace uakv::test {

class EveryCall {
public:
    // While the daemon serves: connects, and leaves something to be called about. False when the daemon stood still
    // before that was done.
    bool set_up(const std::string &socket_path, const std::string &name, const std::atomic<bool> &stopped);

    void make_while_it_stands_still();

    uakv_client *client() const { return client_; }
    uakv_space *space() const { return space_; }
    void disconnect();

private:
    void wait();
    void submit();
    void check_hits();

    static constexpr size_t bytes_ = 9'000;

    std::string socket_path_;
    std::string name_;
    uakv_client *client_ = nullptr;
    uakv_space *space_ = nullptr;
    uakv_key key_ = {}, new_key_ = {};
    uakv_view view_ = {};
    uakv_slot commit_slot_ = {}, submit_slot_ = {}, abort_slot_ = {};
};

} // namespace uakv::test
