#include "client.h"

#include "failure.h"

#include <array>
#include <fmt/format.h>

namespace uakv::bench {

Client::Client(const std::string &socket_path) {
    uakv_connect_options options{};
    options.struct_size = sizeof options;
    options.socket_path = socket_path.c_str();
    require_ok(uakv_connect(&options, &handle_), "uakv_connect");
}

uakv_statistics Client::statistics() const {
    uakv_statistics statistics{};
    statistics.struct_size = sizeof statistics;
    require_ok(uakv_stats(handle_, &statistics), "uakv_stats");
    return statistics;
}

Space::Space(const Client &client, std::uint64_t block_bytes) {
    uakv_space_options options{};
    options.struct_size = sizeof options;
    options.block_bytes = block_bytes;
    require_ok(uakv_space_open(client.handle(), "bench", &options, &handle_), "uakv_space_open");
}

void throw_status(uakv_status status, const char *call) {
    std::array<char, 1024> detail{};
    if (status < 0) {
        uakv_last_error(nullptr, detail.data(), detail.size());
    }
    throw Failure(
        fmt::format("{} gave {}{}{}", call, uakv_status_name(status), detail[0] == '\0' ? "" : ": ", detail.data()));
}

} // namespace uakv::bench
