// Attacks by control messages: everything that fits into a packet, and what does not.
#include "hostile/arena.h"

#include "ipc/clock.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <sys/socket.h>

namespace uakv::test {
namespace {

constexpr std::array<std::size_t, 10> lengths_of_types = {
    8,  sizeof(HelloMessage),      sizeof(WelcomeMessage), sizeof(RefusedMessage),   sizeof(SpaceOpenMessage),
    16, sizeof(SegmentGetMessage), sizeof(SegmentMessage), sizeof(ReportGetMessage), sizeof(ReportMessage)};

std::vector<std::byte> message_of(std::uint32_t type, std::size_t length) {
    std::vector<std::byte> bytes(std::max(length, sizeof(MessageHeader)));
    const MessageHeader header{protocol_magic, static_cast<MessageType>(type)};
    std::memcpy(bytes.data(), &header, sizeof header);
    bytes.resize(length);
    return bytes;
}

// What must end the session, on a fresh connection or on a welcomed one.
void check_ended_by(const Arena &arena, const std::vector<std::byte> &bytes, bool welcomed) {
    RawClient raw(arena.daemon().socket_path());
    if (welcomed) {
        raw.attach();
    }
    CHECK_EQ(raw.send_bytes(bytes), 0);
    const std::string why = raw.last_words();
    const char *words = bytes.size() > limits::control_message_bytes_max ? "a control message is longer than"
                                                                         : "that is none of ours at this point";
    CHECK_MESSAGE(why.find(words) != std::string::npos, why);
}

// Hundreds of violations, and not a line of the log for each.
void wrong_lengths() {
    Arena arena;
    const std::uint64_t begin_ns = now_ns();
    std::uint64_t sent = 0;
    run_child([&] {
        for (std::uint32_t type = 0; type <= lengths_of_types.size(); ++type) {
            const std::size_t right = lengths_of_types[type % lengths_of_types.size()];
            for (const std::size_t length :
                 {std::size_t{1}, std::size_t{7}, std::size_t{8}, right - 1, right + 1, std::size_t{511},
                  std::size_t{512}, std::size_t{513}, std::size_t{4096}, std::size_t{65'536}}) {
                check_ended_by(arena, message_of(type, length), type % 2 == 0);
                check_ended_by(arena, message_of(type, length), type % 2 == 1);
            }
        }
    });
    sent = 2 * 10 * (lengths_of_types.size() + 1);
    const std::uint64_t seconds = (now_ns() - begin_ns) / ns_per_s + 1;
    const std::string log = arena.daemon().log();
    std::uint64_t lines = 0;
    for (std::size_t at = 0; (at = log.find("was disconnected", at)) != std::string::npos; ++at) {
        ++lines;
    }
    CHECK(lines > 0);
    CHECK_MESSAGE(lines < sent && lines <= 10 * (seconds + 1),
                  std::to_string(lines) + " lines in " + std::to_string(seconds) + " s");
    arena.finish();
}

void types_out_of_turn() {
    Arena arena;
    const auto fresh = [&](std::uint32_t type, std::size_t length) {
        run_child([&] { check_ended_by(arena, message_of(type, length), false); });
    };
    fresh(static_cast<std::uint32_t>(MessageType::space_open), sizeof(SpaceOpenMessage));
    fresh(static_cast<std::uint32_t>(MessageType::segment_get), sizeof(SegmentGetMessage));
    fresh(static_cast<std::uint32_t>(MessageType::welcome), sizeof(WelcomeMessage));
    arena.violate("none of ours at this point", [](RawClient &raw) { raw.send(HelloMessage()); });
    arena.violate("none of ours at this point", [](RawClient &raw) { raw.send(ReportGetMessage()); });
    arena.violate("none of ours at this point", [](RawClient &raw) { raw.send(WelcomeMessage()); });
    run_child([&] { // a hello after a report
        RawClient raw(arena.daemon().socket_path());
        ReportGetMessage wanted;
        wanted.kind = ReportKind::status;
        raw.send(wanted);
        raw.receive();
        raw.send(HelloMessage());
        raw.last_words();
    });
    arena.finish();
}

void random_bytes() {
    Arena arena;
    for_seeds([&](Random &random) {
        arena.survive([&] {
            RawClient raw(arena.daemon().socket_path());
            raw.attach();
            std::vector<std::byte> bytes(1 + random.below(600));
            fill_random(bytes.data(), bytes.size(), random);
            CHECK_EQ(raw.send_bytes(bytes), 0);
            raw.last_words();
        });
    });
    arena.finish();
}

// Spaces of any shape with any name: refused or made, in all cases answered.
void random_spaces() {
    Arena arena;
    for_seeds([&](Random &random) {
        arena.tolerate([&](RawClient &raw) {
            for (int i = 0; i < 100; ++i) {
                SpaceOpenMessage message;
                fill_random(&message.space, sizeof message.space, random);
                if (i % 2 == 0) {
                    message.space.flags = 0;
                    message.space.ndim = static_cast<std::uint32_t>(random.below(10));
                    message.space.dtype = static_cast<std::uint32_t>(random.below(10));
                }
                raw.send(message);
                const Received received = raw.receive();
                CHECK(read_control<SpaceOpenedMessage>(received) || read_control<RefusedMessage>(received));
            }
        });
    });
    arena.finish();
}

// Refused, and the connection may try again until its five seconds are over.
void impossible_hellos() {
    Arena arena;
    arena.survive([&] {
        RawClient raw(arena.daemon().socket_path());
        const auto refused = [&](const HelloMessage &hello, uakv_status status) {
            raw.send(hello);
            const auto answer = read_control<RefusedMessage>(raw.receive());
            CHECK(answer.has_value());
            CHECK_STATUS(answer->status, status);
            CHECK_EQ(answer->ends_session, 0);
        };
        HelloMessage hello;
        hello.version_min = hello.version_max = 0;
        refused(hello, UAKV_ERR_VERSION);
        hello.version_min = UINT32_MAX;
        refused(hello, UAKV_ERR_VERSION);
        hello.version_max = UINT32_MAX;
        refused(hello, UAKV_ERR_VERSION);
        hello = HelloMessage();
        std::memset(hello.tenant, 'x', sizeof hello.tenant); // no NUL
        refused(hello, UAKV_ERR_DENIED);
        std::memset(hello.tenant, '%', sizeof hello.tenant - 1);
        hello.tenant[sizeof hello.tenant - 1] = 0;
        refused(hello, UAKV_ERR_DENIED);
        raw.attach();
    });
    arena.finish();
}

// A packet without bytes looks like the end of the connection, and is one.
void empty_messages() {
    Arena arena;
    for (const bool welcomed : {false, true}) {
        arena.survive([&] {
            RawClient raw(arena.daemon().socket_path());
            if (welcomed) {
                raw.attach();
                raw.call(submission_for(Opcode::grant, 0, {}));
            }
            CHECK_EQ(raw.send_bytes({}), 0);
            CHECK(raw.receive().state == Received::State::hung_up);
        });
    }
    arena.finish();
}

// Until the socket's buffers are full both ways: it waits for itself.
void answers_never_read() {
    Arena arena;
    for_seeds([&](Random &) {
        arena.tolerate([](RawClient &raw) {
            SegmentGetMessage message;
            std::uint64_t sent = 0;
            const std::uint64_t end_ns = now_ns() + 200 * ns_per_ms;
            while (now_ns() < end_ns) {
                message.segment = static_cast<std::uint32_t>(sent % 2 == 0 ? 0 : UINT32_MAX);
                sent += raw.send_bytes(std::as_bytes(std::span(&message, 1))) == 0 ? 1U : 0U;
            }
            CHECK(sent > 100);
        });
    });
    arena.finish();
}

void reports_never_read() {
    Arena arena;
    arena.survive([&] {
        RawClient raw(arena.daemon().socket_path());
        ReportGetMessage wanted;
        wanted.kind = ReportKind::blocks;
        raw.send(wanted);
        raw.send(wanted);
        await("both are taken", [&] { return !has_unread(raw.socket()); });
        const std::string why = raw.last_words();
        CHECK_MESSAGE(why.find("before it had read the last one") != std::string::npos, why);
    });
    arena.finish();
}

constexpr Case cases[] = {
    {"wrong_lengths", wrong_lengths},
    {"types_out_of_turn", types_out_of_turn},
    {"random_bytes", random_bytes},
    {"random_spaces", random_spaces},
    {"impossible_hellos", impossible_hellos},
    {"empty_messages", empty_messages},
    {"answers_never_read", answers_never_read},
    {"reports_never_read", reports_never_read},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("hostile.messages", uakv::test::cases);
}
