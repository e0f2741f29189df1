// Descriptors that outlive the daemon: what one leaves with its keeper, the next one finds, however the first has
// ended. The keeper is the service manager (its descriptor store) or `uakvd --fd-keeper`; see daemon/service.
//
// The memory behind a descriptor is not freed while a keeper holds it, so whatever is no longer wanted is dropped.
#pragma once

#include "ipc/fd.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace uakv {

class Keeper {
public:
    Keeper() = default;
    Keeper(const Keeper &) = delete;
    Keeper &operator=(const Keeper &) = delete;
    virtual ~Keeper() = default;

    // Letters, digits and any of "._-"; no two descriptors share a name.
    static constexpr std::size_t name_bytes_max = 200;

    // Once it has returned true the next daemon will have it, even if this one is killed at once. False: it was not
    // taken, and the log says why.
    virtual bool keep(const std::string &name, const Fd &fd) = 0;
    virtual void drop(const std::string &name) = 0;
};

// What the daemon before has left.
class KeptFds {
public:
    struct One {
        std::string name;
        Fd fd;
    };

    KeptFds() = default;
    explicit KeptFds(std::vector<One> all) : all_(std::move(all)) {}

    bool empty() const { return all_.empty(); }
    const std::vector<One> &all() const { return all_; }

    std::optional<Fd> take(std::string_view name) {
        const auto found = std::find_if(all_.begin(), all_.end(), [&](const One &one) { return one.name == name; });
        if (found == all_.end()) {
            return std::nullopt;
        }
        Fd fd = std::move(found->fd);
        all_.erase(found);
        return fd;
    }

private:
    std::vector<One> all_;
};

} // namespace uakv
