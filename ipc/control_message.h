// Sending and reading the control messages of wire.h: the one place where bytes become structs.
#pragma once

#include "ipc/unix_socket.h"
#include "ipc/wire.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace uakv {

template <ControlMessage T>
Result<void> send_control(const Fd &socket, const T &message, std::span<const int> fds = {}) {
    return send_message(socket, std::as_bytes(std::span<const T, 1>(&message, 1)), fds);
}

// The message as a T when its type and length are those of a T.
template <ControlMessage T> std::optional<T> read_control(const Received &received) {
    T message;
    const MessageType type = message.header.type;
    if (received.length != sizeof(T)) {
        return std::nullopt;
    }
    std::memcpy(&message, received.bytes.data(), sizeof(T));
    if (message.header.magic != protocol_magic || message.header.type != type) {
        return std::nullopt;
    }
    return message;
}

// Text in a fixed field: cut where it does not fit, always closed by a NUL.
template <std::size_t N> void set_text(char (&field)[N], std::string_view text) {
    const std::size_t length = std::min(text.size(), N - 1);
    std::memcpy(field, text.data(), length);
    std::memset(field + length, 0, N - length);
}

// The text of a field that a peer filled: nothing when the NUL is missing.
template <std::size_t N> std::optional<std::string_view> get_text(const char (&field)[N]) {
    const void *end = std::memchr(field, 0, N);
    if (end == nullptr) {
        return std::nullopt;
    }
    return std::string_view(field, static_cast<std::size_t>(static_cast<const char *>(end) - field));
}

// What a refusal means to whoever asked. The status is the daemon's word: one that is no error, so that a call would
// seem to have worked, comes from something that is no daemon of ours.
inline Error error_of(const RefusedMessage &refused) {
    const auto detail = get_text(refused.detail);
    const bool says_why = detail && !detail->empty();
    return {refused.status < 0 ? refused.status : UAKV_ERR_VERSION,
            says_why ? std::string(*detail) : "the daemon refused without a reason"};
}

} // namespace uakv
