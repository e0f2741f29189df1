#include "daemon/config/sources.h"

#include "daemon/base/nearest.h"
#include "daemon/config/presets.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <unistd.h>

namespace uakv {
namespace {

constexpr const char *usual_file = "/etc/uakv/uakvd.yaml";

void add_text(const std::string &name, const std::string &text, const std::string &file, std::vector<Source> &sources,
              Complaints &complaints) {
    auto root = parse_config(text, file);
    if (!root.ok()) {
        complaints.add(root.error());
        return;
    }
    const ConfigValue &value = root.value();
    if (value.kind == ConfigValue::Kind::list || value.kind == ConfigValue::Kind::scalar) {
        complaints.add({file, value.line, ""},
                       fmt::format("{}; expected keys with their values, such as memory: 8GiB",
                                   value.kind == ConfigValue::Kind::list ? "a list" : "a word alone"));
        return;
    }
    sources.push_back({name, read_entries(value, file, "", daemon_keys(), complaints)});
}

void add_preset(const Arguments &arguments, std::vector<Source> &sources, Complaints &complaints) {
    const auto variable = environment_value("UAKV_PRESET");
    const auto name = arguments.preset ? arguments.preset : variable;
    if (!name) {
        return;
    }
    const auto known = presets();
    const auto preset =
        std::find_if(known.begin(), known.end(), [&](const Preset &each) { return each.name == *name; });
    if (preset == known.end()) {
        std::string names;
        for (const Preset &each : known) {
            names += (names.empty() ? "" : &each == &known.back() ? " or " : ", ") + std::string(each.name);
        }
        complaints.add({"", 0, arguments.preset ? "--preset" : "UAKV_PRESET"},
                       fmt::format("there is no preset \"{}\"; expected {}", *name, names));
        return;
    }
    add_text("preset " + *name, std::string(preset->text), "preset " + *name, sources, complaints);
}

void add_file(const Arguments &arguments, std::vector<Source> &sources, Complaints &complaints) {
    const auto variable = environment_value("UAKV_CONFIG");
    std::string path = usual_file;
    std::string named_by;
    if (arguments.config_path) {
        path = *arguments.config_path;
        named_by = "--config";
    } else if (variable) {
        path = *variable;
        named_by = "UAKV_CONFIG";
    } else if (::access(usual_file, F_OK) != 0) {
        return;
    }
    auto text = read_config_file(path);
    if (!text.ok()) {
        complaints.add({"", 0, named_by.empty() ? path : named_by}, text.error().detail);
        return;
    }
    add_text(path, text.value(), path, sources, complaints);
}

Given word(const Key &key, const std::string &name, const std::string &text) {
    ConfigValue value;
    value.kind = ConfigValue::Kind::scalar;
    value.text = text;
    return {&key, {"", 0, name}, value};
}

// Variables that were meant for us, and would be ignored: those of the Ultra Adaptive KV Cache, and of those that begin
// with our name what is nearly one of ours. The rest may be meant for the client library, a test or a tool.
void check_variables(Complaints &complaints) {
    constexpr std::size_t near = 2; // letters
    std::vector<std::string> known = {"UAKV_CONFIG", "UAKV_PRESET"};
    for (const Key &key : daemon_keys()) {
        const auto names = environment_names(key);
        known.insert(known.end(), names.begin(), names.end());
    }
    for (char **variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        const std::string_view text(*variable);
        const std::string name(text.substr(0, text.find('=')));
        const bool foreign = name.starts_with("KV_CACHE_");
        if (!(foreign || name.starts_with("UAKV_")) || text.size() <= name.size() + 1 ||
            std::find(known.begin(), known.end(), name) != known.end()) {
            continue;
        }
        const auto nearest = nearest_name(name, known);
        if (nearest && (foreign || edit_distance(name, *nearest) <= near)) {
            complaints.add({"", 0, name}, "unknown variable; did you mean " + *nearest + "?");
        } else if (foreign) {
            complaints.add({"", 0, name}, "this version has nothing of that name; unset it for uakvd");
        }
    }
}

// A variable that a flag replaces does not count, and need not be good.
void add_environment(const Arguments &arguments, std::vector<Source> &sources, Complaints &complaints) {
    check_variables(complaints);
    Source source{"the environment", {}};
    for (const Key &key : daemon_keys()) {
        const bool replaced = std::any_of(arguments.values.begin(), arguments.values.end(),
                                          [&](const auto &flag) { return same_meaning(flag.first, key.id); });
        const Given *before = nullptr;
        for (const std::string &name : environment_names(key)) {
            const auto text = environment_value(name.c_str());
            if (!text || replaced) {
                continue;
            }
            if (before != nullptr) {
                complaints.add({"", 0, name},
                               fmt::format("{} says it too; keep one of the two", before->subject.place()));
                continue;
            }
            source.values.push_back(word(key, name, *text));
            before = &source.values.back();
        }
    }
    sources.push_back(std::move(source));
}

} // namespace

std::vector<Given> read_entries(const ConfigValue &map, const std::string &file, const std::string &title,
                                std::span<const Key> keys, Complaints &complaints) {
    std::vector<Given> values;
    for (const ConfigEntry &entry : map.entries) {
        const Subject subject{file, entry.line, title + entry.key};
        const Key *key = find_key(keys, entry.key);
        if (key == nullptr) {
            complaints.add(subject, unknown_key_hint(entry.key, keys));
            continue;
        }
        const auto before =
            std::find_if(values.begin(), values.end(), [&](const Given &each) { return each.key == key; });
        if (before != values.end()) {
            complaints.add(subject, fmt::format("{} has it already; keep one of the two", before->subject.place()));
            continue;
        }
        values.push_back({key, subject, entry.value});
    }
    return values;
}

std::vector<Source> gather_sources(const Arguments &arguments, Complaints &complaints) {
    std::vector<Source> sources;
    add_preset(arguments, sources, complaints);
    add_file(arguments, sources, complaints);
    add_environment(arguments, sources, complaints);
    Source flags{"the command line", {}};
    for (const auto &[id, text] : arguments.values) {
        const Key &key = key_of(id);
        flags.values.push_back(word(key, std::string(key.flag), text));
    }
    sources.push_back(std::move(flags));
    return sources;
}

std::optional<std::string> environment_value(const char *name) {
    const char *text = std::getenv(name);
    return text != nullptr && *text != 0 ? std::optional<std::string>(text) : std::nullopt;
}

bool same_meaning(KeyId a, KeyId b) {
    const auto says_memory = [](KeyId id) {
        return id == KeyId::memory || id == KeyId::max_memory_mb || id == KeyId::max_tokens;
    };
    return a == b || (says_memory(a) && says_memory(b));
}

} // namespace uakv
