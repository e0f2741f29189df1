// What uakvctl makes of the daemon's reports, and of answers that are none: against a daemon that is a thread here and
// says what a test wants it to.
#include "daemon/ctl/client.h"
#include "daemon/ctl/options.h"
#include "daemon/ctl/report.h"
#include "daemon/ctl/report_client.h"
#include "ipc/clock.h"
#include "ipc/control_message.h"
#include "ipc/mapping.h"
#include "ipc/memfd.h"
#include "support/check.h"
#include "support/daemon.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace uakv::test {
namespace {

using namespace uakv::ctl;

constexpr const char *latency =
    R"({"count": 3, "p50_ns": 180, "p90_ns": 400, "p99_ns": 1200, "p999_ns": 1300, "max_ns": 1400, )"
    R"("buckets": [[160, 2], [1280, 1]]})";

std::string stats_document() {
    return std::string(R"({"uptime_ms": 5000, "profiling": true, "retrieve_sampled_one_in": 64, "tenants": [)") +
           R"({"name": "default", "clients": 3, "hits": 10, "misses": 5, "bytes_capacity": 1073741824, )"
           R"("refused_busy": 7, "sessions_revoked": 2, "something_new": [1], "latencies": {"retrieve": )" +
           latency + R"(, "store": )" + latency + R"(}}], "stages": {"turn": )" + latency + "}}";
}

constexpr const char *status_document =
    R"({"version": "0.1.0", "pid": 4242, "uptime_ms": 60000, "socket": "/run/uakv/uakvd.sock", "loop": "io_uring",
        "healthy": false, "problems": ["short of memory"], "tenants": [{"name": "default", "clients": 1,
        "bytes_capacity": 100, "bytes_memory": 90, "bytes_blocks": 80, "blocks": 7, "hits": 6, "misses": 5}]})";

constexpr const char *spaces_document =
    R"({"tenant": "default", "spaces": [{"name": "llama", "dtype": "bf16", "shape": [32, 2, 128],
        "axes": ["layer", "kv", "channel"], "block_bytes": 16384, "ttl_ms": 1000,
        "fingerprint": "01000000000000000000000000000000000000000000000000000000000000ff",
        "blocks": 2, "bytes": 32768}]})";

constexpr const char *why_document =
    R"({"tenant": "default", "space": "llama", "key": "00ff", "state": "absent", "reason": "evicted", "since_ms": 1500,
        "bytes": null, "tier": null, "expires_in_ms": null, "pinned": false, "leases": 0, "segment": null,
        "other_spaces": ["other"], "history_from_ms": 60000})";

constexpr const char *disk_document =
    R"({"tenants": [{"name": "a", "disk": null}, {"name": "b", "disk": {"path": "/var/lib/uakv/b", "bytes_max": 100,
        "files": 7, "encoded_in_vain": 4, "warm_left": 12, "something_new": 3, "share": 0.5, "breaker_open": true,
        "no_room": "No space left on device", "checkpoint_age_ms": null, "verify": {"running": false}}}]})";

void disks() {
    auto report = parse_disk(disk_document);
    CHECK_MESSAGE(report.ok(), report.ok() ? "" : report.error().detail);
    CHECK_EQ(report.value().tenants.size(), 2);
    CHECK(!report.value().tenants[0].disk);
    const DiskReport::Disk &disk = *report.value().tenants[1].disk;
    CHECK_EQ(disk.path, "/var/lib/uakv/b");
    CHECK_EQ(disk.at("bytes_max"), 100);
    CHECK_EQ(disk.at("files"), 7);
    CHECK_EQ(disk.at("something_new"), 3);
    CHECK_EQ(disk.at("encoded_in_vain"), 4);
    CHECK_EQ(disk.at("warm_left"), 12);
    CHECK_EQ(disk.at("loads"), 0); // a daemon that does not count it
    CHECK(disk.breaker_open && !disk.day_used_up && !disk.checkpoint_age_ms);
    CHECK_EQ(disk.no_room.value(), "No space left on device");
    CHECK(!parse_disk(R"({"tenants": [{"name": "a"}]})").ok());
    CHECK(!parse_disk(R"({"tenants": [{"name": "a", "disk": 3}]})").ok());
    auto verify = parse_verify(R"({"tenant": "a", "begun": true, "running": true, "checked": 1, "of": 2, "bytes": 3,
                                   "dropped": 4})");
    CHECK(verify.ok() && verify.value().running);
    CHECK_EQ(verify.value().of, 2);
    CHECK_EQ(verify.value().dropped, 4);
    CHECK(!parse_verify(R"({"running": true})").ok());
    CHECK_EQ(parse_warm(R"({"warm_left": 5})").value().warm_left, 5);
}

