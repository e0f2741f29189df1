// All calls of libuakv that this program makes: what an engine needs to share the KV blocks of one model.
//
// Not usable across fork: a process makes its own. Failures of the library are thrown as std::runtime_error, with
// the sentence of uakv_last_error.
#pragma once

#include "model.h"
#include "paged_kv.h"

#include <uakv.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace prefix_reuse {

// The keys of the whole blocks of a prompt. Equal keys mean equal prefixes.
std::vector<uakv_key> keys_of(std::span<const std::uint32_t> prompt, std::size_t block_tokens);

class BlockCache {
public:
    // Connects and opens the space of these weights and this shape. socket_path may be null: the default.
    BlockCache(const char *socket_path, const Model &model, const BlockShape &shape);

    // Ends the views and the slot that are open.
    ~BlockCache();
    BlockCache(const BlockCache &) = delete;
    BlockCache &operator=(const BlockCache &) = delete;

    // The length of the longest leading run of keys that are stored.
    std::size_t match(std::span<const uakv_key> keys) const;

    // The block in place, unchanged until end_views(); null when it is not there.
    const float *view(const uakv_key &key);

    // Ends all views. False: the daemon had taken one back (lease_max_age), so what was computed from it may be wrong.
    bool end_views();

    // Memory for the block, to be filled in place and then committed; null when it is stored already. One at
    // a time. parent may be null.
    float *reserve(const uakv_key &key, const uakv_key *parent);

    // Publishes what reserve() gave; false when another process was first. That memory is not ours from here on.
    bool commit();

private:
    std::size_t block_bytes_;
    std::unique_ptr<uakv_client, void (*)(uakv_client *)> client_{nullptr, uakv_disconnect};
    std::unique_ptr<uakv_space, void (*)(uakv_space *)> space_{nullptr, uakv_space_close};
    std::vector<uakv_view> views_;
    uakv_slot slot_{};
};

} // namespace prefix_reuse
