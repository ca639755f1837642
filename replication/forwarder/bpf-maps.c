/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/bpf-maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "entropy.h"
#include "openvswitch/vlog.h"
#include "replication/forwarder/bpf-dispatch.h"
#include "tsn/error.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_bpf_maps);

/* The object, as the build made it. */
__asm__(".section .rodata\n"
        ".balign 16\n"
        "fwd_bpf_object:\n"
        ".incbin \"" FWD_BPF_OBJECT "\"\n"
        "fwd_bpf_object_end:\n"
        ".previous\n");
extern const char fwd_bpf_object[], fwd_bpf_object_end[];

static const char *const map_names[FWD_BPF_N_MAPS] = {
    [FWD_BPF_NETS] = "nets",
    [FWD_BPF_CURRENT] = "current",
    [FWD_BPF_MEMBERS] = "members",
    [FWD_BPF_INDEX] = "index",
    [FWD_BPF_ENDPOINTS] = "endpoints",
    [FWD_BPF_BUCKETS] = "buckets",
    [FWD_BPF_DEVS] = "devs",
    [FWD_BPF_CONTROL] = FWD_BPF_CAPTURE,
    [FWD_BPF_SLOTS] = "slots",
    [FWD_BPF_ADDRESSES] = "addresses",
    [FWD_BPF_LABELS] = "labels",
    [FWD_BPF_MACS] = "macs",
    [FWD_BPF_ARPS] = "arps",
    [FWD_BPF_COUNTERS] = "counters",
    [FWD_BPF_FLOODS] = "floods",
    [FWD_BPF_RELAYS] = "relays",
    [FWD_BPF_HEIRS] = "heirs",
    [FWD_BPF_GRACE] = "grace",
    [FWD_BPF_CAPTURED] = "captured",
};

/* The verifier's reasons for a program it does not take are long: to the log,
 * for whoever asks for it. */
static int
print(enum libbpf_print_level level, const char *fmt, va_list args)
{
    char text[1024];

    vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    if (level == LIBBPF_WARN) {
        VLOG_INFO("libbpf: %s", text);
    } else {
        VLOG_DBG("libbpf: %s", text);
    }
    return 0;
}

static int
set_constants(struct bpf_object *object,
              const struct fwd_bpf_constants *constants)
{
    struct bpf_map *map;

    bpf_object__for_each_map (map, object) {
        if (!strcmp(bpf_map__name(map), FWD_BPF_CONSTANTS)) {
            return bpf_map__set_initial_value(map, constants,
                                              sizeof *constants);
        }
    }
    return -ENOENT;
}

static int
find_program(const struct bpf_object *object, const char *name)
{
    const struct bpf_program *program
        = bpf_object__find_program_by_name(object, name);

    return program ? bpf_program__fd(program) : -ENOENT;
}

static int
find_all(struct fwd_bpf_maps *maps)
{
    for (int i = 0; i < FWD_BPF_N_MAPS; i++) {
        maps->fds[i] = bpf_object__find_map_fd_by_name(maps->object,
                                                       map_names[i]);
        if (maps->fds[i] < 0) {
            return maps->fds[i];
        }
    }
    maps->ingress = find_program(maps->object, "ingress");
    maps->heir = find_program(maps->object, "heir");
    for (int i = 0; i < FWD_BPF_MAX_DEVS; i++) {
        char name[16];

        snprintf(name, sizeof name, "egress_%d", i);
        maps->egress[i] = find_program(maps->object, name);
        if (maps->egress[i] < 0) {
            return maps->egress[i];
        }
    }
    return MIN(MIN(maps->ingress, maps->heir), 0);
}

static int
map_memory(struct fwd_bpf_maps *maps, enum fwd_bpf_map map, size_t size,
           void **p)
{
    size_t page = get_page_size();

    maps->sizes[map] = ROUND_UP(size, page);
    *p = mmap(NULL, maps->sizes[map], PROT_READ | PROT_WRITE, MAP_SHARED,
              maps->fds[map], 0);
    if (*p == MAP_FAILED) {
        *p = NULL;
        return -errno;
    }
    return 0;
}

