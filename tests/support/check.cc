#include "support/check.h"

#include "support/cmocka.h"

#include <thread>
#include <vector>

namespace uakv::test {
namespace {

// Of the running case. Outlives the longjmp that ends it.
std::string failure_;
std::string skip_;
size_t skipped_ = 0;

void run_body(void **state) {
    failure_.clear();
    skip_.clear();
    try {
        static_cast<const Case *>(*state)->body();
    } catch (const Skip &skip) {
        skip_ = skip.what();
    } catch (const std::exception &failure) {
        failure_ = failure_.empty() ? failure.what() : failure_ + "\n" + failure.what();
    }
    if (!failure_.empty()) {
        print_error("%s\n", failure_.c_str());
        fail();
    }
    if (!skip_.empty()) {
        print_message("skipped: %s\n", skip_.c_str());
        ++skipped_;
        skip();
    }
}

} // namespace

int run_cases(const char *group, std::span<const Case> cases) {
    std::vector<CMUnitTest> tests;
    for (const Case &one : cases) {
        tests.push_back(CMUnitTest{one.name, run_body, nullptr, nullptr, const_cast<Case *>(&one)});
    }
    skipped_ = 0;
    if (_cmocka_run_group_tests(group, tests.data(), tests.size(), nullptr, nullptr) != 0) {
        return 1;
    }
    return skipped_ == cases.size() ? 77 : 0;
}

void fail_later(const std::string &message) {
    failure_ = failure_.empty() ? message : failure_ + "\n" + message;
}

void fail_at(const char *file, int line, const std::string &message) {
    throw Failure(std::string(file) + ":" + std::to_string(line) + ": " + message);
}

std::string last_error() {
    std::string text(uakv_last_error(nullptr, nullptr, 0), '\0');
    uakv_last_error(nullptr, text.data(), text.size() + 1);
    return text;
}

void check_status(uakv_status actual, uakv_status expected, const char *text, const char *file, int line) {
    if (actual == expected) {
        return;
    }
    std::string message =
        std::string(text) + " gave " + uakv_status_name(actual) + ", expected " + uakv_status_name(expected);
    if (actual < 0) {
        message += " (" + last_error() + ")";
    }
    fail_at(file, line, message);
}

void await(const std::string &what, const std::function<bool()> &condition) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point deadline = Clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (Clock::now() > deadline) {
            throw Failure("after 20 seconds still waiting: " + what);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

} // namespace uakv::test
