#include "daemon/config/accounts.h"

#include "daemon/base/units.h"

#include <cerrno>
#include <cstdint>
#include <grp.h>
#include <pwd.h>
#include <vector>

namespace uakv {
namespace {

constexpr std::uint64_t number_max = UINT32_MAX - 1; // the number behind it means "no change" to the kernel

bool is_number(const std::string &text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

Result<std::uint32_t> read_number(const std::string &text, const char *kind) {
    auto number = parse_count(text);
    if (!number.ok() || number.value() > number_max) {
        return error(UAKV_ERR_INVALID, "\"%s\" is no number of a %s; expected at most %llu", text.c_str(), kind,
                     static_cast<unsigned long long>(number_max));
    }
    return static_cast<std::uint32_t>(number.value());
}

// Asks the account database, with more room as long as it wants more. `find` is getpwnam_r() or getgrnam_r().
template <typename Entry, typename Find>
Result<const Entry *> look_up(const std::string &name, Entry &entry, std::vector<char> &room, Find find) {
    for (room.resize(1024);; room.resize(room.size() * 4)) {
        Entry *found = nullptr;
        const int outcome = find(name.c_str(), &entry, room.data(), room.size(), &found);
        if (outcome == ERANGE && room.size() < (1 << 24)) {
            continue;
        }
        // Several errors mean "not found", says the manual; the database itself may also be away.
        if (found == nullptr && outcome != 0 && outcome != ENOENT && outcome != ESRCH && outcome != EBADF &&
            outcome != EPERM) {
            return errno_error(UAKV_ERR_INVALID, outcome, "cannot look up \"%s\"; try again, or give a number",
                               name.c_str());
        }
        return found;
    }
}

} // namespace

Result<uid_t> find_user(const std::string &text) {
    if (is_number(text)) {
        return read_number(text, "user");
    }
    passwd entry{};
    std::vector<char> room;
    auto found = look_up(text, entry, room, ::getpwnam_r);
    if (!found.ok()) {
        return found.take_error();
    }
    if (found.value() == nullptr) {
        return error(UAKV_ERR_INVALID,
                     "there is no user \"%s\" on this machine; correct the name, create the user, or give a number",
                     text.c_str());
    }
    return entry.pw_uid;
}

Result<gid_t> find_group(const std::string &text) {
    if (is_number(text)) {
        return read_number(text, "group");
    }
    group entry{};
    std::vector<char> room;
    auto found = look_up(text, entry, room, ::getgrnam_r);
    if (!found.ok()) {
        return found.take_error();
    }
    if (found.value() == nullptr) {
        return error(UAKV_ERR_INVALID,
                     "there is no group \"%s\" on this machine; correct the name, create the group, or give a number",
                     text.c_str());
    }
    return entry.gr_gid;
}

} // namespace uakv
