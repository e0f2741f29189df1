// load: stores the blocks of a copy again, here or on another machine.
#include "daemon/base/units.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/copy_reader.h"
#include "daemon/ctl/interrupt.h"
#include "daemon/ctl/progress.h"
#include "daemon/ctl/report_client.h"
#include "daemon/ctl/table.h"
#include "ipc/clock.h"
#include "ipc/limits.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <string>
#include <utility>

namespace uakv::ctl {
namespace {

constexpr std::uint64_t busy_pause_ms = 10; // the tenant's operations per second are used up for now

class Load {
public:
    explicit Load(const Options &options) : options_(options) {}

    Result<Exit> run();

private:
    Result<void> open();
    void open_space(std::uint32_t number, const CopySpace &space);
    Result<void> store_all(CopyReader &reader);
    Result<void> store(const CopyReader::Block &block);
    void refuse(const std::string &why, uakv_status status);
    void show_progress(const CopyReader &reader);
    std::string summary(const CopyReader &reader) const;
    std::string in_json(const CopyReader &reader) const;
    std::uint64_t refused_blocks() const;

    struct Refusal {
        uakv_status status;
        std::uint64_t blocks;
    };

    const Options &options_;
    const Interrupt interrupt_;
    std::map<std::string, SpacesReport::Space> there_; // the spaces that the daemon has
    ClientHandle client_;
    std::map<std::uint32_t, SpaceHandle> spaces_; // by their numbers in the copy; go before the client
    std::map<std::uint32_t, Error> closed_;       // those that could not be opened
    std::uint64_t stored_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t existed_ = 0;
    std::uint64_t expired_ = 0;
    std::map<std::string, Refusal> refusals_; // by the sentence that was given
    Progress progress_;
};

uakv_space_options options_of(const CopySpace &space) {
    uakv_space_options options{};
    options.struct_size = sizeof options;
    std::copy(std::begin(space.shape), std::end(space.shape), options.layout.shape);
    std::copy(std::begin(space.axis), std::end(space.axis), options.layout.axis);
    std::copy(std::begin(space.fingerprint), std::end(space.fingerprint), options.fingerprint);
    options.layout.dtype = space.dtype;
    options.layout.ndim = space.ndim;
    const bool unbounded = space.ndim == 0 && space.block_bytes == limits::segment_bytes_max;
    options.block_bytes = unbounded ? 0 : space.block_bytes;
    options.ttl_ms = space.ttl_ms;
    options.flags = space.flags;
    return options;
}

Result<void> Load::open() {
    auto answer = ReportClient::ask_once(options_, ReportKind::spaces, parse_spaces);
    if (!answer.ok()) {
        return answer.take_error();
    }
    for (SpacesReport::Space &space : answer.value().report.spaces) {
        there_.emplace(space.name, std::move(space));
    }
    auto client = connect_client(options_, 0);
    if (!client.ok()) {
        return client.take_error();
    }
    client_ = std::move(client.value());
    return {};
}

// The largest block of a space without a layout is often what its daemon allowed: that of this one will do. So does
// whether it is durable here.
void Load::open_space(std::uint32_t number, const CopySpace &space) {
    uakv_space_options options = options_of(space);
    const auto here = there_.find(space.name);
    if (here != there_.end()) {
        options.flags = here->second.durable ? UAKV_SPACE_DURABLE : 0;
        options.block_bytes = options.layout.ndim == 0 ? here->second.block_bytes : options.block_bytes;
    }
    uakv_space *opened = nullptr;
    uakv_status status = uakv_space_open(client_.get(), space.name, &options, &opened);
    if (status == UAKV_ERR_UNSUPPORTED) { // durable, and this daemon has no disk
        options.flags &= ~UAKV_SPACE_DURABLE;
        status = uakv_space_open(client_.get(), space.name, &options, &opened);
    }
    if (status != UAKV_OK && options.layout.ndim == 0 && here == there_.end()) {
        options.block_bytes = 0;
        status = uakv_space_open(client_.get(), space.name, &options, &opened);
    }
    if (status == UAKV_OK) {
        spaces_.emplace(number, opened);
    } else {
        closed_.emplace(number, last_error(status));
    }
}

void Load::refuse(const std::string &why, uakv_status status) {
    ++refusals_.try_emplace(why, Refusal{status, 0}).first->second.blocks;
}

Result<void> Load::store(const CopyReader::Block &block) {
    if (const auto closed = closed_.find(block.space); closed != closed_.end()) {
        refuse(closed->second.detail, closed->second.status);
        return {};
    }
    const std::uint64_t now_ms = unix_ms();
    if (block.expires_ms <= now_ms) {
        ++expired_;
        return {};
    }
    uakv_store_options store{};
    store.struct_size = sizeof store;
    store.parent = block.parent ? &*block.parent : nullptr;
    if (block.expires_ms != copy_never) {
        store.ttl_ms = static_cast<std::uint32_t>(std::min<std::uint64_t>(block.expires_ms - now_ms, UINT32_MAX));
    }
    uakv_space *space = spaces_.at(block.space).get();
    uakv_status status = UAKV_ERR_BUSY;
    while (status == UAKV_ERR_BUSY) {
        status = uakv_store(space, &block.key, block.bytes.data(), block.bytes.size(), &store);
        if (status == UAKV_ERR_BUSY && interrupt_.wait(busy_pause_ms)) {
            return error(UAKV_ERR_DENIED, "interrupted");
        }
    }
    if (status == UAKV_OK) {
        ++stored_;
        bytes_ += block.bytes.size();
    } else if (status == UAKV_EXISTS) {
        ++existed_;
    } else if (status == UAKV_ERR_NO_SPACE || status == UAKV_ERR_TOO_LARGE || status == UAKV_ERR_LAYOUT) {
        // The sentence of the library may have numbers of this block in it.
        refuse(uakv_status_string(status), status);
    } else {
        return last_error(status);
    }
    return {};
}

void Load::show_progress(const CopyReader &reader) {
    if (progress_.due()) {
        progress_.show(
            fmt::format("{} of the copy, {} stored",
                        format_part(static_cast<double>(reader.position()), static_cast<double>(reader.file_bytes())),
                        counted(stored_, "block")));
    }
}

Result<void> Load::store_all(CopyReader &reader) {
    std::map<std::uint32_t, bool> wanted;
    for (const auto &[number, space] : reader.spaces()) {
        wanted[number] = options_.space.empty() || options_.space == space.name;
        if (wanted[number]) {
            open_space(number, space);
        }
    }
    if (!options_.space.empty() && spaces_.empty() && closed_.empty()) {
        return error(UAKV_MISS, "the copy has no space \"%s\"", options_.space.c_str());
    }
    while (auto block = reader.next()) {
        if (interrupt_.wait(0)) {
            return error(UAKV_ERR_DENIED, "interrupted");
        }
        show_progress(reader);
        if (!wanted[block->space]) {
            continue;
        }
        if (auto stored = store(*block); !stored.ok()) {
            return stored;
        }
    }
    return {};
}

std::uint64_t Load::refused_blocks() const {
    std::uint64_t blocks = 0;
    for (const auto &[why, refusal] : refusals_) {
        blocks += refusal.blocks;
    }
    return blocks;
}

std::string damage_text(const CopyReader &reader) {
    const CopyReader::Damage &damage = reader.damage();
    std::string text;
    if (damage.records > 0) {
        text += fmt::format("{} of the copy damaged or missing\n",
                            damage.records == 1 ? "1 record is" : fmt::format("{} records are", damage.records));
    }
    if (damage.cut) {
        text += "the end of the copy is damaged or missing: nobody knows how much more there was\n";
    }
    if (damage.other_total) {
        text += "each record is good, and yet they are not those that were written: is the copy put together from "
                "several?\n";
    }
    return text;
}

std::string Load::summary(const CopyReader &reader) const {
    std::string text = fmt::format("loaded {}, {}, from {}\n", counted(stored_, "block"), format_size(bytes_),
                                   printable(reader.path()));
    if (existed_ > 0) {
        text +=
            fmt::format("{} stored already\n", existed_ == 1 ? "1 block was" : fmt::format("{} blocks were", existed_));
    }
    if (expired_ > 0) {
        text += fmt::format("{} expired meanwhile\n",
                            expired_ == 1 ? "1 block has" : fmt::format("{} blocks have", expired_));
    }
    for (const auto &[why, refusal] : refusals_) {
        text += fmt::format("{} not stored ({}): {}\n",
                            refusal.blocks == 1 ? "1 block was" : fmt::format("{} blocks were", refusal.blocks),
                            uakv_status_name(refusal.status), printable(why));
    }
    return text + damage_text(reader);
}

std::string Load::in_json(const CopyReader &reader) const {
    const CopyReader::Damage &damage = reader.damage();
    return json_object({{"file", reader.path()},
                        {"stored", stored_},
                        {"bytes", bytes_},
                        {"existed", existed_},
                        {"expired", expired_},
                        {"refused", refused_blocks()},
                        {"damaged", damage.records},
                        {"complete", !damage.cut && !damage.other_total}});
}

Result<Exit> Load::run() {
    auto reader = CopyReader::open(options_.arguments[0]);
    if (!reader.ok()) {
        return reader.take_error();
    }
    if (auto opened = open(); !opened.ok()) {
        return opened.take_error();
    }
    const auto stored = store_all(reader.value());
    if (!stored.ok()) {
        const Error &why = stored.error();
        return error(why.status, "%s; %llu blocks of the copy were loaded before", why.detail.c_str(),
                     static_cast<unsigned long long>(stored_));
    }
    print(options_.json ? in_json(reader.value()) : summary(reader.value()));
    return refused_blocks() == 0 && !reader.value().damage().any() ? Exit::done : Exit::failed;
}

} // namespace

Result<Exit> load(const Options &options) {
    return Load(options).run();
}

} // namespace uakv::ctl
