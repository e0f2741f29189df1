// The bytes of one input, taken from the front. At the end there are zeros: every input means something, and one that
// is cut short means nearly the same.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace uakv::fuzz {

class Input {
public:
    Input(const std::uint8_t *data, std::size_t size) : rest_(data, size) {}

    bool empty() const { return rest_.empty(); }

    template <typename T> T value() {
        static_assert(std::is_trivially_copyable_v<T>);
        T value{};
        const auto bytes = take(sizeof value);
        if (!bytes.empty()) {
            std::memcpy(&value, bytes.data(), bytes.size());
        }
        return value;
    }
    std::uint8_t byte() { return value<std::uint8_t>(); }
    bool flag() { return byte() % 2 == 1; }

    // Below `count`, which is at most 256.
    std::size_t choose(std::size_t count) { return byte() % count; }
    template <typename T, std::size_t count> const T &choose(const T (&from)[count]) { return from[choose(count)]; }

    // As many of them as there are.
    std::span<const std::uint8_t> take(std::size_t count) {
        const auto taken = rest_.first(std::min(count, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return taken;
    }
    std::string_view text(std::size_t count) {
        const auto taken = take(count);
        return {reinterpret_cast<const char *>(taken.data()), taken.size()};
    }
    std::string_view rest() { return text(rest_.size()); }

private:
    std::span<const std::uint8_t> rest_;
};

} // namespace uakv::fuzz
