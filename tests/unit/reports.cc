// What operators are told, over the real socket: every document, who sees what, and that nobody is kept waiting.
#include "daemon/control/reports.h"
#include "ipc/clock.h"
#include "ipc/control_message.h"
#include "ipc/memfd.h"
#include "sample.h"
#include "served.h"
#include "support/check.h"
#include "support/client.h"
#include "support/pattern.h"

#include <algorithm>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unistd.h>

namespace uakv::test {
namespace {

using Json = nlohmann::json;

ReportGetMessage report_of(ReportKind kind, const std::string &tenant = "", const std::string &space = "") {
    ReportGetMessage message;
    message.kind = kind;
    set_text(message.tenant, tenant);
    set_text(message.space, space);
    return message;
}

// An operator's connection.
class Operator {
public:
    explicit Operator(const Served &served) {
        auto socket = connect_unix(served.path(), now_ns() + 5 * ns_per_s);
        CHECK(socket.ok());
        socket_ = std::move(socket.value());
    }

    const Fd &socket() const { return socket_; }
    template <ControlMessage T> void send(const T &message) { CHECK(send_control(socket_, message).ok()); }

    Received receive() {
        CHECK(wait_readable(socket_, now_ns() + 20 * ns_per_s));
        auto received = receive_message(socket_, AcceptFds::yes);
        CHECK(received.ok());
        return std::move(received.value());
    }

