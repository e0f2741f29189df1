#include "socket_server.h"

#include "bench/failure.h"
#include "bench/timing.h"
#include "bench/workplace.h"
#include "stream.h"

namespace uakv::bench {

std::string server_socket_path(const std::string &name) {
    std::string path = private_directory() + "/" + name + ".sock";
    remove_file(path); // of one that was killed
    remove_at_end(path);
    return path;
}

SocketServer::SocketServer(const std::string &program, const std::string &socket_path,
                           const std::vector<std::string> &arguments, Beside cpus)
    : server_(program, arguments, cpus_of_daemon(cpus)) {
    constexpr std::uint64_t deadline_ns = 30'000'000'000;
    const std::uint64_t deadline = now_ns() + deadline_ns;
    while (!server_listens(socket_path)) {
        if (server_.exited(0)) {
            server_.throw_ended();
        }
        if (now_ns() > deadline) {
            throw Failure(arguments[0] + " does not listen; its log:\n" + server_.log_text());
        }
        sleep_for_ns(5'000'000);
    }
}

} // namespace uakv::bench
