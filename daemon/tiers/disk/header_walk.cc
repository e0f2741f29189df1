#include "daemon/tiers/disk/header_walk.h"

#include <algorithm>
#include <utility>

namespace uakv::disk {
namespace {

constexpr std::uint32_t failures_max = 3; // then the page is passed over

} // namespace

void HeaderWalk::begin(FileNumber file, std::uint32_t pages, std::uint32_t end, Found found) {
    UAKV_ASSERT(!running_);
    file_ = file;
    pages_ = pages;
    end_ = end;
    page_ = 1;
    failures_ = 0;
    searching_ = false;
    running_ = true;
    found_ = std::move(found);
}

void HeaderWalk::turn() {
    if (!running_ || under_way_ || engine_.broken) {
        return;
    }
    if (page_ >= end_) {
        running_ = false;
        found_(nullptr);
        return;
    }
    const std::uint64_t left = std::uint64_t{end_ - page_} * page_bytes;
    read(searching_ ? std::min(window_bytes, left) : page_bytes);
}

void HeaderWalk::read(std::uint64_t bytes) {
    under_way_ = true;
    engine_.io.read(log_file(file_), std::uint64_t{page_} * page_bytes, memory_.bytes().first(bytes),
                    [this, bytes](const IoQueue::Done &done) { took(done, bytes); });
}

void HeaderWalk::took(const IoQueue::Done &done, std::uint64_t bytes) {
    under_way_ = false;
    const std::uint64_t pages_read = std::min(done.bytes, bytes) / page_bytes;
    if (done.error == 0 && pages_read > 0) {
        failures_ = 0;
        look(pages_read);
        return;
    }
    ++engine_.counts.errors_read;
    if (++failures_ >= failures_max) {
        failures_ = 0;
        searching_ = true;
        page_ += static_cast<std::uint32_t>(bytes / page_bytes);
    }
}

void HeaderWalk::look(std::uint64_t pages_read) {
    const FileShape shape{file_, pages_, short_id_of(engine_.store)};
    const auto *headers = reinterpret_cast<const BatchHeader *>(memory_.bytes().data());
    for (std::uint64_t i = 0; i < pages_read; ++i) {
        if (check(headers[i], shape, page_) == Flaw::none) {
            searching_ = false;
            page_ += headers[i].pages;
            found_(&headers[i]);
            return;
        }
        ++page_;
    }
    searching_ = true;
}

} // namespace uakv::disk
