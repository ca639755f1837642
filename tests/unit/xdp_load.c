/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xdp_load.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tsn/loop.h"
#include "util.h"
#include "xdp_load_abi.h"

#define REPEAT 4096             /* Frames of a system call. */
#define DRAIN_MS 1000           /* After which no more copies come. */

struct stream {
    struct xdp_load *load;
    pthread_t thread;
    int cpu;
};

struct xdp_load {
    struct load_config config;
    struct bpf_object *object;
    struct bpf_link *links[LOAD_MAX_PORTS];
    int netns, generate;
    uint32_t batch;
    uint64_t missing;           /* Copies, when it stopped. */
    struct stream streams[LOAD_MAX_STREAMS];
    int n_streams;

    /* The maps, in memory. */
    struct load_stream *stream_map;
    struct load_member *member_map;
    struct load_others *others;
};

static int
open_netns(const char *whose)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%s/ns/net", whose);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ovs_assert(fd >= 0);
    return fd;
}

static void *
map_memory(const struct xdp_load *load, const char *name)
{
    struct bpf_map *map = bpf_object__find_map_by_name(load->object, name);

    ovs_assert(map);
    size_t size = bpf_map__value_size(map) * bpf_map__max_entries(map);
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
                   bpf_map__fd(map), 0);
    ovs_assert(p != MAP_FAILED);
    return p;
}

static int
load_programs(struct xdp_load *load)
{
    const char *builddir = getenv("builddir");
    char path[1024];
    struct bpf_map *map;

    snprintf(path, sizeof path, "%s/tests/unit/xdp-load.bpf.o",
             builddir ? builddir : ".");
    load->object = bpf_object__open_file(path, NULL);
    ovs_assert(load->object);
    bpf_object__for_each_map (map, load->object) {
        if (!strcmp(bpf_map__name(map), ".rodata.config")) {
            ovs_assert(!bpf_map__set_initial_value(map, &load->config,
                                                   sizeof load->config));
        }
    }
    int error = bpf_object__load(load->object);
    if (error) {
        return error;
    }
    load->stream_map = map_memory(load, "streams");
    load->member_map = map_memory(load, "members");
    load->others = map_memory(load, "others");
    for (int i = 0; i < LOAD_MAX_STREAMS * LOAD_MAX_NETWORKS
                        * LOAD_MAX_MEMBERS; i++) {
        load->member_map[i].window = UINT64_MAX;    /* Nothing is missing. */
    }
    return 0;
}

static int
attach(struct xdp_load *load)
{
    const struct bpf_program *program
        = bpf_object__find_program_by_name(load->object, "sink");

    for (int i = 0; i < LOAD_MAX_PORTS && load->config.ifindexes[i]; i++) {
        load->links[i] = bpf_program__attach_xdp(program,
                                                 load->config.ifindexes[i]);
        if (!load->links[i]) {
            return -errno;
        }
    }
    return 0;
}

/* In the namespace of the interfaces. */
static int
enter_and_load(struct xdp_load *load, const struct xdp_load_config *config)
{
    int home = open_netns("thread-self");

    ovs_assert(!setns(load->netns, CLONE_NEWNET));
    for (int i = 0; i < LOAD_MAX_PORTS; i++) {
        const char *name = i ? config->more[i - 1] : config->interface;

        if (!name) {
            break;
        }
        load->config.ifindexes[i] = if_nametoindex(name);
        ovs_assert(load->config.ifindexes[i]);
    }
    int error = load_programs(load);
    if (!error) {
        error = attach(load);
    }
    ovs_assert(!setns(home, CLONE_NEWNET));
    close(home);
    return error;
}

struct xdp_load *
xdp_load_create(const struct xdp_load_config *config)
{
    struct xdp_load *load = xzalloc(sizeof *load);
    uint32_t fanout = config->n_members + config->n_others;
    char pid[16];

    ovs_assert(config->n_members <= LOAD_MAX_MEMBERS
               && config->n_vnis <= LOAD_MAX_NETWORKS);
    snprintf(pid, sizeof pid, "%d", (int) config->netns);
    load->netns = open_netns(pid);
    load->n_streams = MIN(config->n_streams, sysconf(_SC_NPROCESSORS_ONLN));
    load->config = (struct load_config) {
        .node = inet_addr(config->node),
        .first_member = config->first_member,
        .n_members = config->n_members,
        .vni = config->vni, .n_vnis = config->n_vnis,
    };
    memcpy(load->config.frame, config->frame, LOAD_FRAME_SIZE);
    /* All streams may come by the same queue. */
    load->batch = MAX(XDP_LOAD_RING / fanout / load->n_streams, 1);
    if (config->patience_ms) {
        /* What is late comes in addition to what is on its way then. */
        load->batch = MAX(load->batch / 2, 1);
        load->config.patience_ns = config->patience_ms * UINT64_C(1000000);
    }
    load->config.window = load->batch * config->n_members;
    int error = enter_and_load(load, config);
    if (error) {
        fprintf(stderr, "no XDP for the sink: %s\n", ovs_strerror(-error));
        xdp_load_destroy(load);
        return NULL;
    }
    load->generate = bpf_program__fd(
        bpf_object__find_program_by_name(load->object, "generate"));
    return load;
}

