#include "systemd/stand_in.h"

#include "support/check.h"

#include <algorithm>
#include <utility>

namespace uakv::test {

StandIn::~StandIn() {
    for (Said &said : all_) {
        said.close_all();
    }
}

void StandIn::hear() {
    while (auto said = socket_.receive()) {
        if (said->has("BARRIER=1")) {
            said->close_all();
        }
        all_.push_back(std::move(*said));
    }
}

size_t StandIn::count(const std::string &line) const {
    return static_cast<size_t>(
        std::count_if(all_.begin(), all_.end(), [&](const Said &said) { return said.has(line); }));
}

void StandIn::await_line(const std::string &line, size_t times) {
    await("\"" + line + "\" is said " + std::to_string(times) + " times", [&] {
        hear();
        return count(line) >= times;
    });
}

void StandIn::await_said(const std::string &what, const std::function<bool(const Said &)> &condition) {
    await(what, [&] {
        hear();
        return std::any_of(all_.begin(), all_.end(), condition);
    });
}

} // namespace uakv::test
