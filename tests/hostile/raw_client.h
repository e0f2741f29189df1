// A legal connection made by hand, without the library. What its owner does with it from there on need not be legal.
#pragma once

#include "ipc/control_message.h"
#include "ipc/device_session.h"
#include "ipc/lookup.h"
#include "ipc/mapping.h"
#include "ipc/ring_producer.h"
#include "ipc/session_layout.h"
#include "ipc/unix_socket.h"
#include "support/check.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace uakv::test {

class RawClient {
public:
    explicit RawClient(const std::string &path);

    const Fd &socket() const { return socket_; }
    template <ControlMessage T> void send(const T &message) { CHECK(send_control(socket_, message).ok()); }
    // Any bytes and as many descriptors as the kernel takes. 0, or the errno with which it does not.
    int send_bytes(std::span<const std::byte> bytes, std::span<const int> fds = {}) const;

    // Waits for a message, or for the hang-up.
    Received receive();
    // The daemon's reason to end this session. Skips the answers before it, but fails when it is not ended.
    std::string last_words();

    // Says hello and maps what all clients map.
    void attach(std::uint32_t flags = 0);
    void attach(const HelloDeviceMessage &hello); // to what it has on a GPU
    SpaceId open_space(const std::string &name);
    Fd segment(std::uint32_t number); // waits until there is one

    std::uint64_t session_bytes() const { return session_.bytes(); }
    DeviceSessionLayout &device_session() { return session_.at<DeviceSessionLayout>(0); }
    SessionLayout &session() { return session_.at<SessionLayout>(0); }
    Lookup lookup() const { return Lookup(IndexRegion::at(index_.data())); }
    std::uint64_t segment_bytes() const { return lookup().segment_bytes(); }
    const Fd &doorbell() const { return fds_[2]; }
    std::span<const Fd> fds() const { return fds_; } // index, session, doorbell, bell

    void submit(const Submission &submission); // waits for a place
    std::optional<Completion> take();
    // Submits, and waits for the answer to it; others are dropped.
    Completion call(Submission submission);

private:
    void take_welcome();

    Fd socket_;
    std::vector<Fd> fds_;
    Mapping index_;
    Mapping session_;
    std::optional<RingProducer> ring_;
    std::uint64_t called_ = 0;
};

// Begins a view on a block that is there.
void lease_block(SessionLayout &session, std::uint32_t word, const Lookup &lookup, SpaceId space, const uakv_key &key);

Submission submission_for(Opcode opcode, SpaceId space, const uakv_key &key, std::uint64_t length = 4096);
Submission with_slot_of(Submission submission, const Completion &granted);

} // namespace uakv::test
