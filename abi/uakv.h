/*
 * uakv.h - keep the KV cache of transformer inference outside the inference process.
 *
 * A daemon, uakvd, owns shared memory; this library stores blocks of KV tensors in it and hands them
 * out again in place. A block is immutable, has a 32-byte key chosen by the caller (equal key means
 * equal content) and lives in a space: the set of blocks of one model and layout.
 *
 * CONVENTIONS, true for every call unless it says otherwise
 *
 *   Status     0 is success, positive values are outcomes to plan for, negative values are errors. After an error
 *              uakv_last_error() holds a sentence that says what was asked, what was found and what to do. Out
 *              parameters are untouched on failure.
 *   Memory     What the library allocates it frees itself, in the matching close or disconnect. Strings that it
 *              returns are constant. Nothing is kept of what a caller passes in.
 *   Options    Structs begin with struct_size = sizeof(the struct); zero means default, and a NULL pointer means all
 *              defaults. Fields are only ever appended.
 *   Threads    A uakv_client and its spaces may be used by all threads at once. A view or a slot may be copied and
 *              ended (release, commit, abort) in any thread, once; a second time gives UAKV_ERR_INVALID. Disconnect
 *              and close must not race with other calls on that handle.
 *   Deadlines  No call waits for ever. Where a call takes no timeout of its own, the deadline is the timeout_ms of
 *              uakv_connect_options (default 5 s to connect, 30 s for everything else).
 *   fork       A child must connect for itself: there every handle of the parent gives UAKV_ERR_FORKED, and views and
 *              slots of the parent are not mapped. uakv_disconnect() in the child frees the handle and leaves the
 *              parent's connection alone.
 *   Daemon     When it stops or dies, blocks in memory can still be retrieved and views stay readable; what needs the
 *              daemon, or was not answered yet, gives UAKV_ERR_DISCONNECTED. The client attaches to a new daemon by
 *              itself, from within the calls that are made anyway (no thread), at most every 10 ms to 1 s. Where that
 *              one goes on with the memory (under a service manager or --fd-keeper) blocks stay, and open slots can be
 *              committed; elsewhere they can only be aborted.
 *   Revoked    A view counts until it is released, unless the operator has set lease_max_age: then the daemon takes
 *              the views of a client back that holds one for longer while there is no room for others. uakv_release()
 *              gives UAKV_ERR_REVOKED for each of them, and what was read through it may be wrong: use, and above all
 *              commit, what was computed from a view only once its release gave UAKV_OK. The client goes on with a new
 *              session by itself.
 *   Tiers      A block lies in memory, or on the daemon's disk, or on both: UAKV_TIER_*. One that is on disk alone is
 *              stored as much as any other (uakv_contains() and uakv_match_prefix() find it); a retrieve waits
 *              until the daemon has brought it into memory, at most for its timeout_ms, and UAKV_MISS says that it
 *              cannot be had within that. A daemon without a disk has memory alone: nothing here changes for it but
 *              that uakv_flush() and UAKV_SPACE_DURABLE give UAKV_ERR_UNSUPPORTED.
 *   Death      A process that dies leaves nothing behind: its views and its uncommitted slots go back within a second.
 *              Blocks that it committed stay.
 *
 * SEMANTICS
 *
 *   1. Stored means visible: after uakv_commit() or uakv_store() gave UAKV_OK in one process, a retrieve that
 *      starts later, in any process, finds the block until it is evicted (from memory, where the disk does not have
 *      it, or from the disk), removed or expired.
 *   2. Never wrong: the bytes of a view are those that were committed under its key in its space, also from disk.
 *   3. A view stays valid, its bytes unchanged, until it is released: across eviction, removal and the death of
 *      the daemon. Where it did not (lease_max_age), its release says so.
 *   4. Flushed means kept: what was committed before a uakv_flush() that gave UAKV_OK survives the daemon and the
 *      machine, unless it is removed, expires, or leaves the disk for want of room there.
 *
 * This header is C99 and C++11 and newer, and needs nothing but <stddef.h> and <stdint.h>.
 */
