// The checks that several exported functions begin with: each says what is wrong and with which argument.
#pragma once

#include "clientlib/client.h"
#include "clientlib/retrieve.h"

#include <cstddef>

namespace uakv {

uakv_status check_client(const char *call, const uakv_client *client) noexcept;
uakv_status check_space(const char *call, const uakv_space *space) noexcept;
uakv_status check_key(const char *call, const uakv_space *space, const uakv_key *key) noexcept;
uakv_status check_block(const char *call, const uakv_space *space, const uakv_key *key, std::size_t n) noexcept;
uakv_status check_keys(const char *call, const uakv_space *space, const uakv_key *keys, std::size_t count) noexcept;
uakv_status check_blocks(const char *call, const uakv_space *space, const uakv_key *keys, const void *const *data,
                         const std::size_t *n, std::size_t count) noexcept;
uakv_status check_copy_in(const char *call, const uakv_space *space, const uakv_key *key, const void *data,
                          std::size_t n) noexcept;
uakv_status check_copy_out(const char *call, const uakv_space *space, const uakv_key *key, const void *dst,
                           std::size_t cap) noexcept;
uakv_status check_views(const char *call, const uakv_space *space, const uakv_key *keys, std::size_t count,
                        const uakv_view *views) noexcept;
uakv_status check_statistics(const char *call, const uakv_client *client, const uakv_statistics *out) noexcept;

// Null stands for all defaults.
uakv_status read_store_options(const char *call, const uakv_store_options *given, uakv_store_options &options) noexcept;
uakv_status read_retrieve_options(const char *call, const uakv_space &space, const uakv_retrieve_options *given,
                                  RetrieveRequest &request) noexcept;

} // namespace uakv
