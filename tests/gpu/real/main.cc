// uakv-gpu-checks: one check for each process, because some of them break it. run.py starts them all.
#include "gpu/real/checks.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace uakv::gpu_checks {
namespace {

constexpr int skipped_status = 77;

std::vector<Check> all_checks() {
    std::vector<Check> all = memory_checks;
    all.insert(all.end(), copy_checks.begin(), copy_checks.end());
    all.insert(all.end(), commit_checks.begin(), commit_checks.end());
    return all;
}

int run(const Check &check, bool stand_in) {
    Report report(stand_in);
    const char *outcome = "passed";
    std::string why;
    try {
        check.run(report);
    } catch (const Skipped &skipped) {
        outcome = "skipped";
        why = skipped.why;
    } catch (const Failed &failed) {
        outcome = "failed";
        why = failed.why;
    }
    std::puts(report.json(check.name, outcome, why).c_str());
    return std::strcmp(outcome, "passed") == 0 ? 0 : std::strcmp(outcome, "skipped") == 0 ? skipped_status : 1;
}

int usage() {
    std::fputs("usage: uakv-gpu-checks [--stand-in LIBRARY] NAME | --list\n", stderr);
    return 2;
}

int main(int count, char **arguments) {
    std::vector<std::string_view> rest(arguments + 1, arguments + count);
    bool stand_in = false;
    if (rest.size() == 3 && rest[0] == "--stand-in") {
        ::setenv(cuda::Driver::path_variable, rest[1].data(), 1);
        stand_in = true;
        rest.erase(rest.begin(), rest.begin() + 2);
    }
    if (rest.size() != 1) {
        return usage();
    }
    for (const Check &check : all_checks()) {
        if (rest[0] == "--list") {
            std::printf("%s\t%s\n", check.name, check.says);
        } else if (rest[0] == check.name) {
            return run(check, stand_in);
        }
    }
    return rest[0] == "--list" ? 0 : usage();
}

} // namespace
} // namespace uakv::gpu_checks

int main(int count, char **arguments) {
    return uakv::gpu_checks::main(count, arguments);
}
