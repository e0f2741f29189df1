// Copying a block out: it is leased, copied or decoded, and let go of again.
#pragma once

#include "clientlib/retrieve.h"

#include <cstddef>

namespace uakv {

struct CopyTarget {
    std::byte *data = nullptr;
    std::size_t capacity = 0;
    std::size_t length = 0; // of the block, once it is known: with UAKV_OK and UAKV_ERR_TOO_LARGE
};

// As look(), with RetrieveRequest::as_stored: UAKV_OK, UAKV_MISS, needs_load or an error. A block that does not fit is
// not copied.
uakv_status copy_block(uakv_space &space, const uakv_key &key, RetrieveRequest request, CopyTarget &target);

} // namespace uakv
