#include "hostile/arena.h"

#include "support/check.h"
#include "support/process.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace uakv::test {
namespace {

constexpr std::uint64_t log_lines_per_second = 10; // of daemon/base/log_bucket.h: more are left out

std::size_t count_of(const std::string &text, const std::string &part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

} // namespace

Arena::Arena(Memory memory) : watcher_(daemon_) {
    watcher_.await_populated();
    // The daemon may hold a descriptor for a moment, say while it looks at who has connected.
    await("the books are settled", [&] { return books() == std::exchange(before_, books()); });
    victim_.emplace(daemon(), memory);
}

void Arena::violate(const std::string &words, const Attack &attack, std::uint32_t flags) {
    Child child([&] {
        RawClient raw(daemon().socket_path());
        raw.attach(flags);
        attack(raw);
        const std::string why = raw.last_words();
        CHECK_MESSAGE(why.find(words) != std::string::npos, "it was ended for this: " + why);
    });
    const pid_t pid = child.pid();
    child.join();
    ++violations_;
    const std::size_t lines = lines_about(pid);
    CHECK_MESSAGE(lines == 1 || (lines == 0 && violations_ > log_lines_per_second),
                  std::to_string(lines) + " lines of the log tell of process " + std::to_string(pid));
    if (lines == 1) {
        const std::string log = daemon().log();
        const std::size_t begin = log.find("(pid " + std::to_string(pid) + ", uid ");
        const std::string line = log.substr(begin, log.find('\n', begin) - begin);
        CHECK_MESSAGE(line.find("tenant default) was disconnected: ") != std::string::npos &&
                          line.find(words) != std::string::npos,
                      line);
    }
    victim().await_progress();
}

void Arena::tolerate(const Attack &attack, std::uint32_t flags, Log log) {
    enum Phase { attacking, staying, leaving };
    const Shared<std::atomic<int>> phase;
    Child child([&] {
        RawClient raw(daemon().socket_path());
        raw.attach(flags);
        attack(raw);
        *phase = staying;
        test::await("the victim has gone on", [&] { return *phase == leaving; });
        CHECK_MESSAGE(!has_hung_up(raw.socket()), "the session was ended: " + raw.last_words());
    });
    const pid_t pid = child.pid();
    child.await("the attack is through", [&] { return *phase == staying; });
    victim().await_progress();
    *phase = leaving;
    child.join();
    CHECK(log == Log::expected || lines_about(pid) == 0);
}

void Arena::survive(const std::function<void()> &attack) {
    Child child(attack);
    const pid_t pid = child.pid();
    child.join();
    const std::size_t lines = lines_about(pid);
    CHECK_MESSAGE(lines <= 1, std::to_string(lines) + " lines of the log tell of process " + std::to_string(pid));
    victim().await_progress();
}

void Arena::finish() {
    victim_->await_progress();
    victim_->stop();
    await_equal("all is given back", before_, [&] { return books(); });
    CHECK_EQ(poll_for_exit(daemon().pid()), "");
}

Arena::Books Arena::books() const {
    const uakv_statistics now = watcher_.statistics();
    return {now.clients, now.slots_granted, now.slots_limbo, now.leases, now.flights, descriptor_count(daemon().pid())};
}

std::ostream &operator<<(std::ostream &out, const Arena::Books &books) {
    return out << books.clients << " clients, " << books.slots_granted << " slots granted, " << books.slots_limbo
               << " in limbo, " << books.leases << " leases, " << books.flights << " flights, " << books.descriptors
               << " descriptors";
}

std::size_t Arena::lines_about(pid_t pid) const {
    return count_of(daemon().log(), "(pid " + std::to_string(pid) + ",");
}

void for_seeds(const std::function<void(Random &)> &body) {
    constexpr std::uint64_t some = 3;
    const auto end = std::chrono::steady_clock::now() + effort(std::chrono::milliseconds(300));
    for (std::uint64_t number = seed();; ++number) {
        if (number - seed() >= some && std::chrono::steady_clock::now() >= end) {
            return;
        }
        Random random(number);
        try {
            body(random);
        } catch (const Failure &failure) {
            throw Failure(std::string(failure.what()) + " (seed " + std::to_string(number) + ")");
        }
    }
}

void fill_random(void *data, std::size_t bytes, Random &random) {
    auto *to = static_cast<unsigned char *>(data);
    for (std::size_t i = 0; i < bytes; i += sizeof(std::uint64_t)) {
        const std::uint64_t word = random.next();
        std::memcpy(to + i, &word, std::min(sizeof word, bytes - i));
    }
}

} // namespace uakv::test
