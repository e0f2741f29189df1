// Control messages: what daemon and client say over the socket. Fixed-size structs, native byte order (both
// sides are on one machine), no pointers; PROTOCOL.md draws them as byte tables. Every message begins with a
// MessageHeader; a receiver checks type and length before it looks further.
#pragma once

#include "abi/uakv.h"
#include "ipc/limits.h"

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace uakv {

constexpr std::uint32_t protocol_magic = 0x564B4155; // "UAKV"

#ifndef UAKV_PROTOCOL_VERSION // tests build the next one too
#define UAKV_PROTOCOL_VERSION 5
#endif
constexpr std::uint32_t protocol_version = UAKV_PROTOCOL_VERSION;

enum class MessageType : std::uint32_t {
    hello = 1,      // client: who I am
    welcome = 2,    // daemon: your regions; descriptors: index, session, doorbell, bell
    refused = 3,    // daemon: why not; on an established session: why it ends here
    space_open = 4, // client
    space_opened = 5,
    segment_get = 6,   // client
    segment = 7,       // daemon; descriptor: the segment
    report_get = 8,    // operator, instead of a hello
    report = 9,        // daemon; descriptor: the report
    hello_device = 10, // client, instead of a hello: to the arena of its tenant on one GPU
};

struct MessageHeader {
    std::uint32_t magic = protocol_magic;
    MessageType type{};
};

struct HelloMessage {
    MessageHeader header{protocol_magic, MessageType::hello};
    std::uint32_t version_min = protocol_version; // the client speaks version_min to version_max
    std::uint32_t version_max = protocol_version;
    std::uint32_t flags = 0; // UAKV_READ_ONLY
    std::uint32_t reserved = 0;
    char tenant[limits::tenant_name_bytes_max + 1] = {}; // empty: the one that the daemon has for this user
};
static_assert(sizeof(HelloMessage) == 88 && offsetof(HelloMessage, tenant) == 24);

// To the tenant's blocks on a device. The answer is as to a hello.
struct HelloDeviceMessage {
    MessageHeader header{protocol_magic, MessageType::hello_device};
    std::uint32_t version_min = protocol_version;
    std::uint32_t version_max = protocol_version;
    std::uint32_t flags = 0; // UAKV_READ_ONLY
    std::uint32_t reserved = 0;
    char tenant[limits::tenant_name_bytes_max + 1] = {};
    std::uint8_t device[16] = {}; // its UUID: what each side counts as a number may differ
};
static_assert(sizeof(HelloDeviceMessage) == 104 && offsetof(HelloDeviceMessage, tenant) == 24 &&
              offsetof(HelloDeviceMessage, device) == 88);

struct WelcomeMessage {
    MessageHeader header{protocol_magic, MessageType::welcome};
    std::uint32_t version = protocol_version;
    std::uint32_t daemon = 0; // drawn at random when the daemon began: tells it from one that goes on with its memory
    std::uint64_t index_bytes = 0;
    std::uint64_t session_bytes = 0;    // sizeof(SessionLayout), or of DeviceSessionLayout after a hello_device
    std::uint64_t segment_bytes = 0;    // of every segment; also the largest block
    std::uint64_t leased_bytes_max = 0; // that this client may hold views on; 0: no limit
};
static_assert(sizeof(WelcomeMessage) == 48 && offsetof(WelcomeMessage, index_bytes) == 16 &&
              offsetof(WelcomeMessage, leased_bytes_max) == 40);
constexpr std::size_t welcome_fds = 4;
static_assert(welcome_fds <= limits::control_fds_max);

struct RefusedMessage {
    MessageHeader header{protocol_magic, MessageType::refused};
    std::int32_t status = UAKV_ERR_INTERNAL;
    std::uint32_t ends_session = 0; // 1: no answer to a request, but the last word before a hang-up
    char detail[400] = {};          // a sentence with a closing NUL
};
static_assert(sizeof(RefusedMessage) == 416 && offsetof(RefusedMessage, detail) == 16);

// What a space is; two openers agree when every byte but the name's tail is equal.
struct SpaceDescription {
    std::uint64_t shape[UAKV_NDIM_MAX] = {};
    std::uint64_t block_bytes = 0;
    std::uint32_t dtype = 0;
    std::uint32_t ndim = 0;
    std::uint32_t ttl_ms = 0;
    std::uint32_t flags = 0; // UAKV_SPACE_DURABLE
    std::uint8_t axis[UAKV_NDIM_MAX] = {};
    std::uint8_t fingerprint[32] = {};
    char name[limits::space_name_bytes_max + 1] = {};
};
static_assert(sizeof(SpaceDescription) == 256 && offsetof(SpaceDescription, block_bytes) == 64 &&
              offsetof(SpaceDescription, axis) == 88 && offsetof(SpaceDescription, name) == 128);

struct SpaceOpenMessage {
    MessageHeader header{protocol_magic, MessageType::space_open};
    SpaceDescription space;
};
static_assert(sizeof(SpaceOpenMessage) == 264);

struct SpaceOpenedMessage {
    MessageHeader header{protocol_magic, MessageType::space_opened};
    std::uint32_t space = 0; // number of the space, in entries and submissions
    std::uint32_t reserved = 0;
};
static_assert(sizeof(SpaceOpenedMessage) == 16);

struct SegmentGetMessage {
    MessageHeader header{protocol_magic, MessageType::segment_get};
    std::uint32_t segment = 0;
    std::uint32_t reserved = 0;
};
static_assert(sizeof(SegmentGetMessage) == 16);

struct SegmentMessage {
    MessageHeader header{protocol_magic, MessageType::segment};
    std::uint32_t segment = 0;
    std::uint32_t reserved = 0;
};
static_assert(sizeof(SegmentMessage) == 16);

// What an operator wants to know. Asked on a fresh connection, as often as wanted; PROTOCOL.md has the documents.
enum class ReportKind : std::uint32_t {
    status = 1, // is it well, and which tenants are there
    stats = 2,  // counters and latencies
    spaces = 3, // the spaces of a tenant
    blocks = 4, // the blocks of a space, a page at a time
    why = 5,    // where a block is, or why it is not
    disk = 6,   // the disk tiers
    verify = 7, // reads all that a tenant has on disk, and drops what is damaged: begins that, or looks how far it is
    warm = 8,   // brings the most used blocks of a space from disk into memory
};

struct ReportGetMessage {
    MessageHeader header{protocol_magic, MessageType::report_get};
    ReportKind kind{};
    std::uint32_t limit = 0;                             // blocks: how many at most; 0: 1000. warm: 0: all
    std::uint64_t cursor = 0;                            // blocks: 0, then "next" of the page before. verify: 0 begins
                                                         // one, or joins the one that runs; 1 only looks
    uakv_key key{};                                      // why
    char tenant[limits::tenant_name_bytes_max + 1] = {}; // empty: status, stats and disk of all that the asker may see,
                                                         // the others of its first
    char space[limits::space_name_bytes_max + 1] = {};   // blocks, why, warm
};
static_assert(sizeof(ReportGetMessage) == 248 && offsetof(ReportGetMessage, key) == 24 &&
              offsetof(ReportGetMessage, tenant) == 56 && offsetof(ReportGetMessage, space) == 120);

// The report is a JSON document of `bytes` in a region of its own, read-only.
struct ReportMessage {
    MessageHeader header{protocol_magic, MessageType::report};
    std::uint64_t bytes = 0;
};
static_assert(sizeof(ReportMessage) == 16);

template <typename T>
concept ControlMessage = std::is_trivially_copyable_v<T> &&
                             sizeof(T) <= limits::control_message_bytes_max &&offsetof(T, header) ==
                         0;

static_assert(ControlMessage<HelloMessage> && ControlMessage<HelloDeviceMessage> && ControlMessage<WelcomeMessage> &&
              ControlMessage<RefusedMessage> && ControlMessage<SpaceOpenMessage> && ControlMessage<SegmentMessage> &&
              ControlMessage<ReportGetMessage> && ControlMessage<ReportMessage>);

} // namespace uakv
