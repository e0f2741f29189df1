#include "daemon/service/service_manager.h"

#include "daemon/base/log.h"
#include "daemon/service/notification.h"
#include "ipc/clock.h"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <utility>

namespace uakv {
namespace {

constexpr std::uint64_t keep_wait_ms = 200;
constexpr std::uint64_t word_wait_ms = 50;
constexpr std::uint64_t barrier_wait_ms = 5000;
constexpr std::uint64_t impatient_ms = 1000;
constexpr std::uint64_t retry_ms = 100;
// A stop that no longer gets on may be killed that much later.
constexpr std::uint64_t extension_ms = 60'000;
constexpr std::uint64_t extension_every_ms = 1000;
constexpr std::uint64_t forever_ns = UINT64_MAX;

// Both a third and a half of the interval are usual; a third bears a late turn.
constexpr std::uint64_t beats_per_watchdog = 3;

bool good_name(const std::string &name) {
    return !name.empty() && name.size() <= Keeper::name_bytes_max &&
           std::all_of(name.begin(), name.end(), [](unsigned char letter) {
               return (letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z') ||
                      (letter >= 'a' && letter <= 'z') || letter == '.' || letter == '_' || letter == '-';
           });
}

std::string take_variable(const char *name) {
    const char *value = std::getenv(name);
    std::string text = value == nullptr ? "" : value;
    ::unsetenv(name);
    return text;
}

} // namespace

ServiceManager::Given ServiceManager::from_environment() {
    Given given;
    given.notify_address = take_variable("NOTIFY_SOCKET");
    std::uint64_t watchdog_us = 0;
    if (::sd_watchdog_enabled(1, &watchdog_us) > 0) {
        given.watchdog_ms = std::max<std::uint64_t>(watchdog_us / 1000, beats_per_watchdog);
    }
    char **names = nullptr;
    const int count = ::sd_listen_fds_with_names(1, &names);
    for (int i = 0; i < count; ++i) {
        Fd fd(SD_LISTEN_FDS_START + i);
        std::string name = names[i];
        std::free(names[i]);
        // A socket that nobody has named is meant for clients: there is no other.
        const bool listens = ::sd_is_socket(fd.get(), 0, 0, 1) > 0;
        if (!given.listener && (name == listener_name || (listens && name == "unknown"))) {
            given.listener = std::move(fd);
        } else {
            given.kept.push_back({std::move(name), std::move(fd)});
        }
    }
    std::free(names);
    return given;
}

ServiceManager::ServiceManager(Given given)
    : address_(std::move(given.notify_address)), watchdog_ms_(address_.empty() ? 0 : given.watchdog_ms),
      status_every_ms_(given.status_every_ms), listener_(std::move(given.listener)), kept_(std::move(given.kept)) {
    for (const KeptFds::One &one : kept_) {
        note_name(one.name);
    }
}

std::optional<Fd> ServiceManager::take_listener() {
    return std::exchange(listener_, std::nullopt);
}

KeptFds ServiceManager::take_kept() {
    return KeptFds(std::exchange(kept_, {}));
}

void ServiceManager::drop_all(const KeptFds &left) {
    for (const KeptFds::One &one : left.all()) {
        drop(one.name);
    }
    if (!left.empty()) {
        log_info("{} descriptors that the daemon before has left are of no use any more, and are let go: {}{}",
                 left.all().size(), left.all().front().name, left.all().size() > 1 ? " and others" : "");
    }
}

// False where the name is one too many.
bool ServiceManager::note_name(const std::string &name) {
    if (!names_.insert(name).second) {
        return true;
    }
    names_bytes_ += name.size() + 1;
    return names_bytes_ <= names_bytes_max;
}

bool ServiceManager::keep(const std::string &name, const Fd &fd) {
    UAKV_ASSERT(good_name(name));
    if (!is_there()) {
        return false;
    }
    if (names_.contains(name) && !try_drop(name, keep_wait_ms)) {
        return false; // the manager would have both, and the next daemon perhaps the wrong one
    }
    bool kept = note_name(name);
    if (!kept) {
        if (too_many_.due(now_ns())) {
            log_warn("{} is not kept for the next daemon: the names of all that is kept would be longer than {} bytes, "
                     "and would not fit into its environment; it is gone when this daemon ends",
                     name, names_bytes_max);
        }
    } else {
        kept = tell(fmt::format("FDSTORE=1\nFDNAME={}\nFDPOLL=0", name), &fd, keep_wait_ms);
    }
    if (!kept) {
        names_.erase(name);
        names_bytes_ -= name.size() + 1;
    }
    return kept;
}

void ServiceManager::drop(const std::string &name) {
    if (names_.contains(name)) {
        try_drop(name, keep_wait_ms);
    }
}

bool ServiceManager::try_drop(const std::string &name, std::uint64_t wait_ms) {
    if (!tell(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name), nullptr, wait_ms)) {
        to_drop_.insert(name);
        return false;
    }
    names_bytes_ -= name.size() + 1;
    names_.erase(name);
    to_drop_.erase(name);
    return true;
}

// What a manager that did not read was not told. Until then it holds memory that is of no use to anybody.
void ServiceManager::drop_late(std::uint64_t now_ms) {
    while (!to_drop_.empty() && try_drop(std::string(*to_drop_.begin()), 0)) {
    }
    next_drop_ms_ = now_ms + retry_ms;
}

// The manager closes the descriptor once it has come to this message, and so has read all those before it.
void ServiceManager::await_manager() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return; // no descriptor left; what was kept is on its way all the same
    }
    Fd reading(ends[0]);
    Fd writing(ends[1]);
    if (!tell("BARRIER=1", &writing, keep_wait_ms)) {
        return;
    }
    writing.reset();
    pollfd entry{reading.get(), 0, 0};
    if (::poll(&entry, 1, static_cast<int>(barrier_wait_ms)) == 0) {
        log_warn("the service manager has not read within {} s what it shall keep; serving all the same",
                 barrier_wait_ms / 1000);
    }
}

