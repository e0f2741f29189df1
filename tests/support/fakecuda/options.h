// What UAKV_FAKECUDA says; fakecuda.h lists it. A mistake in it ends the process: a test must not pass for a typing
// error.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace uakv::fakecuda {

constexpr int devices_max = 16;

struct FaultOption {
    std::string function;
    unsigned nth;
    bool and_later;
    int status;
};

struct Options {
    std::vector<int> visible = {0}; // ordinal: number of the device
    int driver_version = 13000;
    std::size_t memory = std::size_t{1} << 30;
    std::size_t granularity = std::size_t{2} << 20;
    std::map<int, int> attributes;
    int ptx = 90;
    std::vector<FaultOption> faults;
    std::vector<std::string> missing;
    std::vector<std::string> unknown;
    bool is_for_linking = false;
    unsigned delay_microseconds = 0;
    std::string gate;
};

Options parse_options(const char *text);

[[noreturn]] void misused(const std::string &what);

} // namespace uakv::fakecuda
