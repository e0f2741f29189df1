#include "clientlib/cuda/cache_layout.h"

#include "clientlib/cuda/kernels/paged_copy.h"

#include <algorithm>
#include <array>
#include <optional>

namespace uakv::cuda {
namespace {

using Number = unsigned long long;

struct NumberField {
    const char *name;
    std::uint64_t value;
    std::uint64_t min;
    std::uint64_t max;
};

Result<void> check_range(const char *call, const NumberField &field) {
    if (field.value >= field.min && field.value <= field.max) {
        return {};
    }
    return error(UAKV_ERR_INVALID, "%s: options.%s is %llu; expected %llu to %llu", call, field.name,
                 Number{field.value}, Number{field.min}, Number{field.max});
}

// Something that there are `count` of, `stride` bytes apart.
struct Dimension {
    const char *name;
    std::uint64_t stride;
    std::uint64_t count;
};

// From the smallest stride to the largest: each must step over all that lies within. Then no two rows share a byte, in
// whatever order the engine has its dimensions. Gives the bytes from a base to the end of what may be touched.
Result<std::uint64_t> check_extent(const char *call, const CacheLayout &layout) {
    std::array<Dimension, 3> dimensions{{{"head_stride", layout.head_stride, layout.heads},
                                         {"token_stride", layout.token_stride, layout.page_tokens},
                                         {"page_stride", layout.page_stride, layout.pages}}};
    std::stable_sort(dimensions.begin(), dimensions.end(),
                     [](const Dimension &a, const Dimension &b) { return a.stride < b.stride; });
    std::uint64_t extent = layout.row_bytes;
    for (const Dimension &each : dimensions) {
        if (each.count == 1) {
            continue; // nothing is reached by it
        }
        if (each.stride < extent) {
            return error(UAKV_ERR_INVALID,
                         "%s: options.%s is %llu, but what it steps over takes %llu bytes; expected no less, for rows "
                         "would overlap",
                         call, each.name, Number{each.stride}, Number{extent});
        }
        std::uint64_t more = 0;
        if (__builtin_mul_overflow(each.stride, each.count - 1, &more) ||
            __builtin_add_overflow(extent, more, &extent)) {
            return error(UAKV_ERR_INVALID, "%s: options.%s is %llu, and %llu of them; expected an end within 64 bits",
                         call, each.name, Number{each.stride}, Number{each.count});
        }
    }
    return extent;
}

Result<void> check_bases(const char *call, const CacheLayout &layout, std::uint64_t extent) {
    for (std::size_t i = 0; i < layout.bases.size(); ++i) {
        const std::uint64_t base = layout.bases[i];
        std::uint64_t end = 0;
        if (base == 0 || base % vector_bytes != 0 || __builtin_add_overflow(base, extent, &end)) {
            return error(UAKV_ERR_INVALID,
                         "%s: options.bases[%zu] is 0x%llx; expected a device pointer, a multiple of %u, with %llu "
                         "bytes behind it",
                         call, i, Number{base}, vector_bytes, Number{extent});
        }
    }
    return {};
}

Result<void> check_fields(const char *call, const uakv_cuda_cache_options &options) {
    constexpr std::uint64_t any = ~0ULL;
    for (const NumberField &field : std::initializer_list<NumberField>{
             {"flags", options.flags, 0, 0},
             {"reserved", options.reserved, 0, 0},
             {"layers", options.layers, 1, cache_layers_max},
             {"parts", options.parts, 1, 2},
             {"pages", options.pages, 1, cache_pages_max},
             {"page_tokens", options.page_tokens, 1, ~0U},
             {"heads", options.heads, 1, ~0U},
             {"row_bytes", options.row_bytes, vector_bytes, ~0U},
             {"page_stride", options.page_stride, options.pages > 1 ? vector_bytes : 0, any},
             {"token_stride", options.token_stride, options.page_tokens > 1 ? vector_bytes : 0, any},
             {"head_stride", options.head_stride, options.heads > 1 ? vector_bytes : 0, any}}) {
        if (auto in_range = check_range(call, field); !in_range.ok()) {
            return in_range;
        }
    }
    const Dimension multiples[] = {{"row_bytes", options.row_bytes, 2},
                                   {"page_stride", options.page_stride, options.pages},
                                   {"token_stride", options.token_stride, options.page_tokens},
                                   {"head_stride", options.head_stride, options.heads}};
    for (const Dimension &each : multiples) {
        if (each.count > 1 && each.stride % vector_bytes != 0) {
            return error(UAKV_ERR_INVALID, "%s: options.%s is %llu; expected a multiple of %u bytes", call, each.name,
                         Number{each.stride}, vector_bytes);
        }
    }
    if (options.bases == nullptr) {
        return error(UAKV_ERR_INVALID, "%s: options.bases is NULL; expected layers * parts device pointers", call);
    }
    return {};
}

} // namespace

Result<CacheLayout> check_cache_layout(const char *call, const uakv_cuda_cache_options &options) {
    if (auto fields = check_fields(call, options); !fields.ok()) {
        return fields.take_error();
    }
    std::uint64_t bytes = std::uint64_t{options.layers} * options.parts;
    if (__builtin_mul_overflow(bytes, options.page_tokens, &bytes) ||
        __builtin_mul_overflow(bytes, options.heads, &bytes) ||
        __builtin_mul_overflow(bytes, options.row_bytes, &bytes) || bytes > cache_page_bytes_max) {
        return error(
            UAKV_ERR_INVALID,
            "%s: options.layers %u * parts %u * page_tokens %u * heads %u * row_bytes %u, a page, is too much; "
            "expected at most %llu bytes",
            call, options.layers, options.parts, options.page_tokens, options.heads, options.row_bytes,
            Number{cache_page_bytes_max});
    }
    CacheLayout layout;
    layout.bases.assign(options.bases, options.bases + std::size_t{options.layers} * options.parts);
    layout.pages = options.pages;
    layout.page_stride = options.page_stride;
    layout.token_stride = options.token_stride;
    layout.head_stride = options.head_stride;
    layout.page_tokens = options.page_tokens;
    layout.heads = options.heads;
    layout.row_bytes = options.row_bytes;
    auto extent = check_extent(call, layout);
    if (!extent.ok()) {
        return extent.take_error();
    }
    if (auto bases = check_bases(call, layout, extent.value()); !bases.ok()) {
        return bases.take_error();
    }
    return layout;
}

MergedRows merge_rows(const CacheLayout &layout) {
    MergedRows merged{layout.row_bytes, layout.heads, layout.page_tokens};
    if (merged.heads == 1 || layout.head_stride == merged.row_bytes) {
        merged.row_bytes *= merged.heads;
        merged.heads = 1;
        if (merged.page_tokens == 1 || layout.token_stride == merged.row_bytes) {
            merged.row_bytes *= merged.page_tokens;
            merged.page_tokens = 1;
        }
    }
    return merged;
}

std::optional<std::uint64_t> block_bytes_of(const CacheLayout &layout, std::uint64_t pages_per_block) {
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(layout.page_bytes() * layout.bases.size(), pages_per_block, &bytes)) {
        return std::nullopt;
    }
    return bytes;
}

} // namespace uakv::cuda
