// Size classes, for every number of pages up to a large segment.
#include "ipc/size_class.h"
#include "support/check.h"

namespace uakv::test {
namespace {

void smallest_that_holds() {
    for (std::uint64_t pages = 1; pages <= limits::segment_bytes_max / limits::page_bytes; ++pages) {
        const std::uint64_t bytes = pages * limits::page_bytes;
        const SizeClass size_class = size_class_of(bytes);
        CHECK(size_class < size_classes);
        CHECK(slot_bytes_of(size_class) >= bytes);
        CHECK(size_class == 0 || slot_bytes_of(size_class - 1) < bytes);
        CHECK_EQ(size_class_of(bytes - 1), size_class);
        CHECK_EQ(size_class_of(bytes - limits::page_bytes + 1), size_class);
    }
}

void sizes_grow_by_whole_pages() {
    for (SizeClass size_class = 1; size_class < size_classes; ++size_class) {
        CHECK(slot_bytes_of(size_class) > slot_bytes_of(size_class - 1));
        CHECK_EQ(slot_bytes_of(size_class) % limits::page_bytes, 0);
        CHECK_EQ(size_class_of(slot_bytes_of(size_class)), size_class);
    }
}

void little_is_wasted() {
    for (SizeClass size_class = 8; size_class < size_classes; ++size_class) {
        const std::uint64_t worst = slot_bytes_of(size_class - 1) + 1;
        CHECK((slot_bytes_of(size_class) - worst) * 8 <= slot_bytes_of(size_class));
    }
    for (std::uint64_t bytes = limits::page_bytes; bytes <= limits::segment_bytes_max; bytes *= 2) {
        CHECK_EQ(slot_bytes_of(size_class_of(bytes)), bytes);
    }
}

constexpr Case cases[] = {
    {"smallest_that_holds", smallest_that_holds},
    {"sizes_grow_by_whole_pages", sizes_grow_by_whole_pages},
    {"little_is_wasted", little_is_wasted},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("size_class", uakv::test::cases);
}
