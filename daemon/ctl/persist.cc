// persist: a copy of the blocks of a tenant or a space, made while the daemon serves.
#include "daemon/base/units.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/copy_writer.h"
#include "daemon/ctl/interrupt.h"
#include "daemon/ctl/listing.h"
#include "daemon/ctl/progress.h"
#include "daemon/ctl/table.h"
#include "ipc/clock.h"
#include "ipc/limits.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <string>
#include <utility>
#include <vector>

namespace uakv::ctl {
namespace {

struct Source {
    std::string name;
    SpaceHandle space;
    std::uint32_t number = 0; // in the copy
    std::vector<Listed> blocks;
    KeySet seen; // of all rounds
};

struct Tally {
    std::uint64_t listed = 0;
    std::uint64_t left = 0;    // evicted, removed or expired before they were copied
    std::uint64_t damaged = 0; // the daemon has dropped them
    std::uint64_t unread = 0;  // their disk does not give them
};

class Persist {
public:
    explicit Persist(const Options &options) : options_(options) {}

    Result<Exit> run();

private:
    Result<void> open_spaces();
    Result<void> list(bool again);
    Result<void> copy_all();
    Result<void> copy_blocks(Source &source);
    Result<void> copy_block(const Source &source, const Listed &block);
    uakv_status read(const Source &source, const Listed &block, std::size_t &bytes);
    void show_progress();
    std::string summary() const;

