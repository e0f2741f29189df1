#include "daemon/control/greeting.h"

#include "daemon/base/log.h"
#include "ipc/control_message.h"
#include "ipc/memfd.h"
#include "ipc/sequence_point.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <span>
#include <type_traits>
#include <utility>

namespace uakv {
namespace {

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

// The text in a region of its own.
Result<Fd> publish(std::string_view text) {
    auto region = create_memfd("uakv-report", text.size());
    if (!region.ok()) {
        return region;
    }
    if (auto allocated = allocate_memfd(region.value(), 0, text.size()); !allocated.ok()) {
        return allocated.take_error();
    }
    auto mapping = Mapping::map(region.value(), text.size(), Access::read_write);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    std::memcpy(mapping.value().data(), text.data(), text.size());
    return region;
}

} // namespace

Greeting::Next Greeting::answer(Session &session, const Received &message, std::string &violation) {
    if (const auto hello_message = read_control<HelloMessage>(message);
        hello_message && !session.welcomed() && !session.reporting()) {
        return hello(session, *hello_message);
    }
    if (const auto hello_message = read_control<HelloDeviceMessage>(message);
        hello_message && !session.welcomed() && !session.reporting()) {
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
    if (const auto wanted = read_control<ReportGetMessage>(message); wanted && !session.welcomed()) {
        return report(session, *wanted, violation);
    }
    violation = fmt::format("it sent a control message of {} bytes that is none of ours at this point", message.length);
    return Next::violation;
}

template <typename Hello> Greeting::Next Greeting::hello(Session &session, const Hello &message) {
    UAKV_SEQUENCE_POINT(hello_read);
    if (message.version_min > protocol_version || message.version_max < protocol_version) {
        refuse(session,
               error(UAKV_ERR_VERSION, "this daemon speaks protocol %u, the library %u to %u; update the older",
                     protocol_version, message.version_min, message.version_max));
        return Next::go_on;
    }
    auto cache = choose_cache(session, message);
    if (!cache.ok()) {
        refuse(session, cache.error());
        return Next::go_on;
    }
    auto charges = charge(cache.value()->tenant());
    if (!charges.ok()) {
        refused_.warn("{} was refused: {}", session.name(), charges.error().detail);
        refuse(session, charges.error());
        return Next::go_on;
    }
    auto made =
        make_session(session, *cache.value(), std::move(charges.value()), (message.flags & UAKV_READ_ONLY) != 0);
    if (!made.ok()) {
        log(lacking_.due(now_ns()) ? LogLevel::warn : LogLevel::debug,
            "{} was refused, as others will be until there is more: {}", session.name(), made.error().detail);
        refuse(session, made.error());
        return Next::go_on;
    }
    UAKV_SEQUENCE_POINT(session_made);
    const Cache &own = session.cache();
    WelcomeMessage welcome;
    welcome.daemon = daemon_;
    welcome.index_bytes = own.store().index().bytes();
    welcome.session_bytes = own.session_bytes();
    welcome.segment_bytes = own.store().segment_bytes();
    welcome.leased_bytes_max = own.leased_bytes_max();
    const Fd hearer = session.take_hearer();
    const std::array fds = {own.index().get(), session.memory().get(), session.doorbell().get(), hearer.get()};
    static_assert(fds.size() == welcome_fds);
    reply(session, welcome, fds);
    UAKV_SEQUENCE_POINT(welcome_sent);
    return Next::welcomed;
}

// Kept before the client hears of it, for from then on it may hold views and slots.
Result<void> Greeting::make_session(Session &session, Cache &cache, std::vector<Charge> charges, bool read_only) {
    auto shared = SharedSession::create(cache.store().leases().kind());
    if (!shared.ok()) {
        return shared.take_error();
    }
    std::optional<KeptSession> kept;
    if (keeper_ != nullptr) {
        const KeptSession::Descriptors descriptors{shared.value().memory, shared.value().bell.rope, session.process};
        auto keeping = KeptSession::keep(*keeper_, cache, session.number(), descriptors);
        if (!keeping.ok()) {
            return keeping.take_error();
        }
        kept.emplace(std::move(keeping.value()));
    }
    session.welcome(cache, std::move(charges), std::move(shared.value()), read_only);
    if (kept) {
        session.keep(std::move(*kept));
    }
    return {};
}

template <typename Hello> Result<Cache *> Greeting::choose_cache(const Session &session, const Hello &message) const {
    const auto name = get_text(message.tenant);
    auto tenant = tenants_.choose(session.peer(), name.value_or("?"));
    if (tenant.ok() && (message.flags & UAKV_READ_ONLY) == 0 && !tenants_.may_store(session.peer(), *tenant.value())) {
        return error(UAKV_ERR_DENIED, "user %u may only read in tenant \"%s\"; connect with UAKV_READ_ONLY",
                     session.peer().uid, tenant.value()->name().c_str());
    }
    if (!tenant.ok()) {
        return tenant.take_error();
    }
    if constexpr (std::is_same_v<Hello, HelloDeviceMessage>) {
        gpu::Uuid device;
        std::copy(std::begin(message.device), std::end(message.device), device.begin());
        return tenants_.arena_of(*tenant.value(), device);
    } else {
        return &tenant.value()->host();
    }
}

// What a client takes, before it gets any of it.
Result<std::vector<Charge>> Greeting::charge(Tenant &tenant) const {
    struct Part {
        Quota &quota;
        std::uint64_t amount;
        const char *what;
    };
    const std::array parts = {Part{tenants_.clients(), 1, "clients"},
                              Part{tenant.clients(), 1, "clients of its tenant"},
                              Part{tenant.descriptors(), Session::descriptors, "descriptors for its tenant"}};
    std::vector<Charge> charges;
    for (const Part &part : parts) {
        auto charge = part.quota.charge(part.amount);
        if (!charge) {
            return error(UAKV_ERR_DENIED, "%llu %s are in use, of %llu that there can be; another takes %llu",
                         static_cast<unsigned long long>(part.quota.used()), part.what,
                         static_cast<unsigned long long>(part.quota.max()),
                         static_cast<unsigned long long>(part.amount));
        }
        charges.push_back(std::move(*charge));
    }
    return charges;
}

// One at a time: what is sent and not read lies in our memory.
Greeting::Next Greeting::report(Session &session, const ReportGetMessage &message, std::string &violation) {
    session.note_report();
    if (has_unread(session.socket())) {
        violation = "it asked for a report before it had read the last one";
        return Next::violation;
    }
    auto text = reports_.make(session.peer(), message);
    if (!text.ok()) {
        refuse(session, text.error());
        return Next::go_on;
    }
    auto region = publish(text.value());
    if (!region.ok()) {
        refuse(session, region.error());
        return Next::go_on;
    }
    auto readable = reopen_read_only(region.value());
    if (!readable.ok()) {
        refuse(session, readable.error());
        return Next::go_on;
    }
    UAKV_SEQUENCE_POINT(report_made);
    ReportMessage report;
    report.bytes = text.value().size();
    const std::array fds = {readable.value().get()};
    reply(session, report, fds);
    session.keep_report(std::move(region.value()));
    return Next::go_on;
}

void Greeting::open_space(Session &session, const SpaceOpenMessage &message) {
    if ((message.space.flags & UAKV_SPACE_DURABLE) != 0 && session.tenant().host().mover() == nullptr) {
        refuse(session,
               error(UAKV_ERR_UNSUPPORTED,
                     "a space with UAKV_SPACE_DURABLE needs a disk, and this daemon has none for tenant \"%s\" "
                     "(enable_persistence); open it without the flag",
                     session.tenant().name().c_str()));
        return;
    }
    auto space = session.cache().store().spaces().open(message.space, !session.read_only());
    if (!space.ok()) {
        refuse(session, space.error());
        return;
    }
    UAKV_SEQUENCE_POINT(space_made);
    SpaceOpenedMessage opened;
    opened.space = space.value();
    reply(session, opened);
}

// Descriptors that were sent and not received count against the daemon in the kernel, which sends no more of them at
// some point, to nobody.
void Greeting::get_segment(Session &session, const SegmentGetMessage &message) {
    const Fd *fd = session.cache().store().segment_fd(message.segment, session.read_only());
    if (fd == nullptr) {
        refuse(session, error(UAKV_ERR_INVALID, "there is no segment %u", message.segment));
        return;
    }
    if (!has_unread(session.socket())) {
        session.unread_segments = 0;
    }
    if (session.unread_segments == limits::unread_segments_max) {
        refuse(session, error(UAKV_ERR_BUSY, "this client has not received the last %u segments that it asked for",
                              limits::unread_segments_max));
        return;
    }
    ++session.unread_segments;
    SegmentMessage segment;
    segment.segment = message.segment;
    const std::array fds = {fd->get()};
    reply(session, segment, fds);
    UAKV_SEQUENCE_POINT(segment_sent);
}

void Greeting::refuse(const Session &session, const Error &why) {
    reply(session, refusal(why, false));
}

void Greeting::say_why(const Session &session, const Error &why) {
    reply(session, refusal(why, true));
}

} // namespace uakv