static int
map_all_memory(struct fwd_bpf_maps *maps)
{
    const struct {
        enum fwd_bpf_map map;
        size_t size;
        void **p;
    } wanted[] = {
        { FWD_BPF_NETS, FWD_BPF_MAX_RECORDS * sizeof *maps->nets,
          (void **) &maps->nets },
        { FWD_BPF_CURRENT, FWD_BPF_MAX_NETWORKS * sizeof *maps->current,
          (void **) &maps->current },
        { FWD_BPF_MEMBERS, FWD_BPF_MAX_MEMBERS * sizeof *maps->members,
          (void **) &maps->members },
        { FWD_BPF_INDEX, FWD_BPF_MAX_INDEX * sizeof *maps->index,
          (void **) &maps->index },
        { FWD_BPF_ENDPOINTS, FWD_BPF_MAX_ENDPOINTS * sizeof *maps->endpoints,
          (void **) &maps->endpoints },
        { FWD_BPF_BUCKETS, FWD_N_BUCKETS * sizeof *maps->buckets,
          (void **) &maps->buckets },
        { FWD_BPF_DEVS, FWD_BPF_MAX_DEVS * sizeof *maps->devs,
          (void **) &maps->devs },
        { FWD_BPF_CONTROL, sizeof *maps->capture, (void **) &maps->capture },
    };

    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        int error = map_memory(maps, wanted[i].map, wanted[i].size,
                               wanted[i].p);
        if (error) {
            return error;
        }
    }
    return 0;
}

static int
open_object(struct fwd_bpf_maps *maps, const struct fwd_host *host,
            struct tsn_err *err)
{
    struct fwd_bpf_constants constants = { .host = *host };

    get_entropy_or_die(&maps->instance, sizeof maps->instance);
    constants.instance = maps->instance;
    maps->n_cpus = libbpf_num_possible_cpus();
    maps->object = bpf_object__open_mem(fwd_bpf_object, fwd_bpf_object_end
                                                        - fwd_bpf_object,
                                        NULL);
    int error = maps->object ? set_constants(maps->object, &constants)
                : -errno;
    if (error) {
        tsn_err_set(err, NULL, "cannot open the programs: %s",
                    ovs_strerror(-error));
    }
    return error;
}

static int
load_object(struct fwd_bpf_maps *maps, struct tsn_err *err)
{
    const char *what = "the kernel does not take the programs";

    int error = bpf_object__load(maps->object);
    if (!error) {
        what = "cannot use the BPF maps";
        error = find_all(maps);
    }
    if (!error) {
        error = map_all_memory(maps);
    }
    if (error) {
        tsn_err_set(err, NULL, "%s: %s", what, ovs_strerror(-error));
    }
    return error;
}

/* Makes the ingress program one for a dispatcher, and loads. */
static int
load_for_dispatcher(struct fwd_bpf_maps *maps, struct tsn_err *err)
{
    struct bpf_program *ingress
        = bpf_object__find_program_by_name(maps->object, "ingress");
    struct xdp_program *target;

    int error = fwd_bpf_dispatch_prepare(ingress, &target, err);
    if (!error) {
        error = load_object(maps, err);
        fwd_bpf_dispatch_release(target);
    }
    return error;
}

static int
load(const struct fwd_host *host, bool dispatcher,
     struct fwd_bpf_maps **mapsp, struct tsn_err *err)
{
    struct fwd_bpf_maps *maps = xzalloc(sizeof *maps);

    libbpf_set_print(print);
    int error = open_object(maps, host, err);
    if (!error) {
        error = dispatcher ? load_for_dispatcher(maps, err)
                : load_object(maps, err);
    }
    if (error) {
        fwd_bpf_maps_close(maps);
        return error;
    }
    *mapsp = maps;
    return 0;
}

int
fwd_bpf_maps_load(const struct fwd_host *host, struct fwd_bpf_maps **mapsp,
                  struct tsn_err *err)
{
    return load(host, false, mapsp, err);
}

int
fwd_bpf_maps_load_for_dispatcher(const struct fwd_host *host,
                                 struct fwd_bpf_maps **mapsp,
                                 struct tsn_err *err)
{
    return load(host, true, mapsp, err);
}

