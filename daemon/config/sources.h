// Where settings come from, and what each source says: a preset, a file, the environment, flags. Unknown names are
// complained of here; what the values mean is not looked at yet.
#pragma once

#include "daemon/config/command_line.h"
#include "daemon/config/complaints.h"
#include "daemon/config/config_file.h"
#include "daemon/config/keys.h"

#include <optional>
#include <string>
#include <vector>

namespace uakv {

// One value as somebody gave it.
struct Given {
    const Key *key;
    Subject subject;
    ConfigValue value;
};

struct Source {
    std::string name; // "preset production", "/etc/uakv/uakvd.yaml", "the environment", "the command line"
    std::vector<Given> values;
};

// The entries of a map in a file, each key once and known. `title` stands between line and key in messages:
// "tenant chat: ", or nothing.
std::vector<Given> read_entries(const ConfigValue &map, const std::string &file, const std::string &title,
                                std::span<const Key> keys, Complaints &complaints);

// The weakest first: a later one wins.
std::vector<Source> gather_sources(const Arguments &arguments, Complaints &complaints);

// What an environment variable says; one that is empty says nothing.
std::optional<std::string> environment_value(const char *name);

// Whether both say how much memory there is, in one way or another.
bool same_meaning(KeyId a, KeyId b);

} // namespace uakv
