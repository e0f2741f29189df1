// The descriptors that the daemon passes to a client, and what this process can do with them. Whoever links this has
// copies of all that arrive: the library closes its own once they are mapped.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace uakv::test {

// Of the memory among them; those that arrived since forget_passed().
std::vector<int> passed_memory();
void forget_passed();

std::string name_of(int fd);

bool is_memory(const std::string &name); // "/memfd:..."

// The client's own rings and leases: the one region that a read-only client has to write to.
bool is_session(const std::string &name);

bool can_reopen(int fd, int flags);
bool can_map_writable(int fd);

// No way leads to writing through it, but for the session's own.
void check_cannot_write(int fd);

// No mapping of the daemon's memory can be written, nor made so. Returns how many there are.
size_t check_mappings();

} // namespace uakv::test