    Json ask(const ReportGetMessage &wanted) {
        send(wanted);
        const Received received = receive();
        const auto report = read_control<ReportMessage>(received);
        CHECK(report.has_value());
        CHECK_EQ(received.fds.size(), 1);
        const Fd &region = received.fds[0];
        CHECK_EQ(memfd_bytes(region).value(), report->bytes);
        CHECK_EQ(::fcntl(region.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
        std::string text(report->bytes, 0);
        CHECK_EQ(::pread(region.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
        Json document = Json::parse(text, nullptr, false);
        CHECK_MESSAGE(!document.is_discarded(), "no JSON: " + text);
        return document;
    }

    std::string refused(const ReportGetMessage &wanted, uakv_status status) {
        send(wanted);
        const auto refusal = read_control<RefusedMessage>(receive());
        CHECK(refusal.has_value());
        CHECK_STATUS(refusal->status, status);
        CHECK_EQ(refusal->ends_session, 0);
        return refusal->detail;
    }

private:
    Fd socket_;
};

struct Attached {
    explicit Attached(const Served &served, const char *tenant = nullptr) {
        uakv_connect_options options{};
        options.struct_size = sizeof options;
        options.socket_path = served.path().c_str();
        options.tenant = tenant;
        CHECK_STATUS(uakv_connect(&options, &client), UAKV_OK);
    }
    Attached(const Attached &) = delete;
    Attached &operator=(const Attached &) = delete;
    ~Attached() { uakv_disconnect(client); }

    uakv_space *open(const char *name, const uakv_space_options *options = nullptr) const {
        uakv_space *space = nullptr;
        CHECK_STATUS(uakv_space_open(client, name, options, &space), UAKV_OK);
        return space;
    }

    uakv_client *client = nullptr;
};

void store(uakv_space *space, std::uint64_t number, const uakv_key *parent = nullptr, std::uint32_t ttl_ms = 0) {
    const uakv_key key = sample_key(number);
    const auto block = make_block(5000, key);
    uakv_store_options options{};
    options.struct_size = sizeof options;
    options.parent = parent;
    options.ttl_ms = ttl_ms;
    CHECK_STATUS(uakv_store(space, &key, block.data(), block.size(), &options), UAKV_OK);
}

Settings two_tenants() {
    return settings_of({tenant_settings("chat"), tenant_settings("batch")});
}

void status() {
    Served served(two_tenants());
    const Attached batch(served, "batch");
    store(batch.open("x"), 1);
    Operator asker(served);
    const Json all = asker.ask(report_of(ReportKind::status));
    CHECK_EQ(all["pid"].get<int>(), ::getpid());
    CHECK_EQ(all["socket"].get<std::string>(), served.path());
    CHECK(all["loop"] == "io_uring" || all["loop"] == "epoll");
    CHECK_EQ(all["healthy"].get<bool>(), true);
    CHECK(all["problems"] == Json::array());
    CHECK(!all["version"].get<std::string>().empty());
    CHECK_EQ(all["tenants"].size(), 2);
    const Json &second = all["tenants"][1];
    CHECK_EQ(second["name"].get<std::string>(), "batch");
    CHECK_EQ(second["clients"].get<int>(), 1);
    CHECK_EQ(second["blocks"].get<int>(), 1);
    CHECK_EQ(second["bytes_blocks"].get<int>(), 5000);
    CHECK_EQ(second["bytes_capacity"].get<std::uint64_t>(), limits::memory_bytes_min);
    CHECK_EQ(all["tenants"][0]["blocks"].get<int>(), 0);
    const Json one = asker.ask(report_of(ReportKind::status, "chat")); // a second one on the same connection
    CHECK_EQ(one["tenants"].size(), 1);
    CHECK_EQ(one["tenants"][0]["name"].get<std::string>(), "chat");
}

// Not healthy while somebody is refused slots.
void problems() {
    Served served(settings_of({tenant_settings("default")}));
    const Attached attached(served);
    uakv_space *space = attached.open("x");
    uakv_status last = UAKV_OK;
    for (std::uint64_t i = 0; last == UAKV_OK; ++i) {
        const uakv_key key = sample_key(i);
        uakv_slot slot; // stays open
        last = uakv_reserve(space, &key, limits::segment_bytes_min / 4, nullptr, &slot);
    }
    CHECK_STATUS(last, UAKV_ERR_NO_SPACE);
    const Json report = Operator(served).ask(report_of(ReportKind::status));
    CHECK_EQ(report["healthy"].get<bool>(), false);
    CHECK_EQ(report["problems"].size(), 1);
    const auto problem = report["problems"][0].get<std::string>();
    CHECK_MESSAGE(problem.find("tenant \"default\" refused slots") == 0, problem);
}

std::uint64_t sum_of_buckets(const Json &latencies) {
    std::uint64_t sum = 0;
    std::uint64_t last = 0;
    for (const Json &bucket : latencies["buckets"]) {
        CHECK_EQ(bucket.size(), 2);
        CHECK(bucket[0].get<std::uint64_t>() >= last);
        last = bucket[0].get<std::uint64_t>();
        sum += bucket[1].get<std::uint64_t>();
    }
    if (sum > 0) {
        CHECK(latencies["max_ns"].get<std::uint64_t>() > last);
        CHECK(latencies["p50_ns"].get<std::uint64_t>() <= latencies["p99_ns"].get<std::uint64_t>());
        CHECK(latencies["p999_ns"].get<std::uint64_t>() <= latencies["max_ns"].get<std::uint64_t>());
    }
    return sum;
}

void stats() {
    Settings settings = two_tenants();
    settings.profiling = true;
    Served served(settings);
    Operator asker(served);
    {
        const Attached chat(served, "chat");
        uakv_space *space = chat.open("x");
        for (std::uint64_t i = 0; i < 10; ++i) {
            store(space, i);
        }
    }
    Json report;
    await("the client is gone", [&] { // what it has counted stays
        report = asker.ask(report_of(ReportKind::stats));
        return report["tenants"][0]["clients"] == 0;
    });
    const Json &chat = report["tenants"][0];
    CHECK_EQ(chat["name"].get<std::string>(), "chat");
    CHECK_EQ(chat["stores"].get<int>(), 10);
    CHECK_EQ(chat["bytes_blocks"].get<int>(), 50'000);
    for (const char *name :
         {"misses_expired", "evictions_rebalance", "blocks_pinned", "bytes_pinned",     "bytes_leased",
          "flights",        "flight_waits",        "refused_busy",  "sessions_revoked", "uptime_ms",
          "spaces",         "blocks_cold",         "bytes_cold",    "blocks_disk",      "bytes_disk",
          "bytes_disk_max", "bytes_disk_written",  "loads",         "bytes_loaded",     "load_joins",
          "loads_late",     "evictions_unsaved",   "disk_errors"}) {
        CHECK_MESSAGE(chat[name].is_number_unsigned(), name);
    }
    for (const char *call : {"retrieve", "store", "reserve", "commit", "flight", "remove", "load"}) {
        const Json &latencies = chat["latencies"][call];
        CHECK_EQ(sum_of_buckets(latencies), latencies["count"].get<std::uint64_t>());
    }
    CHECK_EQ(chat["latencies"]["store"]["count"].get<int>(), 10);
    CHECK_EQ(report["retrieve_sampled_one_in"].get<int>(), 64);
    CHECK_EQ(report["profiling"].get<bool>(), true);
    for (const char *stage : {"serve", "commit", "grant", "evict", "remove", "turn"}) {
        CHECK_EQ(sum_of_buckets(report["stages"][stage]), report["stages"][stage]["count"].get<std::uint64_t>());
    }
    CHECK_EQ(report["stages"]["commit"]["count"].get<int>(), 10);
    CHECK(report["stages"]["turn"]["count"].get<int>() > 0);
}

void spaces() {
    Served served(two_tenants());
    const Attached chat(served, "chat");
    uakv_space_options options{};
    options.struct_size = sizeof options;
    options.layout.dtype = UAKV_DTYPE_BF16;
    options.layout.ndim = 2;
    options.layout.shape[0] = 10;
    options.layout.shape[1] = 250;
    options.layout.axis[0] = UAKV_AXIS_LAYER;
    options.layout.axis[1] = UAKV_AXIS_KV;
    options.ttl_ms = 60'000;
    options.fingerprint[0] = 0xAB;
    store(chat.open("model", &options), 1);
    chat.open("plain");
    Operator asker(served);
    const Json report = asker.ask(report_of(ReportKind::spaces)); // of the first tenant
    CHECK_EQ(report["tenant"].get<std::string>(), "chat");
    CHECK_EQ(report["spaces"].size(), 2);
    const Json &model = report["spaces"][0];
    CHECK_EQ(model["name"].get<std::string>(), "model");
    CHECK_EQ(model["dtype"].get<std::string>(), "bf16");
    CHECK(model["shape"] == Json({10, 250}));
    CHECK(model["axes"] == Json({"layer", "kv"}));
    CHECK_EQ(model["block_bytes"].get<int>(), 5000);
    CHECK_EQ(model["ttl_ms"].get<int>(), 60'000);
    CHECK_EQ(model["fingerprint"].get<std::string>(), "ab" + std::string(62, '0'));
    CHECK_EQ(model["blocks"].get<int>(), 1);
    CHECK_EQ(model["bytes"].get<int>(), 5000);
    CHECK_EQ(report["spaces"][1]["dtype"].get<std::string>(), "opaque");
    CHECK(report["spaces"][1]["shape"] == Json::array());
    CHECK(asker.ask(report_of(ReportKind::spaces, "batch"))["spaces"] == Json::array());
}

void blocks() {
    Served served(two_tenants());
    const Attached chat(served, "chat");
    uakv_space *space = chat.open("x");
    const uakv_key first = sample_key(0);
    store(space, 0);
    store(space, 1, &first, 3'600'000);
    for (std::uint64_t i = 2; i < 25; ++i) {
        store(space, i);
    }
    store(chat.open("other"), 99);
    Operator asker(served);
    ReportGetMessage wanted = report_of(ReportKind::blocks, "chat", "x");
    wanted.limit = 10;
    std::vector<Json> found;
    for (int pages = 0; pages < 100; ++pages) {
        const Json page = asker.ask(wanted);
        CHECK(page["blocks"].size() <= 10);
        found.insert(found.end(), page["blocks"].begin(), page["blocks"].end());
        if (page["next"].is_null()) {
            break;
        }
        wanted.cursor = page["next"].get<std::uint64_t>();
    }
    CHECK_EQ(found.size(), 25);
    const auto of = [&](std::uint64_t number) {
        return *std::find_if(found.begin(), found.end(),
                             [&](const Json &block) { return block["key"] == hex_of(sample_key(number)); });
    };
    CHECK_EQ(of(0)["bytes"].get<int>(), 5000);
    CHECK_EQ(of(0)["tier"].get<std::string>(), "host");
    CHECK(of(0)["parent"].is_null() && of(0)["expires_in_ms"].is_null());
    CHECK_EQ(of(1)["parent"].get<std::string>(), hex_of(first));
    const auto rest_ms = of(1)["expires_in_ms"].get<std::uint64_t>();
    CHECK(rest_ms > 0 && rest_ms <= 3'600'000);
    CHECK_EQ(of(1)["pinned"].get<bool>(), false);
    wanted.cursor = UINT64_MAX; // from anybody
    CHECK(asker.ask(wanted)["blocks"] == Json::array());
    asker.refused(report_of(ReportKind::blocks, "chat", "missing"), UAKV_ERR_INVALID);
}

void why() {
    Served served(two_tenants());
    const Attached chat(served, "chat");
    uakv_space *space = chat.open("x");
    uakv_space *other = chat.open("other");
    store(space, 1);
    store(other, 1);
    store(space, 2);
    const uakv_key removed = sample_key(2);
    CHECK_STATUS(uakv_remove(space, &removed, 1, nullptr), UAKV_OK);
    store(space, 3);
    const uakv_key held = sample_key(3);
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &held, nullptr, &view), UAKV_OK);
    CHECK_STATUS(uakv_pin(space, &held, 1, UAKV_PIN_FOREVER), UAKV_OK);
    const uakv_key computed = sample_key(4);
    uakv_slot slot;
    CHECK_STATUS(uakv_retrieve_or_reserve(space, &computed, 100, 0, &view, &slot), UAKV_MISS);
    Operator asker(served);
    const auto ask = [&](std::uint64_t number, const char *name) {
        ReportGetMessage wanted = report_of(ReportKind::why, "chat", name);
        wanted.key = sample_key(number);
        return asker.ask(wanted);
    };
    Json report = ask(1, "x");
    CHECK_EQ(report["state"].get<std::string>(), "resident");
    CHECK_EQ(report["reason"].get<std::string>(), "stored");
    CHECK_EQ(report["key"].get<std::string>(), hex_of(sample_key(1)));
    CHECK_EQ(report["bytes"].get<int>(), 5000);
    CHECK(report["other_spaces"] == Json({"other"}));
    CHECK(report["since_ms"].is_null());
    report = ask(2, "x");
    CHECK_EQ(report["state"].get<std::string>(), "absent");
    CHECK_EQ(report["reason"].get<std::string>(), "removed");
    CHECK(report["since_ms"].is_number_unsigned() && report["bytes"].is_null());
    report = ask(3, "x");
    CHECK_EQ(report["leases"].get<int>(), 1);
    CHECK_EQ(report["pinned"].get<bool>(), true);
    CHECK_EQ(ask(4, "x")["reason"].get<std::string>(), "being_computed");
    CHECK_STATUS(uakv_abort(&slot), UAKV_OK); // the daemon hears of it a little later
    await("nobody computes the block", [&] { return (report = ask(4, "x"))["reason"] != "being_computed"; });
    CHECK_EQ(report["reason"].get<std::string>(), "never_stored");
    CHECK(report["history_from_ms"].is_number_unsigned());
    CHECK_EQ(ask(1, "nowhere")["reason"].get<std::string>(), "no_such_space");
    report = ask(2, ""); // wherever it was
    CHECK_EQ(report["space"].get<std::string>(), "x");
    CHECK_EQ(report["reason"].get<std::string>(), "removed");
    CHECK_STATUS(uakv_clear(space), UAKV_OK);
    CHECK_EQ(ask(1, "x")["reason"].get<std::string>(), "cleared");
    CHECK_EQ(ask(1, "")["space"].get<std::string>(), "other");
}

void what_there_is_not() {
    Served served(two_tenants());
    Operator asker(served);
    asker.refused(report_of(ReportKind::status, "chut"), UAKV_ERR_DENIED);
    asker.refused(report_of(static_cast<ReportKind>(77)), UAKV_ERR_VERSION);
    ReportGetMessage endless = report_of(ReportKind::spaces);
    std::fill(std::begin(endless.tenant), std::end(endless.tenant), 'x');
    asker.refused(endless, UAKV_ERR_INVALID);
    ReportGetMessage odd = report_of(ReportKind::why, "chat", "\xFF\xC0 space");
    CHECK_EQ(asker.ask(odd)["reason"].get<std::string>(), "no_such_space"); // and valid JSON
}

// The last word on a connection.
std::string ended(Operator &asker) {
    for (;;) {
        const Received received = asker.receive();
        if (const auto refusal = read_control<RefusedMessage>(received)) {
            CHECK_EQ(refusal->ends_session, 1);
            return refusal->detail;
        }
        CHECK(received.state == Received::State::message); // a report that was asked for before
    }
}

void either_client_or_operator() {
    Served served(two_tenants());
    Operator asker(served);
    asker.ask(report_of(ReportKind::status));
    asker.send(HelloMessage());
    CHECK(ended(asker).find("none of ours") != std::string::npos);
    Operator client(served);
    client.send(HelloMessage());
    CHECK(read_control<WelcomeMessage>(client.receive()).has_value());
    client.send(report_of(ReportKind::status));
    CHECK(ended(client).find("none of ours") != std::string::npos);
}

// Answers that nobody reads do not pile up.
void asks_without_reading() {
    Served served(two_tenants());
    Operator asker(served);
    for (int i = 0; i < 3; ++i) {
        asker.send(report_of(ReportKind::status));
    }
    await("it is ended", [&] { return has_hung_up(asker.socket()); }); // one that reads at once has read the last one
    CHECK(ended(asker).find("before it had read the last one") != std::string::npos);
}

void silent_one_is_dropped() {
    Served served(two_tenants());
    Operator busy(served);
    Operator silent(served);
    silent.ask(report_of(ReportKind::status));
    await("the silent one is dropped", [&] {
        busy.ask(report_of(ReportKind::status)); // each renews
        return has_hung_up(silent.socket());
    });
    busy.ask(report_of(ReportKind::status));
}

// Without a disk that is what is said; what would do something is refused.
void no_disks() {
    Served served(settings_of({tenant_settings("default")}));
    Operator asker(served);
    const Json disks = asker.ask(report_of(ReportKind::disk));
    CHECK_EQ(disks["tenants"].size(), 1);
    CHECK(disks["tenants"][0]["disk"].is_null());
    for (const ReportKind kind : {ReportKind::verify, ReportKind::warm}) {
        CHECK(asker.refused(report_of(kind), UAKV_ERR_UNSUPPORTED).find("enable_persistence") != std::string::npos);
    }
    CHECK(asker.refused(report_of(static_cast<ReportKind>(9)), UAKV_ERR_VERSION).find("9") != std::string::npos);
}

constexpr Case cases[] = {
    {"status", status},
    {"problems", problems},
    {"stats", stats},
    {"spaces", spaces},
    {"blocks", blocks},
    {"why", why},
    {"no_disks", no_disks},
    {"what_there_is_not", what_there_is_not},
    {"either_client_or_operator", either_client_or_operator},
    {"asks_without_reading", asks_without_reading},
    {"silent_one_is_dropped", silent_one_is_dropped},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("reports", uakv::test::cases);
}