#ifndef UAKV_H
#define UAKV_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define UAKV_API __attribute__((visibility("default")))
#else
#define UAKV_API
#endif

/* ---- library -------------------------------------------------------------------------------------- */

/* Version of the interface below: (major << 16) | minor. A library with the same major number and the
 * same or a newer minor one serves a program that was compiled against this header. */
#define UAKV_ABI_VERSION 0x00000005u

typedef int32_t uakv_status;

enum {
#define UAKV_STATUS(name, value, text) name = (value),
#include "uakv_status.def"
#undef UAKV_STATUS
    UAKV_STATUS_ENUM_END_ = 0x7fffffff
};

/* The ABI version of the library that is loaded, as UAKV_ABI_VERSION. */
UAKV_API uint32_t uakv_abi_version(void);

/* The version of the library that is loaded, such as "0.1.0". */
UAKV_API const char *uakv_version_string(void);

/* "UAKV_ERR_TIMEOUT" and "the deadline passed"; of no status: "UAKV_UNKNOWN" and "unknown status". Never NULL. */
UAKV_API const char *uakv_status_name(uakv_status status);
UAKV_API const char *uakv_status_string(uakv_status status);

typedef struct uakv_client uakv_client; /* a connection to the daemon */
typedef struct uakv_space uakv_space;   /* an open space of a client */

/* Copies the detail of the calling thread's last failed call into buf: at most len bytes with the closing
 * NUL, cut where it does not fit. Returns the length of the whole sentence without the NUL, so that a
 * result >= len means it was cut; 0 when nothing failed so far. buf may be NULL when len is 0. The detail
 * belongs to the thread, so `client` only documents which handle was meant and may be NULL (as it must be
 * after a failed connect). */
UAKV_API size_t uakv_last_error(const uakv_client *client, char *buf, size_t len);

/* ---- connection ----------------------------------------------------------------------------------- */

/* uakv_connect_options.flags */
#define UAKV_READ_ONLY                                                                                                 \
    1u /* map everything read-only: such a client cannot harm a block. A tenant may admit a user                       \
          as reader only: then this flag is required */

typedef struct uakv_connect_options {
    uint32_t struct_size;
    uint32_t flags;
    const char *socket_path; /* NULL: $UAKV_SOCKET, then $XDG_RUNTIME_DIR/uakv/uakvd.sock where it exists,
                                then /run/uakv/uakvd.sock */
    const char *tenant;      /* NULL: the tenant that the daemon has for this user */
    uint32_t timeout_ms;     /* deadline of this connect and of each later call; 0: 5 s and 30 s */
} uakv_connect_options;

/* Connects to the daemon. A process needs one client; it may have several (at most 64).
 * Errors: DISCONNECTED (no daemon at the path), DENIED (the daemon does not admit this user to this tenant, or
 * not without UAKV_READ_ONLY, or all places are taken), NO_SPACE (the machine has no memory for another client),
 * TIMEOUT, VERSION, INVALID, TOO_NEW, NO_MEMORY. */
UAKV_API uakv_status uakv_connect(const uakv_connect_options *options, uakv_client **out);

/* Ends the connection and frees the client. All its views and slots end with it: they must not be read or
 * written any more, and releasing them later gives UAKV_ERR_INVALID. Its spaces are closed too and must
 * not be used again. NULL does nothing. */
UAKV_API void uakv_disconnect(uakv_client *client);

/* ---- spaces --------------------------------------------------------------------------------------- */

/* Element types, for uakv_layout.dtype. */
#define UAKV_DTYPE_OPAQUE 0u /* bytes without a known meaning */
#define UAKV_DTYPE_F32 1u
#define UAKV_DTYPE_F16 2u
#define UAKV_DTYPE_BF16 3u
#define UAKV_DTYPE_F8_E4M3 4u
#define UAKV_DTYPE_F8_E5M2 5u
#define UAKV_DTYPE_I8 6u
#define UAKV_DTYPE_U8 7u

