// uakvctl at a daemon that answers anything: a command prints what it can make of it, or says what is wrong.
#include "daemon/ctl/client.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/rates.h"
#include "daemon/ctl/report.h"
#include "false_daemon.h"
#include "ipc/wire.h"

#include <cstdlib>

namespace {

using namespace uakv;
using namespace uakv::fuzz;

constexpr std::size_t answers_max = 6;

// A report in a region that is as long as the message says, or is not.
Answer report(Input &input) {
    const std::uint8_t how = input.byte();
    const std::string_view text = input.text(input.value<std::uint16_t>());
    ReportMessage message;
    message.bytes = text.size();
    const std::uint64_t region_bytes = how == 1 ? text.size() / 2 : text.size();
    Answer answer = how == 2 ? twisted(input, message) : answer_of(message);
    for (std::size_t count = how == 3 ? input.choose(3) : 1; count > 0; --count) {
        answer.fds.push_back(region_of(text, region_bytes));
    }
    return answer;
}

Answer any_answer(Input &input) {
    const std::uint8_t kind = input.byte();
    if (kind == 1) {
        RefusedMessage refused;
        refused.status = UAKV_ERR_INVALID;
        return twisted(input, refused);
    }
    if (kind == 2) {
        const auto bytes = std::as_bytes(input.take(input.byte()));
        return {{bytes.begin(), bytes.end()}, {}};
    }
    return report(input);
}

void run(Result<ctl::Exit> (*command)(const ctl::Options &), Input &input) {
    ctl::Options options;
    options.socket_path = FalseDaemon::path();
    options.timeout_ms = 2;
    options.arguments = {"text:key"};
    const std::uint8_t flags = input.byte();
    options.json = flags % 2 == 1;
    options.space = flags / 2 % 2 == 1 ? "space" : "";
    options.limit = flags / 8;
    std::vector<Answer> answers;
    while (answers.size() < answers_max && !input.empty()) {
        answers.push_back(any_answer(input));
    }
    const FalseDaemon daemon(std::move(answers), flags / 4 % 2 == 1);
    auto outcome = command(options);
    if (!outcome.ok()) {
        UAKV_ASSERT(outcome.error().status != UAKV_OK && !outcome.error().detail.empty());
    }
}

template <typename T> void check(const Result<T> &parsed) {
    UAKV_ASSERT(parsed.ok() || (parsed.error().status == UAKV_ERR_VERSION && !parsed.error().detail.empty()));
}

// Two documents, as two stats reports one after the other, and as whatever else they may be.
void parse(Input &input) {
    const std::string first(input.text(input.value<std::uint16_t>()));
    const std::string second(input.rest());
    check(ctl::parse_status(second));
    auto spaces = ctl::parse_spaces(second);
    check(spaces);
    if (spaces.ok()) {
        for (const ctl::SpacesReport::Space &space : spaces.value().spaces) {
            check(ctl::options_of(space));
        }
    }
    check(ctl::parse_blocks(second));
    check(ctl::parse_why(second));
    check(ctl::parse_disk(second));
    check(ctl::parse_verify(second));
    check(ctl::parse_warm(second));
    check(ctl::join_pages({first, second}));
    auto before = ctl::parse_stats(first);
    auto now = ctl::parse_stats(second);
    check(before);
    check(now);
    if (now.ok()) {
        const ctl::Rates rates =
            ctl::rates_between(before.ok() ? std::optional(before.value()) : std::nullopt, now.value());
        for (const ctl::CallRates &call : rates.calls) {
            UAKV_ASSERT(ctl::quantile_ns(call.histogram, 0.5) <= ctl::quantile_ns(call.histogram, 0.999));
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input(data, size);
    switch (input.choose(6)) {
    case 0:
        run(ctl::show_status, input);
        break;
    case 1:
        run(ctl::show_stats, input);
        break;
    case 2:
        run(ctl::list, input);
        break;
    case 3:
        run(ctl::why, input);
        break;
    case 5:
        run(ctl::show_disk, input);
        break;
    default:
        parse(input);
    }
    return 0;
}
