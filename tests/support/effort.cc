#include "support/effort.h"

#include "support/check.h"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace uakv::test {
namespace {

std::optional<std::uint64_t> number_in(const char *variable) {
    const char *text = std::getenv(variable);
    if (text == nullptr || *text == 0) {
        return std::nullopt;
    }
    const std::string_view digits(text);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
    if (error != std::errc{} || end != digits.end()) {
        throw Failure(std::string(variable) + " is \"" + text + "\"; expected a whole number");
    }
    return number;
}

} // namespace

std::uint64_t seed() {
    return number_in("UAKV_TEST_SEED").value_or(1);
}

std::chrono::milliseconds effort(std::chrono::milliseconds usual) {
    const auto seconds = number_in("UAKV_TEST_SECONDS");
    return seconds ? std::chrono::seconds(*seconds) : usual;
}

} // namespace uakv::test
