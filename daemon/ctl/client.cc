#include "daemon/ctl/client.h"

#include "daemon/ctl/options.h"
#include "daemon/ctl/report_client.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace uakv::ctl {
namespace {

// By their numbers in uakv.h.
constexpr std::array<std::string_view, 8> dtypes = {"opaque", "f32", "f16", "bf16", "f8_e4m3", "f8_e5m2", "i8", "u8"};
constexpr std::array<std::string_view, 6> axes = {"other", "layer", "kv", "token", "head", "channel"};
static_assert(dtypes[UAKV_DTYPE_BF16] == "bf16" && dtypes[UAKV_DTYPE_U8] == "u8");
static_assert(axes[UAKV_AXIS_CHANNEL] == "channel");

template <std::size_t N>
Result<std::size_t> number_of(const std::array<std::string_view, N> &names, const std::string &name) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
        return error(UAKV_ERR_VERSION,
                     "the space has \"%s\" in its layout, which this uakvctl does not know; use one "
                     "of the daemon's version",
                     name.c_str());
    }
    return static_cast<std::size_t>(found - names.begin());
}

Result<std::optional<SpacesReport::Space>> find_space(const Options &options) {
    auto answer = ReportClient::ask_once(options, ReportKind::spaces, parse_spaces);
    if (!answer.ok()) {
        return answer.take_error();
    }
    for (SpacesReport::Space &space : answer.value().report.spaces) {
        if (space.name == options.space) {
            return std::optional(std::move(space));
        }
    }
    return std::optional<SpacesReport::Space>();
}

} // namespace

Result<ClientHandle> connect_client(const Options &options, std::uint32_t flags) {
    uakv_connect_options connect{};
    connect.struct_size = sizeof connect;
    connect.flags = flags;
    connect.socket_path = options.socket_path.c_str();
    connect.tenant = options.tenant.empty() ? nullptr : options.tenant.c_str();
    connect.timeout_ms = options.timeout_ms;
    uakv_client *client = nullptr;
    if (const uakv_status status = uakv_connect(&connect, &client); status != UAKV_OK) {
        return last_error(status);
    }
    return ClientHandle(client);
}

Error last_error(uakv_status status) {
    std::string detail(uakv_last_error(nullptr, nullptr, 0), '\0');
    uakv_last_error(nullptr, detail.data(), detail.size() + 1); // the NUL falls on the one that a string has
    return {status, std::move(detail)};
}

Result<OpenSpace> open_space(const Options &options, std::uint32_t flags, IfAbsent if_absent) {
    if (options.space.empty()) {
        return error(UAKV_ERR_INVALID, "%s needs --space NAME; uakvctl ls names the spaces", options.command.c_str());
    }
    auto description = find_space(options);
    if (!description.ok()) {
        return description.take_error();
    }
    uakv_space_options wanted{};
    wanted.struct_size = sizeof wanted;
    if (description.value()) {
        auto described = options_of(*description.value());
        if (!described.ok()) {
            return described.take_error();
        }
        wanted = described.value();
    } else if (if_absent == IfAbsent::refuse) {
        return error(UAKV_MISS, "there is no space \"%s\"; uakvctl ls names those that are", options.space.c_str());
    }
    auto client = connect_client(options, flags);
    if (!client.ok()) {
        return client.take_error();
    }
    uakv_space *space = nullptr;
    const uakv_status status = uakv_space_open(client.value().get(), options.space.c_str(), &wanted, &space);
    if (status != UAKV_OK) {
        return last_error(status);
    }
    return OpenSpace{std::move(client.value()), SpaceHandle(space), std::move(description.value())};
}

Result<uakv_space_options> options_of(const SpacesReport::Space &space) {
    uakv_space_options options{};
    options.struct_size = sizeof options;
    options.block_bytes = space.block_bytes;
    options.ttl_ms = static_cast<std::uint32_t>(space.ttl_ms);
    options.flags = space.durable ? UAKV_SPACE_DURABLE : 0;
    auto dtype = number_of(dtypes, space.dtype);
    if (!dtype.ok()) {
        return dtype.take_error();
    }
    options.layout.dtype = static_cast<std::uint32_t>(dtype.value());
    options.layout.ndim = static_cast<std::uint32_t>(space.shape.size());
    if (space.shape.size() > UAKV_NDIM_MAX || space.axes.size() != space.shape.size()) {
        return error(UAKV_ERR_VERSION, "the space %s has %zu sizes and %zu axes; expected as many of both, at most %d",
                     space.name.c_str(), space.shape.size(), space.axes.size(), UAKV_NDIM_MAX);
    }
    for (std::size_t i = 0; i < space.shape.size(); ++i) {
        auto axis = number_of(axes, space.axes[i]);
        if (!axis.ok()) {
            return axis.take_error();
        }
        options.layout.shape[i] = space.shape[i];
        options.layout.axis[i] = static_cast<std::uint8_t>(axis.value());
    }
    auto fingerprint = parse_key(space.fingerprint); // 32 bytes in hex, like a key
    if (!fingerprint.ok()) {
        return error(UAKV_ERR_VERSION, "the fingerprint of space %s is \"%s\"; expected 64 hex digits",
                     space.name.c_str(), space.fingerprint.c_str());
    }
    std::copy_n(fingerprint.value().bytes, sizeof options.fingerprint, options.fingerprint);
    return options;
}

} // namespace uakv::ctl
