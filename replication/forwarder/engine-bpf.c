/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/engine-bpf.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "replication/forwarder/bpf-attach.h"
#include "replication/forwarder/bpf-capture.h"
#include "replication/forwarder/bpf-endpoint.h"
#include "replication/forwarder/bpf-flood.h"
#include "replication/forwarder/bpf-grace.h"
#include "replication/forwarder/bpf-maps.h"
#include "replication/forwarder/bpf-pins.h"
#include "replication/forwarder/bpf-tables.h"
#include "replication/forwarder/ip-text.h"
#include "replication/forwarder/xdp-copies.h"
#include "replication/forwarder/xdp-features.h"
#include "tsn/error.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_bpf);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

/* How often counters are read, and interfaces looked after. */
#define TICK_MS 1000
/* Networks follow endpoints that move: members in one turn of the loop. */
#define REWRITE_BUDGET 16384
/* In every network namespace. */
#define LOOPBACK_IFINDEX 1

struct fwd_bpf {
    struct fwd_host host;
    struct fwd_bpf_maps *maps;
    struct fwd_bpf_grace *grace;
    struct fwd_bpf_endpoints *endpoints;
    struct fwd_bpf_floods *floods;
    struct fwd_bpf_tables *tables;
    struct fwd_bpf_attach *attach;
    struct fwd_bpf_capture *capture;
    enum fwd_bpf_mode mode;
    bool mode_known;
    struct tsn_err mode_reason;
    bool off;                   /* No interface may run the programs ... */
    struct tsn_err reason;      /* ... because of this. */
    bool waiting;               /* Somebody else's programs go on. */
    struct fwd_counters totals;
    /* Freed when closed, so later than this. */
    uv_timer_t *tick;
    uv_timer_t *rewrite;        /* Active while networks are due. */
};

static const char *
mode_name(enum fwd_bpf_mode mode)
{
    return mode == FWD_BPF_NATIVE ? "native" : "generic";
}

/* In which mode an interface can both take frames in and give them out. */
static enum fwd_bpf_mode
find_mode(int ifindex)
{
    int features = fwd_xdp_features(ifindex);

    if (features < 0) {
        return FWD_BPF_NATIVE;  /* The attempt will tell. */
    }
    return (features & FWD_XDP_FORWARDS) == FWD_XDP_FORWARDS
           ? FWD_BPF_NATIVE : FWD_BPF_GENERIC;
}

static void
set_mode(struct fwd_bpf *bpf, enum fwd_bpf_mode mode, int ifindex,
         const char *why)
{
    char name[IF_NAMESIZE];

    bpf->mode = mode;
    bpf->mode_known = true;
    if (!if_indextoname(ifindex, name)) {
        ovs_strlcpy(name, "?", sizeof name);
    }
    tsn_err_set(&bpf->mode_reason, NULL, "%s: %s", name, why);
    VLOG_INFO("ebpf engine: %s XDP interface=%s: %s", mode_name(mode), name,
              why);
    if (mode == FWD_BPF_GENERIC && fwd_xdp_check_copies(&bpf->reason)) {
        bpf->off = true;
        VLOG_WARN("socket engine alone, without eBPF: %s",
                  tsn_err_format(&bpf->reason));
    }
}

static void attach_all(struct fwd_bpf *);

/* What goes in natively goes out natively, so one interface that cannot do it
 * decides for all. */
static void
fall_back(struct fwd_bpf *bpf, int ifindex, const char *why)
{
    set_mode(bpf, FWD_BPF_GENERIC, ifindex, why);
    for (unsigned int i = 0; i < FWD_BPF_N_ARRIVALS; i++) {
        fwd_bpf_detach_from(bpf->attach,
                            fwd_bpf_arrival_ifindex(bpf->endpoints, i));
    }
    attach_all(bpf);
}

