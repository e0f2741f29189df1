/*
 * A program outside of uakv's tree: it stores a block and finds it again. README.md says how to build it against an
 * installed uakv.
 *
 *     outside [SOCKET]
 */
#include <stdio.h>
#include <string.h>

#include <uakv.h>

static int failed(const char *call, uakv_status status) {
    char detail[512] = "";
    if (status < 0)
        uakv_last_error(NULL, detail, sizeof detail);
    fprintf(stderr, "%s: %s: %s\n", call, uakv_status_name(status), detail[0] ? detail : uakv_status_string(status));
    return 1;
}

static int store_and_find(uakv_space *space) {
    static const char content[] = "the keys and values of sixteen tokens";
    const uakv_key key = uakv_key_of(content, sizeof content);
    uakv_status status = uakv_store(space, &key, content, sizeof content, NULL);
    if (status != UAKV_OK && status != UAKV_EXISTS)
        return failed("uakv_store", status);
    uakv_view view;
    status = uakv_retrieve(space, &key, NULL, &view);
    if (status != UAKV_OK)
        return failed("uakv_retrieve", status);
    const int equal = view.nbytes == sizeof content && memcmp(view.data, content, sizeof content) == 0;
    status = uakv_release(&view); /* UAKV_OK: what was read was the block */
    if (status != UAKV_OK)
        return failed("uakv_release", status);
    printf("libuakv %s: %s\n", uakv_version_string(), equal ? "found the block" : "found other bytes");
    return !equal;
}

int main(int argc, char **argv) {
    /* A library of the same major version and at least this minor one serves a program. */
    if (uakv_abi_version() < UAKV_ABI_VERSION || uakv_abi_version() >> 16 != UAKV_ABI_VERSION >> 16)
        return fprintf(stderr, "the library does not fit the header that this was compiled with\n"), 1;
    uakv_connect_options options = {.struct_size = sizeof options, .socket_path = argc > 1 ? argv[1] : NULL};
    uakv_client *client = NULL;
    uakv_status status = uakv_connect(&options, &client);
    if (status != UAKV_OK)
        return failed("uakv_connect", status);
    uakv_space *space = NULL;
    status = uakv_space_open(client, "outside", NULL, &space);
    const int result = status == UAKV_OK ? store_and_find(space) : failed("uakv_space_open", status);
    uakv_disconnect(client);
    return result;
}
