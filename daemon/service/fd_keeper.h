// `uakvd --fd-keeper`: for containers and wherever no service manager keeps descriptors. A small process that runs
// uakvd as its child, holds the descriptors that it is given by the protocol of systemd (FDSTORE), starts the child
// again when it dies, and hands them back to it (LISTEN_FDS). It maps none of the memory and reads none of it.
//
// It never starts a child before it has heard all that the one before has said. main() calls it, before there is
// anything else in the process.
#pragma once

#include <string>
#include <vector>

namespace uakv {

// Runs the command, whose first word is the path of the program, until it ends for good; the exit status for main().
// SIGTERM and SIGINT are passed on and end both, SIGHUP is passed on. Ends with the status of the child where that is
// 0, or where the child has never served and says that it is called wrongly. As process 1 it also reaps what others
// leave.
int run_fd_keeper(const std::vector<std::string> &command);

} // namespace uakv
