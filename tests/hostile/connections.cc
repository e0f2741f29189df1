// Attacks by connections: thousands of them, given up at every point, and more than there may be.
#include "hostile/arena.h"

#include "support/configured.h"

#include <algorithm>
#include <array>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace uakv::test {
namespace {

enum class GivenUp { silent, hello_unread, welcomed, half_hello, shut_sending, shut_receiving, shut_both, working };
constexpr std::array all_ways = {GivenUp::silent,     GivenUp::hello_unread, GivenUp::welcomed,
                                 GivenUp::half_hello, GivenUp::shut_sending, GivenUp::shut_receiving,
                                 GivenUp::shut_both,  GivenUp::working};

void connect_and_give_up(const std::string &path, GivenUp way) {
    RawClient raw(path);
    const HelloMessage hello;
    switch (way) {
    case GivenUp::silent:
        return;
    case GivenUp::hello_unread:
        raw.send(hello);
        return;
    case GivenUp::welcomed:
        raw.attach();
        return;
    case GivenUp::half_hello:
        raw.send_bytes(std::as_bytes(std::span(&hello, 1)).first(sizeof hello / 2));
        return;
    case GivenUp::shut_sending:
        raw.send(hello);
        ::shutdown(raw.socket().get(), SHUT_WR);
        return;
    case GivenUp::shut_receiving:
        ::shutdown(raw.socket().get(), SHUT_RD);
        raw.send_bytes(std::as_bytes(std::span(&hello, 1)));
        return;
    case GivenUp::shut_both:
        raw.attach();
        ::shutdown(raw.socket().get(), SHUT_RDWR);
        return;
    case GivenUp::working:
        raw.attach();
        for (int i = 0; i < 20; ++i) {
            raw.submit(submission_for(i % 2 == 0 ? Opcode::grant : Opcode::stats, 0, {}));
        }
    }
}

std::size_t lines_of(const std::string &log) {
    return static_cast<std::size_t>(std::count(log.begin(), log.end(), '\n'));
}

void storms() {
    Arena arena;
    for_seeds([&](Random &random) {
        run_child([&] {
            for (int i = 0; i < 1'000; ++i) {
                connect_and_give_up(arena.daemon().socket_path(), all_ways[random.below(all_ways.size())]);
            }
        });
        arena.victim().await_progress();
    });
    arena.finish();
}

// A thousand half hellos: some lines of the log, which say how many there are no lines of.
void log_of_a_storm() {
    Arena arena;
    const std::size_t before = lines_of(arena.daemon().log());
    constexpr std::size_t connections = 1'000;
    run_child([&] {
        for (std::size_t i = 0; i < connections; ++i) {
            connect_and_give_up(arena.daemon().socket_path(), GivenUp::half_hello);
        }
        connect_and_give_up(arena.daemon().socket_path(), GivenUp::welcomed);
    });
    const std::size_t lines = lines_of(arena.daemon().log()) - before;
    CHECK(lines > 0);
    CHECK_MESSAGE(lines < connections / 2, std::to_string(lines) + " lines");
    arena.finish();
}

// More at a time than there are places for, several times over.
void all_places_taken() {
    Arena arena;
    for_seeds([&](Random &random) {
        run_child([&] {
            std::vector<RawClient> many;
            const std::size_t count = 200 + random.below(200);
            while (many.size() < count) {
                many.emplace_back(arena.daemon().socket_path());
                if (random.below(2) == 0) {
                    many.back().send(HelloMessage());
                }
            }
        });
        arena.victim().await_progress();
    });
    arena.finish();
}

// Processes that die in the middle of everything.
void killed_in_a_storm() {
    Arena arena;
    for_seeds([&](Random &random) {
        const Shared<std::atomic<std::uint64_t>> done;
        Child child([&] {
            for (;; ++*done) {
                connect_and_give_up(arena.daemon().socket_path(), GivenUp::working);
            }
        });
        const std::uint64_t wanted = 1 + random.below(20);
        child.await("it is at it", [&] { return *done >= wanted; });
        child.kill();
    });
    arena.finish();
}

// Fewer than are connected: all of them stay, nobody comes until enough have gone.
void fewer_clients_than_there_are() {
    const auto settings = [](unsigned clients) {
        return "tenants:\n  - name: default\n    users: [" + std::to_string(::geteuid()) +
               "]\n    clients: " + std::to_string(clients) + "\n";
    };
    const Configured configured(settings(10));
    const std::string &path = configured.daemon().socket_path();
    std::vector<RawClient> connected;
    for (int i = 0; i < 6; ++i) {
        connected.emplace_back(path).attach();
    }
    configured.reload(settings(2), "the settings were read again");
    for (RawClient &raw : connected) {
        CHECK_STATUS(raw.call(submission_for(Opcode::grant, 0, {})).status, UAKV_OK);
    }
    const auto refused = [&] {
        uakv_client *client = nullptr;
        const uakv_status status = connect_to(path, 0, 0, &client);
        uakv_disconnect(client);
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_ERR_DENIED, uakv_status_name(status));
        return status == UAKV_ERR_DENIED;
    };
    for (std::size_t left = connected.size(); left >= 2; --left) {
        CHECK(refused());
        connected.pop_back();
    }
    await("there is a place", [&] { return !refused(); });
    CHECK_STATUS(connected.front().call(submission_for(Opcode::stats, 0, {})).status, UAKV_OK);
}

constexpr Case cases[] = {
    {"storms", storms},
    {"log_of_a_storm", log_of_a_storm},
    {"all_places_taken", all_places_taken},
    {"killed_in_a_storm", killed_in_a_storm},
    {"fewer_clients_than_there_are", fewer_clients_than_there_are},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("hostile.connections", uakv::test::cases);
}
