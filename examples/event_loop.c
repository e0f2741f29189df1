/*
 * An event loop: one thread waits for uakv and for a timer with epoll, and never for a single call. It stores blocks,
 * 64 of them in flight, then reads them back in the same way and looks at every byte.
 *
 *     event_loop [SOCKET]
 */
#define _DEFAULT_SOURCE

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <uakv.h>

enum { BLOCKS = 1000, WORDS = 4096, IN_FLIGHT = 64, TICK_MS = 10 };

/* A block on its way: its words must stay where they are until the completion. */
struct job {
    enum { IDLE, WAITING, SUBMITTED } state;
    uint64_t block;
    uint64_t words[WORDS];
};

struct loop {
    uakv_client *client;
    uakv_space *space;
    uakv_key keys[BLOCKS];
    struct job jobs[IN_FLIGHT];
    int storing;    /* else reading */
    uint64_t begun; /* blocks of which a job took care */
    uint64_t done;
    int paused; /* the daemon asked for less: nothing is submitted until the next tick */
    unsigned ticks;
};

static int failed(const char *call, uakv_status status) {
    char detail[512] = "";
    if (status < 0)
        uakv_last_error(NULL, detail, sizeof detail);
    fprintf(stderr, "%s: %s: %s\n", call, uakv_status_name(status), detail[0] ? detail : uakv_status_string(status));
    return 1;
}

/* The content of a block, to be stored or to be compared with. */
static uint64_t word_of(uint64_t block, uint64_t place) {
    return (block * WORDS + place) * 0x9E3779B97F4A7C15u;
}

static uakv_status submit(struct loop *loop, struct job *job, uint64_t user_data) {
    const uakv_key *key = &loop->keys[job->block];
    return loop->storing ? uakv_store_submit(loop->space, key, job->words, sizeof job->words, NULL, user_data)
                         : uakv_retrieve_into_submit(loop->space, key, job->words, sizeof job->words, NULL, user_data);
}

/* Gives each idle job a block, and submits what waits. Never waits itself. */
static int fill_up(struct loop *loop) {
    for (uint64_t i = 0; i < IN_FLIGHT && !loop->paused; ++i) {
        struct job *job = &loop->jobs[i];
        if (job->state == IDLE && loop->begun < BLOCKS) {
            job->state = WAITING;
            job->block = loop->begun++;
            for (uint64_t place = 0; place < WORDS; ++place)
                job->words[place] = loop->storing ? word_of(job->block, place) : 0;
        }
        if (job->state != WAITING)
            continue;
        const uakv_status status = submit(loop, job, i);
        if (status == UAKV_PENDING)
            job->state = SUBMITTED;
        else if (status == UAKV_ERR_BUSY) /* as many calls are in flight as can be */
            loop->paused = 1;
        else
            return failed("submit", status);
    }
    return 0;
}

static int complete(struct loop *loop, const uakv_completion *completion) {
    struct job *job = &loop->jobs[completion->user_data];
    if (completion->status == UAKV_ERR_BUSY) { /* the tenant has used up its operations of this second */
        job->state = WAITING;
        loop->paused = 1;
        return 0;
    }
    if (completion->status != UAKV_OK && !(loop->storing && completion->status == UAKV_EXISTS))
        return failed(loop->storing ? "store" : "retrieve", completion->status);
    for (uint64_t place = 0; place < WORDS; ++place)
        if (job->words[place] != word_of(job->block, place))
            return fprintf(stderr, "block %llu has other bytes\n", (unsigned long long)job->block), 1;
    job->state = IDLE;
    ++loop->done;
    return 0;
}

/* Takes all completions that wait. */
static int poll_uakv(struct loop *loop) {
    uakv_completion completions[IN_FLIGHT];
    size_t count = 0;
    while ((count = uakv_poll(loop->client, completions, IN_FLIGHT, 0)) > 0)
        for (size_t i = 0; i < count; ++i)
            if (complete(loop, &completions[i]) != 0)
                return 1;
    return 0;
}

/* Serves whatever descriptor has something, until all blocks are through. */
static int run(struct loop *loop, int epoll, int timer) {
    loop->begun = loop->done = 0;
    while (loop->done < BLOCKS) {
        struct epoll_event events[2];
        if (fill_up(loop) != 0)
            return 1;
        const int ready = epoll_wait(epoll, events, 2, -1);
        for (int i = 0; i < ready; ++i) {
            uint64_t ticks = 0;
            if (events[i].data.fd != timer && poll_uakv(loop) != 0)
                return 1;
            if (events[i].data.fd == timer && read(timer, &ticks, sizeof ticks) == (ssize_t)sizeof ticks) {
                loop->ticks += (unsigned)ticks;
                loop->paused = 0;
            }
        }
    }
    printf("%s %d blocks of %zu bytes; the timer ticked %u times so far\n", loop->storing ? "stored" : "read  ", BLOCKS,
           sizeof loop->jobs[0].words, loop->ticks);
    return fflush(stdout) != 0;
}

static int watch(int epoll, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = descriptor}};
    return descriptor < 0 ? -1 : epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

int main(int argc, char **argv) {
    static struct loop loop;
    uakv_connect_options options = {.struct_size = sizeof options, .socket_path = argc > 1 ? argv[1] : NULL};
    uakv_status status = uakv_connect(&options, &loop.client);
    if (status != UAKV_OK)
        return failed("uakv_connect", status);
    if ((status = uakv_space_open(loop.client, "event-loop", NULL, &loop.space)) != UAKV_OK)
        return failed("uakv_space_open", status);
    for (uint64_t block = 0; block < BLOCKS; ++block)
        loop.keys[block] = uakv_key_of(&block, sizeof block);

    const struct itimerspec every = {.it_interval = {.tv_nsec = TICK_MS * 1000000}, .it_value = {.tv_nsec = 1}};
    const int epoll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (epoll < 0 || timerfd_settime(timer, 0, &every, NULL) != 0 || watch(epoll, timer) != 0 ||
        watch(epoll, uakv_event_fd(loop.client)) != 0)
        return perror("event_loop"), 1;
    loop.storing = 1;
    int result = run(&loop, epoll, timer);
    loop.storing = 0;
    if (result == 0)
        result = run(&loop, epoll, timer);
    uakv_disconnect(loop.client); /* cancels what is still in flight, if something failed */
    return result;
}
