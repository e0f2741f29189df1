// Blocks that lie on disk: a daemon with a small memory and a larger disk, and the way of a block from one to the
// other.
#pragma once

#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace uakv::test {

// 64 MiB of memory.
DaemonOptions with_disk(const std::string &disk = "512MiB");

uint8_t tiers_of(uakv_space *space, const uakv_key &key);

// Stores them so that the disk has each before memory runs out: none is lost.
void store_safely(uakv_space *space, const std::vector<uakv_key> &keys, size_t bytes);

// Until memory does not have the block any more, but the disk has. What is stored for that is of the same length, for
// sizes keep their memory from each other, and goes to a space of its own.
void push_out(uakv_client *client, uakv_space *space, const uakv_key &key, size_t bytes);

// A 16-bit float tensor, of which a third can be saved; the same for each number.
std::vector<uint8_t> make_tensor(size_t bytes, uint64_t number);

} // namespace uakv::test
