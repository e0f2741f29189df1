/*
 * Single flight: eight processes want the same four blocks at the same moment, and each block is computed once.
 *
 *     single_flight [SOCKET]
 */
#define _DEFAULT_SOURCE

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <uakv.h>

enum { PROCESSES = 8, BLOCKS = 4, BLOCK_BYTES = 64 * 1024, HASHES_PER_KEY = 200 };

/* What a process notes about each block, for its parent. */
struct note {
    int computed;    /* by this process; otherwise it waited, or found it */
    double ms;       /* how long that took */
    uakv_key digest; /* of the bytes that it has at last */
};

static int failed(const char *call, uakv_status status) {
    char detail[512] = "";
    if (status < 0)
        uakv_last_error(NULL, detail, sizeof detail);
    fprintf(stderr, "%s: %s: %s\n", call, uakv_status_name(status), detail[0] ? detail : uakv_status_string(status));
    return 1;
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Stands for the prefill of some tokens: the bytes follow from the key, and take some time to compute. */
static void compute(uakv_key key, char *block) {
    for (size_t at = 0; at < BLOCK_BYTES; at += sizeof key) {
        for (int i = 0; i < HASHES_PER_KEY; ++i)
            key = uakv_key_of(&key, sizeof key);
        memcpy(block + at, &key, sizeof key);
    }
}

/* Either the bytes come, or the task of computing them for everybody. */
static int get_block(uakv_space *space, const uakv_key *key, struct note *note) {
    const double began = now_ms();
    uakv_view view;
    uakv_slot slot;
    uakv_status status = uakv_retrieve_or_reserve(space, key, BLOCK_BYTES, 0, &view, &slot);
    if (status == UAKV_OK) {
        note->digest = uakv_key_of(view.data, view.nbytes);
        status = uakv_release(&view);
        if (status == UAKV_ERR_REVOKED) /* lease_max_age: what was read may be wrong, so as if it had been missing */
            return get_block(space, key, note);
        if (status != UAKV_OK)
            return failed("uakv_release", status);
    } else if (status == UAKV_MISS) {
        note->computed = 1;
        compute(*key, slot.data);
        note->digest = uakv_key_of(slot.data, BLOCK_BYTES);
        status = uakv_commit(&slot); /* from here on the others have it */
        if (status != UAKV_OK && status != UAKV_EXISTS)
            return failed("uakv_commit", status);
    } else {
        return failed("uakv_retrieve_or_reserve", status);
    }
    note->ms = now_ms() - began;
    return 0;
}

/* A process of its own: it connects after the fork, and goes on when all are ready, for then nobody holds the writing
 * end of the gate any more. */
static int run_process(const char *socket_path, const int gate[2], const uakv_key *keys, struct note *notes) {
    uakv_connect_options options = {.struct_size = sizeof options, .socket_path = socket_path};
    uakv_client *client = NULL;
    uakv_status status = uakv_connect(&options, &client);
    if (status != UAKV_OK)
        return failed("uakv_connect", status);
    uakv_space_options space_options = {.struct_size = sizeof space_options, .ttl_ms = 60 * 1000};
    uakv_space *space = NULL;
    status = uakv_space_open(client, "single-flight", &space_options, &space);
    int result = status != UAKV_OK ? failed("uakv_space_open", status) : 0;
    char nothing;
    close(gate[1]);
    if (read(gate[0], &nothing, 1) != 0)
        result = 1;
    for (int block = 0; block < BLOCKS && result == 0; ++block)
        result = get_block(space, &keys[block], &notes[block]);
    uakv_disconnect(client);
    return result;
}

/* Says who computed and who waited; 0 when each block was computed once and everybody has its bytes. */
static int report(const uakv_key *keys, struct note (*notes)[BLOCKS]) {
    static char bytes[BLOCK_BYTES];
    int computed = 0, wrong = 0;
    for (int block = 0; block < BLOCKS; ++block) {
        int times = 0;
        double waited_ms_max = 0;
        compute(keys[block], bytes);
        const uakv_key digest = uakv_key_of(bytes, BLOCK_BYTES);
        for (int process = 0; process < PROCESSES; ++process) {
            const struct note *note = &notes[process][block];
            if (note->computed && ++times)
                printf("block %d: process %d computed it in %.0f ms\n", block, process, note->ms);
            else if (note->ms > waited_ms_max)
                waited_ms_max = note->ms;
            if (memcmp(&note->digest, &digest, sizeof digest) != 0 && ++wrong)
                printf("block %d: process %d has other bytes\n", block, process);
        }
        printf("block %d: %d others waited, at most %.0f ms\n", block, PROCESSES - times, waited_ms_max);
        wrong += times != 1;
        computed += times;
    }
    printf("%d blocks wanted by %d processes: computed %d times, %d times spared\n", BLOCKS, PROCESSES, computed,
           PROCESSES * BLOCKS - computed);
    return wrong != 0 || fflush(stdout) != 0;
}

int main(int argc, char **argv) {
    const char *socket_path = argc > 1 ? argv[1] : NULL; /* NULL: $UAKV_SOCKET or the default */
    struct note(*notes)[BLOCKS] =
        mmap(NULL, PROCESSES * sizeof *notes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int gate[2], ended = 0, failures = 0;
    if (notes == MAP_FAILED || pipe(gate) != 0)
        return perror("single_flight"), 1;
    uakv_key keys[BLOCKS]; /* of this run alone */
    for (int block = 0; block < BLOCKS; ++block) {
        const double parts[] = {now_ms(), (double)getpid(), block};
        keys[block] = uakv_key_of(parts, sizeof parts);
    }
    for (int process = 0; process < PROCESSES; ++process) {
        const pid_t child = fork();
        if (child == 0)
            _exit(run_process(socket_path, gate, keys, notes[process]));
        failures += child < 0;
    }
    close(gate[1]);
    while (wait(&ended) > 0)
        failures += ended != 0;
    return failures != 0 ? 1 : report(keys, notes);
}
