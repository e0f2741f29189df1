// Spaces, and what became of a block.
#include "daemon/control/report_json.h"
#include "ipc/clock.h"

#include <algorithm>
#include <array>

namespace uakv {
namespace {

constexpr std::array<const char *, 8> dtype_names = {"opaque", "f32", "f16", "bf16", "f8_e4m3", "f8_e5m2", "i8", "u8"};
static_assert(UAKV_DTYPE_F8_E4M3 == 4 && UAKV_DTYPE_U8 == dtype_names.size() - 1);
constexpr std::array<const char *, 6> axis_names = {"other", "layer", "kv", "token", "head", "channel"};
static_assert(UAKV_AXIS_CHANNEL == axis_names.size() - 1);

// Clients choose these numbers.
template <std::size_t N> std::string name_of(const std::array<const char *, N> &names, std::uint32_t number) {
    return number < N ? names[number] : std::to_string(number);
}

Json remaining_ms(std::uint64_t expires_ms, std::uint64_t now_ms) {
    return expires_ms == UINT64_MAX ? Json() : Json(expires_ms - std::min(expires_ms, now_ms));
}

Json block_report(const BlockReport &block, std::uint64_t now_ms) {
    return {{"key", hex_of(block.key)},
            {"bytes", block.bytes},
            {"tier", block.cold ? "disk" : "host"},
            {"on_disk", block.on_disk},
            {"parent", block.parent ? Json(hex_of(*block.parent)) : Json()},
            {"expires_in_ms", remaining_ms(block.expires_ms, now_ms)},
            {"pinned", block.pinned},
            {"leases", block.leases}};
}

const char *reason_of(Departure why) {
    if (why == Departure::rebalanced) { // which class of slots wanted the room is of no concern here
        return name_of(Departure::evicted);
    }
    return why == Departure::dropped ? "dropped_from_disk" : name_of(why);
}

// What is known of a key in one space.
struct Finding {
    std::optional<SpaceId> space;
    std::optional<BlockReport> block;
    bool flying = false;
    std::optional<PastBlock> past;
};

Finding look(Tenant &tenant, std::optional<SpaceId> space, const uakv_key &key) {
    Finding finding{space, {}, false, {}};
    if (space) {
        finding.block = tenant.host().store().describe_block(*space, key);
        finding.flying = tenant.host().flights().is_flying({*space, key});
        finding.past = tenant.host().store().departed(*space, key);
    }
    return finding;
}

// Without a name: the space that holds the key, else one that is about to, else one that held it.
Finding look_everywhere(Tenant &tenant, const uakv_key &key) {
    Finding best;
    const auto worth = [](const Finding &finding) {
        return finding.block ? 3 : finding.flying ? 2 : finding.past ? 1 : 0;
    };
    for (SpaceId space = 0; space < tenant.host().store().spaces().count(); ++space) {
        if (const Finding finding = look(tenant, space, key); worth(finding) > worth(best)) {
            best = finding;
        }
    }
    return best;
}

const char *reason_of(const Finding &finding, bool named) {
    if (finding.block) {
        return "stored";
    }
    if (finding.flying) {
        return "being_computed";
    }
    if (finding.past) {
        return reason_of(finding.past->why);
    }
    return named && !finding.space ? "no_such_space" : "never_stored";
}

Json other_spaces(Tenant &tenant, std::optional<SpaceId> but, const uakv_key &key) {
    Json names = Json::array();
    Lookup::Found found;
    for (SpaceId space = 0; space < tenant.host().store().spaces().count(); ++space) {
        if (space != but && tenant.host().store().index().lookup().find(space, key, found)) {
            names.push_back(tenant.host().store().spaces().find(space)->name);
        }
    }
    return names;
}

} // namespace

std::optional<SpaceId> find_space(Spaces &spaces, const std::string &name) {
    for (SpaceId space = 0; space < spaces.count(); ++space) {
        if (name == spaces.find(space)->name) {
            return space;
        }
    }
    return std::nullopt;
}

std::string hex_of(const std::uint8_t *bytes, std::size_t count) {
    constexpr const char *digits = "0123456789abcdef";
    std::string text;
    text.reserve(2 * count);
    for (std::size_t i = 0; i < count; ++i) {
        text += digits[bytes[i] >> 4];
        text += digits[bytes[i] & 15];
    }
    return text;
}

Json spaces_report(Tenant &tenant) {
    Json list = Json::array();
    for (SpaceId number = 0; number < tenant.host().store().spaces().count(); ++number) {
        const SpaceDescription &space = *tenant.host().store().spaces().find(number);
        Json shape = Json::array();
        Json axes = Json::array();
        for (std::uint32_t i = 0; i < space.ndim; ++i) {
            shape.push_back(space.shape[i]);
            axes.push_back(name_of(axis_names, space.axis[i]));
        }
        const SpaceCounters counters = tenant.host().store().space_counters(number);
        list.push_back({{"name", space.name},
                        {"dtype", name_of(dtype_names, space.dtype)},
                        {"shape", std::move(shape)},
                        {"axes", std::move(axes)},
                        {"block_bytes", space.block_bytes},
                        {"block_bytes_unbounded", tenant.host().store().spaces().is_unbounded(space)},
                        {"ttl_ms", space.ttl_ms},
                        {"durable", (space.flags & UAKV_SPACE_DURABLE) != 0},
                        {"fingerprint", hex_of(space.fingerprint, sizeof space.fingerprint)},
                        {"blocks", counters.blocks},
                        {"bytes", counters.bytes}});
    }
    return {{"tenant", tenant.name()}, {"spaces", std::move(list)}};
}

Result<Json> blocks_report(Tenant &tenant, const std::string &name, EntryId cursor, std::uint32_t limit) {
    const auto space = find_space(tenant.host().store().spaces(), name);
    if (!space) {
        return error(UAKV_ERR_INVALID, "tenant \"%s\" has no space \"%s\"", tenant.name().c_str(), name.c_str());
    }
    std::vector<BlockReport> blocks;
    const auto next = tenant.host().store().list_blocks(*space, cursor, limit, blocks);
    const std::uint64_t now_ms = boot_ms();
    Json list = Json::array();
    for (const BlockReport &block : blocks) {
        list.push_back(block_report(block, now_ms));
    }
    return Json{
        {"tenant", tenant.name()}, {"space", name}, {"blocks", std::move(list)}, {"next", next ? Json(*next) : Json()}};
}

Json why_report(Tenant &tenant, const std::string &name, const uakv_key &key) {
    const bool named = !name.empty();
    const Finding finding =
        named ? look(tenant, find_space(tenant.host().store().spaces(), name), key) : look_everywhere(tenant, key);
    const std::uint64_t now_ms = boot_ms();
    const auto &block = finding.block;
    const bool left = !block && !finding.flying && finding.past.has_value();
    const std::string reason = reason_of(finding, named);
    const SpaceDescription *space = finding.space ? tenant.host().store().spaces().find(*finding.space) : nullptr;
    Json report = {
        {"tenant", tenant.name()},
        {"space", space != nullptr ? std::string(space->name) : name},
        {"key", hex_of(key)},
        {"state", block ? "resident" : "absent"},
        {"reason", reason},
        {"since_ms", left ? Json(now_ms - std::min(now_ms, finding.past->left_ms)) : Json()},
        {"bytes", block ? Json(block->bytes) : Json()},
        {"tier", block ? Json(block->cold ? "disk" : "host") : Json()},
        {"on_disk", block ? Json(block->on_disk) : Json()},
        {"expires_in_ms", block ? remaining_ms(block->expires_ms, now_ms) : Json()},
        {"pinned", block ? Json(block->pinned) : Json()},
        {"leases", block ? Json(block->leases) : Json()},
        {"segment", block && !block->cold ? Json(block->segment) : Json()},
        {"other_spaces", other_spaces(tenant, finding.space, key)},
    };
    if (reason == "never_stored") {
        report["history_from_ms"] = now_ms - std::min(now_ms, tenant.host().store().history_from_ms());
    }
    return report;
}

} // namespace uakv
