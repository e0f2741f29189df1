// Sizes, durations, shares and counts as people write them, and keys: any text gives a value or an error that quotes
// it, and what was accepted is the same when it is written and read once more.
#include "daemon/base/nearest.h"
#include "daemon/base/units.h"
#include "daemon/ctl/options.h"
#include "daemon/ctl/table.h"
#include "input.h"

namespace {

using namespace uakv;

template <typename T> bool taken(const Result<T> &result) {
    UAKV_ASSERT(result.ok() || (result.error().status == UAKV_ERR_INVALID && !result.error().detail.empty()));
    return result.ok();
}

void try_size(std::string_view text) {
    auto size = parse_size(text, 24ULL << 30);
    if (taken(size)) {
        auto again = parse_size(exact_size(size.value()), 1);
        UAKV_ASSERT(again.ok() && again.value() == size.value());
        UAKV_ASSERT(!format_size(size.value()).empty());
    }
}

void try_duration(std::string_view text) {
    auto duration = parse_duration_ms(text);
    if (taken(duration)) {
        auto again = parse_duration_ms(exact_duration(duration.value()));
        UAKV_ASSERT(again.ok() && again.value() == duration.value());
        UAKV_ASSERT(!ctl::format_duration(duration.value()).empty());
    }
    auto time = ctl::parse_time_ms(text);
    UAKV_ASSERT(!taken(time) || (time.value() >= 1 && time.value() < UINT32_MAX));
}

void try_count(std::string_view text) {
    auto count = parse_count(text);
    if (taken(count)) {
        auto again = parse_count(std::to_string(count.value()));
        UAKV_ASSERT(again.ok() && again.value() == count.value());
        UAKV_ASSERT(!ctl::format_count(count.value()).empty() && !ctl::format_latency(count.value()).empty());
    }
    auto share = parse_share(text);
    UAKV_ASSERT(!taken(share) || (share.value() >= 0 && share.value() <= 1));
}

void try_key(std::string_view text) {
    auto key = ctl::parse_key(text);
    if (taken(key)) {
        auto again = ctl::parse_key(ctl::format_key(key.value()));
        UAKV_ASSERT(again.ok() && std::memcmp(&again.value(), &key.value(), sizeof(uakv_key)) == 0);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    try_size(text);
    try_duration(text);
    try_count(text);
    try_key(text);
    const std::string printable = uakv::ctl::printable(text);
    UAKV_ASSERT(
        std::none_of(printable.begin(), printable.end(), [](char c) { return (c >= 0 && c < ' ') || c == 127; }));
    return 0;
}
