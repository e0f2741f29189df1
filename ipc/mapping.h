// A mapped region: Boost.Interprocess behind a small adapter, so that its headers stay in one file and its
// exceptions end there.
#pragma once

#include "ipc/fd.h"
#include "ipc/result.h"

#include <cstddef>
#include <memory>

namespace uakv {

enum class Access { read_only, read_write };

class Mapping {
public:
    Mapping();
    ~Mapping();
    Mapping(Mapping &&) noexcept;
    Mapping &operator=(Mapping &&) noexcept;
    Mapping(const Mapping &) = delete;
    Mapping &operator=(const Mapping &) = delete;

    // Maps the first `bytes` of the region. The mapping outlives the descriptor.
    static Result<Mapping> map(const Fd &fd, std::size_t bytes, Access access);

    // Null when nothing is mapped.
    std::byte *data() const { return data_; }
    std::size_t bytes() const { return bytes_; }
    template <typename T> T &at(std::size_t offset) const { return *reinterpret_cast<T *>(data_ + offset); }

    // Leaves the memory out of the children that this process forks. A child would otherwise read through
    // a view that its parent has released.
    void keep_from_children() const;

    // Leaves the memory out of core dumps: a cache is large, and holds what prompts were about.
    void keep_out_of_dumps() const;

    // Asks for huge pages; the kernel may not have any, and then nothing changes.
    void prefer_huge_pages() const;

    // Makes the first `bytes`, which nobody uses yet, of huge pages as far as they come out even, whatever the machine
    // is set to (MADV_COLLAPSE, Linux 6.1). Where the kernel has none left, the rest stays as it was. For all who map
    // the region that means fewer faults and fewer misses of the address cache, and for a device longer pieces.
    void make_huge_pages(std::size_t bytes) const;

    // Gives the pages to this process now instead of at the first touch: UAKV_ERR_NO_SPACE where there are
    // none. Never SIGBUS.
    Result<void> populate() const;

    // Forgets the mapping without unmapping it: for a forked child, where these addresses belong to others.
    void abandon();

private:
    struct Region;
    std::shared_ptr<Region> region_;
    std::byte *data_ = nullptr;
    std::size_t bytes_ = 0;
};

} // namespace uakv
