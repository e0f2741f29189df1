// Writing blocks: reserve, fill, commit; and store, which does the three at once.
#pragma once

#include "clientlib/client.h"

#include <span>

namespace uakv {

uakv_status reserve(uakv_space &space, const uakv_key &key, std::size_t length, const uakv_store_options &options,
                    uakv_slot &out);
uakv_status commit(uakv_slot &slot);
uakv_status abort(uakv_slot &slot);
uakv_status store(uakv_space &space, const uakv_key &key, const void *data, std::size_t length,
                  const uakv_store_options &options);
uakv_status store_many(uakv_space &space, std::span<const uakv_key> keys, const void *const *data,
                       const std::size_t *lengths, uakv_status *each);
uakv_status remove(uakv_space &space, std::span<const uakv_key> keys, std::size_t *removed);

} // namespace uakv
