#include "integration/tensor_blocks.h"

#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"

#include <cstring>

namespace uakv::test {
namespace {

void store_by_copy(uakv_space *space, const Tensor &tensor, const std::vector<uakv_key> &keys, size_t count) {
    std::vector<std::vector<uint8_t>> blocks;
    std::vector<const void *> data;
    for (size_t i = 0; i < count; ++i) {
        tensor.gather(i, blocks.emplace_back(tensor.block_bytes()).data());
        data.push_back(blocks.back().data());
    }
    const std::vector<size_t> lengths(count, tensor.block_bytes());
    CHECK_STATUS(uakv_store_many(space, keys.data(), data.data(), lengths.data(), count, nullptr), UAKV_OK);
}

void store_in_place(uakv_space *space, const Tensor &tensor, const std::vector<uakv_key> &keys, size_t first) {
    for (size_t i = first; i < keys.size(); ++i) {
        uakv_store_options options = {};
        options.struct_size = sizeof options;
        options.parent = &keys[i - 1];
        uakv_slot slot;
        CHECK_STATUS(uakv_reserve(space, &keys[i], tensor.block_bytes(), &options, &slot), UAKV_OK);
        tensor.gather(i, slot.data);
        CHECK_STATUS(uakv_commit(&slot), UAKV_OK);
    }
}

void compare(const Daemon &daemon, const Tensor &tensor) {
    Client client(daemon);
    const uakv_space_options options = tensor.space_options();
    Space space(client, tensor.name, &options);
    const auto keys = tensor.keys();
    size_t matched = 0;
    CHECK_STATUS(uakv_match_prefix(space, keys.data(), keys.size(), &matched, nullptr), UAKV_OK);
    CHECK_EQ(matched, keys.size());
    std::vector<uakv_view> views(matched);
    CHECK_STATUS(uakv_retrieve_many(space, keys.data(), matched, views.data(), nullptr), UAKV_OK);
    std::vector<uint8_t> expected(tensor.block_bytes());
    for (size_t i = 0; i < matched; ++i) {
        tensor.gather(i, expected.data());
        CHECK_EQ(views[i].nbytes, expected.size());
        CHECK_MESSAGE(std::memcmp(views[i].data, expected.data(), expected.size()) == 0,
                      tensor.name + ": block " + std::to_string(i) + " differs");
        CHECK_STATUS(uakv_release(&views[i]), UAKV_OK);
    }
}

} // namespace

uakv_space_options Tensor::space_options() const {
    uakv_space_options options = {};
    options.struct_size = sizeof options;
    options.layout = {dtype,
                      5,
                      {layers, 2, block_tokens, heads, channels},
                      {UAKV_AXIS_LAYER, UAKV_AXIS_KV, UAKV_AXIS_TOKEN, UAKV_AXIS_HEAD, UAKV_AXIS_CHANNEL}};
    return options;
}

std::vector<uakv_key> Tensor::keys() const {
    std::vector<uakv_key> keys(blocks());
    size_t count = 0;
    CHECK_STATUS(uakv_keys_of_tokens(token_ids.data(), token_ids.size(), block_tokens, name.data(), name.size(),
                                     keys.data(), &count),
                 UAKV_OK);
    CHECK_EQ(count, keys.size());
    return keys;
}

void Tensor::gather(size_t block, void *out) const {
    CHECK_EQ(bytes.size(), blocks() * block_bytes());
    for (size_t piece = 0; piece < layers * 2; ++piece) {
        std::memcpy(static_cast<uint8_t *>(out) + piece * piece_bytes(),
                    bytes.data() + (piece * blocks() + block) * piece_bytes(), piece_bytes());
    }
}

void check_round_trip(const Tensor &tensor) {
    Daemon daemon;
    run_child([&] {
        Client client(daemon);
        const uakv_space_options options = tensor.space_options();
        Space space(client, tensor.name, &options);
        const auto keys = tensor.keys();
        const size_t half = keys.size() / 2;
        store_by_copy(space, tensor, keys, half);
        store_in_place(space, tensor, keys, half);
    });
    run_child([&] { compare(daemon, tensor); });
}

} // namespace uakv::test
