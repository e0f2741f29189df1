/*
 * Quickstart: one process stores a block, another one finds it after the first is gone.
 *
 *     quickstart [SOCKET]
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uakv.h>

static const char content[] = "the keys and values of sixteen tokens";

static int failed(const char *call, uakv_status status) {
    char detail[512] = "";
    if (status < 0) /* an error has a sentence of its own; an outcome such as UAKV_MISS has none */
        uakv_last_error(NULL, detail, sizeof detail);
    fprintf(stderr, "%s: %s: %s\n", call, uakv_status_name(status), detail[0] ? detail : uakv_status_string(status));
    return 1;
}

static int store(uakv_space *space, const uakv_key *key) {
    uakv_status status = uakv_store(space, key, content, sizeof content, NULL);
    if (status != UAKV_OK && status != UAKV_EXISTS)
        return failed("uakv_store", status);
    printf("process %ld: %s\n", (long)getpid(), status == UAKV_OK ? "stored a block" : "the block was stored already");
    return 0;
}

static int retrieve(uakv_space *space, const uakv_key *key) {
    uakv_view view; /* the block in place: read-only, no copy, unchanged until it is released */
    uakv_status status = uakv_retrieve(space, key, NULL, &view);
    if (status != UAKV_OK)
        return failed("uakv_retrieve", status);
    int equal = view.nbytes == sizeof content && memcmp(view.data, content, sizeof content) == 0;
    printf("process %ld: found \"%s\"\n", (long)getpid(), equal ? (const char *)view.data : "other bytes");
    status = uakv_release(&view);
    return status != UAKV_OK ? failed("uakv_release", status) : !equal;
}

/* Connects and does one of the two. Each process connects for itself, so fork comes before this. */
static int run(const char *socket_path, int (*act)(uakv_space *, const uakv_key *)) {
    uakv_connect_options options = {.struct_size = sizeof options, .socket_path = socket_path};
    uakv_client *client = NULL;
    uakv_status status = uakv_connect(&options, &client);
    if (status != UAKV_OK)
        return failed("uakv_connect", status);
    uakv_space *space = NULL;
    const uakv_key key = uakv_key_of(content, sizeof content); /* equal key means equal content */
    status = uakv_space_open(client, "quickstart", NULL, &space);
    int result = status == UAKV_OK ? act(space, &key) : failed("uakv_space_open", status);
    uakv_space_close(space);
    uakv_disconnect(client);
    return fflush(stdout) == 0 ? result : 1;
}

int main(int argc, char **argv) {
    const char *socket_path = argc > 1 ? argv[1] : NULL; /* NULL: $UAKV_SOCKET or the default */
    pid_t child = fork();
    if (child == 0)
        _exit(run(socket_path, store));
    int ended = 0;
    if (child < 0 || waitpid(child, &ended, 0) != child || ended != 0)
        return fprintf(stderr, "the storing process failed\n"), 1;
    return run(socket_path, retrieve);
}