void
xdp_load_destroy(struct xdp_load *load)
{
    if (load) {
        for (int i = 0; i < LOAD_MAX_PORTS; i++) {
            bpf_link__destroy(load->links[i]);
        }
        bpf_object__close(load->object);
        close(load->netns);
        free(load);
    }
}

/* In a thread: makes the frames of a CPU. */
static void *
run_stream(void *stream_)
{
    struct stream *stream = stream_;
    struct xdp_load *load = stream->load;
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(stream->cpu, &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus)
        || setns(load->netns, CLONE_NEWNET)) {
        return NULL;
    }
    while (!__atomic_load_n(&load->others->stop, __ATOMIC_RELAXED)) {
        LIBBPF_OPTS(bpf_test_run_opts, opts,
                    .data_in = load->config.frame,
                    .data_size_in = LOAD_FRAME_SIZE, .repeat = REPEAT,
                    .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
                    .batch_size = load->batch);

        int error = bpf_prog_test_run_opts(load->generate, &opts);
        if (error && error != -EINTR && error != -EAGAIN) {
            fprintf(stderr, "no live frames: %s\n", ovs_strerror(-error));
            return NULL;
        }
    }
    return NULL;
}

void
xdp_load_start(struct xdp_load *load)
{
    for (int i = 0; i < LOAD_MAX_STREAMS * LOAD_MAX_NETWORKS
                        * LOAD_MAX_MEMBERS; i++) {
        load->member_map[i].last_ns = load->member_map[i].gap_ns = 0;
    }
    __atomic_store_n(&load->others->stop, 0, __ATOMIC_RELAXED);
    for (int i = 0; i < load->n_streams; i++) {
        struct stream *stream = &load->streams[i];

        *stream = (struct stream) { .load = load, .cpu = i };
        ovs_assert(!pthread_create(&stream->thread, NULL, run_stream,
                                   stream));
    }
}

void
xdp_load_stop(struct xdp_load *load)
{
    struct xdp_load_result r;
    uint64_t copies = 0, end = tsn_now_ms() + DRAIN_MS;

    __atomic_store_n(&load->others->stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < load->n_streams; i++) {
        pthread_join(load->streams[i].thread, NULL);
    }
    do {
        sched_yield();
        xdp_load_read(load, &r);
        if (r.copies != copies) {
            end = tsn_now_ms() + DRAIN_MS;
        }
        copies = r.copies;
    } while (copies + load->missing < r.frames * load->config.n_members
             && tsn_now_ms() < end);
    load->missing = r.frames * load->config.n_members - copies;
}

/* What is missing is lost only when no more frames come. */
static void
read_member(const struct xdp_load *load, uint64_t sent,
            const struct load_member *m, struct xdp_load_result *r)
{
    r->copies += m->copies;
    r->lost += m->lost;
    r->late += m->late;
    r->twice += m->twice;
    if (load->others->stop) {
        r->lost += sent - m->top + 64 - __builtin_popcountll(m->window);
    }
}

/* What has come of the frames of one network in a stream of 'sent'. */
static void
read_network(const struct xdp_load *load, int stream, uint32_t network,
             uint64_t sent, struct xdp_load_result *r)
{
    const struct load_member *members
        = &load->member_map[(stream * LOAD_MAX_NETWORKS + network)
                            * LOAD_MAX_MEMBERS];
    uint32_t n = load->config.n_vnis;

    for (uint32_t i = 0; i < load->config.n_members; i++) {
        read_member(load, (sent + n - 1 - network) / n, &members[i], r);
    }
}

void
xdp_load_read(const struct xdp_load *load, struct xdp_load_result *r)
{
    *r = (struct xdp_load_result) {
        .others = load->others->others, .bad = load->others->bad,
    };
    for (int i = 0; i < load->n_streams; i++) {
        uint64_t sent = __atomic_load_n(&load->stream_map[i].sent,
                                        __ATOMIC_RELAXED);

        r->frames += sent;
        for (uint32_t j = 0; j < load->config.n_vnis; j++) {
            read_network(load, i, j, sent, r);
        }
    }
    /* They were taken for lost. */
    r->lost -= MIN(r->lost, r->late);
}

void
xdp_load_read_member(const struct xdp_load *load, uint32_t member,
                     struct xdp_load_member *sum)
{
    uint32_t n = load->config.n_vnis;

    *sum = (struct xdp_load_member) { .copies = 0 };
    for (int i = 0; i < load->n_streams; i++) {
        const struct load_member *m
            = &load->member_map[i * LOAD_MAX_NETWORKS * LOAD_MAX_MEMBERS
                                + member];
        struct xdp_load_result r = { .copies = 0 };

        read_member(load, (load->stream_map[i].sent + n - 1) / n, m, &r);
        sum->copies += r.copies;
        sum->lost += r.lost - MIN(r.lost, r.late);
        sum->twice += r.twice;
        sum->gap_ns = MAX(sum->gap_ns, m->gap_ns);
        for (int port = 0; port < LOAD_MAX_PORTS; port++) {
            sum->by_port[port] += m->by_port[port];
        }
    }
}

void
xdp_load_via(struct xdp_load *load, unsigned int port)
{
    __atomic_store_n(&load->others->via, port, __ATOMIC_RELAXED);
}