void statuses() {
    auto report = parse_status(status_document);
    CHECK_MESSAGE(report.ok(), report.ok() ? "" : report.error().detail);
    const StatusReport &status = report.value();
    CHECK(!status.healthy && status.problems == std::vector<std::string>{"short of memory"});
    CHECK_EQ(status.loop, "io_uring");
    CHECK_EQ(status.tenants.size(), 1);
    CHECK_EQ(status.tenants[0].bytes_memory, 90);
    CHECK_EQ(status.tenants[0].misses, 5);
}

void counters_and_latencies() {
    auto report = parse_stats(stats_document());
    CHECK_MESSAGE(report.ok(), report.ok() ? "" : report.error().detail);
    const StatsReport::Tenant &tenant = report.value().tenants.at(0);
    CHECK_EQ(tenant.counters.clients, 3);
    CHECK_EQ(tenant.counters.hits, 10);
    CHECK_EQ(tenant.counters.refused_busy, 7);
    CHECK_EQ(tenant.counters.sessions_revoked, 2);
    CHECK_EQ(tenant.counters.stores, 0); // a daemon that does not count it
    CHECK_EQ(tenant.latencies.size(), 2);
    CHECK_EQ(tenant.latencies[1].name, "store");
    CHECK_EQ(tenant.latencies[1].p999_ns, 1300);
    CHECK_EQ(tenant.latencies[1].histogram.counts[histogram_bucket(170)], 2);
    CHECK_EQ(report.value().stages.at(0).name, "turn");
    // Every counter of the ABI has its name in the table.
    CHECK_EQ(counters().size(), (sizeof(uakv_statistics) - 2 * sizeof(std::uint32_t)) / sizeof(std::uint64_t));
}

void spaces_open_as_described() {
    auto report = parse_spaces(spaces_document);
    CHECK_MESSAGE(report.ok(), report.ok() ? "" : report.error().detail);
    SpacesReport::Space &space = report.value().spaces.at(0);
    auto options = options_of(space);
    CHECK_MESSAGE(options.ok(), options.ok() ? "" : options.error().detail);
    CHECK_EQ(options.value().layout.dtype, UAKV_DTYPE_BF16);
    CHECK_EQ(options.value().layout.ndim, 3);
    CHECK_EQ(options.value().layout.shape[2], 128);
    CHECK_EQ(options.value().layout.axis[1], UAKV_AXIS_KV);
    CHECK_EQ(options.value().layout.axis[2], UAKV_AXIS_CHANNEL);
    CHECK_EQ(options.value().block_bytes, 16384);
    CHECK_EQ(options.value().ttl_ms, 1000);
    CHECK_EQ(options.value().fingerprint[0], 1);
    CHECK_EQ(options.value().fingerprint[31], 0xff);
    space.axes[0] = "expert";
    CHECK_STATUS(options_of(space).error().status, UAKV_ERR_VERSION);
    space.axes.pop_back();
    CHECK_STATUS(options_of(space).error().status, UAKV_ERR_VERSION);
}

void reasons() {
    auto report = parse_why(why_document);
    CHECK_MESSAGE(report.ok(), report.ok() ? "" : report.error().detail);
    const WhyReport &why = report.value();
    CHECK(!why.resident && !why.bytes && !why.segment && !why.pinned);
    CHECK_EQ(why.reason, "evicted");
    CHECK_EQ(why.since_ms.value(), 1500);
    CHECK_EQ(why.history_from_ms.value(), 60000);
    CHECK(why.other_spaces == std::vector<std::string>{"other"});
}

std::string page(const std::string &key, const std::string &next) {
    return R"({"tenant": "t", "space": "s", "blocks": [{"key": ")" + key +
           R"(", "bytes": 5, "tier": "host", "parent": null, "expires_in_ms": null, "pinned": true, "leases": 2}], )" +
           R"("next": )" + next + "}";
}

void pages_are_joined() {
    auto first = parse_blocks(page("aa", "17"));
    CHECK(first.ok());
    CHECK_EQ(first.value().next.value(), 17);
    CHECK(first.value().blocks.at(0).pinned);
    CHECK_EQ(first.value().blocks.at(0).leases, 2);
    auto joined = join_pages({page("aa", "17"), page("bb", "null")});
    CHECK(joined.ok());
    auto whole = parse_blocks(joined.value());
    CHECK(whole.ok());
    CHECK_EQ(whole.value().blocks.size(), 2);
    CHECK_EQ(whole.value().blocks[1].key, "bb");
    CHECK(!whole.value().next);
    CHECK(!join_pages({page("aa", "17"), "{}"}).ok());
}