/* What an axis of the tensor stands for, for uakv_layout.axis. */
#define UAKV_AXIS_OTHER 0u
#define UAKV_AXIS_LAYER 1u
#define UAKV_AXIS_KV 2u /* 0 = keys, 1 = values */
#define UAKV_AXIS_TOKEN 3u
#define UAKV_AXIS_HEAD 4u
#define UAKV_AXIS_CHANNEL 5u

#define UAKV_NDIM_MAX 8
#define UAKV_SPACE_NAME_MAX 127 /* bytes, without the closing NUL */

/* The tensor in each block: row-major, axis[i] says what shape[i] counts. ndim = 0 leaves blocks opaque:
 * any length up to the limit. Otherwise each block has exactly the bytes of the shape. */
typedef struct uakv_layout {
    uint32_t dtype;
    uint32_t ndim;
    uint64_t shape[UAKV_NDIM_MAX];
    uint8_t axis[UAKV_NDIM_MAX];
} uakv_layout;

/* uakv_space_options.flags */
#define UAKV_SPACE_DURABLE                                                                                             \
    1u /* write each block to the daemon's disk as soon as it is committed, and not only before it has to leave        \
          memory. A commit does not wait for that: uakv_flush() does */

typedef struct uakv_space_options {
    uint32_t struct_size;
    uint32_t flags;
    uakv_layout layout;
    uint64_t block_bytes;    /* the largest block in bytes; 0: the bytes of the layout, or without one what
                                the daemon allows (one segment: a 32nd to a 64th of its memory, at most 1 GiB) */
    uint32_t ttl_ms;         /* how long blocks live that are stored with ttl_ms 0; 0: no limit */
    uint8_t fingerprint[32]; /* what else must be equal to share blocks: weights, engine, hash, rank */
} uakv_space_options;

/* Opens the space `name` (1 to UAKV_SPACE_NAME_MAX bytes of printable ASCII without blanks), making it when it does not
 * exist. Every opener must give the layout, block size, lifetime, flags and fingerprint that the space has.
 * Errors: LAYOUT (it differs; the detail names the field), DENIED (a read-only client asked for a space
 * that does not exist), NO_SPACE (too many spaces), UNSUPPORTED (UAKV_SPACE_DURABLE, and the daemon has no disk),
 * INVALID, TOO_NEW, TIMEOUT, DISCONNECTED, FORKED. */
UAKV_API uakv_status uakv_space_open(uakv_client *client, const char *name, const uakv_space_options *options,
                                     uakv_space **out);

/* Ends this opening; blocks, views and slots stay. Every uakv_space_open() wants one. NULL does nothing. */
UAKV_API void uakv_space_close(uakv_space *space);

/* ---- keys ----------------------------------------------------------------------------------------- */

typedef struct uakv_key {
    uint8_t bytes[32];
} uakv_key;

/* SHA-256 (FIPS 180-4) of n bytes; bytes may be NULL when n is 0. */
UAKV_API uakv_key uakv_key_of(const void *bytes, size_t n);

/* Keys of a prompt's blocks, chained as the prefix caches of vLLM and SGLang do it, so that equal keys
 * mean equal prefixes: out[i] = SHA-256(out[i-1] || tokens of block i as little-endian 32-bit words), and
 * out[-1] = SHA-256(salt). Whole blocks only: writes n / block_tokens keys to out and that number to
 * n_out (may be NULL). salt may be NULL when salt_len is 0. Errors: INVALID. */
UAKV_API uakv_status uakv_keys_of_tokens(const uint32_t *tokens, size_t n, size_t block_tokens, const void *salt,
                                         size_t salt_len, uakv_key *out, size_t *n_out);

/* ---- store ---------------------------------------------------------------------------------------- */

/* Where a block's bytes lie, as bits. */
#define UAKV_TIER_GPU 1u  /* of a GPU: uakv_cuda.h */
#define UAKV_TIER_HOST 2u /* memory */
#define UAKV_TIER_DISK 4u /* the disk of the daemon's machine */

