// The keys and values of one sequence, in blocks of a fixed number of tokens, each block of all layers. A block
// is memory of this object, or memory of somebody else: a slot that is being filled, or a view of a block that
// another process computed. Attention cannot tell them apart, and nothing is copied.
//
// Layout of a block: [layer][kv][token][head][channel], fp32, row-major.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace prefix_reuse {

enum class Kv : std::size_t { key = 0, value = 1 };

struct BlockShape {
    std::size_t layers;
    std::size_t tokens;
    std::size_t heads;
    std::size_t channels; // of one head

    std::size_t row() const { return heads * channels; }
    std::size_t floats() const { return layers * 2 * tokens * row(); }
    std::size_t bytes() const { return floats() * sizeof(float); }
};

class PagedKv {
public:
    explicit PagedKv(const BlockShape &shape) : shape_(shape) {}

    const BlockShape &shape() const { return shape_; }
    std::size_t blocks() const { return blocks_.size(); }

    // Appends a block: to be filled by this process in its own memory, to be filled in memory that is lent,
    // or complete and read-only.
    void append_own();
    void append_lent(float *data);
    void append_view(const float *data);

    // The last block is complete and is read at `data` from here on.
    void replace_last_by_view(const float *data);

    // The row of one token: all heads, one after another.
    const float *row(std::size_t layer, Kv kv, std::size_t position) const;
    float *row_to_fill(std::size_t layer, Kv kv, std::size_t position);

private:
    struct Block {
        const float *readable;
        float *writable; // null for a view
        std::unique_ptr<float[]> own;
    };

    std::size_t offset(std::size_t layer, Kv kv, std::size_t position) const;

    BlockShape shape_;
    std::vector<Block> blocks_;
};

} // namespace prefix_reuse
