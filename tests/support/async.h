// Completions of a client, counted: each submission has one.
#pragma once

#include <uakv.h>

#include <cstddef>
#include <cstdint>
#include <map>

namespace uakv::test {

class Polled {
public:
    explicit Polled(uakv_client *client) : client_(client) {}

    // Fails the test unless the call was accepted.
    void submitted(uakv_status status);
    size_t in_flight() const { return in_flight_; }
    void taken(size_t count) { in_flight_ -= count; } // by the test itself

    // Waits for a completion, which must be this one.
    uakv_completion next(uint32_t kind, uint64_t user_data);

    // Takes what is there, or waits for the first; notes each status under its user_data, which must be new.
    void take(std::map<uint64_t, uakv_status> &statuses);
    void take_all(std::map<uint64_t, uakv_status> &statuses);

private:
    uakv_client *client_;
    size_t in_flight_ = 0;
};

// Whether the client's event descriptor is readable, waiting up to timeout_ms.
bool readable(uakv_client *client, int timeout_ms);

} // namespace uakv::test
