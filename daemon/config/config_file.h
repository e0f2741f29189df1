// A YAML text as a tree that knows its lines. Only the part of YAML that a configuration needs: one document, no
// anchors, aliases or tags. Maps keep what was written, in its order, also a key that stands there twice.
#pragma once

#include "ipc/result.h"

#include <string>
#include <vector>

namespace uakv {

struct ConfigEntry;

struct ConfigValue {
    enum class Kind { nothing, scalar, list, map };

    Kind kind = Kind::nothing;
    int line = 0;                     // from 1; 0 where it came from no file
    std::string text;                 // of a scalar
    std::vector<ConfigValue> items;   // of a list
    std::vector<ConfigEntry> entries; // of a map
};

struct ConfigEntry {
    std::string key;
    int line = 0;
    ConfigValue value;
};

// A file without any value is fine, and gives nothing.
Result<std::string> read_config_file(const std::string &path);

// `name` is what messages call the text: the path of its file.
Result<ConfigValue> parse_config(const std::string &text, const std::string &name);

} // namespace uakv
