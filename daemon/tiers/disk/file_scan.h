// Finds the batches of a log file. It goes from header to header, so payloads are not read. Where the next header is
// not one, it stops: that is the end of what was written, or damage. search() then looks at page after page for the
// next header, and goes on from there to the end of the file.
//
// Each header that it hands over was checked, and belongs to this page of this file. Of recovery, and of compaction,
// which wants to know what else than blocks a file holds. Stays until its requests are through.
#pragma once

#include "daemon/tiers/disk/format.h"
#include "daemon/tiers/disk/io_queue.h"
#include "daemon/tiers/disk/page_buffer.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

namespace uakv::disk {

class FileScan {
public:
    // Pages in which no batch was found though there is something, or though one lies behind them.
    struct Gap {
        std::uint32_t from = 0;
        std::uint32_t to = 0; // the first behind it
        Flaw flaw{};          // of the first page
        int error = 0;        // or why it could not be read
    };
    struct Events {
        std::function<void(const BatchHeader &)> batch;
        std::function<void(const Gap &)> gap;
        std::function<void()> stopped; // nothing of it is under way
    };

    FileScan(IoQueue &io, const FileShape &file, std::uint32_t from_page, Events events);
    FileScan(const FileScan &) = delete;
    FileScan &operator=(const FileScan &) = delete;

    void start();

    // Once it has stopped: whether that was before the end of the file.
    bool broken() const { return broken_; }
    void search();

    std::uint32_t number() const { return file_.number; }
    // What the batch has that would come next; 0: none was found.
    std::uint64_t next_sequence() const { return next_sequence_; }
    std::uint64_t first_sequence() const { return first_sequence_; }

private:
    // A read of the search; they are looked at in order.
    struct Piece {
        PageBuffer buffer;
        std::uint32_t page = 0;
        std::uint32_t pages = 0;
        bool ready = false;
        int error = 0;
        std::uint32_t pages_read = 0;
    };
    enum class After : std::uint8_t { searching, batch, again, end }; // what comes when no piece is under way

    void hop();
    void arrived(int error, std::uint64_t bytes);
    void take();
    void break_here(Flaw flaw, int error);
    void search_from(std::uint32_t page, std::uint32_t pages);
    void fill_window();
    void read_piece(std::uint32_t pages);
    void look_at_pieces();
    void look_at(const Piece &piece);
    void failed_at(const Piece &piece);
    void leave_search();
    void tell_gap(std::uint32_t to);
    void stop(bool broken);
    BlockDevice::FileName name() const { return {BlockDevice::FileKind::log, file_.number}; }

    IoQueue &io_;
    FileShape file_;
    Events events_;
    std::uint32_t page_; // of the next header
    PageBuffer header_{page_bytes};
    std::uint64_t first_sequence_ = 0;
    std::uint64_t next_sequence_ = 0;
    bool broken_ = false;
    bool thorough_ = false; // search where it breaks
    Gap gap_;               // that is being searched
    unsigned errors_ = 0;

    After after_ = After::searching;
    std::uint32_t search_page_ = 0; // of the next piece
    std::uint32_t piece_pages_ = 0;
    std::uint32_t pieces_under_way_ = 0;
    std::deque<std::unique_ptr<Piece>> pieces_;
};

} // namespace uakv::disk