// What is no report is an error that says so, whatever it is.
void no_reports() {
    for (const char *document : {"", "x", "{", "[]", "{}", "null", "17", R"({"version": 3})", "{\"a\": \"\xff\"}"}) {
        CHECK_MESSAGE(!parse_status(document).ok(), document);
        CHECK_MESSAGE(!parse_stats(document).ok(), document);
        CHECK_MESSAGE(!parse_spaces(document).ok(), document);
        CHECK_MESSAGE(!parse_blocks(document).ok(), document);
        auto why = parse_why(document);
        CHECK_MESSAGE(!why.ok(), document);
        CHECK_STATUS(why.error().status, UAKV_ERR_VERSION);
        CHECK_MESSAGE(why.error().detail.find("why report is not as expected") != std::string::npos,
                      why.error().detail);
    }
}

// Numbers that a conversion would make something else of.
void numbers_that_are_none() {
    for (const char *number : {"-1", "0.5", "1e300", "true", "\"1\"", "18446744073709551616"}) {
        std::string document = page("aa", "null");
        document.replace(document.find("5,"), 1, number);
        auto report = parse_blocks(document);
        CHECK_MESSAGE(!report.ok(), document);
        CHECK_STATUS(report.error().status, UAKV_ERR_VERSION);
        CHECK_MESSAGE(!parse_blocks(page("aa", number)).ok(), number);
    }
}

// Far deeper than the stack goes: what no report has is left out.
void endlessly_nested() {
    constexpr std::size_t depth = 1'000'000;
    const std::string nested = std::string(depth, '[') + std::string(depth, ']');
    const std::string document = R"({"x": )" + nested + R"(, "blocks": [], "next": null})";
    auto report = parse_blocks(document);
    CHECK_MESSAGE(report.ok(), report.ok() ? "" : report.error().detail);
    auto joined = join_pages({document, page("aa", "null")});
    CHECK(joined.ok() && parse_blocks(joined.value()).value().blocks.size() == 1);
    CHECK(!parse_status(nested).ok());
}

void json_out() {
    CHECK_EQ(json_object({{"name", std::string("a\"\n\xff")}, {"count", std::uint64_t{18}}, {"all", true}}),
             "{\"name\":\"a\\\"\\n\xEF\xBF\xBD\",\"count\":18,\"all\":true}\n");
    CHECK_EQ(json_line("{\n  \"a\": 1\n}\n"), "{   \"a\": 1 }\n");
}

// Answers each request on each connection by calling `answer`, which returns false to hang up.
class FakeDaemon {
public:
    using Answer = std::function<bool(const Fd &socket, const ReportGetMessage &message)>;

    explicit FakeDaemon(Answer answer) : answer_(std::move(answer)) {
        auto listener = listen_unix(path());
        CHECK_MESSAGE(listener.ok(), path());
        listener_ = std::move(listener.value());
        thread_ = std::thread([this] { serve(); });
    }
    FakeDaemon(const FakeDaemon &) = delete;
    FakeDaemon &operator=(const FakeDaemon &) = delete;
    ~FakeDaemon() {
        stop_ = true;
        thread_.join();
    }

    std::string path() const { return directory_.path() + "/s"; }
    Options options() const {
        Options options;
        options.socket_path = path();
        return options;
    }

private:
    static std::uint64_t soon() { return now_ns() + 10 * ns_per_ms; }

    void serve() {
        while (!stop_) {
            if (wait_readable(listener_, soon())) {
                auto socket = accept_unix(listener_);
                while (!stop_ && socket.ok() && serve_one(socket.value())) {
                }
            }
        }
    }

    // Whether the connection goes on.
    bool serve_one(const Fd &socket) {
        if (!wait_readable(socket, soon())) {
            return true;
        }
        auto received = receive_message(socket, AcceptFds::no);
        if (!received.ok() || received.value().state != Received::State::message) {
            return false;
        }
        const auto message = read_control<ReportGetMessage>(received.value());
        return message && answer_(socket, *message);
    }

