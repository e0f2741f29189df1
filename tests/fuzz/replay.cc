// In place of libFuzzer, where a fuzzer is built as a test: feeds it the files of the folders that are given, one after
// another. What once failed must not fail again, with any compiler and sanitizer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace {

void feed(const std::filesystem::path &path) {
    std::fprintf(stderr, "replay: %s\n", path.c_str()); // the last one is the one that failed
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size());
}

} // namespace

int main(int argc, char **argv) {
    std::vector<std::filesystem::path> files;
    for (int i = 1; i < argc; ++i) {
        for (const auto &entry : std::filesystem::directory_iterator(argv[i])) {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    if (files.empty()) {
        std::fprintf(stderr, "replay: no input in any of the folders: a test that tries nothing proves nothing\n");
        return 1;
    }
    if (std::freopen("/dev/null", "w", stdout) == nullptr) { // what the fuzzed code prints
        return 1;
    }
    LLVMFuzzerTestOneInput(nullptr, 0);
    for (const auto &file : files) {
        feed(file);
    }
    std::fprintf(stderr, "replay: %zu inputs\n", files.size());
    return 0;
}
