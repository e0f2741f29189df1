#include "daemon/control/left_session.h"

#include "ipc/limits.h"
#include "ipc/memfd.h"
#include "ipc/untrusted.h"

#include <string_view>
#include <utility>

namespace uakv {
namespace {

// Shorter by a half than to base 10.
std::string to_base_62(std::uint32_t number) {
    constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    std::string text;
    do {
        text.insert(text.begin(), digits[number % digits.size()]);
        number /= static_cast<std::uint32_t>(digits.size());
    } while (number != 0);
    return text;
}

Result<Mapping> map_session(const Fd &memory, std::uint64_t session_bytes, const std::string &name) {
    auto bytes = memfd_bytes(memory);
    if (!bytes.ok()) {
        return bytes.take_error();
    }
    if (bytes.value() != session_bytes) {
        return error(UAKV_ERR_LAYOUT, "%s has %llu bytes; a session has %llu", name.c_str(),
                     static_cast<unsigned long long>(bytes.value()), static_cast<unsigned long long>(session_bytes));
    }
    auto mapping = Mapping::map(memory, session_bytes, Access::read_write);
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

Result<LeftSession> take_one(KeptFds &kept, std::uint32_t number, std::uint64_t session_bytes) {
    LeftSession left;
    left.number = number;
    const std::string memory_name = session_part_name(number, SessionPart::memory);
    auto memory = kept.take(memory_name);
    auto rope = kept.take(session_part_name(number, SessionPart::rope));
    auto process = kept.take(session_part_name(number, SessionPart::process));
    if (!memory || !rope) {
        return error(UAKV_ERR_LAYOUT, "%s is missing, of session %u, which there was",
                     memory ? session_part_name(number, SessionPart::rope).c_str() : memory_name.c_str(), number);
    }
    auto mapping = map_session(*memory, session_bytes, memory_name);
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

DeviceSessionLayout *LeftSession::device_layout() const {
    return mapping.bytes() == sizeof(DeviceSessionLayout) ? &mapping.at<DeviceSessionLayout>(0) : nullptr;
}

std::string session_part_name(std::uint32_t number, SessionPart part) {
    return static_cast<char>(part) + to_base_62(number);
}

Result<std::vector<LeftSession>> take_left_sessions(KeptFds &kept, std::span<const std::uint32_t> numbers,
                                                    std::uint64_t session_bytes) {
    std::vector<LeftSession> all;
    if (numbers.size() > limits::orphans_max) {
        return error(UAKV_ERR_LAYOUT, "there were %zu sessions; there can be %u", numbers.size(), limits::orphans_max);
    }
    for (const std::uint32_t number : numbers) {
        auto left = take_one(kept, number, session_bytes);
        if (!left.ok()) {
            return left.take_error();
        }
        all.push_back(std::move(left.value()));
    }
    return all;
}

void drop_left_sessions(Keeper &keeper, KeptFds &kept, std::span<const std::uint32_t> numbers) {
    for (const std::uint32_t number : numbers) {
        for (const SessionPart part : session_parts) {
            const std::string name = session_part_name(number, part);
            static_cast<void>(kept.take(name));
            keeper.drop(name);
        }
    }
}

} // namespace uakv