typedef struct uakv_store_options {
    uint32_t struct_size;
    uint32_t flags;         /* none yet: 0 */
    const uakv_key *parent; /* the block before this one in its prefix, or NULL: blocks leave the cache
                               before those that they hang on. A parent that has left already, even to make
                               room for this block, does not come back: hold a view on it meanwhile */
    uint32_t ttl_ms;        /* lifetime of this block; 0: that of the space */
    uint8_t tier;           /* where to store it: 0 or UAKV_TIER_HOST */
} uakv_store_options;

/* A place for one block, n bytes at data, aligned to 4096 bytes; writable until commit or abort. */
typedef struct uakv_slot {
    void *data;
    size_t nbytes;
    uint64_t opaque[6];
} uakv_slot;

/* Copies n bytes in and publishes them under key. UAKV_EXISTS when the key is in memory already; where only the disk
 * has it, the bytes are copied in, which brings it back to memory.
 * Errors: NO_SPACE, TOO_LARGE, LAYOUT (n is not the size of the layout), DENIED (read-only client, or one
 * that holds 512 open slots), BUSY, TIMEOUT, DISCONNECTED, FORKED, INVALID, TOO_NEW. After TIMEOUT or
 * DISCONNECTED the block may or may not have been stored. */
UAKV_API uakv_status uakv_store(uakv_space *space, const uakv_key *key, const void *data, size_t n,
                                const uakv_store_options *options);

/* Takes a slot of n bytes to be filled in place. UAKV_EXISTS, and no slot, when the key is in memory already.
 * Usually served from slots granted ahead, without asking the daemon. Several processes may reserve one
 * key; the first commit wins. Errors as uakv_store. */
UAKV_API uakv_status uakv_reserve(uakv_space *space, const uakv_key *key, size_t n, const uakv_store_options *options,
                                  uakv_slot *out);

/* Publishes the slot; its data must not be touched from here on, whatever is returned. UAKV_EXISTS when
 * another process was first. The slot is ended in every case but INVALID (it was not open).
 * Errors: as uakv_store. */
UAKV_API uakv_status uakv_commit(uakv_slot *slot);

/* Gives the slot back unpublished. Errors: INVALID, FORKED. */
UAKV_API uakv_status uakv_abort(uakv_slot *slot);

/* Stores count blocks, all in flight together. keys[i-1] is taken as the parent of keys[i], so pass them
 * in prefix order. each (may be NULL) receives the status of every block. Returns UAKV_OK when each block
 * was stored or existed, otherwise the first error. count 0 does nothing. */
UAKV_API uakv_status uakv_store_many(uakv_space *space, const uakv_key *keys, const void *const *data, const size_t *n,
                                     size_t count, uakv_status *each);

/* ---- retrieve ------------------------------------------------------------------------------------- */

/* uakv_retrieve_options.flags */
#define UAKV_VERIFY 1u        /* check the block's checksum first; costs one pass over the bytes */
#define UAKV_RESIDENT_ONLY 2u /* do not wait for the disk: what is not in memory is UAKV_MISS */

typedef struct uakv_retrieve_options {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t timeout_ms; /* how long to wait for the disk, and for the daemon where it is needed; 0: the client's */
} uakv_retrieve_options;

/* A block in place: n bytes at data, read-only, unchanged until released. */
typedef struct uakv_view {
    const void *data;
    size_t nbytes;
    uint32_t tier;   /* UAKV_TIER_HOST, or UAKV_TIER_GPU: then data is an address on the device (uakv_cuda.h) */
    uint32_t device; /* of UAKV_TIER_GPU: which; else 0 */
    uint64_t opaque[6];
} uakv_view;

