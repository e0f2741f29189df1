// put, get, rm: single blocks, from and to files.
#include "daemon/base/units.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/table.h"
#include "ipc/limits.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <unistd.h>

namespace uakv::ctl {
namespace {

struct CloseFile {
    void operator()(std::FILE *file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

bool is_standard(const Options &options) {
    return options.arguments.size() < 2 || options.arguments[1] == "-";
}

// The bytes of the file or of standard input; UAKV_ERR_TOO_LARGE when they are more than bytes_max.
Result<std::string> read_input(const Options &options, std::uint64_t bytes_max) {
    const std::string name = is_standard(options) ? "standard input" : options.arguments[1];
    File opened(is_standard(options) ? nullptr : std::fopen(name.c_str(), "rbe"));
    if (!is_standard(options) && opened == nullptr) {
        return errno_error(UAKV_ERR_DENIED, errno, "cannot read %s", name.c_str());
    }
    std::FILE *file = opened ? opened.get() : stdin;
    constexpr std::size_t step = 1 << 20;
    std::string bytes;
    while (bytes.size() <= bytes_max) {
        const std::size_t before = bytes.size();
        bytes.resize(before + step);
        bytes.resize(before + std::fread(bytes.data() + before, 1, step, file));
        if (std::ferror(file) != 0) {
            return errno_error(UAKV_ERR_DENIED, errno, "cannot read %s", name.c_str());
        }
        if (bytes.size() == before) {
            return bytes;
        }
    }
    return error(UAKV_ERR_TOO_LARGE, "%s has more than %llu bytes, which is the largest block of space %s",
                 name.c_str(), static_cast<unsigned long long>(bytes_max), options.space.c_str());
}

// What a terminal would not show as it is.
bool is_binary(std::string_view bytes) {
    return std::any_of(bytes.begin(), bytes.end(),
                       [](unsigned char c) { return (c < ' ' && c != '\n' && c != '\t' && c != '\r') || c >= 0x7f; });
}

Result<void> write_output(const Options &options, std::string_view bytes) {
    if (is_standard(options)) {
        if (!options.force && ::isatty(STDOUT_FILENO) == 1 && is_binary(bytes)) {
            return error(UAKV_ERR_DENIED, "the block has bytes that would confuse this terminal; name a FILE, or say "
                                          "--force");
        }
        return print(bytes) ? Result<void>() : errno_error(UAKV_ERR_DENIED, errno, "cannot write the block");
    }
    const std::string &name = options.arguments[1];
    std::FILE *file = std::fopen(name.c_str(), "wbe");
    if (file == nullptr) {
        return errno_error(UAKV_ERR_DENIED, errno, "cannot write %s", name.c_str());
    }
    const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    if (std::fclose(file) != 0 || !written) {
        return errno_error(UAKV_ERR_DENIED, errno, "cannot write all of %s; what is there is not the block",
                           name.c_str());
    }
    return {};
}

} // namespace

Result<Exit> put_block(const Options &options) {
    auto key = parse_key(options.arguments[0]);
    if (!key.ok()) {
        return key.take_error();
    }
    auto opened = open_space(options, 0, IfAbsent::make);
    if (!opened.ok()) {
        return opened.take_error();
    }
    const auto &description = opened.value().description;
    auto input = read_input(options, description ? description->block_bytes : limits::segment_bytes_max);
    if (!input.ok()) {
        return input.take_error();
    }
    const std::string &bytes = input.value();
    uakv_store_options store{};
    store.struct_size = sizeof store;
    store.parent = options.parent ? &*options.parent : nullptr;
    store.ttl_ms = options.ttl_ms.value_or(0);
    const uakv_status status = uakv_store(opened.value().space.get(), &key.value(), bytes.data(), bytes.size(), &store);
    if (status < 0) {
        return last_error(status);
    }
    const std::string name = format_key(key.value());
    if (options.json) {
        print(json_object({{"space", options.space},
                           {"key", name},
                           {"bytes", std::uint64_t{bytes.size()}},
                           {"stored", status == UAKV_OK}}));
    } else if (status == UAKV_EXISTS) {
        print(fmt::format("{} was stored in space {} already; nothing was written\n", name, options.space));
    } else {
        print(fmt::format("stored {}, {} in space {}\n", name, format_size(bytes.size()), options.space));
    }
    return Exit::done;
}

Result<Exit> get_block(const Options &options) {
    auto key = parse_key(options.arguments[0]);
    if (!key.ok()) {
        return key.take_error();
    }
    if (options.json && is_standard(options)) {
        return error(UAKV_ERR_INVALID, "get --json needs a FILE: without one the block goes to standard output");
    }
    auto opened = open_space(options, UAKV_READ_ONLY, IfAbsent::refuse);
    if (!opened.ok()) {
        return opened.take_error();
    }
    uakv_retrieve_options retrieve{};
    retrieve.struct_size = sizeof retrieve;
    retrieve.flags = UAKV_VERIFY;
    uakv_view view{};
    const uakv_status status = uakv_retrieve(opened.value().space.get(), &key.value(), &retrieve, &view);
    if (status < 0) {
        return last_error(status);
    }
    const std::string name = format_key(key.value());
    if (status == UAKV_MISS) {
        return error(UAKV_MISS, "space %s does not hold %s; uakvctl why says why not", options.space.c_str(),
                     name.c_str());
    }
    auto written = write_output(options, {static_cast<const char *>(view.data), view.nbytes});
    const std::uint64_t bytes = view.nbytes;
    if (const uakv_status released = uakv_release(&view); released != UAKV_OK) {
        return last_error(released); // what was written may be wrong
    }
    if (!written.ok()) {
        return written.take_error();
    }
    if (options.json) {
        print(json_object({{"space", options.space}, {"key", name}, {"bytes", bytes}, {"file", options.arguments[1]}}));
    }
    return Exit::done;
}

Result<Exit> remove_blocks(const Options &options) {
    auto keys = parse_keys(options.arguments);
    if (!keys.ok()) {
        return keys.take_error();
    }
    auto opened = open_space(options, 0, IfAbsent::refuse);
    if (!opened.ok()) {
        return opened.take_error();
    }
    std::size_t removed = 0;
    const std::size_t count = keys.value().size();
    const uakv_status status = uakv_remove(opened.value().space.get(), keys.value().data(), count, &removed);
    if (status < 0) {
        return last_error(status);
    }
    print(options.json
              ? json_object(
                    {{"space", options.space}, {"asked", std::uint64_t{count}}, {"removed", std::uint64_t{removed}}})
              : fmt::format("removed {} of {} from space {}\n", removed, counted(count, "block"), options.space));
    return removed == count ? Exit::done : Exit::negative;
}

} // namespace uakv::ctl
