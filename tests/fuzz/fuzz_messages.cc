// Control messages, over a real socket: from whomever and in whatever order they come, each is answered with one of
// ours, or ends the session.
#include "input.h"
#include "ipc/control_message.h"
#include "world.h"

#include <sys/socket.h>

namespace uakv::fuzz {
namespace {

constexpr std::size_t messages_max = 64;

// Any bytes behind a head that is as it should be.
template <ControlMessage T> std::span<const std::byte> filled(Input &input, T &message) {
    message = input.value<T>();
    message.header = T().header;
    return std::as_bytes(std::span<const T, 1>(&message, 1));
}

// What comes back is one message, whole, with the descriptors that belong to it.
void check_answer(Received &answer) {
    if (answer.state != Received::State::message) {
        return;
    }
    if (const auto refused = read_control<RefusedMessage>(answer)) {
        UAKV_ASSERT(refused->status < 0 && get_text(refused->detail).has_value() && answer.fds.empty());
    } else if (read_control<WelcomeMessage>(answer)) {
        UAKV_ASSERT(answer.fds.size() == welcome_fds);
    } else if (read_control<SegmentMessage>(answer) || read_control<ReportMessage>(answer)) {
        UAKV_ASSERT(answer.fds.size() == 1);
    } else {
        UAKV_ASSERT(read_control<SpaceOpenedMessage>(answer) && answer.fds.empty());
    }
}

void read_answers(const Player &player) {
    for (;;) {
        auto answer = receive_message(player.socket, AcceptFds::yes);
        UAKV_ASSERT(answer.ok());
        check_answer(answer.value());
        if (answer.value().state != Received::State::message) {
            return;
        }
    }
}

// To the daemon's end, and from there as the reactor takes it.
void deliver(World &world, Player &player, std::span<const std::byte> bytes) {
    if (bytes.empty() || ::send(player.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
        return;
    }
    auto received = receive_message(player.session->socket(), AcceptFds::no);
    if (!received.ok()) {
        UAKV_ASSERT(bytes.size() > limits::control_message_bytes_max);
        world.end(player);
        return;
    }
    UAKV_ASSERT(received.value().state == Received::State::message && received.value().fds.empty());
    world.say(player, received.value().bytes.data(), received.value().length);
}

void say_one(World &world, Player &player, Input &input) {
    HelloMessage hello;
    SpaceOpenMessage open;
    SegmentGetMessage segment;
    ReportGetMessage report;
    switch (input.choose(7)) {
    case 0:
        deliver(world, player, filled(input, hello));
        break;
    case 1:
        deliver(world, player, filled(input, open));
        break;
    case 2:
        deliver(world, player, filled(input, segment));
        break;
    case 3:
        deliver(world, player, filled(input, report));
        break;
    case 4:
        deliver(world, player, std::as_bytes(std::span<const HelloMessage, 1>(&hello, 1)));
        break;
    case 5:
        read_answers(player);
        break;
    default:
        deliver(world, player, std::as_bytes(input.take(input.value<std::uint16_t>() % 1024)));
    }
}

} // namespace
} // namespace uakv::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace uakv::fuzz;
    World &world = World::get();
    Input input(data, size);
    if (Player *player = world.connect(World::peer(input.byte()))) {
        for (std::size_t i = 0; i < messages_max && !input.empty() && !player->session->ended; ++i) {
            say_one(world, *player, input);
        }
        read_answers(*player);
    }
    world.clear();
    return 0;
}
