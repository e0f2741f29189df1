#include "arguments.h"

#include "groups.h"

#include <algorithm>
#include <charconv>

namespace uakv::bench {

Complaint parse_arguments(int count, char **arguments, const std::vector<Argument> &known) {
    for (int i = 1; i < count; ++i) {
        const std::string_view given = arguments[i];
        const std::size_t equals = given.find('=');
        const std::string_view name = given.substr(0, equals);
        const auto argument =
            std::find_if(known.begin(), known.end(), [name](const Argument &each) { return each.name == name; });
        if (argument == known.end() || (!argument->wants_value && equals != std::string_view::npos)) {
            return "unknown argument \"" + std::string(given) + "\"";
        }
        std::string value;
        if (argument->wants_value) {
            if (equals != std::string_view::npos) {
                value = given.substr(equals + 1);
            } else if (i + 1 < count) {
                value = arguments[++i];
            }
            if (value.empty()) {
                return std::string(name) + " wants a value";
            }
        }
        if (auto complaint = argument->apply(value)) {
            return complaint;
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    const std::uint64_t factor = unit == "MiB" ? MiB : unit == "GiB" ? GiB : 0;
    if (error != std::errc{} || factor == 0 || number > UINT64_MAX / factor) {
        return std::nullopt;
    }
    return number * factor;
}

} // namespace uakv::bench
