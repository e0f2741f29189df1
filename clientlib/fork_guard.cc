#include "clientlib/fork_guard.h"

#include "ipc/limits.h"

#include <cerrno>
#include <mutex>
#include <sys/mman.h>

namespace uakv {

const std::uint64_t *fork_page = nullptr;

Result<std::uint64_t> fork_token() {
    static std::mutex mutex;
    static std::uint64_t *page = nullptr;
    static std::uint64_t last = 0; // inherited by children, so no child draws a token of its parent
    const std::scoped_lock lock(mutex);
    if (page == nullptr) {
        void *memory = ::mmap(nullptr, limits::page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot map a page");
        }
        if (::madvise(memory, limits::page_bytes, MADV_WIPEONFORK) != 0) {
            const int number = errno;
            ::munmap(memory, limits::page_bytes);
            return errno_error(UAKV_ERR_UNSUPPORTED, number, "this kernel cannot wipe a page on fork (Linux 4.14 can)");
        }
        page = static_cast<std::uint64_t *>(memory);
        fork_page = page;
    }
    if (*page == 0) {
        __atomic_store_n(page, ++last, __ATOMIC_RELAXED);
    }
    return *page;
}

} // namespace uakv