/* Finds a block and leases it. One that is in memory: no copy, no lock, no system call, no daemon (but once for each
 * segment that this process has not mapped yet: where the daemon is away just then, the next one is waited for, as long
 * as timeout_ms). One that is on disk alone, or compressed in memory, is asked of the daemon and waited for, unless
 * UAKV_RESIDENT_ONLY says not to. UAKV_MISS when it is not there, or cannot be had: the daemon expects the disk to take
 * longer than timeout_ms or knows that it has stalled (it says so at once), the read has not ended when that time is
 * nearly over, or there is no room in memory.
 * Errors: CORRUPT (with UAKV_VERIFY, or what the disk gave was damaged; the daemon drops the block), IO (the disk
 * cannot read it; it may be tried again), DENIED (this client holds as many views as a client may: 16384, or as many
 * bytes as its tenant allows a client), TIMEOUT, DISCONNECTED and BUSY (only where the disk had to be waited for, a
 * segment to be mapped, a corrupt block to be reported, or a new session to be had because the views of the last one
 * were taken back; TIMEOUT: the daemon did not say anything), NO_MEMORY, FORKED, INVALID, TOO_NEW. */
UAKV_API uakv_status uakv_retrieve(uakv_space *space, const uakv_key *key, const uakv_retrieve_options *options,
                                   uakv_view *out);

/* Ends a view. UAKV_ERR_REVOKED: it is ended, but the daemon had taken it back before (lease_max_age; or leased_memory,
 * where somebody goes round this library): what was read through it may be wrong, so treat the block as missing.
 * Errors: REVOKED, INVALID (it was not open), FORKED. */
UAKV_API uakv_status uakv_release(uakv_view *view);

/* Copies a block to dst and its length to n (may be NULL). What is compressed, on disk or in memory, is decoded here,
 * by the calling thread, straight into dst. Never REVOKED: it tries again. Errors: as uakv_retrieve, and then dst may
 * have been written to; TOO_LARGE when cap bytes do not hold it (n receives what is needed; nothing is copied). */
UAKV_API uakv_status uakv_retrieve_into(uakv_space *space, const uakv_key *key, void *dst, size_t cap, size_t *n,
                                        const uakv_retrieve_options *options);

/* Retrieves count blocks: each[i] (may be NULL) is the status of keys[i], and views[i] is set where it is
 * UAKV_OK and zeroed elsewhere. Blocks that are on disk are loaded side by side, and waited for as by uakv_retrieve.
 * Returns UAKV_OK when all were found, UAKV_MISS when some were not, otherwise the first error; in every case the views
 * with data != NULL must be released. */
UAKV_API uakv_status uakv_retrieve_many(uakv_space *space, const uakv_key *keys, size_t count, uakv_view *views,
                                        uakv_status *each);

/* Single flight: of many processes that miss one key, one computes it. UAKV_OK: the block is stored, perhaps since a
 * moment ago, and *view is set. UAKV_MISS: this caller is the one; it fills *slot and commits it, or aborts it. The
 * others wait meanwhile, at most timeout_ms (0: the client's). When the one aborts, dies, or takes longer than the
 * daemon's setting single_flight, the next one gets a slot. A block that is on disk is loaded, as by uakv_retrieve;
 * only when that fails does somebody have to compute it. The out parameter that does not apply is untouched.
 * Errors: TIMEOUT (somebody still computes it; to do that here too is no harm), as uakv_reserve and uakv_retrieve. */
UAKV_API uakv_status uakv_retrieve_or_reserve(uakv_space *space, const uakv_key *key, size_t n, uint32_t timeout_ms,
                                              uakv_view *view, uakv_slot *slot);

/* The length of the longest leading run of keys that are stored, in memory or on disk; tiers (may be NULL) receives
 * where each of these lies: UAKV_TIER_HOST, UAKV_TIER_DISK, or both. No daemon call and no lease: a block may leave
 * before it is retrieved. */
UAKV_API uakv_status uakv_match_prefix(uakv_space *space, const uakv_key *keys, size_t count, size_t *matched,
                                       uint8_t *tiers);

/* ---- the rest ------------------------------------------------------------------------------------- */

