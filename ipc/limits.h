// All hard limits in one place, with the relations between them checked at compile time. A limit that two
// processes must agree on is part of the protocol: changing it means a new protocol_version (wire.h).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace uakv::limits {

constexpr std::size_t cache_line_bytes = 64;
constexpr std::size_t page_bytes = 4096;

// Store.
constexpr std::uint64_t memory_bytes_min = 16ULL << 20;
constexpr std::uint64_t memory_bytes_max = 1ULL << 40; // entries are numbered with lease_entry_bits
constexpr std::uint64_t segment_bytes_min = 2ULL << 20;
constexpr std::uint64_t segment_bytes_max = 1ULL << 30;
constexpr std::uint64_t segments_per_memory = 32; // a segment is at most this fraction of the memory
constexpr std::uint32_t segments_max = 2 * 1024;
constexpr std::uint32_t spaces_max = 1024;
constexpr std::size_t space_name_bytes_max = 127;
constexpr std::size_t tenant_name_bytes_max = 63;
constexpr std::uint32_t tenants_max = 64;

// Disk, of one tenant.
constexpr std::uint64_t disk_bytes_min = 16ULL << 20;
constexpr std::uint64_t disk_bytes_max = 1ULL << 50;
constexpr std::uint64_t disk_file_bytes_min = 1ULL << 20;
constexpr std::uint64_t disk_file_bytes_max = 4ULL << 30;
constexpr std::uint64_t disk_files_min = 8; // fewer make what leaves at a time coarse

// Index.
constexpr std::size_t key_bytes = 32;
constexpr unsigned lease_entry_bits = 28;
constexpr std::uint32_t entries_max = 1U << lease_entry_bits;
constexpr unsigned lease_stamp_bits = 12;
constexpr std::size_t bucket_slots = 7;
constexpr std::uint32_t entries_per_bucket = 4; // of 7: overflow is rare, and so are second cache misses

// A client.
constexpr std::uint32_t clients_max = 1024;
constexpr std::uint32_t clients_per_process_max = 64;
constexpr std::uint32_t devices_per_process_max = 960; // of all its clients together
constexpr std::uint32_t submissions = 256;
constexpr std::uint32_t completions = 512;
constexpr std::uint32_t touches = 4096;
constexpr std::uint32_t lease_words = 16384;
constexpr std::uint32_t device_streams_max = 64;     // of a GPU that a client orders commits and releases by
constexpr std::uint32_t grants_per_client_max = 512; // slots that a client holds reserved
constexpr std::uint32_t kept_slots_max = 64;         // of them, kept for the next reserves
constexpr std::uint32_t kept_slots_of_class_max = 16;
constexpr std::uint64_t grants_ahead_fraction = 64; // a client holds ahead at most this fraction of the memory

// Control socket.
constexpr std::size_t control_message_bytes_max = 512;
constexpr std::size_t control_fds_max = 4;
constexpr std::size_t socket_path_bytes_max = 107; // of sockaddr_un
constexpr std::uint32_t control_backlog = 256;
constexpr std::uint32_t greetings_per_user_max = 64; // connections that have not said hello, unless of an admin
constexpr std::uint32_t unread_segments_max = 16;    // descriptors on their way to a client
constexpr std::uint32_t operators_max = 16;          // connections beyond clients_max, so that an admin can always look
constexpr std::uint32_t orphans_max = 4096;          // sessions that a daemon leaves, those of daemons before included

static_assert(std::has_single_bit(submissions) && std::has_single_bit(completions) && std::has_single_bit(touches));
static_assert(completions >= submissions, "each submission in flight has a place for its completion");
static_assert(segment_bytes_max * segments_per_memory <= memory_bytes_max);
static_assert(segments_max >= memory_bytes_max / segment_bytes_max && segments_max >= 2 * segments_per_memory);
static_assert(memory_bytes_min / segment_bytes_min >= 8, "a starving size class needs others to take from");
static_assert(memory_bytes_max / page_bytes <= entries_max, "a slot is a page or more: each has an entry");
static_assert(disk_bytes_min >= disk_files_min * disk_file_bytes_min);
static_assert(kept_slots_of_class_max <= kept_slots_max && kept_slots_max <= grants_per_client_max);
static_assert(orphans_max >= clients_max + operators_max);
static_assert(lease_words % 64 == 0, "the client keeps them in a bitmap");
static_assert(device_streams_max * cache_line_bytes == page_bytes, "their words are the page that CUDA registers");

} // namespace uakv::limits
