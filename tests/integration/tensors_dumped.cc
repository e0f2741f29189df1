// KV tensors dumped from trained models, from one process to another: those in $UAKV_TEST_KV, or in the folder that
// was there when the tests were configured. Each NAME.json tells the shape of NAME.bf16.bin and NAME.fp16.bin.
#include "integration/tensor_blocks.h"
#include "support/check.h"
#include "support/process.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace uakv::test {
namespace {

// The numbers of a flat array: "name": [1, 2, 3].
std::vector<size_t> numbers_of(const std::string &json, const std::string &name) {
    const size_t at = json.find("\"" + name + "\"");
    CHECK_MESSAGE(at != std::string::npos, "no " + name + " in the JSON file");
    const size_t begin = json.find('[', at), end = json.find(']', at);
    CHECK(begin != std::string::npos && end != std::string::npos);
    std::string list = json.substr(begin + 1, end - begin - 1);
    std::replace(list.begin(), list.end(), ',', ' ');
    std::istringstream words(list);
    std::vector<size_t> numbers;
    for (size_t number = 0; words >> number;) {
        numbers.push_back(number);
    }
    return numbers;
}

Tensor read_tensor(const std::filesystem::path &json_path, uint32_t dtype, const char *extension) {
    const std::string json = read_file(json_path);
    const std::vector<size_t> shape = numbers_of(json, "shape");
    CHECK(shape.size() == 5 && shape[1] == 2 && shape[2] % block_tokens == 0);
    std::filesystem::path data_path = json_path;
    data_path.replace_extension(extension);
    const std::string data = read_file(data_path);
    Tensor tensor = {data_path.filename(),      dtype, shape[0], shape[2], shape[3], shape[4], {},
                     {data.begin(), data.end()}};
    for (const size_t id : numbers_of(json, "token_ids")) {
        tensor.token_ids.push_back(static_cast<uint32_t>(id));
    }
    CHECK_EQ(tensor.token_ids.size(), tensor.tokens);
    return tensor;
}

void dumped_models() {
    const char *chosen = std::getenv("UAKV_TEST_KV");
    const std::filesystem::path folder = chosen != nullptr && *chosen != '\0' ? chosen : UAKV_TEST_KV_DEFAULT;
    if (!std::filesystem::is_directory(folder)) {
        throw Skip("no dumped tensors in " + folder.string() + "; UAKV_TEST_KV names another folder");
    }
    size_t count = 0;
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".json") {
            check_round_trip(read_tensor(entry.path(), UAKV_DTYPE_BF16, "bf16.bin"));
            check_round_trip(read_tensor(entry.path(), UAKV_DTYPE_F16, "fp16.bin"));
            ++count;
        }
    }
    CHECK_MESSAGE(count > 0, "no tensor in " + folder.string());
}

constexpr Case cases[] = {{"dumped_models", dumped_models}};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("tensors_dumped", uakv::test::cases);
}
