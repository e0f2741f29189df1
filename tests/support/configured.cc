#include "support/configured.h"

#include "support/check.h"

#include <csignal>
#include <fstream>

namespace uakv::test {

Configured::Configured(const std::string &text, const DaemonOptions &options) {
    std::ofstream(path()) << text;
    DaemonOptions with_file = options;
    with_file.arguments.insert(with_file.arguments.begin(), {"--config", path()});
    daemon_.emplace(with_file);
}

std::string Configured::reload(const std::string &text, const std::string &last_words) const {
    std::ofstream(path()) << text;
    const size_t before = daemon_->log().size();
    CHECK(::kill(daemon_->pid(), SIGHUP) == 0);
    std::string said;
    await("the daemon says \"" + last_words + "\"", [&] {
        said = daemon_->log().substr(before);
        return said.find(last_words) != std::string::npos;
    });
    return said;
}

} // namespace uakv::test
