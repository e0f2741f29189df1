#include "daemon/tiers/disk/file_scan.h"

#include "daemon/tiers/disk/whole_io.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace uakv::disk {
namespace {

// A search begins small: the next header is near, or far away.
constexpr std::uint32_t piece_pages_first = 16;
constexpr std::uint32_t piece_pages_max = 256;
constexpr std::size_t pieces_max = 4; // under way at once, when it is far away
constexpr unsigned errors_max = 64;   // in a file: what is left of it is given up

} // namespace

FileScan::FileScan(IoQueue &io, const FileShape &file, std::uint32_t from_page, Events events)
    : io_(io), file_(file), events_(std::move(events)), page_(std::max(from_page, 1U)) {}

void FileScan::start() {
    hop();
}

void FileScan::search() {
    broken_ = false;
    thorough_ = true;
    search_from(page_ + 1, piece_pages_first);
}

void FileScan::stop(bool broken) {
    broken_ = broken;
    events_.stopped(); // may destroy this
}

// ---- from header to header ---------------------------------------------------------------------------------

void FileScan::hop() {
    if (page_ >= file_.pages || header_.empty()) {
        stop(false);
        return;
    }
    read_whole(io_, name(), page_ * page_bytes, header_.bytes(),
               [this](int error, std::uint64_t bytes) { arrived(error, bytes); });
}

void FileScan::arrived(int error, std::uint64_t bytes) {
    if (error != 0) {
        ++errors_;
        break_here(Flaw::none, error);
        return;
    }
    if (bytes < page_bytes) { // shorter than it was
        file_.pages = page_;
        stop(false);
        return;
    }
    const Flaw flaw = check(header_.at<BatchHeader>(0), file_, page_);
    if (flaw != Flaw::none) {
        break_here(flaw, 0);
        return;
    }
    take();
    hop();
}

void FileScan::take() {
    const auto &header = header_.at<BatchHeader>(0);
    page_ += header.pages;
    next_sequence_ = header.sequence + header.record_count;
    first_sequence_ = first_sequence_ == 0 ? header.sequence : first_sequence_;
    events_.batch(header);
}

void FileScan::break_here(Flaw flaw, int error) {
    gap_ = {page_, page_, flaw, error};
    if (thorough_) {
        search_from(page_ + 1, piece_pages_first);
    } else {
        stop(true);
    }
}

// Zeros to the end of the file are its end.
void FileScan::tell_gap(std::uint32_t to) {
    if (to < file_.pages || gap_.flaw != Flaw::zeros) {
        gap_.to = to;
        events_.gap(gap_);
    }
}

// ---- from page to page -------------------------------------------------------------------------------------

void FileScan::search_from(std::uint32_t page, std::uint32_t pages) {
    after_ = After::searching;
    search_page_ = page;
    piece_pages_ = pages;
    fill_window();
    if (pieces_.empty()) {
        after_ = After::end;
        leave_search();
    }
}

void FileScan::fill_window() {
    while (search_page_ < file_.pages && (pieces_.empty() || piece_pages_ == piece_pages_max) &&
           pieces_.size() < pieces_max) {
        read_piece(std::min(piece_pages_, file_.pages - search_page_));
        piece_pages_ = std::min(piece_pages_ * 2, piece_pages_max);
    }
}

void FileScan::read_piece(std::uint32_t pages) {
    auto piece = std::make_unique<Piece>();
    piece->buffer = PageBuffer(pages * page_bytes);
    if (piece->buffer.empty()) {
        search_page_ = file_.pages; // no memory: it ends here
        return;
    }
    piece->page = search_page_;
    piece->pages = pages;
    search_page_ += pages;
    Piece &reading = *piece;
    pieces_.push_back(std::move(piece));
    ++pieces_under_way_;
    read_whole(io_, name(), reading.page * page_bytes, reading.buffer.bytes(),
               [this, &reading](int error, std::uint64_t bytes) {
                   reading.ready = true;
                   reading.error = error;
                   reading.pages_read = static_cast<std::uint32_t>(bytes / page_bytes);
                   --pieces_under_way_;
                   look_at_pieces();
               });
}

void FileScan::look_at_pieces() {
    while (after_ == After::searching && !pieces_.empty() && pieces_.front()->ready) {
        const std::unique_ptr<Piece> piece = std::move(pieces_.front());
        pieces_.pop_front();
        look_at(*piece);
    }
    if (after_ == After::searching) {
        fill_window();
        if (!pieces_.empty()) {
            return;
        }
        after_ = After::end;
    }
    if (pieces_under_way_ == 0) {
        pieces_.clear();
        leave_search();
    }
}

void FileScan::look_at(const Piece &piece) {
    for (std::uint32_t i = 0; i < piece.pages_read; ++i) {
        const auto &header = piece.buffer.at<BatchHeader>(i * page_bytes);
        if (header.magic == batch_magic && check(header, file_, piece.page + i) == Flaw::none) {
            std::memcpy(header_.bytes().data(), &header, page_bytes);
            page_ = piece.page + i;
            after_ = After::batch;
            return;
        }
    }
    if (piece.error != 0) {
        failed_at(piece);
    } else if (piece.pages_read < piece.pages) { // shorter than it was
        file_.pages = piece.page + piece.pages_read;
        after_ = After::end;
    }
}

// Then by single pages, around the one that cannot be read.
void FileScan::failed_at(const Piece &piece) {
    if (++errors_ >= errors_max) {
        after_ = After::end;
        return;
    }
    search_page_ = piece.page + piece.pages_read + (piece.pages == 1 ? 1 : 0);
    after_ = After::again;
}

void FileScan::leave_search() {
    switch (after_) {
    case After::batch:
        tell_gap(page_);
        take();
        hop();
        return;
    case After::again:
        search_from(search_page_, 1);
        return;
    case After::searching:
    case After::end:
        tell_gap(file_.pages);
        page_ = file_.pages;
        stop(false);
        return;
    }
}

} // namespace uakv::disk
