#include "daemon/control/greeting.h"

#include "daemon/base/log.h"
#include "ipc/control_message.h"
#include "ipc/memfd.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <unistd.h>

namespace uakv {
namespace {

constexpr std::string_view tenant_name = "default"; // the only one in this version

// An answer that does not fit into the socket's buffer goes to a client that does not read: it is lost, and
// the client's deadline tells it so.
template <ControlMessage T> void reply(const Session &session, const T &message, std::span<const int> fds = {}) {
    if (auto sent = send_control(session.socket(), message, fds); !sent.ok()) {
        log_debug("{}: {}", session.name(), sent.error().detail);
    }
}

RefusedMessage refusal(const Error &why, bool ends_session) {
    RefusedMessage message;
    message.status = why.status;
    message.ends_session = ends_session ? 1 : 0;
    set_text(message.detail, why.detail);
    return message;
}

} // namespace

Result<void> Greeting::admit(const PeerIdentity &peer) {
    const gid_t group = ::getegid();
    if (peer.uid == 0 || peer.uid == ::geteuid() || peer.gid == group ||
        std::find(peer.groups.begin(), peer.groups.end(), group) != peer.groups.end()) {
        return {};
    }
    return error(UAKV_ERR_DENIED, "user %u is not in the daemon's group (%u); add it there", peer.uid, group);
}

Greeting::Next Greeting::answer(Session &session, const Received &message, std::string &violation) {
    if (const auto hello_message = read_control<HelloMessage>(message); hello_message && !session.welcomed()) {
        return hello(session, *hello_message);
    }
    if (const auto space = read_control<SpaceOpenMessage>(message); space && session.welcomed()) {
        open_space(session, *space);
        return Next::go_on;
    }
    if (const auto segment = read_control<SegmentGetMessage>(message); segment && session.welcomed()) {
        get_segment(session, *segment);
        return Next::go_on;
    }
    violation = fmt::format("it sent a control message of {} bytes that is none of ours at this point", message.length);
    return Next::violation;
}

Greeting::Next Greeting::hello(Session &session, const HelloMessage &message) {
    if (message.version_min > protocol_version || message.version_max < protocol_version) {
        refuse(session,
               error(UAKV_ERR_VERSION, "this daemon speaks protocol %u, the library %u to %u; update the older",
                     protocol_version, message.version_min, message.version_max));
        return Next::go_on;
    }
    const auto tenant = get_text(message.tenant);
    if (!tenant || (!tenant->empty() && *tenant != tenant_name)) {
        refuse(session, error(UAKV_ERR_DENIED, "there is no tenant \"%s\" for this user; expected \"default\" or none",
                              tenant ? std::string(*tenant).c_str() : "?"));
        return Next::go_on;
    }
    auto shared = SharedSession::create();
    if (!shared.ok()) {
        refuse(session, shared.error());
        return Next::go_on;
    }
    session.welcome(std::move(shared.value()), (message.flags & UAKV_READ_ONLY) != 0);
    WelcomeMessage welcome;
    welcome.session = session.number();
    welcome.index_bytes = store_.index().bytes();
    welcome.session_bytes = sizeof(SessionLayout);
    welcome.segment_bytes = store_.segment_bytes();
    const std::array fds = {index_.get(), session.memory().get(), session.doorbell().get()};
    static_assert(fds.size() == welcome_fds);
    reply(session, welcome, fds);
    return Next::welcomed;
}

void Greeting::open_space(Session &session, const SpaceOpenMessage &message) {
    auto space = store_.spaces().open(message.space, !session.read_only());
    if (!space.ok()) {
        refuse(session, space.error());
        return;
    }
    SpaceOpenedMessage opened;
    opened.space = space.value();
    reply(session, opened);
}

void Greeting::get_segment(Session &session, const SegmentGetMessage &message) {
    const Fd *fd = store_.segment_fd(message.segment, session.read_only());
    if (fd == nullptr) {
        refuse(session, error(UAKV_ERR_INVALID, "there is no segment %u", message.segment));
        return;
    }
    SegmentMessage segment;
    segment.segment = message.segment;
    const std::array fds = {fd->get()};
    reply(session, segment, fds);
}

void Greeting::refuse(const Session &session, const Error &why) {
    reply(session, refusal(why, false));
}

void Greeting::say_why(const Session &session, const Error &why) {
    reply(session, refusal(why, true));
}

} // namespace uakv
