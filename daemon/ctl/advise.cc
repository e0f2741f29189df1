// advise: asks what the cache is for, looks at the machine, prints a configuration.
#include "daemon/ctl/advice.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/report.h"
#include "daemon/ctl/table.h"

#include <charconv>
#include <cstdio>
#include <fmt/format.h>
#include <iostream>
#include <string>
#include <unistd.h>

namespace uakv::ctl {
namespace {

constexpr const char *default_use = "production";

// The question goes to standard error: standard output is the configuration, and may be a file.
Result<const Use *> ask() {
    std::string question = "What is the cache for?\n";
    unsigned number = 0;
    for (const Use &use : uses()) {
        question += fmt::format("  {}  {:<12} {}\n", ++number, use.name, use.meaning);
    }
    question += fmt::format("Name or number [{}]: ", default_use);
    std::fputs(question.c_str(), stderr);
    std::string answer;
    std::getline(std::cin, answer);
    std::size_t chosen = 0;
    const auto [end, code] = std::from_chars(answer.data(), answer.data() + answer.size(), chosen);
    if (code == std::errc() && end == answer.data() + answer.size() && chosen >= 1 && chosen <= uses().size()) {
        return &uses()[chosen - 1];
    }
    return find_use(answer.empty() ? default_use : answer);
}

} // namespace

Result<Exit> advise(const Options &options) {
    const bool can_ask = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
    auto use = !options.use.empty() ? find_use(options.use) : can_ask ? ask() : find_use(default_use);
    if (!use.ok()) {
        return use.take_error();
    }
    const Facts facts = look_around();
    const std::string text = advice_text(*use.value(), facts);
    print(options.json ? json_object({{"use", std::string(use.value()->name)},
                                      {"cores", std::uint64_t{facts.cores}},
                                      {"memory_bytes", facts.memory_bytes},
                                      {"available_bytes", facts.available_bytes},
                                      {"disk_free_bytes", facts.disk_free_bytes.value_or(0)},
                                      {"gpus", std::uint64_t{facts.gpus}},
                                      {"configuration", text}})
                       : text);
    return Exit::done;
}

} // namespace uakv::ctl