void
fwd_bpf_maps_close(struct fwd_bpf_maps *maps)
{
    if (!maps) {
        return;
    }
    void *const memory[FWD_BPF_N_MMAPPED] = {
        [FWD_BPF_NETS] = maps->nets,
        [FWD_BPF_CURRENT] = maps->current,
        [FWD_BPF_MEMBERS] = maps->members,
        [FWD_BPF_INDEX] = maps->index,
        [FWD_BPF_ENDPOINTS] = maps->endpoints,
        [FWD_BPF_BUCKETS] = maps->buckets,
        [FWD_BPF_DEVS] = maps->devs,
        [FWD_BPF_CONTROL] = maps->capture,
    };

    for (int i = 0; i < FWD_BPF_N_MMAPPED; i++) {
        if (memory[i]) {
            munmap(memory[i], maps->sizes[i]);
        }
    }
    bpf_object__close(maps->object);
    free(maps);
}

int
fwd_bpf_map_set(const struct fwd_bpf_maps *maps, enum fwd_bpf_map map,
                const void *key, const void *value)
{
    return bpf_map_update_elem(maps->fds[map], key, value, BPF_ANY)
           ? -errno : 0;
}

int
fwd_bpf_map_set_batch(const struct fwd_bpf_maps *maps, enum fwd_bpf_map map,
                      const void *keys, const void *values, uint32_t n)
{
    return bpf_map_update_batch(maps->fds[map], keys, values, &n, NULL)
           ? -errno : 0;
}

int
fwd_bpf_map_remove(const struct fwd_bpf_maps *maps, enum fwd_bpf_map map,
                   const void *key)
{
    return bpf_map_delete_elem(maps->fds[map], key) && errno != ENOENT
           ? -errno : 0;
}

int
fwd_bpf_read_counters(const struct fwd_bpf_maps *maps, uint32_t slot,
                      struct fwd_bpf_counters *sum)
{
    const size_t n = sizeof *sum / sizeof(uint64_t);
    struct fwd_bpf_counters values[maps->n_cpus];

    memset(sum, 0, sizeof *sum);
    if (bpf_map_lookup_elem(maps->fds[FWD_BPF_COUNTERS], &slot, values)) {
        return -errno;
    }
    for (unsigned int cpu = 0; cpu < maps->n_cpus; cpu++) {
        const uint64_t *from = (const void *) &values[cpu];
        uint64_t *to = (void *) sum;

        for (size_t i = 0; i < n; i++) {
            to[i] += from[i];
        }
    }
    return 0;
}

int
fwd_bpf_zero_counters(const struct fwd_bpf_maps *maps, uint32_t slot)
{
    struct fwd_bpf_counters zeros[maps->n_cpus];

    memset(zeros, 0, sizeof zeros);
    return fwd_bpf_map_set(maps, FWD_BPF_COUNTERS, &slot, zeros);
}

int
fwd_bpf_maps_inherit(const struct fwd_bpf_maps *maps, int heirs)
{
    uint32_t key = 0;

    return bpf_map_update_elem(heirs, &key, &maps->heir, BPF_ANY) ? -errno : 0;
}

void
fwd_bpf_wait_grace(int grace_fd, int some_devmap_fd)
{
    uint32_t key = 0;

    /* The kernel comes back from changing a map of maps when no program can
     * have the old inner map any more. */
    if (bpf_map_update_elem(grace_fd, &key, &some_devmap_fd, BPF_ANY)) {
        VLOG_ERR("cannot wait for running programs: %s", ovs_strerror(errno));
    }
}

int
fwd_bpf_devmap_create(uint32_t n)
{
    int fd = bpf_map_create(BPF_MAP_TYPE_DEVMAP, "fwd_flood",
                            sizeof(uint32_t), sizeof(struct bpf_devmap_val),
                            n, NULL);

    return fd < 0 ? -errno : fd;
}

int
fwd_bpf_devmap_set(int fd, uint32_t i, int ifindex, int egress_fd)
{
    const struct bpf_devmap_val value = {
        .ifindex = ifindex, .bpf_prog.fd = egress_fd,
    };

    return bpf_map_update_elem(fd, &i, &value, BPF_ANY) ? -errno : 0;
}
