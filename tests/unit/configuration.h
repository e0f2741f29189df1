// Settings read as main() reads them, in an environment that holds what the test says and nothing else.
#pragma once

#include "daemon/config/settings.h"
#include "support/check.h"
#include "support/daemon.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace uakv::test {

inline void clear_environment() {
    std::vector<std::string> names;
    for (char **variable = environ; *variable != nullptr; ++variable) {
        const std::string text = *variable;
        if (text.starts_with("UAKV_") || text.starts_with("KV_CACHE_") || text.starts_with("XDG_RUNTIME_DIR=") ||
            text.starts_with("RUNTIME_DIRECTORY=") || text.starts_with("STATE_DIRECTORY=")) {
            names.push_back(text.substr(0, text.find('=')));
        }
    }
    for (const std::string &name : names) {
        ::unsetenv(name.c_str());
    }
    ::setenv("UAKV_CONFIG", "/dev/null", 1); // not that of the machine
}

inline Result<CommandLine> read(std::vector<std::string> arguments, const Environment &environment = {}) {
    clear_environment();
    for (const auto &[name, value] : environment) {
        ::setenv(name.c_str(), value.c_str(), 1);
    }
    arguments.insert(arguments.begin(), "uakvd");
    std::vector<char *> pointers;
    pointers.reserve(arguments.size() + 1);
    for (std::string &argument : arguments) {
        pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);
    return read_settings(static_cast<int>(arguments.size()), pointers.data());
}

inline Settings settings_of(const std::vector<std::string> &arguments, const Environment &environment = {}) {
    auto command = read(arguments, environment);
    CHECK_MESSAGE(command.ok(), command.ok() ? "" : command.error().detail);
    CHECK(!command.value().print);
    return command.value().settings;
}

// What --print-config and others print.
inline std::string printed(const std::vector<std::string> &arguments, const Environment &environment = {}) {
    auto command = read(arguments, environment);
    CHECK_MESSAGE(command.ok(), command.ok() ? "" : command.error().detail);
    CHECK(command.value().print);
    return *command.value().print;
}

// "" where the settings are good, which they should not be.
inline std::string refusal_of(const std::vector<std::string> &arguments, const Environment &environment = {}) {
    auto command = read(arguments, environment);
    if (command.ok()) {
        return "";
    }
    CHECK_STATUS(command.error().status, UAKV_ERR_INVALID);
    return command.error().detail;
}

// A configuration file of the test's own.
class ConfigFile {
public:
    explicit ConfigFile(const std::string &text) : path_(directory_.path() + "/uakvd.yaml") { write(text); }

    void write(const std::string &text) const { std::ofstream(path_) << text; }
    const std::string &path() const { return path_; }

private:
    Directory directory_;
    std::string path_;
};

inline Settings settings_of_file(const std::string &text, const Environment &environment = {}) {
    const ConfigFile file(text);
    return settings_of({"--socket", "/s", "--config", file.path()}, environment);
}

} // namespace uakv::test
