// The command lines of the programs here: "--flag", "--name VALUE" and "--name=VALUE".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace uakv::bench {

// What is wrong with the command line, if anything is.
using Complaint = std::optional<std::string>;

struct Argument {
    std::string_view name;
    bool wants_value;
    std::function<Complaint(const std::string &value)> apply;
};

inline Argument flag_argument(std::string_view name, bool &given) {
    return {name, false, [&given](const std::string &) -> Complaint {
                given = true;
                return std::nullopt;
            }};
}

inline Argument text_argument(std::string_view name, std::string &text) {
    return {name, true, [&text](const std::string &value) -> Complaint {
                text = value;
                return std::nullopt;
            }};
}

Complaint parse_arguments(int count, char **arguments, const std::vector<Argument> &known);

// "5GiB" or "6000MiB".
std::optional<std::uint64_t> parse_size(std::string_view text);

} // namespace uakv::bench
