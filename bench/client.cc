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

// Blocks of another size or kind are another space, also in a daemon that has its spaces from disk.
Space::Space(const Client &client, std::uint64_t block_bytes, std::uint32_t flags) {
    uakv_space_options options{};
    options.struct_size = sizeof options;
    options.block_bytes = block_bytes;
    options.flags = flags;
    const std::string name = fmt::format("bench-{}-{}", block_bytes, flags);
    require_ok(uakv_space_open(client.handle(), name.c_str(), &options, &handle_), "uakv_space_open");
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
