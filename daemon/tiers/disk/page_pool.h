// Single pages, used again and again: headers and the like.
#pragma once

#include "daemon/tiers/disk/page_buffer.h"
#include "ipc/assertion.h"

#include <cstring>
#include <utility>
#include <vector>

namespace uakv::disk {

class PagePool {
public:
    // A page of zeros.
    PageBuffer take() {
        PageBuffer page;
        if (free_.empty()) {
            page = PageBuffer(limits::page_bytes);
            UAKV_ASSERT(!page.empty());
        } else {
            page = std::move(free_.back());
            free_.pop_back();
        }
        std::memset(page.bytes().data(), 0, limits::page_bytes);
        return page;
    }
    void give_back(PageBuffer page) {
        UAKV_ASSERT(page.bytes().size() == limits::page_bytes);
        if (free_.size() < kept_max) {
            free_.push_back(std::move(page));
        }
    }

private:
    static constexpr std::size_t kept_max = 64;
    std::vector<PageBuffer> free_;
};

} // namespace uakv::disk
