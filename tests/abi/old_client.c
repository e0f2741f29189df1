/*
 * Every call of the interface of version 1, by a program that knows no other: compiled against that header, with its
 * structs and constants, and run with the library of today. Exits 0 when each call did what it did then.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uakv.h>

#if UAKV_ABI_VERSION != 0x00000001u
#error "this is not the header of version 1"
#endif

enum { block_bytes = 70000, blocks = 5 };

static void expect(int holds, const char *what) {
    if (!holds) {
        char detail[512] = "";
        uakv_last_error(NULL, detail, sizeof detail);
        fprintf(stderr, "failed: %s (last error: %s)\n", what, detail);
        exit(1);
    }
}

static void fill(unsigned char *data, size_t n, unsigned number) {
    for (size_t i = 0; i < n; ++i)
        data[i] = (unsigned char)(i * 7 + number);
}

static void expect_block(uakv_space *space, const uakv_key *key, unsigned number) {
    static unsigned char expected[block_bytes], copy[block_bytes];
    uakv_retrieve_options options = {.struct_size = sizeof options, .flags = UAKV_VERIFY, .timeout_ms = 5000};
    uakv_view view = {0};
    size_t n = 0;
    fill(expected, sizeof expected, number);
    expect(uakv_retrieve(space, key, &options, &view) == UAKV_OK, "retrieve");
    expect(view.nbytes == block_bytes && view.tier == UAKV_TIER_HOST, "the view");
    expect(memcmp(view.data, expected, block_bytes) == 0, "the bytes of the view");
    expect(uakv_release(&view) == UAKV_OK, "release");
    expect(uakv_release(&view) == UAKV_ERR_INVALID, "a second release");
    expect(uakv_retrieve_into(space, key, copy, sizeof copy, &n, NULL) == UAKV_OK && n == block_bytes, "retrieve_into");
    expect(memcmp(copy, expected, block_bytes) == 0, "the bytes of the copy");
}

static void store_blocks(uakv_space *space, const uakv_key *keys) {
    static unsigned char data[blocks][block_bytes];
    const void *pointers[2] = {data[3], data[4]};
    const size_t lengths[2] = {block_bytes, block_bytes};
    uakv_status each[2] = {-1, -1};
    uakv_store_options options = {.struct_size = sizeof options, .parent = &keys[0], .ttl_ms = 600000};
    uakv_slot slot = {0};
    for (unsigned i = 0; i < blocks; ++i)
        fill(data[i], block_bytes, i);
    expect(uakv_store(space, &keys[0], data[0], block_bytes, NULL) == UAKV_OK, "store");
    expect(uakv_store(space, &keys[0], data[0], block_bytes, NULL) == UAKV_EXISTS, "store once more");
    expect(uakv_store(space, &keys[1], data[1], block_bytes, &options) == UAKV_OK, "store with options");
    expect(uakv_reserve(space, &keys[2], block_bytes, NULL, &slot) == UAKV_OK, "reserve");
    expect(uakv_abort(&slot) == UAKV_OK, "abort");
    expect(uakv_reserve(space, &keys[2], block_bytes, NULL, &slot) == UAKV_OK, "reserve again");
    expect(slot.nbytes == block_bytes, "the slot");
    fill(slot.data, block_bytes, 2);
    expect(uakv_commit(&slot) == UAKV_OK, "commit");
    expect(uakv_store_many(space, keys + 3, pointers, lengths, 2, each) == UAKV_OK, "store_many");
    expect(each[0] == UAKV_OK && each[1] == UAKV_OK, "each of store_many");
}

static void look_up_blocks(uakv_space *space, const uakv_key *keys) {
    uakv_view views[blocks];
    uakv_status each[blocks];
    uint8_t tiers[blocks] = {0};
    size_t matched = 0, removed = 0;
    for (unsigned i = 0; i < blocks; ++i)
        expect_block(space, &keys[i], i);
    expect(uakv_match_prefix(space, keys, blocks, &matched, tiers) == UAKV_OK && matched == blocks, "match_prefix");
    expect(uakv_retrieve_many(space, keys, blocks, views, each) == UAKV_OK, "retrieve_many");
    for (unsigned i = 0; i < blocks; ++i)
        expect(each[i] == UAKV_OK && uakv_release(&views[i]) == UAKV_OK, "a view of retrieve_many");
    expect(uakv_remove(space, &keys[1], 1, &removed) == UAKV_OK && removed == 1, "remove");
    expect(uakv_contains(space, keys, blocks, tiers) == UAKV_OK, "contains");
    expect(tiers[0] == UAKV_TIER_HOST && tiers[1] == 0 && tiers[2] == UAKV_TIER_HOST, "what is contained");
    expect(uakv_retrieve(space, &keys[1], NULL, &views[0]) == UAKV_MISS, "a miss");
}

int main(void) {
    uakv_connect_options options = {.struct_size = sizeof options, .timeout_ms = 5000};
    uakv_space_options space_options = {.struct_size = sizeof space_options, .block_bytes = block_bytes};
    uakv_client *client = NULL;
    uakv_space *space = NULL;
    uint32_t tokens[blocks * 4] = {1, 2, 3, 4, 5};
    uakv_key keys[blocks];
    size_t count = 0;
    struct {
        uakv_statistics statistics;
        unsigned char after[64]; /* a library that does not know how large the struct was writes here */
    } room;

    expect((uakv_abi_version() >> 16) == (UAKV_ABI_VERSION >> 16) && uakv_abi_version() >= UAKV_ABI_VERSION, "version");
    expect(uakv_version_string()[0] != 0 && strcmp(uakv_status_name(UAKV_MISS), "UAKV_MISS") == 0, "names");
    expect(uakv_status_string(UAKV_ERR_NO_SPACE)[0] != 0, "strings");
    expect(uakv_connect(&options, &client) == UAKV_OK, "connect");
    expect(uakv_space_open(client, "old", &space_options, &space) == UAKV_OK, "space_open");
    expect(uakv_keys_of_tokens(tokens, blocks * 4, 4, "salt", 4, keys, &count) == UAKV_OK && count == blocks, "keys");
    const uakv_key other = uakv_key_of("other", 5);
    expect(memcmp(&other, &keys[0], sizeof other) != 0, "key_of");
    store_blocks(space, keys);
    look_up_blocks(space, keys);

    memset(&room, 0x5a, sizeof room);
    room.statistics.struct_size = sizeof room.statistics;
    expect(uakv_stats(client, &room.statistics) == UAKV_OK, "stats");
    expect(room.statistics.blocks == blocks - 1 && room.statistics.clients == 1, "the statistics");
    for (size_t i = 0; i < sizeof room.after; ++i)
        expect(room.after[i] == 0x5a, "nothing is written behind the statistics");
    uakv_space_close(space);
    uakv_disconnect(client);
    puts("all of version 1 works");
    return 0;
}
