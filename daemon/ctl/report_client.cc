#include "daemon/ctl/report_client.h"

#include "daemon/ctl/options.h"
#include "ipc/clock.h"
#include "ipc/control_message.h"
#include "ipc/mapping.h"
#include "ipc/memfd.h"

#include <utility>

namespace uakv::ctl {
namespace {

constexpr std::uint64_t report_bytes_max = 1ULL << 30; // far more than any; a bound on what a mistake can cost

// The answer to a request; last words and hang-ups are errors.
Result<Received> receive_answer(const Fd &socket, const std::string &path, std::uint64_t deadline_ns) {
    for (;;) {
        auto received = receive_message(socket, AcceptFds::yes);
        if (!received.ok()) {
            return received.take_error();
        }
        switch (received.value().state) {
        case Received::State::message:
            return received;
        case Received::State::hung_up:
            return error(UAKV_ERR_DISCONNECTED, "the daemon at %s hung up; try again when it is back", path.c_str());
        case Received::State::nothing_yet:
            if (!wait_readable(socket, deadline_ns)) {
                return error(UAKV_ERR_TIMEOUT, "the daemon at %s did not answer in time; is it stopped?", path.c_str());
            }
        }
    }
}

// The region is mapped only as far as it really goes: behind its end there is a SIGBUS.
Result<std::string> read_document(const Received &received, std::uint64_t bytes) {
    if (received.fds.size() != 1) {
        return error(UAKV_ERR_VERSION, "the daemon's report came with %zu descriptors; expected 1",
                     received.fds.size());
    }
    auto real_bytes = memfd_bytes(received.fds[0]);
    if (!real_bytes.ok()) {
        return real_bytes.take_error();
    }
    if (bytes == 0 || bytes > real_bytes.value() || bytes > report_bytes_max) {
        return error(UAKV_ERR_VERSION, "the daemon's report claims %llu bytes, in a region of %llu",
                     static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(real_bytes.value()));
    }
    auto mapping = Mapping::map(received.fds[0], bytes, Access::read_only);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    return std::string(reinterpret_cast<const char *>(mapping.value().data()), bytes);
}

} // namespace

ReportClient::ReportClient(Fd socket, const Options &options)
    : socket_(std::move(socket)), path_(options.socket_path), tenant_(options.tenant),
      timeout_ns_(options.timeout_ms * ns_per_ms) {}

Result<ReportClient> ReportClient::connect(const Options &options) {
    auto socket = connect_unix(options.socket_path, now_ns() + options.timeout_ms * ns_per_ms);
    return socket.ok() ? Result<ReportClient>(ReportClient(std::move(socket.value()), options)) : socket.take_error();
}

Result<std::string> ReportClient::get(ReportGetMessage message) {
    set_text(message.tenant, tenant_);
    const std::uint64_t deadline_ns = now_ns() + timeout_ns_;
    // Where it cannot be sent, the daemon may have said why before it hung up.
    if (auto sent = send_control(socket_, message); !sent.ok() && sent.error().status != UAKV_ERR_DISCONNECTED) {
        return sent.take_error();
    }
    auto answer = receive_answer(socket_, path_, deadline_ns);
    if (!answer.ok()) {
        return answer.take_error();
    }
    if (const auto refused = read_control<RefusedMessage>(answer.value())) {
        return error_of(*refused);
    }
    const auto report = read_control<ReportMessage>(answer.value());
    if (!report) {
        return error(UAKV_ERR_VERSION,
                     "the daemon at %s answered something else than a report: it does not speak "
                     "protocol %u; are uakvd and uakvctl of one version?",
                     path_.c_str(), protocol_version);
    }
    return read_document(answer.value(), report->bytes);
}

} // namespace uakv::ctl
