#include "daemon/config/gpu_config.h"

#include "daemon/base/units.h"
#include "daemon/config/values.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace uakv {
namespace {

constexpr std::uint64_t hundred_percent = 1ULL << 40; // of which percentages are taken to compare them

bool is_percentage(const std::string &amount) {
    return amount.ends_with('%');
}

// A list in a file; "0,1" where a list cannot be written.
std::optional<std::vector<std::string>> read_devices(const Given &given, Complaints &complaints) {
    std::vector<std::string> words;
    if (given.value.kind == ConfigValue::Kind::list) {
        for (const ConfigValue &item : given.value.items) {
            words.push_back(item.kind == ConfigValue::Kind::scalar ? item.text : "");
        }
    } else if (const auto text = read_word(given, complaints)) {
        if (*text == "all") { // which is what no list says, too
            return words;
        }
        for (std::size_t begin = 0; begin <= text->size();) {
            const std::size_t end = std::min(text->find(',', begin), text->size());
            words.push_back(text->substr(begin, end - begin));
            begin = end + 1;
        }
    } else {
        return std::nullopt;
    }
    constexpr const char *letters = "ABCDEFGIMPUabcdefgimpu0123456789-";
    const auto is_wrong = [&](const std::string &word) {
        return word.empty() || word.find_first_not_of(letters) != std::string::npos;
    };
    if (const auto wrong = std::find_if(words.begin(), words.end(), is_wrong); wrong != words.end() || words.empty()) {
        complaints.add(given.subject, fmt::format("\"{}\" names no GPU; expected {}; gpu_memory: 0 is for none",
                                                  wrong != words.end() ? *wrong : "", given.key->form));
        return std::nullopt;
    }
    return words;
}

std::optional<std::uint64_t> read_segment(const Given &given, Complaints &complaints) {
    const auto bytes = read_size(given, 0, complaints);
    if (bytes &&
        (!std::has_single_bit(*bytes) || *bytes < limits::segment_bytes_min || *bytes > limits::segment_bytes_max)) {
        complaints.add(given.subject, fmt::format("\"{}\" is {}; expected a power of two, {} to {}", given.value.text,
                                                  format_size(*bytes), format_size(limits::segment_bytes_min),
                                                  format_size(limits::segment_bytes_max)));
        return std::nullopt;
    }
    return bytes;
}

} // namespace

bool is_nothing(const std::string &amount) {
    return parse_size(amount, hundred_percent).value() == 0;
}

std::optional<std::string> read_gpu_amount(const Given &given, Complaints &complaints) {
    const auto bytes = read_size(given, hundred_percent, complaints);
    if (!bytes) {
        return std::nullopt;
    }
    const std::string &text = given.value.text;
    if (is_percentage(text) ? *bytes > hundred_percent : *bytes != 0 && *bytes < limits::memory_bytes_min) {
        complaints.add(given.subject, fmt::format("\"{}\"; expected at least {}, at most 100%, or 0", text,
                                                  format_size(limits::memory_bytes_min)));
        return std::nullopt;
    }
    return text;
}

bool take_gpu_key(const Given &given, GpuSettings &gpu, Complaints &complaints) {
    switch (given.key->id) {
    case KeyId::gpu_memory:
        gpu.memory = read_gpu_amount(given, complaints).value_or(gpu.memory);
        return true;
    case KeyId::gpu_devices:
        gpu.devices = read_devices(given, complaints).value_or(gpu.devices);
        return true;
    case KeyId::gpu_required:
        gpu.required = read_flag(given, complaints).value_or(gpu.required);
        return true;
    case KeyId::gpu_segment:
        gpu.segment_bytes = read_segment(given, complaints).value_or(gpu.segment_bytes);
        return true;
    case KeyId::gpu_driver:
        if (const auto text = read_word(given, complaints)) {
            gpu.driver = *text;
            if (text->empty()) {
                complaints.add(given.subject, fmt::format("\"\"; expected {}", given.key->form));
            }
        }
        return true;
    default:
        return false;
    }
}

std::optional<std::string> gpu_parts_objection(const GpuSettings &gpu, const std::vector<TenantSettings> &tenants) {
    if (gpu.required && is_nothing(gpu.memory)) {
        return "gpu_required is true, and gpu_memory is 0, which is no GPU tier at all; change one of the two";
    }
    std::uint64_t percentages = 0, sizes = 0;
    for (const TenantSettings &tenant : tenants) {
        if (!tenant.gpu_memory.empty()) {
            std::uint64_t &sum = is_percentage(tenant.gpu_memory) ? percentages : sizes;
            sum += parse_size(tenant.gpu_memory, hundred_percent).value();
        }
    }
    if (percentages > hundred_percent) {
        return "gpu_memory of the tenants adds up to more than 100%; give them less";
    }
    if (!is_percentage(gpu.memory) && sizes > parse_size(gpu.memory, 0).value()) {
        return fmt::format("gpu_memory of the tenants adds up to {}, but that of the daemon is {}; give them less, or "
                           "raise it",
                           format_size(sizes), gpu.memory);
    }
    return std::nullopt;
}

} // namespace uakv