/* tiers[i] = where keys[i] lies: UAKV_TIER_HOST, UAKV_TIER_DISK, or both; 0 when nowhere. No daemon call, no lease. */
UAKV_API uakv_status uakv_contains(uakv_space *space, const uakv_key *keys, size_t count, uint8_t *tiers);

/* Removes blocks, from memory and disk; removed (may be NULL): how many there were. Views on them stay valid. */
UAKV_API uakv_status uakv_remove(uakv_space *space, const uakv_key *keys, size_t count, size_t *removed);

/* Removes all blocks of the space, from memory and disk; its name and layout stay. Every block that was stored before
 * the call is gone when it returns; one that is stored meanwhile may go too. Errors: DENIED (read-only client),
 * TIMEOUT, DISCONNECTED, FORKED, BUSY, INVALID. */
UAKV_API uakv_status uakv_clear(uakv_space *space);

/* Keeps blocks from being evicted for ttl_ms milliseconds, UAKV_PIN_FOREVER for as long as the daemon lives; the last
 * call for a key counts, and 0 unpins. A pinned block can still be removed, and expires when its own lifetime is over.
 * Each block is pinned for itself: to keep a prefix, pin all of its keys.
 * UAKV_MISS when some of the keys are not in memory: the others are pinned. Retrieve or prefetch before what may be on
 * disk alone.
 * Errors: NO_SPACE (more bytes would be pinned than the tenant may pin; those before stay pinned), DENIED (read-only
 * client), TIMEOUT, DISCONNECTED, FORKED, BUSY, INVALID. */
#define UAKV_PIN_FOREVER 0xffffffffu
UAKV_API uakv_status uakv_pin(uakv_space *space, const uakv_key *keys, size_t count, uint32_t ttl_ms);

/* A hint that the blocks will be retrieved soon: those that are on disk alone are brought into memory, as long as there
 * is room. tier is 0 or UAKV_TIER_HOST. Does not wait for the disk, and says nothing of single blocks; keys that are
 * stored nowhere or in memory already cost no daemon call.
 * Errors: TIMEOUT, DISCONNECTED, FORKED, BUSY, INVALID. */
UAKV_API uakv_status uakv_prefetch(uakv_space *space, const uakv_key *keys, size_t count, uint8_t tier);

/* Waits until every block of the space that was committed to this daemon before the call, by whomever, is on stable
 * storage or has been removed: UAKV_OK. It then outlives the daemon and the machine. After TIMEOUT the daemon no longer
 * waits for it, but what is written stays written: a next call goes on from there. A read-only client may flush too.
 * Errors: UNSUPPORTED (the daemon has no disk), NO_SPACE (the disk tier is full, or some blocks left memory unsaved
 * meanwhile: these are not on disk), IO (the disk failed), TIMEOUT, DISCONNECTED (the daemon went away, now; or since
 * this client stored blocks in the space that it had not flushed, and the next one did not go on with its memory: some
 * of them may be lost; a next call speaks of those that came later), FORKED, BUSY, INVALID. */
UAKV_API uakv_status uakv_flush(uakv_space *space);

