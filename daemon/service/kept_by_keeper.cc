#include "daemon/service/kept_by_keeper.h"

#include "daemon/base/log.h"

#include <algorithm>

namespace uakv {
namespace {

// LISTEN_FDNAMES is one string of the environment: the kernel allows it 128 KiB.
constexpr std::size_t names_bytes_max = 127 * 1024;

bool good_name(std::string_view name) {
    return !name.empty() && name.size() <= Keeper::name_bytes_max &&
           std::all_of(name.begin(), name.end(), [](char letter) { return letter > ' ' && letter < 127; }) &&
           name.find(':') == std::string_view::npos;
}

} // namespace

void KeptByKeeper::hear(Notification message) {
    const std::string name(message.value("FDNAME").value_or("stored"));
    if (message.value("FDSTOREREMOVE") == "1") {
        names_bytes_ -=
            static_cast<std::size_t>(std::erase_if(all_, [&](const KeptFds::One &one) { return one.name == name; })) *
            (name.size() + 1);
    } else if (message.value("FDSTORE") == "1") {
        store(name, std::move(message.fds));
    }
}

void KeptByKeeper::store(const std::string &name, std::vector<Fd> fds) {
    if (!good_name(name)) {
        log_warn("the keeper does not keep a descriptor whose name has {} bytes, or letters that no name may have",
                 name.size());
        return;
    }
    for (Fd &fd : fds) {
        if (all_.size() >= count_max_ || names_bytes_ + name.size() + 1 > names_bytes_max) {
            log_warn("the keeper does not keep {}: it has {} descriptors with names of {} bytes together, and can give "
                     "no more to a daemon that starts (raise the limit of open files)",
                     name, all_.size(), names_bytes_);
            return;
        }
        names_bytes_ += name.size() + 1;
        all_.push_back({name, std::move(fd)});
    }
}

std::string KeptByKeeper::names() const {
    std::string text;
    for (const KeptFds::One &one : all_) {
        text += (text.empty() ? "" : ":") + one.name;
    }
    return text;
}

} // namespace uakv
