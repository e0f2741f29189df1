#include "block_cache.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdio>
#include <stdexcept>

namespace prefix_reuse {
namespace {

[[noreturn]] void fail(const char *call, uakv_status status) {
    std::array<char, 512> detail{};
    if (status < 0)
        uakv_last_error(nullptr, detail.data(), detail.size());
    throw std::runtime_error(std::string(call) + ": " + uakv_status_name(status) + ": " +
                             (detail[0] != '\0' ? detail.data() : uakv_status_string(status)));
}

void check(const char *call, uakv_status status) {
    if (status != UAKV_OK)
        fail(call, status);
}

uakv_space_options space_options(const Model &model, const BlockShape &shape) {
    uakv_space_options options{};
    options.struct_size = sizeof options;
    options.layout.dtype = UAKV_DTYPE_F32;
    options.layout.ndim = 5;
    const std::array<std::uint64_t, 5> lengths{shape.layers, 2, shape.tokens, shape.heads, shape.channels};
    const std::array<std::uint8_t, 5> roles{UAKV_AXIS_LAYER, UAKV_AXIS_KV, UAKV_AXIS_TOKEN, UAKV_AXIS_HEAD,
                                            UAKV_AXIS_CHANNEL};
    std::copy(lengths.begin(), lengths.end(), options.layout.shape);
    std::copy(roles.begin(), roles.end(), options.layout.axis);

    // Equal tokens give equal keys and values only under equal weights.
    const std::span<const float> weights = model.all_weights();
    const uakv_key fingerprint = uakv_key_of(weights.data(), weights.size_bytes());
    std::copy(std::begin(fingerprint.bytes), std::end(fingerprint.bytes), options.fingerprint);
    return options;
}

// Each model has a space of its own: under one name they would have to be equal.
std::string space_name(const uakv_space_options &options) {
    std::string name = "prefix_reuse/";
    for (std::size_t i = 0; i < 8; ++i) {
        std::array<char, 3> hex{};
        std::snprintf(hex.data(), hex.size(), "%02x", static_cast<unsigned>(options.fingerprint[i]));
        name += hex.data();
    }
    return name;
}

} // namespace

std::vector<uakv_key> keys_of(std::span<const std::uint32_t> prompt, std::size_t block_tokens) {
    std::vector<uakv_key> keys(prompt.size() / block_tokens);
    std::size_t written = 0;
    check("uakv_keys_of_tokens",
          uakv_keys_of_tokens(prompt.data(), prompt.size(), block_tokens, nullptr, 0, keys.data(), &written));
    assert(written == keys.size());
    return keys;
}

BlockCache::BlockCache(const char *socket_path, const Model &model, const BlockShape &shape)
    : block_bytes_(shape.bytes()) {
    uakv_connect_options connect_options{};
    connect_options.struct_size = sizeof connect_options;
    connect_options.socket_path = socket_path;
    uakv_client *client = nullptr;
    check("uakv_connect", uakv_connect(&connect_options, &client));
    client_.reset(client);

    const uakv_space_options options = space_options(model, shape);
    uakv_space *space = nullptr;
    check("uakv_space_open", uakv_space_open(client, space_name(options).c_str(), &options, &space));
    space_.reset(space);
}

BlockCache::~BlockCache() {
    if (slot_.data != nullptr)
        uakv_abort(&slot_);
    for (uakv_view &view : views_)
        uakv_release(&view);
}

bool BlockCache::end_views() {
    bool good = true;
    for (uakv_view &view : views_) {
        const uakv_status status = uakv_release(&view);
        if (status != UAKV_ERR_REVOKED)
            check("uakv_release", status);
        good = good && status == UAKV_OK;
    }
    views_.clear();
    return good;
}

std::size_t BlockCache::match(std::span<const uakv_key> keys) const {
    std::size_t matched = 0;
    check("uakv_match_prefix", uakv_match_prefix(space_.get(), keys.data(), keys.size(), &matched, nullptr));
    return matched;
}

const float *BlockCache::view(const uakv_key &key) {
    uakv_view view{};
    const uakv_status status = uakv_retrieve(space_.get(), &key, nullptr, &view);
    if (status == UAKV_MISS)
        return nullptr;
    check("uakv_retrieve", status);
    assert(view.nbytes == block_bytes_); // the layout of the space says so
    views_.push_back(view);
    return static_cast<const float *>(view.data);
}

float *BlockCache::reserve(const uakv_key &key, const uakv_key *parent) {
    assert(slot_.data == nullptr);
    uakv_store_options options{};
    options.struct_size = sizeof options;
    options.parent = parent;
    uakv_slot slot{};
    const uakv_status status = uakv_reserve(space_.get(), &key, block_bytes_, &options, &slot);
    if (status == UAKV_EXISTS)
        return nullptr;
    check("uakv_reserve", status);
    slot_ = slot;
    return static_cast<float *>(slot_.data);
}

bool BlockCache::commit() {
    assert(slot_.data != nullptr);
    uakv_slot slot = slot_;
    slot_ = {}; // ended, whatever comes back
    const uakv_status status = uakv_commit(&slot);
    if (status != UAKV_EXISTS)
        check("uakv_commit", status);
    return status == UAKV_OK;
}

} // namespace prefix_reuse
