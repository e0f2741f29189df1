// pin, unpin, clear: what stays and what goes.
#include "daemon/base/units.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/table.h"

#include <fmt/format.h>
#include <string>

namespace uakv::ctl {
namespace {

Result<Exit> keep(const Options &options, std::uint32_t ttl_ms) {
    auto keys = parse_keys(options.arguments);
    if (!keys.ok()) {
        return keys.take_error();
    }
    auto opened = open_space(options, 0, IfAbsent::refuse);
    if (!opened.ok()) {
        return opened.take_error();
    }
    const std::size_t count = keys.value().size();
    const uakv_status status = uakv_pin(opened.value().space.get(), keys.value().data(), count, ttl_ms);
    if (status < 0) {
        return last_error(status);
    }
    const bool all = status == UAKV_OK;
    const char *done = ttl_ms == 0 ? "unpinned" : "pinned";
    const bool for_a_time = ttl_ms != 0 && ttl_ms != UAKV_PIN_FOREVER;
    const std::string how_long = for_a_time ? " for " + format_duration(ttl_ms) : "";
    if (options.json) {
        print(json_object({{"space", options.space}, {"asked", std::uint64_t{count}}, {"all_stored", all}}));
    } else if (all) {
        print(fmt::format("{} {} of space {}{}\n", done, counted(count, "block"), options.space, how_long));
    } else if (count == 1) {
        print(fmt::format("space {} does not hold this block; uakvctl why says why not\n", options.space));
    } else {
        print(fmt::format("space {} does not hold all of these blocks; those that it holds are {} now{}\n",
                          options.space, done, how_long));
    }
    return all ? Exit::done : Exit::negative;
}

} // namespace

Result<Exit> pin_blocks(const Options &options) {
    return keep(options, options.ttl_ms.value_or(UAKV_PIN_FOREVER));
}

Result<Exit> unpin_blocks(const Options &options) {
    return keep(options, 0);
}

Result<Exit> clear_space(const Options &options) {
    auto opened = open_space(options, 0, IfAbsent::refuse);
    if (!opened.ok()) {
        return opened.take_error();
    }
    if (const uakv_status status = uakv_clear(opened.value().space.get()); status < 0) {
        return last_error(status);
    }
    const auto &before = *opened.value().description;
    print(options.json ? json_object({{"space", options.space}, {"blocks_before", before.blocks}})
                       : fmt::format("cleared space {}; it held {}, {}\n", options.space,
                                     counted(before.blocks, "block"), format_size(before.bytes)));
    return Exit::done;
}

} // namespace uakv::ctl
