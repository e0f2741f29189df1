// checksum_of() for bytes that come in pieces: what takes long is hashed a little at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace uakv {

class ChecksumStream {
public:
    ChecksumStream();
    ChecksumStream(ChecksumStream &&) noexcept;
    ChecksumStream &operator=(ChecksumStream &&) noexcept;
    ~ChecksumStream();

    void add(const void *data, std::size_t bytes);

    // checksum_of() all that was added.
    std::uint64_t value() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace uakv
