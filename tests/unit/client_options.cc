// Option structs of callers that are older or newer than the library; details of failures; the fork guard.
#include "clientlib/errors.h"
#include "clientlib/fork_guard.h"
#include "clientlib/guarded.h"
#include "support/check.h"
#include "support/child.h"

#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>

namespace uakv::test {
namespace {

struct Options {
    std::uint32_t struct_size;
    std::uint32_t flags;
    std::uint64_t late; // added in a later version
};

// The same struct as a program of the future has it.
struct NewerOptions {
    Options known;
    std::uint64_t newer;
};

uakv_status read(const void *given, Options &options) {
    return read_options("test", static_cast<const Options *>(given), options);
}

void null_means_defaults() {
    Options options{1, 2, 3};
    CHECK_STATUS(read(nullptr, options), UAKV_OK);
    CHECK_EQ(options.struct_size, sizeof(Options));
    CHECK_EQ(options.flags, 0);
    CHECK_EQ(options.late, 0);
}

void same_version() {
    const Options given{sizeof(Options), 5, 6};
    Options options{};
    CHECK_STATUS(read(&given, options), UAKV_OK);
    CHECK_EQ(options.flags, 5);
    CHECK_EQ(options.late, 6);
}

void older_caller() {
    const Options given{offsetof(Options, late), 5, 6}; // what lies behind is not the caller's to give
    Options options{};
    CHECK_STATUS(read(&given, options), UAKV_OK);
    CHECK_EQ(options.flags, 5);
    CHECK_EQ(options.late, 0);
}

void newer_caller() {
    NewerOptions given{{sizeof(NewerOptions), 5, 6}, 0};
    Options options{};
    CHECK_STATUS(read(&given, options), UAKV_OK);
    CHECK_EQ(options.late, 6);
    given.newer = 1ULL << 63;
    CHECK_STATUS(read(&given, options), UAKV_ERR_TOO_NEW);
    CHECK(last_error().find(uakv_version_string()) != std::string::npos);
}

void impossible_sizes() {
    Options options{};
    for (const std::uint32_t size : {0U, 4U, 7U, 4097U, UINT32_MAX}) {
        const Options given{size, 0, 0};
        CHECK_STATUS(read(&given, options), UAKV_ERR_INVALID);
        CHECK(last_error().find(std::to_string(size)) != std::string::npos);
    }
}

void unknown_flags() {
    CHECK_STATUS(check_flags("test", 0, 0), UAKV_OK);
    CHECK_STATUS(check_flags("test", 3, 3), UAKV_OK);
    CHECK_STATUS(check_flags("test", 4, 3), UAKV_ERR_INVALID);
    CHECK(last_error().find("0x4") != std::string::npos);
}

void no_exception_gets_out() {
    static_assert(noexcept(guarded("test", [] { return UAKV_OK; })));
    CHECK_STATUS(guarded("test", []() -> uakv_status { return UAKV_MISS; }), UAKV_MISS);
    CHECK_STATUS(guarded("test", []() -> uakv_status { throw std::bad_alloc(); }), UAKV_ERR_NO_MEMORY);
    CHECK_STATUS(guarded("test", []() -> uakv_status { throw std::runtime_error("x"); }), UAKV_ERR_INTERNAL);
}

void last_error_is_cut_to_fit() {
    CHECK_STATUS(fail(UAKV_ERR_BUSY, "%s", "0123456789"), UAKV_ERR_BUSY);
    char text[6] = "zzzzz";
    CHECK_EQ(copy_last_error(nullptr, 0), 10);
    CHECK_EQ(copy_last_error(text, 0), 10);
    CHECK(text[0] == 'z');
    CHECK_EQ(copy_last_error(text, sizeof text), 10);
    CHECK_EQ(std::string(text), "01234");
    CHECK_STATUS(fail(error(UAKV_ERR_LAYOUT, "%s", std::string(5000, 'x').c_str())), UAKV_ERR_LAYOUT);
    CHECK_EQ(copy_last_error(nullptr, 0), 1023);
}

void last_error_belongs_to_the_thread() {
    fail(UAKV_ERR_BUSY, "mine");
    std::string before = "?";
    std::thread([&] {
        before = last_error();
        fail(UAKV_ERR_BUSY, "theirs");
    }).join();
    CHECK_EQ(before, "");
    CHECK_EQ(last_error(), "mine");
}

void errno_is_told() {
    const Error failure = errno_error(UAKV_ERR_INVALID, 2, "cannot open %s", "x");
    CHECK_STATUS(failure.status, UAKV_ERR_INVALID);
    CHECK_EQ(failure.detail, "cannot open x: No such file or directory (errno 2)");
}

void child_is_recognised() {
    auto token = fork_token();
    CHECK(token.ok());
    const std::uint64_t ours = token.value();
    CHECK_EQ(fork_token().value(), ours);
    CHECK(!is_forked(ours));
    run_child([ours] {
        CHECK(is_forked(ours));
        auto mine = fork_token();
        CHECK(mine.ok());
        CHECK(mine.value() != ours);
        CHECK(!is_forked(mine.value()));
        CHECK(is_forked(ours));
        run_child([ours, &mine] { // and its child, though it never connected
            CHECK(is_forked(ours));
            CHECK(is_forked(mine.value()));
            CHECK(fork_token().value() != mine.value());
        });
    });
    CHECK(!is_forked(ours));
}

constexpr Case cases[] = {
    {"null_means_defaults", null_means_defaults},
    {"same_version", same_version},
    {"older_caller", older_caller},
    {"newer_caller", newer_caller},
    {"impossible_sizes", impossible_sizes},
    {"unknown_flags", unknown_flags},
    {"no_exception_gets_out", no_exception_gets_out},
    {"last_error_is_cut_to_fit", last_error_is_cut_to_fit},
    {"last_error_belongs_to_the_thread", last_error_belongs_to_the_thread},
    {"errno_is_told", errno_is_told},
    {"child_is_recognised", child_is_recognised},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("client_options", uakv::test::cases);
}