/* Counters since the daemon started, and the state now, of the whole tenant. Bytes unless said otherwise. */
typedef struct uakv_statistics {
    uint32_t struct_size; /* set by the caller */
    uint32_t clients;     /* connected now */
    uint64_t hits;        /* blocks retrieved */
    uint64_t misses;      /* retrieves that found nothing */
    uint64_t bytes_hit;   /* what retrieves handed out: prefill that nobody computed again */
    uint64_t stores;      /* blocks published */
    uint64_t bytes_stored;
    uint64_t exists; /* commits that found the key stored */
    uint64_t evictions;
    uint64_t bytes_evicted;
    uint64_t removals;
    uint64_t expirations;
    uint64_t corruptions;    /* blocks dropped because their checksum failed, in memory or on disk */
    uint64_t no_space;       /* requests for a slot that were refused */
    uint64_t blocks;         /* in memory now */
    uint64_t bytes_blocks;   /* their lengths */
    uint64_t bytes_memory;   /* memory that is allocated for blocks now */
    uint64_t bytes_capacity; /* memory that blocks may take: --memory */
    uint64_t bytes_index;    /* memory of the index */
    uint64_t slots_granted;  /* held by clients, not yet committed */
    uint64_t slots_limbo;    /* of blocks that left, still read by somebody */
    uint64_t leases;         /* views held now */
    uint64_t spaces;
    uint64_t uptime_ms;
    uint64_t misses_expired;      /* of the misses: the block was there, but its lifetime was over */
    uint64_t evictions_rebalance; /* of the evictions: to give the memory to blocks of another size */
    uint64_t blocks_pinned;       /* now */
    uint64_t bytes_pinned;        /* memory that they keep: whole slots */
    uint64_t bytes_leased;        /* of the blocks that views are held on, now */
    uint64_t flights;             /* blocks that somebody computes for others, now */
    uint64_t flight_waits;        /* calls that waited for another process to compute a block */
    uint64_t refused_busy;        /* requests over the tenant's operations per second */
    uint64_t sessions_revoked;    /* clients whose views were taken back: UAKV_ERR_REVOKED */
    uint64_t blocks_cold;         /* on disk alone, now */
    uint64_t bytes_cold;          /* their lengths */
    uint64_t blocks_disk;         /* on disk now, whether in memory too or not */
    uint64_t bytes_disk;          /* what the files of the disk tier take now */
    uint64_t bytes_disk_max;      /* what they may take: disk_size; 0: there is no disk tier */
    uint64_t bytes_disk_written;  /* all that went to the disk */
    uint64_t loads;               /* blocks brought from disk into memory */
    uint64_t bytes_loaded;        /* their lengths */
    uint64_t load_joins;          /* requests for a block that was being loaded already */
    uint64_t loads_late;          /* refused: the disk would have taken, or took, longer than the caller waits */
    uint64_t evictions_unsaved;   /* of the evictions: the disk did not have the block, so it is gone */
    uint64_t disk_errors;         /* reads and writes that the disk failed */
} uakv_statistics;

/* Fills out (up to its struct_size). Errors: INVALID (struct_size too small to hold a counter), TIMEOUT,
 * DISCONNECTED, FORKED, BUSY. */
UAKV_API uakv_status uakv_stats(uakv_client *client, uakv_statistics *out);

/* ---- asynchronous calls --------------------------------------------------------------------------- */

/* Each call above that may wait for the daemon has a twin NAME_submit, which does not (but for some microseconds, once
 * for each segment of memory that this process has not mapped yet). Only uakv_connect() and uakv_space_open() have
 * none: they come before the event loop. It returns
 *
 *   UAKV_PENDING  accepted: exactly one completion with user_data will come out of uakv_poll();
 *   an error      not accepted, and none will come. UAKV_ERR_BUSY: 256 calls are in flight; poll, then try again.
 *
 * Arguments are checked as by the call itself, and the status of the completion is what the call would have
 * returned. A single key and the options are copied; arrays (keys, data, n, views, each) and memory to read from or to
 * write to (data, dst, out) must stay as they are until the completion. uakv_disconnect() cancels what is in flight:
 * no completion comes any more, and the memory is not touched after it has returned. A call whose deadline passes,
 * or whose daemon goes away, completes with TIMEOUT or DISCONNECTED. Completions come in any order; the copying that
 * a call needs is done in the thread that submits or polls. Slots and views from completions are ended as usual. */

