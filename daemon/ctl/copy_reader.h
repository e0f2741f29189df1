// Reads a copy, which may come from anywhere: nothing is taken from it before its checksum and its range are good. Goes
// on behind what is damaged.
#pragma once

#include "daemon/ctl/copy_format.h"
#include "ipc/fd.h"
#include "ipc/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace uakv::ctl {

class CopyReader {
public:
    // UAKV_ERR_DENIED: it cannot be read. UAKV_ERR_INVALID: it is no copy. UAKV_ERR_VERSION: it is of a newer version.
    static Result<CopyReader> open(const std::string &directory);

    const std::string &path() const { return path_; }

    // By their numbers in the file.
    const std::map<std::uint32_t, CopySpace> &spaces() const { return spaces_; }

    // How many blocks there should be, and their bytes; nothing where the end of the file is damaged.
    const std::optional<CopyEnd> &end() const { return end_; }

    struct Block {
        std::uint32_t space = 0;
        uakv_key key{};
        std::optional<uakv_key> parent;
        std::uint64_t expires_ms = copy_never;
        std::span<const std::byte> bytes; // until the next call
    };
    // The next block that is good; nothing at the end.
    std::optional<Block> next();

    // Of what next() has gone through.
    struct Damage {
        std::uint64_t records = 0; // missing, or not as they were written
        bool cut = false;          // the end of the file is not there
        bool other_total = false;  // each record is good, but they are not those that were written
        bool any() const { return records != 0 || cut || other_total; }
    };
    const Damage &damage() const { return damage_; }

    // So far in the file, and how long it is.
    std::uint64_t position() const { return offset_; }
    std::uint64_t file_bytes() const { return file_bytes_; }

private:
    CopyReader(Fd file, std::string path, std::uint64_t file_bytes);

    bool read_at(std::uint64_t offset, std::span<std::byte> target) const;
    std::optional<CopyRecord> record_at(std::uint64_t offset) const;
    template <typename T> std::optional<T> payload_at(std::uint64_t offset, const CopyRecord &record) const;
    Result<void> identify();
    void read_end();
    void read_spaces(std::uint64_t offset);
    std::optional<CopyRecord> next_record();
    bool find_record();
    bool read_payload(const CopyRecord &record);
    void note(const CopyRecord &record);
    void settle();

    Fd file_;
    std::string path_;
    std::uint64_t file_bytes_ = 0;
    std::uint64_t copy_ = 0;
    bool identified_ = false;
    std::map<std::uint32_t, CopySpace> spaces_;
    std::optional<CopyEnd> end_;

    std::uint64_t offset_ = 0; // of the next record
    std::uint64_t number_ = 0; // that it should have
    std::uint64_t total_ = 0;
    bool ended_ = false;
    Damage damage_;
    std::vector<std::byte> block_;
};

} // namespace uakv::ctl