static void
attach_to(struct fwd_bpf *bpf, int ifindex)
{
    if (bpf->waiting || ifindex <= LOOPBACK_IFINDEX) {
        return;
    }
    if (!bpf->mode_known) {
        enum fwd_bpf_mode mode = find_mode(ifindex);

        set_mode(bpf, mode, ifindex, mode == FWD_BPF_NATIVE
                 ? "the driver can" : "the driver cannot send frames");
    }
    if (bpf->off) {
        return;
    }
    int error = fwd_bpf_attach_to(bpf->attach, ifindex, bpf->mode);
    if (error && bpf->mode == FWD_BPF_NATIVE && error != -EBUSY
        && error != -ENODEV) {
        fall_back(bpf, ifindex, ovs_strerror(-error));
    } else if (error) {
        char name[IF_NAMESIZE];

        VLOG_ERR_RL(&rl, "cannot attach to an interface, its frames go to the "
                    "socket engine interface=%s: %s",
                    if_indextoname(ifindex, name) ? name : "?",
                    error == -EBUSY ? "it has another XDP program"
                    : ovs_strerror(-error));
    }
}

static void
attach_all(struct fwd_bpf *bpf)
{
    for (unsigned int i = 0; i < FWD_BPF_N_ARRIVALS; i++) {
        attach_to(bpf, fwd_bpf_arrival_ifindex(bpf->endpoints, i));
    }
}

static void
device(unsigned int dev, int ifindex, void *bpf_)
{
    struct fwd_bpf *bpf = bpf_;

    fwd_bpf_floods_prepare(bpf->floods, dev, ifindex);
    bpf->maps->devs[dev] = ifindex;
    int error = fwd_bpf_devmap_set(bpf->maps->fds[FWD_BPF_RELAYS], dev,
                                   ifindex, bpf->maps->egress[dev]);
    if (error) {
        VLOG_ERR_RL(&rl, "cannot send by an interface ifindex=%d: %s", ifindex,
                    ovs_strerror(-error));
    }
}

static void
arrival(int ifindex, void *bpf)
{
    attach_to(bpf, ifindex);
}

/* Has networks follow their endpoints, some in a turn. */
static void
rewrite_cb(uv_timer_t *timer)
{
    struct fwd_bpf *bpf = timer->data;

    uint32_t again_ms = fwd_bpf_tables_rewrite(bpf->tables, REWRITE_BUDGET);
    if (again_ms) {
        uv_timer_start(timer, rewrite_cb, again_ms, 0);
    } else {
        uv_timer_stop(timer);
    }
    if (fwd_bpf_tables_have_followed(bpf->tables)) {
        fwd_bpf_endpoints_settle(bpf->endpoints);
    }
}

static void
moved(void *bpf_)
{
    struct fwd_bpf *bpf = bpf_;

    fwd_bpf_tables_moved(bpf->tables);
    rewrite_cb(bpf->rewrite);
}

static const struct fwd_bpf_endpoint_ops endpoint_ops = {
    .device = device,
    .arrival = arrival,
    .moved = moved,
};

/* Drivers change their minds: a veth can send only while its peer polls. */
static void
check_mode(struct fwd_bpf *bpf)
{
    for (unsigned int i = 0; i < FWD_BPF_MAX_DEVS; i++) {
        int ifindex = fwd_bpf_dev_ifindex(bpf->endpoints, i);

        if (ifindex && bpf->mode_known && bpf->mode == FWD_BPF_NATIVE
            && find_mode(ifindex) == FWD_BPF_GENERIC) {
            fall_back(bpf, ifindex, "the driver cannot send frames any more");
        }
    }
}

static void
tick_cb(uv_timer_t *timer)
{
    struct fwd_bpf *bpf = timer->data;

    fwd_bpf_endpoints_retry(bpf->endpoints);
    fwd_bpf_attach_check(bpf->attach);
    attach_all(bpf);
    check_mode(bpf);
    fwd_bpf_tables_count(bpf->tables, &bpf->totals);
}

/* Where to pin if nobody says: in a directory of the address, and of the
 * network namespace, as another one may have the same address. */
static char *
default_pin_dir(const struct fwd_host *host)
{
    char *dir = fwd_bpf_pins_dir(&host->ip4);

    if (!dir) {
        VLOG_WARN("no BPF file system, flooding stops with this process");
    }
    return dir;
}

/* Loads the programs, for a dispatcher if there can be one. */
static int
load_programs(struct fwd_bpf *bpf, bool link, struct tsn_err *err)
{
    const char *why = link ? "not wanted"
                      : fwd_bpf_attach_why_link(bpf->attach);
    int error = why ? -EOPNOTSUPP
                : fwd_bpf_maps_load_for_dispatcher(&bpf->host, &bpf->maps,
                                                   err);
    bool dispatcher = !error;

    if (!dispatcher) {
        VLOG_INFO("ebpf engine: interfaces have no room for XDP programs of "
                  "others: %s", why ? why : tsn_err_format(err));
        error = fwd_bpf_maps_load(&bpf->host, &bpf->maps, err);
    }
    if (!error) {
        fwd_bpf_attach_use(bpf->attach, bpf->maps, dispatcher);
    }
    return error;
}

