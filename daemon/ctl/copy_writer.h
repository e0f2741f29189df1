// Writes a copy. Until finish() it has another name, and goes again where it is not reached: under its own name there
// is a whole copy or none. Another copy is never overwritten.
#pragma once

#include "daemon/ctl/copy_format.h"
#include "ipc/fd.h"
#include "ipc/result.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace uakv::ctl {

class CopyWriter {
public:
    // Makes the directory where it is missing, but not its parents. UAKV_ERR_DENIED names what is in the way.
    static Result<CopyWriter> create(const std::string &directory, const std::string &tenant);
    ~CopyWriter();
    CopyWriter(CopyWriter &&other) noexcept;
    CopyWriter &operator=(CopyWriter &&) = delete;

    // Gives its number. All spaces come before the first block.
    Result<std::uint32_t> add(const CopySpace &space);

    struct Block {
        std::uint32_t space = 0;
        uakv_key key{};
        std::optional<uakv_key> parent;
        std::uint64_t expires_ms = copy_never;
        std::span<const std::byte> bytes;
    };
    Result<void> add(const Block &block);

    // Makes it durable and gives it its name.
    Result<void> finish();

    const std::string &path() const { return path_; }
    std::uint64_t blocks() const { return end_.blocks; }
    std::uint64_t bytes() const { return end_.bytes; }

private:
    CopyWriter(Fd file, std::string directory);

    Result<void> write(CopyRecord record, std::span<const std::byte> payload);
    Result<void> write_all(std::span<const std::byte> bytes);
    Error failed(const char *what) const;

    Fd file_;
    std::string directory_;
    std::string path_;
    std::string partial_; // empty once there is nothing to be removed
    std::uint64_t copy_ = 0;
    std::uint64_t number_ = 0;
    std::uint64_t offset_ = 0;
    std::uint64_t settled_ = 0; // so far it lies on the disk
    std::vector<CopySpace> spaces_;
    CopyEnd end_;
};

} // namespace uakv::ctl
