// A daemon with a configuration file of its own, which can be changed while it serves.
#pragma once

#include "support/daemon.h"

#include <optional>
#include <string>

namespace uakv::test {

class Configured {
public:
    explicit Configured(const std::string &text, const DaemonOptions &options = {});

    const Daemon &daemon() const { return *daemon_; }
    std::string path() const { return directory_.path() + "/uakvd.yaml"; }

    // Replaces the file and sends SIGHUP. Returns what the daemon says about it, up to these words and beyond.
    std::string reload(const std::string &text, const std::string &last_words) const;

private:
    Directory directory_;
    std::optional<Daemon> daemon_;
};

} // namespace uakv::test
