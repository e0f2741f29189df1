#include "options.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace prefix_reuse {

const char *const usage =
    "usage: prefix_reuse [--socket PATH] [--checkpoint FILE] [--prompt-tokens N | --tokens IDS]\n"
    "\n"
    "A process reads a prompt with a small transformer, stores its KV blocks in uakvd and is killed. Another one\n"
    "takes them over in place and goes on, and its logits are compared with those of a run without the cache.\n"
    "\n"
    "  --socket PATH       the daemon's socket (default: $UAKV_SOCKET, or where the library looks)\n"
    "  --checkpoint FILE   weights in the legacy format of llama2.c (default: from a fixed seed)\n"
    "  --prompt-tokens N   length of the prompt, made from a fixed seed (default: 512, or what the model takes)\n"
    "  --tokens IDS        the prompt, as numbers with commas between them\n"
    "  --help              this text\n"
    "\n"
    "Exits with 0 when the logits are bitwise equal and blocks were shared, otherwise with 1; with 2 on bad usage.\n";

namespace {

template <typename T> T number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw std::runtime_error("\"" + std::string(text) + "\" is not a number in range");
    return value;
}

std::vector<std::uint32_t> numbers(std::string_view text) {
    std::vector<std::uint32_t> result;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        result.push_back(number<std::uint32_t>(text.substr(begin, end - begin)));
        begin = end + 1;
    }
    return result;
}

} // namespace

std::optional<Options> parse_options(int argc, char **argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--help")
            return std::nullopt;
        const bool known =
            name == "--socket" || name == "--checkpoint" || name == "--tokens" || name == "--prompt-tokens";
        if (!known || i + 1 == argc)
            throw std::runtime_error(std::string(name) + (known ? " needs a value" : " is not an option") +
                                     "; see --help");
        const std::string value = argv[++i];
        if (name == "--socket")
            options.socket_path = value;
        else if (name == "--checkpoint")
            options.checkpoint = value;
        else if (name == "--tokens")
            options.tokens = numbers(value);
        else
            options.prompt_tokens = number<std::size_t>(value);
    }
    if (!options.tokens.empty() && options.prompt_tokens)
        throw std::runtime_error("--tokens and --prompt-tokens exclude each other; see --help");
    return options;
}

} // namespace prefix_reuse