    const Options &options_;
    const Interrupt interrupt_;
    std::optional<ReportClient> reports_;
    ClientHandle client_;
    std::vector<Source> sources_; // go before the client
    std::optional<CopyWriter> writer_;
    std::vector<std::byte> buffer_;
    Tally tally_;
    Progress progress_;
    const std::uint64_t begin_ns_ = now_ns();
};

CopySpace copy_space_of(const std::string &name, const uakv_space_options &options) {
    CopySpace space;
    std::copy(std::begin(options.layout.shape), std::end(options.layout.shape), space.shape);
    std::copy(std::begin(options.layout.axis), std::end(options.layout.axis), space.axis);
    std::copy(std::begin(options.fingerprint), std::end(options.fingerprint), space.fingerprint);
    space.block_bytes = options.block_bytes;
    space.dtype = options.layout.dtype;
    space.ndim = options.layout.ndim;
    space.ttl_ms = options.ttl_ms;
    space.flags = options.flags;
    std::memcpy(space.name, name.data(), std::min(name.size(), sizeof space.name - 1));
    return space;
}

Result<void> Persist::open_spaces() {
    auto reports = ReportClient::connect(options_);
    if (!reports.ok()) {
        return reports.take_error();
    }
    reports_.emplace(std::move(reports.value()));
    auto answer = reports_->ask(ReportKind::spaces, parse_spaces);
    auto client = connect_client(options_, UAKV_READ_ONLY);
    if (!answer.ok() || !client.ok()) {
        return answer.ok() ? client.take_error() : answer.take_error();
    }
    client_ = std::move(client.value());
    const SpacesReport &report = answer.value().report;
    auto writer = CopyWriter::create(options_.arguments[0], report.tenant);
    if (!writer.ok()) {
        return writer.take_error();
    }
    writer_.emplace(std::move(writer.value()));
    for (const SpacesReport::Space &each : report.spaces) {
        if (!options_.space.empty() && each.name != options_.space) {
            continue;
        }
        auto described = options_of(each);
        if (!described.ok()) {
            return described.take_error();
        }
        uakv_space *space = nullptr;
        const uakv_status status = uakv_space_open(client_.get(), each.name.c_str(), &described.value(), &space);
        if (status != UAKV_OK) {
            return last_error(status);
        }
        sources_.push_back({each.name, SpaceHandle(space), 0, {}, {}});
        if (each.unbounded) {
            described.value().block_bytes = limits::segment_bytes_max; // of any daemon: load knows it by that
        }
        auto number = writer_->add(copy_space_of(each.name, described.value()));
        if (!number.ok()) {
            return number.take_error();
        }
        sources_.back().number = number.value();
    }
    if (sources_.empty() && !options_.space.empty()) {
        return error(UAKV_MISS, "there is no space \"%s\"; uakvctl ls names those that are", options_.space.c_str());
    }
    return {};
}

// Once before anything is copied, and once more behind it: what moves between memory and disk during one listing can be
// missed by that, but hardly by both.
Result<void> Persist::list(bool again) {
    for (Source &source : sources_) {
        auto blocks = list_blocks_of(*reports_, source.name, source.seen);
        if (!blocks.ok()) {
            return blocks.take_error();
        }
        source.blocks = parents_first(std::move(blocks.value()));
        tally_.listed += source.blocks.size();
        for (const Listed &block : source.blocks) {
            if (!again) {
                source.seen.insert(block.key);
            }
        }
    }
    return {};
}

uakv_status Persist::read(const Source &source, const Listed &block, std::size_t &bytes) {
    uakv_retrieve_options retrieve{};
    retrieve.struct_size = sizeof retrieve;
    retrieve.flags = UAKV_VERIFY;
    for (;;) {
        const uakv_status status =
            uakv_retrieve_into(source.space.get(), &block.key, buffer_.data(), buffer_.size(), &bytes, &retrieve);
        if (status != UAKV_ERR_TOO_LARGE) {
            return status;
        }
        buffer_.resize(bytes);
    }
}

Result<void> Persist::copy_block(const Source &source, const Listed &block) {
    std::size_t bytes = 0;
    const uakv_status status = read(source, block, bytes);
    switch (status) {
    case UAKV_OK:
        return writer_->add(
            {source.number, block.key, block.parent, block.expires_ms, std::span(buffer_).first(bytes)});
    case UAKV_MISS:
        ++tally_.left;
        return {};
    case UAKV_ERR_CORRUPT:
        ++tally_.damaged;
        return {};
    case UAKV_ERR_IO:
        ++tally_.unread;
        return {};
    default:
        return last_error(status);
    }
}

void Persist::show_progress() {
    if (!progress_.due()) {
        return;
    }
    const double seconds = static_cast<double>(now_ns() - begin_ns_) / static_cast<double>(ns_per_s);
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(writer_->bytes()) / std::max(seconds, 0.001));
    progress_.show(fmt::format("{} of {}, {}, {}/s", format_count(writer_->blocks()), counted(tally_.listed, "block"),
                               format_size(writer_->bytes()), format_size(rate)));
}

Result<void> Persist::copy_blocks(Source &source) {
    for (const Listed &block : source.blocks) {
        if (interrupt_.wait(0)) {
            return error(UAKV_ERR_DENIED, "interrupted; nothing is kept of the copy");
        }
        show_progress();
        if (auto copied = copy_block(source, block); !copied.ok()) {
            return copied;
        }
    }
    source.blocks.clear();
    return {};
}

Result<void> Persist::copy_all() {
    for (const bool again : {false, true}) {
        if (auto listed = list(again); !listed.ok()) {
            return listed;
        }
        for (Source &source : sources_) {
            if (auto copied = copy_blocks(source); !copied.ok()) {
                return copied;
            }
        }
    }
    return writer_->finish();
}

std::string Persist::summary() const {
    std::string text = fmt::format("copied {}, {}, of {} to {}\n", counted(writer_->blocks(), "block"),
                                   format_size(writer_->bytes()), counted(sources_.size(), "space"), writer_->path());
    if (tally_.left > 0) {
        text += fmt::format("{} left the cache before their turn\n", counted(tally_.left, "block"));
    }
    if (tally_.damaged > 0) {
        text += fmt::format("{} no longer had their checksum; the daemon has dropped them\n",
                            counted(tally_.damaged, "block"));
    }
    if (tally_.unread > 0) {
        text += fmt::format("{} could not be read from the disk; see uakvctl disk\n", counted(tally_.unread, "block"));
    }
    return text;
}

Result<Exit> Persist::run() {
    if (auto opened = open_spaces(); !opened.ok()) {
        return opened.take_error();
    }
    if (auto copied = copy_all(); !copied.ok()) {
        return copied.take_error();
    }
    print(options_.json ? json_object({{"file", writer_->path()},
                                       {"spaces", std::uint64_t{sources_.size()}},
                                       {"blocks", writer_->blocks()},
                                       {"bytes", writer_->bytes()},
                                       {"left", tally_.left},
                                       {"damaged", tally_.damaged},
                                       {"unread", tally_.unread}})
                        : summary());
    return tally_.damaged + tally_.unread == 0 ? Exit::done : Exit::failed;
}

} // namespace

Result<Exit> persist(const Options &options) {
    return Persist(options).run();
}

} // namespace uakv::ctl