/* uakv_completion.kind: which call it was, and so which member of the result counts. */
#define UAKV_CALL_STORE 1u               /* none */
#define UAKV_CALL_RESERVE 2u             /* slot, with UAKV_OK */
#define UAKV_CALL_COMMIT 3u              /* none */
#define UAKV_CALL_STORE_MANY 4u          /* count: blocks that were stored or existed */
#define UAKV_CALL_RETRIEVE 5u            /* view, with UAKV_OK */
#define UAKV_CALL_RETRIEVE_INTO 6u       /* count: the length, with UAKV_OK and UAKV_ERR_TOO_LARGE */
#define UAKV_CALL_RETRIEVE_MANY 7u       /* count: blocks that were found */
#define UAKV_CALL_RETRIEVE_OR_RESERVE 8u /* view with UAKV_OK, slot with UAKV_MISS */
#define UAKV_CALL_REMOVE 9u              /* count: blocks that were removed */
#define UAKV_CALL_CLEAR 10u              /* none */
#define UAKV_CALL_PIN 11u                /* count: blocks that were pinned or unpinned */
#define UAKV_CALL_STATS 12u              /* none */
#define UAKV_CALL_PREFETCH 13u           /* count: blocks that are on their way into memory */
#define UAKV_CALL_FLUSH 14u              /* none */

typedef struct uakv_completion {
    uint64_t user_data;
    uakv_status status;
    uint32_t kind;
    union {
        uakv_view view;
        uakv_slot slot;
        size_t count;
    } result;
} uakv_completion;

/* A descriptor that is readable while completions wait, for epoll, poll, asyncio or libuv. It belongs to the client: do
 * not read from it and do not close it. -1 when it cannot be made (uakv_last_error() says why). The same one at every
 * call, also after the daemon was replaced. */
UAKV_API int uakv_event_fd(uakv_client *client);

/* Takes up to max completions; waits up to timeout_ms for the first one (0: does not wait). Returns how many; 0 when
 * none came or on misuse (client NULL, or of the parent process; out NULL). Any thread; each completion goes to one. */
UAKV_API size_t uakv_poll(uakv_client *client, uakv_completion *out, size_t max, uint32_t timeout_ms);

UAKV_API uakv_status uakv_store_submit(uakv_space *space, const uakv_key *key, const void *data, size_t n,
                                       const uakv_store_options *options, uint64_t user_data);
UAKV_API uakv_status uakv_reserve_submit(uakv_space *space, const uakv_key *key, size_t n,
                                         const uakv_store_options *options, uint64_t user_data);
/* An error other than INVALID and FORKED leaves the slot open: try again or abort it. */
UAKV_API uakv_status uakv_commit_submit(uakv_slot *slot, uint64_t user_data);
UAKV_API uakv_status uakv_store_many_submit(uakv_space *space, const uakv_key *keys, const void *const *data,
                                            const size_t *n, size_t count, uakv_status *each, uint64_t user_data);
UAKV_API uakv_status uakv_retrieve_submit(uakv_space *space, const uakv_key *key, const uakv_retrieve_options *options,
                                          uint64_t user_data);
UAKV_API uakv_status uakv_retrieve_into_submit(uakv_space *space, const uakv_key *key, void *dst, size_t cap,
                                               const uakv_retrieve_options *options, uint64_t user_data);
UAKV_API uakv_status uakv_retrieve_many_submit(uakv_space *space, const uakv_key *keys, size_t count, uakv_view *views,
                                               uakv_status *each, uint64_t user_data);
UAKV_API uakv_status uakv_retrieve_or_reserve_submit(uakv_space *space, const uakv_key *key, size_t n,
                                                     uint32_t timeout_ms, uint64_t user_data);
UAKV_API uakv_status uakv_remove_submit(uakv_space *space, const uakv_key *keys, size_t count, uint64_t user_data);
UAKV_API uakv_status uakv_clear_submit(uakv_space *space, uint64_t user_data);
UAKV_API uakv_status uakv_pin_submit(uakv_space *space, const uakv_key *keys, size_t count, uint32_t ttl_ms,
                                     uint64_t user_data);
UAKV_API uakv_status uakv_prefetch_submit(uakv_space *space, const uakv_key *keys, size_t count, uint8_t tier,
                                          uint64_t user_data);
UAKV_API uakv_status uakv_flush_submit(uakv_space *space, uint64_t user_data);
UAKV_API uakv_status uakv_stats_submit(uakv_client *client, uakv_statistics *out, uint64_t user_data);

#ifdef __cplusplus
}
#endif

#endif /* UAKV_H */
