// The sockets of this process that lead to a daemon, made by this process itself: those that it has from its parent
// are the parent's.
#pragma once

#include <string>

namespace uakv::test {

// Before this process connects.
void note_inherited_descriptors();

// The client sees that the daemon has hung up; the daemon sees nothing yet.
void hang_up_own_sockets(const std::string &socket_path);

} // namespace uakv::test