static int
create_parts(struct fwd_bpf *bpf, uv_loop_t *loop,
             const struct fwd_bpf_config *config, struct tsn_err *err)
{
    int error = config->generic ? fwd_xdp_check_copies(err) : 0;
    if (!error) {
        error = load_programs(bpf, config->link, err);
    }
    if (error) {
        return error;
    }
    error = fwd_bpf_grace_create(loop, bpf->maps, &bpf->grace);
    if (!error) {
        error = fwd_bpf_capture_create(bpf->maps, &bpf->capture);
    }
    if (error) {
        tsn_err_set(err, NULL, "cannot use BPF maps: %s",
                    ovs_strerror(-error));
        return error;
    }
    return fwd_bpf_endpoints_create(loop, bpf->maps, bpf->grace,
                                    &bpf->host, &endpoint_ops, bpf,
                                    &bpf->endpoints, err);
}

static void
destroy_parts(struct fwd_bpf *bpf)
{
    fwd_bpf_attach_destroy(bpf->attach);
    fwd_bpf_tables_destroy(bpf->tables);
    fwd_bpf_floods_destroy(bpf->floods);
    fwd_bpf_endpoints_destroy(bpf->endpoints);
    fwd_bpf_grace_destroy(bpf->grace);
    fwd_bpf_capture_destroy(bpf->capture);
    fwd_bpf_maps_close(bpf->maps);
    free(bpf);
}

static uv_timer_t *
create_timer(struct fwd_bpf *bpf, uv_loop_t *loop)
{
    uv_timer_t *timer = xzalloc(sizeof *timer);

    uv_timer_init(loop, timer);
    timer->data = bpf;
    return timer;
}

int
fwd_bpf_create(uv_loop_t *loop, const struct fwd_bpf_config *config,
               struct fwd_bpf **bpfp, struct tsn_err *err)
{
    struct fwd_bpf *bpf = xzalloc(sizeof *bpf);
    char *pin_dir;

    bpf->host = *config->host;
    /* The way to each endpoint has an MTU of its own. */
    bpf->host.mtu = 0;
    pin_dir = config->pin_dir ? xstrdup(config->pin_dir)
              : default_pin_dir(&bpf->host);
    bpf->attach = fwd_bpf_attach_create(pin_dir);
    free(pin_dir);
    int error = create_parts(bpf, loop, config, err);
    if (error) {
        destroy_parts(bpf);
        return error;
    }
    bpf->floods = fwd_bpf_floods_create(bpf->maps, bpf->endpoints,
                                        bpf->grace);
    const struct fwd_bpf_parts parts = {
        .host = &bpf->host, .maps = bpf->maps, .grace = bpf->grace,
        .endpoints = bpf->endpoints, .floods = bpf->floods,
    };
    bpf->tables = fwd_bpf_tables_create(&parts);
    bpf->waiting = fwd_bpf_attach_has_old(bpf->attach);
    if (bpf->waiting) {
        VLOG_INFO("ebpf engine: the programs of the process before flood on "
                  "until all is known again");
    }
    bpf->mode = FWD_BPF_GENERIC;
    bpf->mode_known = config->generic;
    tsn_err_set(&bpf->mode_reason, NULL, config->generic
                ? "as configured"
                : "not known before there is an endpoint, and an interface "
                  "to it");

    bpf->tick = create_timer(bpf, loop);
    bpf->rewrite = create_timer(bpf, loop);
    uv_timer_start(bpf->tick, tick_cb, TICK_MS, TICK_MS);
    *bpfp = bpf;
    return 0;
}

static void
free_handle(uv_handle_t *handle)
{
    free(handle);
}

void
fwd_bpf_destroy(struct fwd_bpf *bpf)
{
    if (bpf) {
        uv_close((uv_handle_t *) bpf->tick, free_handle);
        uv_close((uv_handle_t *) bpf->rewrite, free_handle);
        destroy_parts(bpf);
    }
}

