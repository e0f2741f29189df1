// Sizes, durations, shares and counts: tables of what is understood, what is refused, and what is written.
#include "daemon/base/units.h"
#include "daemon/base/machine.h"
#include "support/check.h"

#include <string>

namespace uakv::test {
namespace {

constexpr std::uint64_t kib = 1ULL << 10;
constexpr std::uint64_t mib = 1ULL << 20;
constexpr std::uint64_t gib = 1ULL << 30;

void good_sizes() {
    struct Row {
        const char *text;
        std::uint64_t bytes;
    };
    const Row rows[] = {
        {"1073741824", gib},
        {"8GiB", 8 * gib},
        {"1.5GiB", 3 * gib / 2},
        {"512MiB", 512 * mib},
        {"64KiB", 64 * kib},
        {"1TiB", 1024 * gib},
        {"12B", 12},
        {"0", 0},
        {"20%", 200},
        {"100%", 1000},
        {"0.5%", 5},
        {"0.25KiB", 256},
        {"1e3", 1000},
        {"8000000TiB", 1024 * gib * 8'000'000},
    };
    for (const Row &row : rows) {
        auto bytes = parse_size(row.text, 1000);
        CHECK_MESSAGE(bytes.ok(), row.text);
        CHECK_EQ(bytes.value(), row.bytes);
    }
}

void bad_sizes() {
    for (const char *text : {"",      " ",    "GiB", "x",   "-1",  "-1GiB", "1 GiB",      "1GB",  "1gib",   "1GiBs",
                             "1KiB ", "101%", "5%%", "nan", "inf", "1e30",  "9000000TiB", "0x10", "1,5GiB", "--5"}) {
        auto bytes = parse_size(text, 1000);
        CHECK_MESSAGE(!bytes.ok(), text);
        CHECK_STATUS(bytes.error().status, UAKV_ERR_INVALID);
        CHECK(bytes.error().detail.find("\"" + std::string(text) + "\" is not a size") != std::string::npos);
    }
}

void sizes_as_text() {
    CHECK_EQ(format_size(0), "0 bytes");
    CHECK_EQ(format_size(1), "1 byte");
    CHECK_EQ(format_size(1023), "1023 bytes");
    CHECK_EQ(format_size(kib), "1 KiB");
    CHECK_EQ(format_size(3 * mib / 2), "1.5 MiB");
    CHECK_EQ(format_size(8 * gib), "8 GiB");
    CHECK_EQ(format_size(2048 * gib), "2 TiB");
}

// What is written exactly is read back as the same number.
void exact_sizes() {
    CHECK_EQ(exact_size(0), "0");
    CHECK_EQ(exact_size(1023), "1023");
    CHECK_EQ(exact_size(8 * gib), "8GiB");
    CHECK_EQ(exact_size(3 * gib / 2), "1536MiB");
    CHECK_EQ(exact_size(1024 * gib), "1TiB");
    for (const std::uint64_t bytes : {1ULL, 1024ULL, 1025ULL, 123'456'789ULL, 10'109'321'216ULL, 1ULL << 40}) {
        CHECK_EQ(parse_size(exact_size(bytes), 0).value(), bytes);
    }
}

void durations() {
    struct Row {
        const char *text;
        std::uint64_t milliseconds;
    };
    const Row rows[] = {{"10s", 10'000}, {"500ms", 500}, {"2min", 120'000},  {"1h", 3'600'000},
                        {"1.5s", 1500},  {"0s", 0},      {"0.5min", 30'000}, {"1e3ms", 1000}};
    for (const Row &row : rows) {
        auto duration = parse_duration_ms(row.text);
        CHECK_MESSAGE(duration.ok(), row.text);
        CHECK_EQ(duration.value(), row.milliseconds);
    }
    for (const char *text : {"", "s", "10", "0", "-1s", "10 s", "10sec", "10S", "1us", "nan", "1e30h", "1m"}) {
        auto duration = parse_duration_ms(text);
        CHECK_MESSAGE(!duration.ok(), text);
        CHECK_STATUS(duration.error().status, UAKV_ERR_INVALID);
        CHECK(duration.error().detail.starts_with("\"" + std::string(text) + "\" is not a duration"));
    }
    CHECK_EQ(exact_duration(0), "0ms");
    CHECK_EQ(exact_duration(1500), "1500ms");
    CHECK_EQ(exact_duration(10'000), "10s");
    CHECK_EQ(exact_duration(120'000), "2min");
    CHECK_EQ(exact_duration(3'600'000), "1h");
}

void shares() {
    CHECK_EQ(parse_share("0.95").value(), 0.95);
    CHECK_EQ(parse_share("95%").value(), 0.95);
    CHECK_EQ(parse_share("1").value(), 1);
    CHECK_EQ(parse_share("0").value(), 0);
    for (const char *text : {"", "1.01", "101%", "x", "0.9%%", "-0.5", "0.9 ", "nan"}) {
        CHECK_MESSAGE(!parse_share(text).ok(), text);
    }
}

void counts() {
    CHECK_EQ(parse_count("0").value(), 0);
    CHECK_EQ(parse_count("1000").value(), 1000);
    CHECK_EQ(parse_count("18446744073709551615").value(), UINT64_MAX);
    for (const char *text : {"", "-1", "+1", "1.5", "1k", " 1", "1 ", "18446744073709551616", "0x10"}) {
        CHECK_MESSAGE(!parse_count(text).ok(), text);
    }
}

void machine() {
    CHECK(machine_memory_bytes() > 16 * mib);
    CHECK(machine_processors() >= 1);
}

constexpr Case cases[] = {
    {"good_sizes", good_sizes},   {"bad_sizes", bad_sizes}, {"sizes_as_text", sizes_as_text},
    {"exact_sizes", exact_sizes}, {"durations", durations}, {"shares", shares},
    {"counts", counts},           {"machine", machine},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("units", uakv::test::cases);
}
