// Where a daemon and its clients meet when nobody says where.
#pragma once

#include <string>

namespace uakv {

constexpr const char *system_socket_path = "/run/uakv/uakvd.sock";

// Of a client: $UAKV_SOCKET, then $XDG_RUNTIME_DIR/uakv/uakvd.sock where it exists, then that of the system, as uakv.h
// has it.
std::string default_socket_path();

} // namespace uakv
