#include "paged_kv.h"

#include <cassert>
#include <utility>

namespace prefix_reuse {

void PagedKv::append_own() {
    auto own = std::make_unique<float[]>(shape_.floats());
    float *data = own.get();
    blocks_.push_back({data, data, std::move(own)});
}

void PagedKv::append_lent(float *data) {
    assert(data != nullptr);
    Block block{data, nullptr, nullptr};
    block.writable = data;
    blocks_.push_back(std::move(block));
}

void PagedKv::append_view(const float *data) {
    assert(data != nullptr);
    blocks_.push_back({data, nullptr, nullptr});
}

void PagedKv::replace_last_by_view(const float *data) {
    assert(data != nullptr && !blocks_.empty());
    blocks_.back() = {data, nullptr, nullptr};
}

const float *PagedKv::row(std::size_t layer, Kv kv, std::size_t position) const {
    const Block &block = blocks_[position / shape_.tokens];
    return block.readable + offset(layer, kv, position);
}

float *PagedKv::row_to_fill(std::size_t layer, Kv kv, std::size_t position) {
    assert(position / shape_.tokens < blocks_.size());
    const Block &block = blocks_[position / shape_.tokens];
    assert(block.writable != nullptr); // what another process may read does not change any more
    return block.writable + offset(layer, kv, position);
}

std::size_t PagedKv::offset(std::size_t layer, Kv kv, std::size_t position) const {
    const std::size_t token = position % shape_.tokens;
    return ((layer * 2 + static_cast<std::size_t>(kv)) * shape_.tokens + token) * shape_.row();
}

} // namespace prefix_reuse
