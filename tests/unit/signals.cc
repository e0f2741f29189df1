// Signals as something to read: which of them ask for what.
#include "daemon/io/signals.h"
#include "ipc/wakeup.h"
#include "support/check.h"

#include <csignal>
#include <unistd.h>

namespace uakv::test {
namespace {

void asked(int number, Asked expected) {
    auto signals = open_signals();
    CHECK(signals.ok());
    CHECK(read_signal(signals.value()) == Asked::nothing);
    CHECK(::kill(::getpid(), number) == 0);
    CHECK(read_signal(signals.value()) == expected);
    CHECK(read_signal(signals.value()) == Asked::nothing);
}

void to_stop() {
    asked(SIGTERM, Asked::stop);
    asked(SIGINT, Asked::stop);
}

void to_reload() {
    asked(SIGHUP, Asked::reload);
}

// Neither is lost over the other.
void several() {
    auto signals = open_signals();
    CHECK(signals.ok());
    CHECK(::kill(::getpid(), SIGTERM) == 0);
    CHECK(::kill(::getpid(), SIGHUP) == 0);
    CHECK(::kill(::getpid(), SIGHUP) == 0); // as good as one
    int stops = 0;
    int reloads = 0;
    for (Asked next = read_signal(signals.value()); next != Asked::nothing; next = read_signal(signals.value())) {
        (next == Asked::stop ? stops : reloads) += 1;
    }
    CHECK_EQ(stops, 1);
    CHECK_EQ(reloads, 1);
}

void eventfd_stops() {
    auto doorbell = create_doorbell();
    CHECK(doorbell.ok());
    CHECK(read_signal(doorbell.value()) == Asked::nothing);
    ring_doorbell(doorbell.value());
    CHECK(read_signal(doorbell.value()) == Asked::stop);
}

constexpr Case cases[] = {
    {"to_stop", to_stop},
    {"to_reload", to_reload},
    {"several", several},
    {"eventfd_stops", eventfd_stops},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("signals", uakv::test::cases);
}
