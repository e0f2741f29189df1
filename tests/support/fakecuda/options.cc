#include "support/fakecuda/options.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace uakv::fakecuda {

void misused(const std::string &what) {
    std::fprintf(stderr, "fakecuda: %s\n", what.c_str());
    std::abort();
}

namespace {

using Text = std::string_view;

// Up to `separator`, which goes as well.
Text take(Text &text, char separator) {
    const std::size_t end = text.find(separator);
    const Text taken = text.substr(0, end);
    text = end == Text::npos ? Text() : text.substr(end + 1);
    return taken;
}

template <typename T = int> T number(Text text) {
    T value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc() || end != text.data() + text.size() || text.empty()) {
        misused("\"" + std::string(text) + "\" is no number");
    }
    return value;
}

std::size_t size(Text text) {
    unsigned shift = 0;
    if (!text.empty() && Text("KMG").find(text.back()) != Text::npos) {
        shift = 10 * static_cast<unsigned>(Text("KMG").find(text.back()) + 1);
        text.remove_suffix(1);
    }
    return number<std::size_t>(text) << shift;
}

FaultOption fault(Text text) {
    FaultOption made;
    made.function = take(text, ':');
    Text nth = take(text, ':');
    made.and_later = nth.ends_with('+');
    if (made.and_later) {
        nth.remove_suffix(1);
    }
    made.nth = number<unsigned>(nth);
    made.status = number(text);
    return made;
}

std::vector<int> first(int count) {
    std::vector<int> made;
    for (int device = 0; device < count; ++device) {
        made.push_back(device);
    }
    return made;
}

void set(Options &options, Text key, Text value) {
    if (key == "devices") {
        options.visible = first(number(value));
    } else if (key == "visible") {
        options.visible.clear();
        while (!value.empty()) {
            options.visible.push_back(number(take(value, ':')));
        }
    } else if (key == "driver") {
        options.driver_version = number(value);
    } else if (key == "memory") {
        options.memory = size(value);
    } else if (key == "granularity") {
        options.granularity = size(value);
    } else if (key == "attribute") {
        const int attribute = number(take(value, ':'));
        options.attributes[attribute] = number(value);
    } else if (key == "ptx") {
        const int major = number(take(value, '.'));
        options.ptx = major * 10 + number(value);
    } else if (key == "fail") {
        options.faults.push_back(fault(value));
    } else if (key == "missing") {
        options.missing.emplace_back(value);
    } else if (key == "unknown") {
        options.unknown.emplace_back(value);
    } else if (key == "for_linking") {
        options.is_for_linking = number(value) != 0;
    } else if (key == "delay") {
        options.delay_microseconds = number<unsigned>(value);
    } else if (key == "gate") {
        options.gate = value;
    } else {
        misused("there is no option \"" + std::string(key) + "\"");
    }
}

} // namespace

Options parse_options(const char *text) {
    Options options;
    Text left = text == nullptr ? Text() : Text(text);
    while (!left.empty()) {
        Text value = take(left, ',');
        const Text key = take(value, '=');
        set(options, key, value);
    }
    if (options.visible.size() > devices_max) {
        misused("there may be 16 devices");
    }
    return options;
}

} // namespace uakv::fakecuda
