// The words of a command line, and of the environment: uakvd's and uakvctl's. The input is a byte that says whose, and
// then the words, each with a line of its own.
#include "daemon/config/keys.h"
#include "daemon/ctl/help.h"
#include "daemon/ctl/options.h"
#include "input.h"
#include "settings.h"

#include <cstdlib>
#include <getopt.h>
#include <string>
#include <vector>

namespace {

using namespace uakv;

constexpr std::size_t words_max = 32;

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty() && words.size() < words_max) {
        const std::string_view line = text.substr(0, text.find('\n'));
        words.emplace_back(line.substr(0, line.find('\0')));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    return words;
}

// As main() gets them.
struct Vector {
    explicit Vector(std::string_view text) : words(words_of(text)) {
        words.insert(words.begin(), "program");
        for (std::string &word : words) {
            pointers.push_back(word.data());
        }
        pointers.push_back(nullptr);
    }
    int count() const { return static_cast<int>(words.size()); }

    std::vector<std::string> words;
    std::vector<char *> pointers;
};

void check_error(const Error &error) {
    UAKV_ASSERT(error.status == UAKV_ERR_INVALID && !error.detail.empty());
}

// --config could name any file of this machine: the text of a file is fuzz_config's.
void try_assemble(Arguments arguments) {
    auto assembled = fuzz::assemble_text("", std::move(arguments));
    if (assembled.ok()) {
        ::clearenv();
        fuzz::check_settings(assembled.value());
    } else {
        check_error(assembled.error());
    }
}

void try_daemon(std::string_view text) {
    Vector vector(text);
    auto arguments = parse_command_line(vector.count(), vector.pointers.data());
    if (arguments.ok()) {
        try_assemble(arguments.value());
    } else {
        check_error(arguments.error());
    }
}

// Each word stands behind the name of a variable, of which its first byte chooses.
void try_environment(std::string_view text) {
    std::vector<std::string> names = {"UAKV_PRESET", "XDG_RUNTIME_DIR", "UAKV_MEMROY", "KV_CACHE_NOTHING"};
    for (const Key &key : daemon_keys()) {
        const auto own = environment_names(key);
        names.insert(names.end(), own.begin(), own.end());
    }
    for (const std::string &word : words_of(text)) {
        if (!word.empty()) {
            ::setenv(names[static_cast<unsigned char>(word[0]) % names.size()].c_str(), word.c_str() + 1, 1);
        }
    }
    try_assemble({});
    ::clearenv();
}

void try_tool(std::string_view text) {
    Vector vector(text);
    ::optind = 0; // parse_options() is called once, and leaves getopt where it is
    auto options = ctl::parse_options(vector.count(), vector.pointers.data());
    if (!options.ok()) {
        check_error(options.error());
        return;
    }
    UAKV_ASSERT(!options.value().socket_path.empty() && options.value().timeout_ms > 0);
    if (const ctl::Command *command = ctl::find_command(options.value().command)) {
        UAKV_ASSERT(!ctl::help_text(*command).empty());
        if (auto usage = ctl::check_usage(*command, options.value()); !usage.ok()) {
            check_error(usage.error());
        }
    }
    if (auto keys = ctl::parse_keys(options.value().arguments); !keys.ok()) {
        check_error(keys.error());
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static const bool clean = ::clearenv() == 0;
    UAKV_ASSERT(clean);
    uakv::fuzz::Input input(data, size);
    switch (input.choose(3)) {
    case 0:
        try_daemon(input.rest());
        break;
    case 1:
        try_environment(input.rest());
        break;
    default:
        try_tool(input.rest());
    }
    return 0;
}
