// What results of the driver mean to us, result by result.
#include "ipc/cuda/status.h"
#include "support/child.h"
#include "tests/gpu/loaded.h"

#include <algorithm>
#include <vector>

namespace uakv::test {
namespace {

using cuda::Kind;

struct Meaning {
    Kind kind;
    uakv_status status;
    std::vector<int> results;
};

const std::vector<Meaning> &meanings() {
    static const std::vector<Meaning> all = {
        {Kind::ok, UAKV_OK, {0, 712}},
        {Kind::no_space, UAKV_ERR_NO_SPACE, {2}},
        {Kind::unavailable, UAKV_ERR_GPU, {3, 34, 36, 100, 101, 102, 803, 804}},
        {Kind::shutting_down, UAKV_ERR_GPU, {4}},
        {Kind::busy, UAKV_ERR_BUSY, {46, 802, 805, 806, 807, 808, 809, 810}},
        {Kind::bad_context, UAKV_ERR_GPU, {201, 709}},
        {Kind::no_import, UAKV_ERR_GPU, {205, 208, 211, 304, 400, 500}},
        {Kind::no_peer, UAKV_ERR_UNSUPPORTED, {217, 704, 705, 711}},
        {Kind::no_kernel, UAKV_ERR_UNSUPPORTED, {200, 209, 218, 221, 222, 223, 300}},
        {Kind::pending, UAKV_ERR_BUSY, {600}},
        {Kind::denied, UAKV_ERR_DENIED, {800}},
        {Kind::unsupported, UAKV_ERR_UNSUPPORTED, {801}},
        {Kind::capture, UAKV_ERR_UNSUPPORTED, {900, 901, 902, 903, 904, 905, 906, 907, 908}},
        {Kind::device_lost, UAKV_ERR_GPU, {214, 220, 226, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721, 999}},
    };
    return all;
}

void each_result() {
    for (int result = -1; result < 1100; ++result) {
        Kind kind = Kind::internal;
        uakv_status status = UAKV_ERR_INTERNAL;
        for (const Meaning &each : meanings()) {
            if (std::find(each.results.begin(), each.results.end(), result) != each.results.end()) {
                kind = each.kind;
                status = each.status;
            }
        }
        const std::string what = "result " + std::to_string(result);
        CHECK_MESSAGE(cuda::kind_of(result) == kind, what);
        CHECK_MESSAGE(cuda::status_of(cuda::kind_of(result)) == status, what);
        CHECK_MESSAGE(cuda::Driver::is_sticky(result) == (kind == Kind::device_lost), what);
    }
}

void sentences() {
    run_child([] {
        const cuda::Driver &driver = load_fake();
        CHECK(driver.describe(2) == "CUDA_ERROR_OUT_OF_MEMORY (2)");
        CHECK(driver.describe(12345) == "CUDA error (12345)");
        const Error full = driver.error("cuMemCreate", 2);
        CHECK_STATUS(full.status, UAKV_ERR_NO_SPACE);
        CHECK_MESSAGE(full.detail == "cuMemCreate failed: CUDA_ERROR_OUT_OF_MEMORY (2): the device has no memory left: "
                                     "lower gpu_memory, or end what else uses the device",
                      full.detail);
        const Error odd = driver.error("cuMemMap", 1);
        CHECK_STATUS(odd.status, UAKV_ERR_INTERNAL);
        CHECK_MESSAGE(odd.detail == "cuMemMap failed: CUDA_ERROR_INVALID_VALUE (1)", odd.detail);
    });
}

// An error is never a success, even of a result that is as good as one.
void never_ok() {
    run_child([] {
        const cuda::Driver &driver = load_fake();
        for (int result = 0; result < 1100; ++result) {
            CHECK(driver.error("cuInit", result).status < 0);
        }
    });
}

// Each kind that a caller can see says what to do; no two say the same.
void advice() {
    std::vector<std::string> seen;
    for (const Meaning &each : meanings()) {
        if (each.kind != Kind::ok) {
            const std::string text = cuda::advice(each.kind);
            CHECK(!text.empty());
            CHECK_MESSAGE(std::find(seen.begin(), seen.end(), text) == seen.end(), text);
            seen.push_back(text);
        }
    }
}

constexpr Case cases[] = {
    {"each_result", each_result},
    {"sentences", sentences},
    {"never_ok", never_ok},
    {"advice", advice},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("driver_status", uakv::test::cases);
}
