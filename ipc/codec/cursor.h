// Writing into room that may not be enough, taking from bytes that may be too few, and asking for bytes ahead.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace uakv::codec {

class Writer {
public:
    explicit Writer(std::span<std::byte> room) : room_(room) {}

    // Once something did not fit, nothing more is written.
    bool fits() const { return fits_; }
    std::size_t written() const { return written_; }
    std::span<std::byte> rest() const { return room_.subspan(written_); }

    void put(const void *bytes, std::size_t count) {
        if (claim(count)) {
            std::memcpy(room_.data() + written_ - count, bytes, count);
        }
    }
    template <typename T> void put_value(const T &value) { put(&value, sizeof value); }

    // Takes note of what was written to rest().
    bool claim(std::size_t count) {
        fits_ = fits_ && count <= room_.size() - written_;
        written_ += fits_ ? count : 0;
        return fits_;
    }

private:
    std::span<std::byte> room_;
    std::size_t written_ = 0;
    bool fits_ = true;
};

class Reader {
public:
    explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

    bool has(std::size_t count) const { return count <= rest_.size(); }
    bool empty() const { return rest_.empty(); }
    std::span<const std::byte> rest() const { return rest_; }

    // Ask has() first.
    std::span<const std::byte> take(std::size_t count) {
        const auto taken = rest_.first(count);
        rest_ = rest_.subspan(count);
        return taken;
    }

private:
    std::span<const std::byte> rest_;
};

// Asks for memory that will be read soon: the part `step` of `steps`, so that it comes while other work is done. The
// processor does so by itself only within a page.
inline void fetch_ahead(std::span<const std::byte> bytes, std::size_t step, std::size_t steps) {
    const std::size_t part = (bytes.size() / steps + 63) / 64 * 64;
    const std::size_t end = std::min((step + 1) * part, bytes.size());
    for (std::size_t at = step * part; at < end; at += 64) {
        __builtin_prefetch(bytes.data() + at, 0, 2);
    }
}

} // namespace uakv::codec
