// Makes log files as the tier would write them, record by record, on a simulated disk: for tests of what reads them.
#pragma once

#include "daemon/tiers/disk/format.h"
#include "daemon/tiers/disk/recovery.h"
#include "sim/sim_image.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace uakv::test {

constexpr disk::StoreId test_store{7, 7, 7, 7, 1, 2, 3, 4, 5};

SpaceDescription test_space(std::uint32_t number);

inline BlockDevice::FileName log_name(std::uint32_t number) {
    return {BlockDevice::FileKind::log, number};
}
inline BlockDevice::FileName checkpoint_name(std::uint32_t number) {
    return {BlockDevice::FileKind::checkpoint, number};
}

struct Written {
    std::uint64_t sequence = 0;
    std::uint32_t file = 0;
    std::uint32_t header_page = 0;
    std::uint32_t page = 0; // of its payload
};

class LogBuilder {
public:
    explicit LogBuilder(const disk::StoreId &store = test_store) : store_(store) {}

    SimImage image;
    std::uint64_t next_sequence = 1;
    std::uint64_t durable_sequence = 0; // goes into each batch

    // The batch that was begun ends, as in commit(). Then a file of so many pages.
    void file(std::uint32_t number, std::uint32_t pages);

    // Records of the batch. It ends with commit(), or when it is full.
    Written space(std::uint32_t number);
    Written block(std::uint32_t space, const uakv_key &key, std::uint32_t bytes);
    Written tombstone(std::uint32_t space, const uakv_key &key, std::uint64_t until_sequence);
    Written clear(std::uint32_t space, std::uint64_t until_sequence);
    Written record(disk::RecordDescriptor record, std::span<const std::byte> payload);
    // Where the next batch begins then.
    std::uint32_t commit();

    std::uint32_t number() const { return number_; }

private:
    disk::StoreId store_;
    std::uint32_t number_ = 0;
    std::uint32_t page_ = 1;
    disk::BatchHeader header_{};
    std::uint32_t batch_pages_ = 1;
};

// Changes a page that is a `Page` with a checksum, and makes the checksum right again.
template <typename Page> void change_page(SimImage &image, BlockDevice::FileName name, std::uint32_t page,
                                          const std::function<void(Page &)> &change, bool sealed = true) {
    Page copy;
    image.read(name, page * disk::page_bytes, std::as_writable_bytes(std::span(&copy, 1)));
    change(copy);
    if (sealed) {
        disk::seal(copy);
    }
    image.write(name, page * disk::page_bytes, std::as_bytes(std::span(&copy, 1)));
}

// The same without its checksum: damage.
void damage(SimImage &image, BlockDevice::FileName name, std::uint64_t offset, std::uint64_t bytes = 1);
void zero(SimImage &image, BlockDevice::FileName name, std::uint64_t offset, std::uint64_t bytes);

} // namespace uakv::test
