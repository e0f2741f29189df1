// Blocks as DLPack tensors: type, shape and bytes there and back, the view behind a tensor, and what is refused.
#include "clientlib/dlpack/dlpack_abi.h"
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"

#include <uakv_dlpack.h>

#include <cstring>
#include <numeric>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::int64_t layers = 2, tokens = 16, channels = 24;
constexpr std::size_t elements = layers * 2 * tokens * channels;

uakv_space_options options_of(std::uint32_t dtype) {
    uakv_space_options options{};
    options.struct_size = sizeof options;
    options.layout.dtype = dtype;
    options.layout.ndim = 4;
    const std::uint64_t shape[] = {layers, 2, tokens, channels};
    std::memcpy(options.layout.shape, shape, sizeof shape);
    return options;
}

// A tensor as a framework would give it.
struct Given {
    explicit Given(DLDataType type) : bytes(elements * type.bits / 8) {
        std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
        tensor.version = {1, 3};
        tensor.deleter = [](DLManagedTensorVersioned *) { fail_later("a tensor that is stored stays the caller's"); };
        tensor.dl_tensor = {bytes.data(), {dlpack::device_cpu, 0}, 4, type, shape, nullptr, 0};
    }
    DLTensor &dl() { return tensor.dl_tensor; }

    std::vector<std::uint8_t> bytes;
    std::int64_t shape[4] = {layers, 2, tokens, channels};
    std::int64_t strides[4] = {2 * tokens * channels, tokens *channels, channels, 1};
    DLManagedTensorVersioned tensor{};
};

constexpr DLDataType float16{dlpack::code_float, 16, 1};
constexpr DLDataType bytes8{dlpack::code_uint, 8, 1};

struct Setting {
    Daemon daemon;
    Client client{daemon};
    std::uint64_t views() const { return client.statistics().leases; }
};

uakv_key key_of(int number) {
    return uakv_key_of(&number, sizeof number);
}

void check_shape(const DLTensor &tensor, const std::vector<std::int64_t> &shape) {
    CHECK_EQ(tensor.ndim, shape.size());
    std::int64_t stride = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
        CHECK_EQ(tensor.shape[i], shape[i]);
        CHECK_EQ(tensor.strides[i], stride);
        stride *= shape[i];
    }
}

void there_and_back() {
    const struct {
        std::uint32_t dtype;
        DLDataType stored;
        DLDataType retrieved;
    } types[] = {
        {UAKV_DTYPE_F32, {2, 32, 1}, {2, 32, 1}},    {UAKV_DTYPE_F16, {2, 16, 1}, {2, 16, 1}},
        {UAKV_DTYPE_BF16, {4, 16, 1}, {4, 16, 1}},   {UAKV_DTYPE_F8_E4M3, {10, 8, 1}, {1, 8, 1}},
        {UAKV_DTYPE_F8_E5M2, {12, 8, 1}, {1, 8, 1}}, {UAKV_DTYPE_F8_E5M2, {1, 8, 1}, {1, 8, 1}},
        {UAKV_DTYPE_I8, {0, 8, 1}, {0, 8, 1}},       {UAKV_DTYPE_U8, {1, 8, 1}, {1, 8, 1}},
    };
    const Setting setting;
    int number = 0;
    for (const auto &type : types) {
        const uakv_space_options options = options_of(type.dtype);
        const Space space(setting.client, "t" + std::to_string(type.dtype), &options);
        const uakv_key key = key_of(++number);
        Given given(type.stored);
        if (number % 2 == 0) {
            given.dl().strides = given.strides;
        }
        CHECK_STATUS(uakv_store_dlpack(space, &key, &given.tensor, nullptr), UAKV_OK);
        CHECK_STATUS(uakv_store_dlpack(space, &key, &given.tensor, nullptr), UAKV_EXISTS);
        DLManagedTensorVersioned *tensor = nullptr;
        CHECK_STATUS(uakv_retrieve_dlpack(space, &key, nullptr, &tensor), UAKV_OK);
        CHECK_EQ(setting.views(), 1);
        CHECK_EQ(tensor->version.major, 1);
        CHECK_EQ(tensor->flags, dlpack::flag_read_only);
        const DLTensor &dl = tensor->dl_tensor;
        CHECK_EQ(dl.device.device_type, int{dlpack::device_cpu});
        CHECK_EQ(dl.dtype.code, type.retrieved.code);
        CHECK_EQ(dl.dtype.bits, type.retrieved.bits);
        CHECK_EQ(dl.dtype.lanes, 1);
        CHECK_EQ(dl.byte_offset, 0);
        check_shape(dl, {layers, 2, tokens, channels});
        CHECK(std::memcmp(dl.data, given.bytes.data(), given.bytes.size()) == 0);
        // The view lasts as long as the tensor, whatever becomes of the block.
        CHECK_STATUS(uakv_remove(space, &key, 1, nullptr), UAKV_OK);
        CHECK(std::memcmp(dl.data, given.bytes.data(), given.bytes.size()) == 0);
        tensor->deleter(tensor);
        CHECK_EQ(setting.views(), 0);
    }
}

