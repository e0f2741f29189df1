// The control messages of a client: the handshake, then requests for spaces and segments; or, instead of a handshake,
// an operator's requests for reports. Each is answered at once; what cannot be granted is refused with a sentence.
#pragma once

#include "daemon/base/log_bucket.h"
#include "daemon/base/seldom.h"
#include "daemon/control/reports.h"
#include "daemon/control/session.h"
#include "daemon/control/tenants.h"
#include "daemon/store/random_word.h"
#include "ipc/unix_socket.h"
#include "ipc/wire.h"

#include <string>

namespace uakv {

class Greeting {
public:
    // With a keeper, sessions outlive the daemon.
    Greeting(Tenants &tenants, const Reports &reports, Keeper *keeper)
        : tenants_(tenants), reports_(reports), keeper_(keeper) {}

    enum class Next { go_on, welcomed, violation };

    // Answers one message. Next::violation: it was nonsense, and `violation` says in what way.
    Next answer(Session &session, const Received &message, std::string &violation);

    // The last word of a session that we end.
    static void say_why(const Session &session, const Error &why);

private:
    template <typename Hello> Next hello(Session &session, const Hello &message);
    Result<void> make_session(Session &session, Cache &cache, std::vector<Charge> charges, bool read_only);
    template <typename Hello> Result<Cache *> choose_cache(const Session &session, const Hello &message) const;
    Result<std::vector<Charge>> charge(Tenant &tenant) const;
    Next report(Session &session, const ReportGetMessage &message, std::string &violation);
    static void open_space(Session &session, const SpaceOpenMessage &message);
    static void get_segment(Session &session, const SegmentGetMessage &message);
    static void refuse(const Session &session, const Error &why);

    Tenants &tenants_;
    const Reports &reports_;
    Keeper *keeper_;
    const std::uint32_t daemon_ = static_cast<std::uint32_t>(random_word()); // see WelcomeMessage
    LogBucket refused_;
    Seldom lacking_; // descriptors or memory for another session: lines of the log
};

} // namespace uakv