    Directory directory_;
    Answer answer_;
    Fd listener_;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

// A region of its own with the document, claimed to be `bytes` long.
bool send_report(const Fd &socket, const std::string &document, std::uint64_t bytes) {
    auto region = create_memfd("report", std::max<std::size_t>(document.size(), 1));
    auto mapping = region.ok()
                       ? Mapping::map(region.value(), std::max<std::size_t>(document.size(), 1), Access::read_write)
                       : Result<Mapping>(region.take_error());
    if (!mapping.ok()) {
        return false;
    }
    std::memcpy(mapping.value().data(), document.data(), document.size());
    ReportMessage message;
    message.bytes = bytes;
    const int fd = region.value().get();
    return send_control(socket, message, {&fd, 1}).ok();
}

Result<std::string> ask(const Options &options) {
    auto client = ReportClient::connect(options);
    CHECK_MESSAGE(client.ok(), client.ok() ? "" : client.error().detail);
    return client.value().get(ReportGetMessage{});
}

void asked_one_after_another() {
    FakeDaemon daemon([](const Fd &socket, const ReportGetMessage &message) {
        const std::string text = "kind " + std::to_string(static_cast<unsigned>(message.kind)) + " of " +
                                 message.tenant + ", " + message.space;
        return send_report(socket, text, text.size());
    });
    Options options = daemon.options();
    options.tenant = "chat";
    auto client = ReportClient::connect(options);
    CHECK(client.ok());
    for (const ReportKind kind : {ReportKind::spaces, ReportKind::blocks, ReportKind::why}) {
        ReportGetMessage message;
        message.kind = kind;
        set_text(message.space, "llama");
        auto document = client.value().get(message);
        CHECK_MESSAGE(document.ok(), document.ok() ? "" : document.error().detail);
        CHECK_EQ(document.value(), "kind " + std::to_string(static_cast<unsigned>(kind)) + " of chat, llama");
    }
}

void refusals_say_why() {
    FakeDaemon daemon([](const Fd &socket, const ReportGetMessage &) {
        RefusedMessage refused;
        refused.status = UAKV_ERR_DENIED;
        set_text(refused.detail, "no such tenant for you");
        return send_control(socket, refused).ok();
    });
    auto document = ask(daemon.options());
    CHECK(!document.ok());
    CHECK_STATUS(document.error().status, UAKV_ERR_DENIED);
    CHECK_EQ(document.error().detail, "no such tenant for you");
}

// From something that is no daemon of ours: never a refusal that looks like success.
void refusals_that_are_no_errors() {
    for (const std::int32_t status : {0, 1, INT32_MAX}) {
        FakeDaemon daemon([status](const Fd &socket, const ReportGetMessage &) {
            RefusedMessage refused;
            refused.status = status;
            return send_control(socket, refused).ok();
        });
        auto document = ask(daemon.options());
        CHECK(!document.ok());
        CHECK_STATUS(document.error().status, UAKV_ERR_VERSION);
        CHECK_EQ(document.error().detail, "the daemon refused without a reason");
    }
}

void check_failure(const FakeDaemon::Answer &answer, uakv_status status, const std::string &words) {
    FakeDaemon daemon(answer);
    Options options = daemon.options();
    options.timeout_ms = status == UAKV_ERR_TIMEOUT ? 100 : 20'000;
    auto document = ask(options);
    CHECK_MESSAGE(!document.ok(), words);
    CHECK_STATUS(document.error().status, status);
    CHECK_MESSAGE(document.error().detail.find(words) != std::string::npos, document.error().detail);
}

void answers_that_are_no_reports() {
    const auto sends = [](const std::string &document, std::uint64_t bytes) {
        return [=](const Fd &socket, const ReportGetMessage &) { return send_report(socket, document, bytes); };
    };
    check_failure(sends("abc", 0), UAKV_ERR_VERSION, "claims 0 bytes, in a region of 3");
    check_failure(sends("abc", 4), UAKV_ERR_VERSION, "claims 4 bytes, in a region of 3");
    check_failure(sends("abc", UINT64_MAX), UAKV_ERR_VERSION, "in a region of 3");
    check_failure([](const Fd &socket, const ReportGetMessage &) { return send_control(socket, ReportMessage{}).ok(); },
                  UAKV_ERR_VERSION, "0 descriptors");
    check_failure([](const Fd &socket, const ReportGetMessage &) { return send_control(socket, HelloMessage{}).ok(); },
                  UAKV_ERR_VERSION, "something else than a report");
    check_failure([](const Fd &, const ReportGetMessage &) { return false; }, UAKV_ERR_DISCONNECTED, "hung up");
    check_failure([](const Fd &, const ReportGetMessage &) { return true; }, UAKV_ERR_TIMEOUT, "did not answer");
}

void nobody_there() {
    const Directory directory;
    Options options;
    options.socket_path = directory.path() + "/s";
    auto client = ReportClient::connect(options);
    CHECK(!client.ok());
    CHECK_STATUS(client.error().status, UAKV_ERR_DISCONNECTED);
}

constexpr Case cases[] = {
    {"disks", disks},
    {"statuses", statuses},
    {"counters_and_latencies", counters_and_latencies},
    {"spaces_open_as_described", spaces_open_as_described},
    {"reasons", reasons},
    {"pages_are_joined", pages_are_joined},
    {"no_reports", no_reports},
    {"numbers_that_are_none", numbers_that_are_none},
    {"endlessly_nested", endlessly_nested},
    {"json_out", json_out},
    {"asked_one_after_another", asked_one_after_another},
    {"refusals_say_why", refusals_say_why},
    {"refusals_that_are_no_errors", refusals_that_are_no_errors},
    {"answers_that_are_no_reports", answers_that_are_no_reports},
    {"nobody_there", nobody_there},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ctl_reports", uakv::test::cases);
}
