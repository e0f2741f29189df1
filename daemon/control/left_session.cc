#include "daemon/control/left_session.h"

#include "ipc/limits.h"
#include "ipc/memfd.h"
#include "ipc/untrusted.h"

#include <fmt/format.h>
#include <utility>

namespace uakv {
namespace {

// Read from its end, for the name of a tenant may hold dots, and numbers between them.
bool is_of(std::string_view name, std::string_view tenant) {
    const std::size_t before_part = name.rfind('.');
    if (!name.starts_with("s.") || before_part == std::string_view::npos || before_part == 0) {
        return false;
    }
    const std::size_t before_number = name.rfind('.', before_part - 1);
    return before_number != std::string_view::npos && before_number >= 2 && name.substr(2, before_number - 2) == tenant;
}

Result<Mapping> map_session(const Fd &memory, const std::string &name) {
    auto bytes = memfd_bytes(memory);
    if (!bytes.ok()) {
        return bytes.take_error();
    }
    if (bytes.value() != sizeof(SessionLayout)) {
        return error(UAKV_ERR_LAYOUT, "%s has %llu bytes; a session has %zu", name.c_str(),
                     static_cast<unsigned long long>(bytes.value()), sizeof(SessionLayout));
    }
    auto mapping = Mapping::map(memory, sizeof(SessionLayout), Access::read_write);
    if (!mapping.ok()) {
        return mapping;
    }
    const auto &header = mapping.value().at<SessionLayout>(0).header;
    const std::uint64_t magic = load_once(header.magic);
    const std::uint32_t version = load_once(header.layout_version);
    if (magic != session_magic || version != session_layout_version) {
        return error(UAKV_ERR_LAYOUT, "%s is no session of layout %u: it begins with %016llx and says %u", name.c_str(),
                     session_layout_version, static_cast<unsigned long long>(magic), version);
    }
    return mapping;
}

Result<LeftSession> take_one(KeptFds &kept, const std::string &tenant, std::uint32_t number) {
    LeftSession left;
    left.number = number;
    const std::string memory_name = session_part_name(tenant, number, "memory");
    auto memory = kept.take(memory_name);
    auto rope = kept.take(session_part_name(tenant, number, "rope"));
    auto process = kept.take(session_part_name(tenant, number, "process"));
    if (!memory || !rope) {
        return error(UAKV_ERR_LAYOUT, "%s is missing, of a session that there was",
                     memory ? session_part_name(tenant, number, "rope").c_str() : memory_name.c_str());
    }
    auto mapping = map_session(*memory, memory_name);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    left.memory = std::move(*memory);
    left.mapping = std::move(mapping.value());
    left.rope = std::move(*rope);
    left.process = process ? std::move(*process) : Fd();
    return left;
}

} // namespace

std::string session_part_name(std::string_view tenant, std::uint32_t number, std::string_view part) {
    return fmt::format("s.{}.{}.{}", tenant, number, part);
}

Result<std::vector<LeftSession>> take_left_sessions(KeptFds &kept, const std::string &tenant,
                                                    std::span<const std::uint32_t> numbers) {
    std::vector<LeftSession> all;
    if (numbers.size() > limits::orphans_max) {
        return error(UAKV_ERR_LAYOUT, "there were %zu sessions; there can be %u", numbers.size(), limits::orphans_max);
    }
    for (const std::uint32_t number : numbers) {
        auto left = take_one(kept, tenant, number);
        if (!left.ok()) {
            return left.take_error();
        }
        all.push_back(std::move(left.value()));
    }
    return all;
}

void drop_left_sessions(Keeper &keeper, KeptFds &kept, const std::string &tenant,
                        std::span<const std::uint32_t> numbers) {
    std::vector<std::string> names;
    for (const std::uint32_t number : numbers) {
        for (const std::string_view part : session_parts) {
            names.push_back(session_part_name(tenant, number, part));
        }
    }
    for (const KeptFds::One &one : kept.all()) {
        if (is_of(one.name, tenant)) {
            names.push_back(one.name);
        }
    }
    for (const std::string &name : names) {
        static_cast<void>(kept.take(name));
        keeper.drop(name);
    }
}

} // namespace uakv
