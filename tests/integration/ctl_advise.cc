// What uakvctl advises is a configuration that uakvd takes, for every use.
#include "ctl_process.h"
#include "support/check.h"
#include "support/daemon.h"
#include "support/process.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace uakv::test {
namespace {

constexpr const char *uses[] = {"development", "production", "latency", "throughput", "memory", "hit_rate"};

std::string advice_for(const std::string &use) {
    const Outcome outcome = run_uakvctl({"advise", "--for", use});
    CHECK_MESSAGE(outcome.end == "exit status 0" && outcome.errors.empty(), outcome.end + outcome.errors);
    return outcome.output;
}

void check_accepted(const std::string &configuration) {
    const Directory directory;
    const std::string file = directory.path() + "/uakvd.yaml", log = directory.path() + "/log";
    std::ofstream(file) << configuration;
    const pid_t pid = start_uakvd({"--config", file, "--check-config"}, log);
    const std::string end = wait_for_exit(pid);
    CHECK_MESSAGE(end == "exit status 0", end + ": " + read_file(log) + "\n" + configuration);
}

void each_is_accepted() {
    for (const char *use : uses) {
        const std::string text = advice_for(use);
        CHECK_MESSAGE(text.starts_with(std::string("# uakvd for ") + use), text);
        check_accepted(text);
    }
}

// The lines that are only offered are right as well, once the names are those of users who exist.
void what_is_offered_is_accepted() {
    std::istringstream lines(advice_for("production"));
    std::string text;
    bool tenants = false;
    for (std::string line; std::getline(lines, line);) {
        tenants = tenants || line == "# tenants:";
        if (tenants || line.starts_with("# admin_group:")) {
            line.erase(0, 2);
        }
        text += line + "\n";
    }
    CHECK_MESSAGE(tenants, text);
    for (const auto &[name, number] : {std::pair("uakv-admin", "0"), std::pair("[chat]", "[1]"),
                                       std::pair("[monitor]", "[2]"), std::pair("[batch]", "[3]")}) {
        const size_t at = text.find(name);
        CHECK_MESSAGE(at != std::string::npos, name);
        text.replace(at, std::string(name).size(), number);
    }
    check_accepted(text);
}

void without_a_terminal_it_is_production() {
    const Outcome outcome = run_uakvctl({"advise"}, "latency\n");
    CHECK_EQ(outcome.end, "exit status 0");
    CHECK_EQ(outcome.errors, ""); // nothing is asked
    check_has(outcome.output, "# uakvd for production");
}

void in_json() {
    const Outcome outcome = run_uakvctl({"advise", "--for", "memory", "--json"});
    const auto document = nlohmann::json::parse(outcome.output, nullptr, false);
    CHECK_MESSAGE(!document.is_discarded(), outcome.output);
    CHECK_EQ(document.at("use"), "memory");
    CHECK(document.at("cores").get<int>() >= 1);
    check_accepted(document.at("configuration").get<std::string>());
}

constexpr Case cases[] = {
    {"each_is_accepted", each_is_accepted},
    {"what_is_offered_is_accepted", what_is_offered_is_accepted},
    {"without_a_terminal_it_is_production", without_a_terminal_it_is_production},
    {"in_json", in_json},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ctl_advise", uakv::test::cases);
}
