#include "daemon/ctl/listing.h"

#include "daemon/ctl/copy_format.h"
#include "daemon/ctl/options.h"
#include "daemon/ctl/report.h"
#include "ipc/control_message.h"
#include "ipc/hashing.h"

#include <cstring>
#include <unordered_map>
#include <utility>

namespace uakv::ctl {
namespace {

constexpr std::uint32_t page_blocks = 10'000;
constexpr std::size_t nowhere = SIZE_MAX;

Result<Listed> listed_of(const BlocksReport::Block &block, std::uint64_t now_ms) {
    Listed listed;
    auto key = parse_key(block.key);
    auto parent = block.parent ? parse_key(*block.parent) : key;
    if (!key.ok() || !parent.ok()) {
        return error(UAKV_ERR_VERSION, "the daemon lists a block as \"%s\", with parent \"%s\"; expected 64 hex digits",
                     block.key.c_str(), block.parent.value_or("").c_str());
    }
    listed.key = key.value();
    if (block.parent) {
        listed.parent = parent.value();
    }
    const std::uint64_t left_ms = block.expires_in_ms.value_or(copy_never);
    listed.expires_ms = left_ms > copy_never - now_ms ? copy_never : now_ms + left_ms;
    return listed;
}

} // namespace

std::size_t KeyHash::operator()(const uakv_key &key) const {
    return hash_of_key(key, 0, 0);
}

bool KeyEqual::operator()(const uakv_key &a, const uakv_key &b) const {
    return std::memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

Result<std::vector<Listed>> list_blocks_of(ReportClient &client, const std::string &space, const KeySet &known) {
    ReportGetMessage message;
    message.kind = ReportKind::blocks;
    message.limit = page_blocks;
    set_text(message.space, space);
    std::vector<Listed> blocks;
    KeySet seen;
    for (;;) {
        auto answer = client.ask(message, parse_blocks);
        if (!answer.ok()) {
            return answer.take_error();
        }
        const std::uint64_t now_ms = unix_ms();
        for (const BlocksReport::Block &block : answer.value().report.blocks) {
            auto listed = listed_of(block, now_ms);
            if (!listed.ok()) {
                return listed.take_error();
            }
            if (!known.contains(listed.value().key) && seen.insert(listed.value().key).second) {
                blocks.push_back(listed.value());
            }
        }
        const auto next = answer.value().report.next;
        if (!next || *next <= message.cursor) {
            return blocks;
        }
        message.cursor = *next;
    }
}

std::vector<Listed> parents_first(std::vector<Listed> blocks) {
    std::unordered_map<uakv_key, std::size_t, KeyHash, KeyEqual> places;
    places.reserve(blocks.size());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        places.emplace(blocks[i].key, i);
    }
    const auto parent_of = [&](std::size_t i) {
        const auto found = blocks[i].parent ? places.find(*blocks[i].parent) : places.end();
        return found == places.end() ? nowhere : found->second;
    };
    std::vector<Listed> ordered;
    ordered.reserve(blocks.size());
    std::vector<bool> taken(blocks.size()); // on the way up, or in `ordered`
    std::vector<std::size_t> way;
    for (std::size_t first = 0; first < blocks.size(); ++first) {
        for (std::size_t i = first; i != nowhere && !taken[i]; i = parent_of(i)) {
            taken[i] = true;
            way.push_back(i);
        }
        for (; !way.empty(); way.pop_back()) {
            ordered.push_back(blocks[way.back()]);
        }
    }
    return ordered;
}

} // namespace uakv::ctl
