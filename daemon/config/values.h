// What the text of one value means. Each of these gives nothing where it has complained.
#pragma once

#include "daemon/config/sources.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace uakv {

std::optional<std::string> read_word(const Given &given, Complaints &complaints);
std::optional<bool> read_flag(const Given &given, Complaints &complaints);
std::optional<std::uint64_t> read_size(const Given &given, std::uint64_t whole, Complaints &complaints);
std::optional<std::uint64_t> read_count(const Given &given, std::uint64_t least, std::uint64_t most,
                                        Complaints &complaints);
std::optional<std::uint64_t> read_duration_ms(const Given &given, std::uint64_t least, std::uint64_t most,
                                              Complaints &complaints);
std::optional<double> read_share(const Given &given, double least, Complaints &complaints);

// Accounts, by name or number: `find` is find_user() or find_group().
std::vector<std::uint32_t> read_accounts(const Given &given,
                                         const std::function<Result<std::uint32_t>(const std::string &)> &find,
                                         Complaints &complaints);

} // namespace uakv