void opaque_blocks() {
    const Setting setting;
    const Space space(setting.client);
    Given given(float16);
    given.dl().byte_offset = 4; // the rest of it
    given.dl().ndim = 1;
    given.shape[0] = elements - 2;
    const uakv_key key = key_of(1);
    CHECK_STATUS(uakv_store_dlpack(space, &key, &given.tensor, nullptr), UAKV_OK);
    DLManagedTensorVersioned *tensor = nullptr;
    CHECK_STATUS(uakv_retrieve_dlpack(space, &key, nullptr, &tensor), UAKV_OK);
    check_shape(tensor->dl_tensor, {static_cast<std::int64_t>(given.bytes.size() - 4)});
    CHECK_EQ(tensor->dl_tensor.dtype.code, bytes8.code);
    CHECK_EQ(tensor->dl_tensor.dtype.bits, bytes8.bits);
    CHECK(std::memcmp(tensor->dl_tensor.data, given.bytes.data() + 4, given.bytes.size() - 4) == 0);
    tensor->deleter(tensor);

    given.dl().ndim = 0; // one element
    given.dl().shape = nullptr;
    given.dl().byte_offset = 0;
    const uakv_key other = key_of(2);
    CHECK_STATUS(uakv_store_dlpack(space, &other, &given.tensor, nullptr), UAKV_OK);
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &other, nullptr, &view), UAKV_OK);
    CHECK_EQ(view.nbytes, 2);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

void a_miss() {
    const Setting setting;
    const Space space(setting.client);
    const uakv_key key = key_of(1);
    DLManagedTensorVersioned *tensor = nullptr;
    CHECK_STATUS(uakv_retrieve_dlpack(space, &key, nullptr, &tensor), UAKV_MISS);
    CHECK(tensor == nullptr);
}

// The deleter only frees once the client is gone; memory that is not freed shows under the sanitizer.
void a_tensor_after_its_client() {
    const Daemon daemon;
    Client client(daemon);
    const uakv_space_options options = options_of(UAKV_DTYPE_F16);
    Space space(client, "test", &options);
    const uakv_key key = key_of(1);
    const Given given(float16);
    CHECK_STATUS(uakv_store_dlpack(space, &key, &given.tensor, nullptr), UAKV_OK);
    DLManagedTensorVersioned *tensor = nullptr;
    CHECK_STATUS(uakv_retrieve_dlpack(space, &key, nullptr, &tensor), UAKV_OK);
    space.forget();
    client.disconnect();
    tensor->deleter(tensor);
}

void what_is_refused() {
    const Setting setting;
    const uakv_space_options options = options_of(UAKV_DTYPE_F16);
    const Space space(setting.client, "test", &options);
    const struct {
        void (*change)(Given &given);
        uakv_status status;
        const char *words;
    } wrong[] = {
        {[](Given &given) { given.tensor.version.major = 2; }, UAKV_ERR_INVALID, "DLPack 2.3"},
        {[](Given &given) { given.dl().device.device_type = dlpack::device_cuda; }, UAKV_ERR_UNSUPPORTED, "type 2"},
        {[](Given &given) { given.dl().dtype.code = dlpack::code_bfloat; }, UAKV_ERR_LAYOUT, "code 4, 16 bits"},
        {[](Given &given) { given.dl().dtype.lanes = 2; }, UAKV_ERR_LAYOUT, "2 lanes"},
        {[](Given &given) { given.dl().dtype.bits = 4; }, UAKV_ERR_INVALID, "4 bits"},
        {[](Given &given) { given.dl().ndim = 3; }, UAKV_ERR_LAYOUT, "3 dimensions"},
        {[](Given &given) { given.dl().ndim = -1; }, UAKV_ERR_INVALID, "ndim -1"},
        {[](Given &given) { given.dl().shape = nullptr; }, UAKV_ERR_INVALID, "shape"},
        {[](Given &given) { given.shape[2] = 8; }, UAKV_ERR_LAYOUT, "dimension 2 of the tensor is 8"},
        {[](Given &given) { given.shape[0] = -2; }, UAKV_ERR_INVALID, "dimension 0 of the tensor is -2"},
        {[](Given &given) { given.shape[0] = std::int64_t{1} << 62; }, UAKV_ERR_INVALID, "dimension 0"},
        {[](Given &given) {
             given.dl().strides = given.strides;
             given.strides[1] += channels;
         },
         UAKV_ERR_INVALID, "stride 1 of the tensor"},
        {[](Given &given) { given.dl().data = nullptr; }, UAKV_ERR_INVALID, "no data"},
    };
    const uakv_key key = key_of(1);
    for (const auto &each : wrong) {
        Given given(float16);
        each.change(given);
        CHECK_STATUS(uakv_store_dlpack(space, &key, &given.tensor, nullptr), each.status);
        CHECK_MESSAGE(last_error().find(each.words) != std::string::npos, last_error());
    }
    CHECK_STATUS(uakv_store_dlpack(space, &key, nullptr, nullptr), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_retrieve_dlpack(space, &key, nullptr, nullptr), UAKV_ERR_INVALID);
    CHECK(!contains(space, key));
}

constexpr Case cases[] = {
    {"there_and_back", there_and_back},
    {"opaque_blocks", opaque_blocks},
    {"a_miss", a_miss},
    {"a_tensor_after_its_client", a_tensor_after_its_client},
    {"what_is_refused", what_is_refused},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("dlpack", uakv::test::cases);
}
