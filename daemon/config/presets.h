// The files of systemd/presets, as they were when this was built: a preset works wherever uakvd is started from.
#pragma once

#include <span>
#include <string_view>

namespace uakv {

struct Preset {
    std::string_view name;
    std::string_view text;
};

std::span<const Preset> presets();

} // namespace uakv
