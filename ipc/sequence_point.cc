#include "ipc/sequence_point.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string_view>
#include <unistd.h>

namespace uakv {

std::atomic<std::uint32_t> armed_sequence_point{no_sequence_point};

namespace {

constexpr std::string_view names[] = {
#define SEQUENCE_POINT(name, side, text) #name,
#include "ipc/sequence_points.def"
#undef SEQUENCE_POINT
};

std::atomic<pid_t> armed_in{0};
std::atomic<std::uint64_t> passings_left{0};
int armed_signal = 0;

std::string_view take_word(std::string_view &text) {
    const std::string_view word = text.substr(0, text.find(':'));
    text.remove_prefix(word.size() < text.size() ? word.size() + 1 : word.size());
    return word;
}

bool arm(std::string_view text) {
    const std::string_view name = take_word(text);
    const std::string_view passing = take_word(text);
    const auto *const found = std::find(std::begin(names), std::end(names), name);
    std::uint64_t number = 0;
    const auto [end, problem] = std::from_chars(passing.data(), passing.data() + passing.size(), number);
    if (found == std::end(names) || problem != std::errc{} || end != passing.data() + passing.size() || number == 0) {
        return false;
    }
    armed_signal = text == "kill" ? SIGKILL : text == "stop" ? SIGSTOP : 0;
    passings_left = number;
    armed_sequence_point = static_cast<std::uint32_t>(found - std::begin(names));
    return armed_signal != 0;
}

} // namespace

// A forked child is a process of its own.
void arm_sequence_point() {
    if (armed_in.exchange(::getpid()) == ::getpid()) {
        return;
    }
    armed_sequence_point = no_sequence_point;
    const char *text = std::getenv("UAKV_AT");
    if (text != nullptr && !arm(text)) {
        std::fprintf(stderr, "UAKV_AT is \"%s\"; expected NAME:PASSING:kill or stop\n", text);
        std::abort();
    }
}

void act_at_sequence_point() {
    if (passings_left.fetch_sub(1) == 1) {
        ::kill(::getpid(), armed_signal);
    }
}

} // namespace uakv
