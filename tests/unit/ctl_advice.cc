// What uakvctl advises: for every use and for machines of all sizes.
#include "daemon/base/units.h"
#include "daemon/ctl/advice.h"
#include "ipc/limits.h"
#include "support/check.h"

#include <sstream>
#include <string>

namespace uakv::test {
namespace {

using namespace uakv::ctl;

constexpr std::uint64_t mib = 1ULL << 20;
constexpr std::uint64_t gib = 1ULL << 30;

Facts machine(std::uint64_t memory_bytes, std::uint64_t available_bytes) {
    Facts facts;
    facts.cores = 8;
    facts.memory_bytes = memory_bytes;
    facts.available_bytes = available_bytes;
    facts.disk_free_bytes = 100 * gib;
    facts.socket_path = "/run/uakv/uakvd.sock";
    return facts;
}

const Use &use_of(const char *name) {
    auto use = find_use(name);
    CHECK_MESSAGE(use.ok(), name);
    return *use.value();
}

// The value of a key at the left margin; fails when it is not there exactly once.
std::string value_of(const std::string &text, const std::string &key) {
    std::istringstream lines(text);
    std::string value;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(key + ": ")) {
            CHECK_MESSAGE(value.empty(), key + " is there twice");
            value = line.substr(key.size() + 2);
        }
    }
    CHECK_MESSAGE(!value.empty(), key + " is missing in\n" + text);
    return value;
}

// With the line breaks of the comments undone.
std::string unwrapped(const Use &use, const Facts &facts) {
    std::string text = advice_text(use, facts);
    for (std::size_t at = 0; (at = text.find("\n# ", at)) != std::string::npos;) {
        text.replace(at, 3, " ");
    }
    return text;
}

void the_uses() {
    for (const char *name : {"development", "production", "latency", "throughput", "memory", "hit_rate"}) {
        CHECK_EQ(std::string(use_of(name).name), name);
    }
    CHECK_EQ(uses().size(), 6);
    auto unknown = find_use("speed");
    CHECK(!unknown.ok());
    CHECK_EQ(unknown.error().detail, "--for: \"speed\" is none of the uses that there is advice for; expected "
                                     "development, production, latency, throughput, memory or hit_rate");
}

void memory() {
    CHECK_EQ(advised_memory_bytes(use_of("production"), machine(100 * gib, 90 * gib)), 40 * gib);
    CHECK_EQ(advised_memory_bytes(use_of("hit_rate"), machine(100 * gib, 90 * gib)), 70 * gib);
    CHECK_EQ(advised_memory_bytes(use_of("hit_rate"), machine(100 * gib, 50 * gib)), 45 * gib); // what is available
    CHECK_EQ(advised_memory_bytes(use_of("development"), machine(1000 * gib, 900 * gib)), 4 * gib);
    CHECK_EQ(advised_memory_bytes(use_of("production"), machine(8000 * gib, 7000 * gib)), 1024 * gib);
    CHECK_EQ(advised_memory_bytes(use_of("production"), machine(100 * mib, 20 * mib)), 18 * mib);
    CHECK_EQ(advised_memory_bytes(use_of("development"), machine(100 * mib, 20 * mib)), 16 * mib);
    for (const Use &use : uses()) {
        for (std::uint64_t bytes = 64 * mib; bytes <= 16384 * gib; bytes *= 3) {
            const std::uint64_t advised = advised_memory_bytes(use, machine(bytes, bytes / 2));
            CHECK(advised >= limits::memory_bytes_min && advised <= limits::memory_bytes_max);
            CHECK(advised <= bytes / 2 && advised % mib == 0);
        }
    }
}

// Each line of the file is a comment, empty, or one of the keys that are always there, after a comment.
void the_file() {
    for (const Use &use : uses()) {
        const Facts facts = machine(100 * gib, 90 * gib);
        const std::string text = advice_text(use, facts);
        std::istringstream lines(text);
        std::string before;
        unsigned keys = 0;
        for (std::string line; std::getline(lines, line); before = line) {
            CHECK_MESSAGE(line.size() <= 90, line);
            if (!line.empty() && !line.starts_with("#")) {
                ++keys;
                CHECK_MESSAGE(before.starts_with("# "), line + " has no reason");
            }
        }
        CHECK_EQ(keys, 9);
        for (const char *key :
             {"log_level", "cache_strategy", "enable_gc", "gc_threshold", "single_flight", "enable_profiling"}) {
            value_of(text, key);
        }
        CHECK_EQ(value_of(text, "enable_persistence"), "false"); // whose disk it is knows the operator alone
        CHECK_EQ(value_of(text, "socket"), "/run/uakv/uakvd.sock");
        auto bytes = parse_size(value_of(text, "memory"), 0);
        CHECK(bytes.ok());
        CHECK_EQ(bytes.value(), advised_memory_bytes(use, facts));
    }
}

void the_machine_is_named() {
    Facts facts = machine(100 * gib, 50 * gib);
    std::string text = unwrapped(use_of("hit_rate"), facts);
    CHECK(text.find("8 cores") != std::string::npos && text.find("100 GiB of memory") != std::string::npos);
    CHECK(text.find("no GPU") != std::string::npos && text.find("50 GiB are available now") != std::string::npos);
    facts.gpus = 2;
    facts.available_bytes = 90 * gib;
    text = unwrapped(use_of("hit_rate"), facts);
    CHECK(text.find("2 GPUs") != std::string::npos && text.find("are available now") == std::string::npos);
}

void here() {
    const Facts facts = look_around();
    CHECK(facts.cores >= 1 && facts.memory_bytes >= facts.available_bytes && facts.available_bytes > 0);
    CHECK(!facts.socket_path.empty());
}

constexpr Case cases[] = {
    {"the_uses", the_uses}, {"memory", memory}, {"the_file", the_file}, {"the_machine_is_named", the_machine_is_named},
    {"here", here},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ctl_advice", uakv::test::cases);
}