void
fwd_bpf_publish(struct fwd_bpf *bpf, const struct fwd_table *table)
{
    uint32_t again_ms = fwd_bpf_tables_publish(bpf->tables, table);

    if (again_ms && !uv_is_active((uv_handle_t *) bpf->rewrite)) {
        uv_timer_start(bpf->rewrite, rewrite_cb, again_ms, 0);
    }
}

void
fwd_bpf_set_complete(struct fwd_bpf *bpf)
{
    if (bpf->waiting) {
        bpf->waiting = false;
        attach_all(bpf);
        fwd_bpf_attach_clean(bpf->attach, bpf->grace);
        VLOG_INFO("ebpf engine: took over from the process before");
    }
}

const struct fwd_counters *
fwd_bpf_totals(struct fwd_bpf *bpf)
{
    fwd_bpf_tables_count(bpf->tables, &bpf->totals);
    return &bpf->totals;
}

struct fwd_bucket *
fwd_bpf_buckets(const struct fwd_bpf *bpf)
{
    return bpf->maps->buckets;
}

struct fwd_bpf_capture *
fwd_bpf_get_capture(struct fwd_bpf *bpf)
{
    return bpf ? bpf->capture : NULL;
}

void
fwd_bpf_get_status(const struct fwd_bpf *bpf, struct fwd_bpf_status *status)
{
    *status = (struct fwd_bpf_status) {
        .mode = bpf->off ? NULL : mode_name(bpf->mode),
        .reason = bpf->reason.text,
        .mode_reason = bpf->mode_reason.text,
        .pinned = fwd_bpf_attach_is_pinning(bpf->attach),
        .n_unresolved = fwd_bpf_n_pending(bpf->endpoints),
        .n_due = fwd_bpf_tables_n_due(bpf->tables),
        .waiting = bpf->waiting,
    };
    for (unsigned int i = 0; i < FWD_BPF_MAX_DEVS && !bpf->off; i++) {
        status->n_interfaces += !!fwd_bpf_dev_ifindex(bpf->endpoints, i);
    }
}

bool
fwd_bpf_find_way(const struct fwd_bpf *bpf, const struct fwd_ip *ip,
                 struct fwd_nexthop *way)
{
    return fwd_bpf_endpoint_find_way(bpf->endpoints, ip, way);
}

const char *
fwd_bpf_get_interface(const struct fwd_bpf *bpf, int i, const char **othersp)
{
    return fwd_bpf_attach_get(bpf->attach, i, othersp);
}

struct teller {
    fwd_problem_fn *fn;
    void *aux;
};

static void
tell_endpoint(const struct fwd_ip *ip, const char *why, void *teller_)
{
    const struct teller *teller = teller_;
    char *object = xasprintf("vtep=%s", fwd_ip_text(ip).s);

    teller->fn(FWD_ENDPOINT_UNRESOLVED, object, why, teller->aux);
    free(object);
}

static void
check_interface(const struct fwd_bpf *bpf, int ifindex,
                const struct teller *teller)
{
    char name[IF_NAMESIZE], *object;

    if (bpf->waiting || ifindex <= LOOPBACK_IFINDEX
        || fwd_bpf_attach_has(bpf->attach, ifindex)
        || !if_indextoname(ifindex, name)) {
        return;
    }
    object = xasprintf("interface=%s", name);
    teller->fn(FWD_INTERFACE_WITHOUT_PROGRAM, object, "its frames go to the "
               "socket engine, as it has another XDP program or takes none; "
               "the log says which", teller->aux);
    free(object);
}

void
fwd_bpf_for_each_problem(const struct fwd_bpf *bpf, fwd_problem_fn *fn,
                         void *aux)
{
    struct teller teller = { fn, aux };

    if (bpf->off) {
        char *text = xasprintf("sockets alone, without eBPF: %s",
                               bpf->reason.text);

        fn(FWD_ENGINE_FALLBACK, "", text, aux);
        free(text);
        return;
    }
    fwd_bpf_for_each_pending(bpf->endpoints, tell_endpoint, &teller);
    fwd_bpf_tables_for_each_problem(bpf->tables, fn, aux);
    for (unsigned int i = 0; i < FWD_BPF_N_ARRIVALS; i++) {
        check_interface(bpf, fwd_bpf_arrival_ifindex(bpf->endpoints, i),
                        &teller);
    }
}