void ServiceManager::ready() {
    if (!is_there()) {
        return;
    }
    if (!names_.empty() && !ready_) {
        await_manager();
    }
    ready_ = true;
    tell("READY=1\nSTATUS=" + (status_.empty() ? std::string("serving") : status_), nullptr, keep_wait_ms);
    next_beat_ms_ = 0;
}

void ServiceManager::reloading() {
    tell("RELOADING=1\nSTATUS=reading the configuration again\nMONOTONIC_USEC=" + std::to_string(now_ns() / 1000),
         nullptr, word_wait_ms);
}

void ServiceManager::stopping() {
    tell("STOPPING=1\nSTATUS=stopping", nullptr, word_wait_ms);
}

void ServiceManager::alive_while_stopping() {
    const std::uint64_t now_ms = coarse_ms();
    if (is_there() && now_ms >= next_extension_ms_) {
        next_extension_ms_ = now_ms + extension_every_ms;
        // No sign of life: systemd looks at none while a service stops, but one would set its watch anew.
        tell(fmt::format("EXTEND_TIMEOUT_USEC={}", extension_ms * 1000), nullptr, 0);
    }
}

std::uint64_t ServiceManager::turn(bool worked, const std::function<std::string()> &status) {
    if (!is_there()) {
        return forever_ns;
    }
    const std::uint64_t now_ms = coarse_ms();
    status_old_ = status_old_ || worked;
    if (watchdog_ms_ != 0 && now_ms >= next_beat_ms_) {
        status_old_ = true; // hits come without a turn of the reactor
        next_beat_ms_ = now_ms + (tell("WATCHDOG=1", nullptr, 0) ? watchdog_ms_ / beats_per_watchdog : retry_ms);
    }
    if (status_old_ && now_ms >= next_status_ms_) {
        status_old_ = false;
        next_status_ms_ = now_ms + status_every_ms_;
        tell_status(status);
    }
    if (!to_drop_.empty() && now_ms >= next_drop_ms_) {
        drop_late(now_ms);
    }
    std::uint64_t next_ms = watchdog_ms_ != 0 ? next_beat_ms_ : UINT64_MAX;
    if (!to_drop_.empty()) {
        next_ms = std::min(next_ms, next_drop_ms_);
    }
    if (status_old_) {
        next_ms = std::min(next_ms, next_status_ms_);
    }
    return next_ms == UINT64_MAX ? forever_ns : (next_ms - std::min(next_ms, now_ms)) * ns_per_ms;
}

void ServiceManager::tell_status(const std::function<std::string()> &status) {
    std::string text = status();
    if (text != status_ && tell("STATUS=" + text, nullptr, 0)) {
        status_ = std::move(text);
    }
}

bool ServiceManager::tell(std::string_view text, const Fd *fd, std::uint64_t wait_ms) {
    if (!is_there()) {
        return false;
    }
    const std::uint64_t now_ms = now_ns() / ns_per_ms;
    auto sent = send_notification(address_, text, fd, now_ms < impatient_until_ms_ ? 0 : wait_ms);
    if (sent.ok()) {
        return true;
    }
    if (wait_ms != 0) {
        impatient_until_ms_ = now_ns() / ns_per_ms + impatient_ms;
    }
    if (complaint_.due(now_ns())) {
        log_warn("the service manager was not told \"{}\": {}", text.substr(0, text.find('\n')), sent.error().detail);
    }
    return false;
}

} // namespace uakv
