// run_example PROGRAM [ARGUMENT...]: runs the program against a daemon of its own, named by UAKV_SOCKET, and ends as it
// does. Fails too when the daemon does not survive it.
#include "support/check.h"
#include "support/child.h"
#include "support/daemon.h"
#include "support/process.h"

#include <cstdio>
#include <cstdlib>

#include <unistd.h>

int main(int argc, char **argv) {
    using namespace uakv::test;
    if (argc < 2) {
        std::fprintf(stderr, "usage: run_example PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    try {
        DaemonOptions options;
        options.memory = "512MiB";
        Daemon daemon(options);
        run_child([&] {
            setenv("UAKV_SOCKET", daemon.socket_path().c_str(), 1);
            execv(argv[1], argv + 1);
            throw Failure(std::string("cannot run ") + argv[1]);
        });
        daemon.stop();
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
    return 0;
}
