/* SPDX-License-Identifier: Apache-2.0 */
/* The socket engine: UDP sockets, a raw one for GRE if we may, and one thread.
 * It needs nothing else from the host but the address.  This is the control
 * thread's side of it. */
#include <config.h>
#include "replication/forwarder/forwarder.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "replication/forwarder/bpf-pins.h"
#include "replication/forwarder/bucket.h"
#include "replication/forwarder/capture-ring.h"
#include "replication/forwarder/capture.h"
#include "replication/forwarder/engine-bpf.h"
#include "replication/forwarder/socket-thread.h"
#include "replication/forwarder/socket-tx.h"
#include "replication/forwarder/table.h"
#include "socket-util.h"
#include "tsn/error.h"
#include "tsn/model.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_socket);

/* How often to look for an address that is not on this host. */
#define RETRY_MS 1000
/* How often to ask for the underlay's MTU. */
#define MTU_MS 5000
/* Frames given to the services in one turn of the control thread. */
#define PUNT_BUDGET 64

struct fwd {
    struct fwd_config config;
    fwd_punt_fn *punt;
    void *aux;
    /* Published last.  The thread has it or is to take it, and gives it back
     * only for a newer one. */
    const struct fwd_table *table;

    /* Freed when closed, so later than this. */
    uv_async_t *async;          /* The thread has something for us. */
    uv_timer_t *timer;          /* To start, then to look at the MTU. */

    bool running;               /* The thread is there, sockets are open. */
    char reason[128];           /* Why not. */
    char reason6[128];          /* Why not over IPv6, if that is wanted. */
    pthread_t thread;
    struct fwd_socket_shared shared;

    struct fwd_bpf *bpf;        /* In front of the sockets; NULL: nothing. */
    struct fwd_bucket *own_buckets;     /* If there are limits, but no BPF. */
    struct fwd_capture *capture;
    struct tsn_err engine_reason;
    struct fwd_counters totals; /* Of both. */
};

static bool
wants_ipv6(const struct fwd *fwd)
{
    return tsn_ip_is_set(&fwd->config.address6);
}

static void
close_sockets(struct fwd *fwd)
{
    for (int family = 0; family < FWD_N_FAMILIES; family++) {
        fwd_sockets_close(&fwd->shared.sockets[family]);
    }
}

static bool
has_sockets(const struct fwd *fwd, enum fwd_family family)
{
    return fwd->shared.sockets[family].rx[FWD_LANE_FLOOD][FWD_RX_VXLAN]
           >= 0;
}

static void
explain_error(int error, const struct in6_addr *failed, uint16_t port,
              char *text, size_t size)
{
    char ip[TSN_IP_STRLEN];

    tsn_ip_format(failed, ip);
    if (error == -EADDRNOTAVAIL) {
        snprintf(text, size, "address %s is not on this host", ip);
    } else if (error == -EADDRINUSE && port) {
        snprintf(text, size, "UDP port %d of %s is in use, perhaps by a "
                 "tunnel device or another replicator", port, ip);
    } else {
        snprintf(text, size, "cannot open UDP sockets on %s: %s", ip,
                 ovs_strerror(-error));
    }
}

/* Looks at the smaller of the MTUs of the interfaces with our addresses. */
static void
update_mtu(struct fwd *fwd)
{
    unsigned int mtu = fwd_underlay_mtu(&fwd->config.address);

    if (wants_ipv6(fwd)) {
        unsigned int mtu6 = fwd_underlay_mtu(&fwd->config.address6);

        mtu = mtu && mtu6 ? MIN(mtu, mtu6) : MAX(mtu, mtu6);
    }
    if (mtu != fwd->shared.mtu) {
        VLOG_INFO("underlay has another MTU mtu=%u", mtu);
        __atomic_store_n(&fwd->shared.mtu, mtu, __ATOMIC_RELAXED);
    }
}

static bool
has_gre(const struct fwd *fwd)
{
    return fwd->shared.sockets[FWD_V4].rx[FWD_LANE_FLOOD][FWD_RX_GRE]
           >= 0;
}

static void
log_start(const struct fwd *fwd)
{
    char ip[TSN_IP_STRLEN];

    VLOG_INFO("socket engine: forwarding with UDP%s sockets vtep=%s "
              "port=%d,%d,%d", has_gre(fwd) ? " and raw GRE" : "",
              tsn_ip_format(&fwd->config.address, ip), FWD_VXLAN_PORT,
              FWD_MPLS_PORT, FWD_MPLS_OLD_PORT);
    if (!has_gre(fwd)) {
        VLOG_WARN("without MPLS over GRE, as a raw socket needs CAP_NET_RAW");
    }
    for (int family = 0; family < FWD_N_FAMILIES; family++) {
        int error = fwd->shared.sockets[family].lanes_error;

        if (error) {
            VLOG_WARN("frames for the services wait behind those to flood: "
                      "cannot distribute them among sockets: %s",
                      ovs_strerror(-error));
        }
    }
}

static void
wake_thread(struct fwd *fwd)
{
    uint64_t one = 1;

    ignore(write(fwd->shared.wake_fd, &one, sizeof one));
}

/* Opens the sockets of a family, as '*sockets'.  If that fails, 'reason' gets
 * to know why. */
static int
open_sockets(const struct fwd *fwd, enum fwd_family family,
             struct fwd_sockets *sockets, char *reason, size_t size)
{
    const struct in6_addr *ip = family == FWD_V4 ? &fwd->config.address
                                                 : &fwd->config.address6;
    char text[sizeof fwd->reason];
    uint16_t port;

    fwd_sockets_init(sockets);
    int error = fwd_sockets_open(sockets, ip, fwd->config.tos, &port);
    if (!error) {
        reason[0] = '\0';
        return 0;
    }
    explain_error(error, ip, port, text, sizeof text);
    if (strcmp(reason, text)) {
        VLOG_WARN("not forwarding%s: %s", family == FWD_V4 ? "" : " over IPv6",
                  text);
        ovs_strlcpy(reason, text, size);
    }
    return error;
}

static void
start_thread(struct fwd *fwd)
{
    fwd->running = true;
    fwd->thread = ovs_thread_create("forwarder", fwd_socket_thread,
                                    &fwd->shared);
}

static void
stop_thread(struct fwd *fwd)
{
    if (fwd->running) {
        __atomic_store_n(&fwd->shared.stop, true, __ATOMIC_RELEASE);
        wake_thread(fwd);
        xpthread_join(fwd->thread, NULL);
        fwd->running = false;
    }
}

/* Has the thread begin anew, with 'sockets' for IPv6, too; takes these.  What
 * comes in meanwhile waits in the sockets that were there before. */
static void
restart_thread(struct fwd *fwd, const struct fwd_sockets *sockets)
{
    struct fwd_socket_shared *shared = &fwd->shared;

    stop_thread(fwd);
    shared->sockets[FWD_V6] = *sockets;
    shared->stop = false;
    /* The table that it had is the last one that it let go. */
    if (!shared->next && shared->retired) {
        shared->next = shared->retired;
        shared->retired = shared->next->next;
    }
    start_thread(fwd);
    wake_thread(fwd);
}

static int
try_start_ipv6(struct fwd *fwd)
{
    char ip[TSN_IP_STRLEN];
    struct fwd_sockets sockets; /* The thread reads the shared ones. */
    int error = open_sockets(fwd, FWD_V6, &sockets, fwd->reason6,
                             sizeof fwd->reason6);

    if (!error) {
        restart_thread(fwd, &sockets);
        VLOG_INFO("socket engine: forwarding over IPv6, too vtep=%s",
                  tsn_ip_format(&fwd->config.address6, ip));
    }
    return error;
}

/* Starts forwarding with the sockets that can be opened.  Returns 0 if these
 * are all, or why not. */
static int
try_start(struct fwd *fwd)
{
    if (!fwd->running) {
        int error = open_sockets(fwd, FWD_V4, &fwd->shared.sockets[FWD_V4],
                                 fwd->reason, sizeof fwd->reason);

        if (error) {
            return error;
        }
        start_thread(fwd);
        log_start(fwd);
    }
    int error = wants_ipv6(fwd) && !has_sockets(fwd, FWD_V6)
                ? try_start_ipv6(fwd) : 0;
    update_mtu(fwd);
    return error;
}

static void
timer_cb(uv_timer_t *timer)
{
    struct fwd *fwd = timer->data;

    uv_timer_set_repeat(timer, try_start(fwd) ? RETRY_MS : MTU_MS);
}

static void
free_retired(struct fwd *fwd)
{
    struct fwd_table *table
        = __atomic_exchange_n(&fwd->shared.retired, NULL, __ATOMIC_ACQUIRE);

    while (table) {
        struct fwd_table *next = table->next;

        fwd_table_destroy(table);
        table = next;
    }
}

static void
async_cb(uv_async_t *async)
{
    struct fwd *fwd = async->data;

    free_retired(fwd);
    if (fwd_punt_queue_take(fwd->shared.punts, PUNT_BUDGET, fwd->punt,
                            fwd->aux)) {
        uv_async_send(async);
    }
}

/* In the forwarding thread. */
static void
notify(void *fwd_)
{
    struct fwd *fwd = fwd_;

    uv_async_send(fwd->async);
}

static void
free_handle(uv_handle_t *handle)
{
    free(handle);
}

static struct fwd_host
host_of(const struct fwd_config *config)
{
    struct fwd_host host = {
        .tos = config->tos, .copy_dscp = config->copy_dscp,
        .storm_network = config->storm_network,
        .storm_tor = config->storm_tor,
    };

    memcpy(&host.ip4, &config->address, sizeof host.ip4);
    memcpy(&host.ip6, &config->address6, sizeof host.ip6);
    return host;
}

static int
check_config(const struct fwd_config *config, struct tsn_err *err)
{
    if (!tsn_ip_is_v4(&config->address)) {
        tsn_err_set(err, NULL, "the address of the replicator must be IPv4");
        return -EAFNOSUPPORT;
    }
    if (tsn_ip_is_set(&config->address6) && tsn_ip_is_v4(&config->address6)) {
        tsn_err_set(err, NULL, "the second address of the replicator must be "
                    "IPv6");
        return -EAFNOSUPPORT;
    }
    return 0;
}

static struct fwd *
fwd_alloc(uv_loop_t *loop, const struct fwd_config *config,
          fwd_punt_fn *punt, void *aux)
{
    struct fwd *fwd = xzalloc(sizeof *fwd);

    fwd->config = *config;
    fwd->punt = punt;
    fwd->aux = aux;
    for (int family = 0; family < FWD_N_FAMILIES; family++) {
        fwd_sockets_init(&fwd->shared.sockets[family]);
    }
    fwd->shared.host = host_of(config);
    fwd->shared.punts = fwd_punt_queue_create();
    fwd->shared.captured = fwd_capture_ring_create();
    fwd->shared.notify = notify;
    fwd->shared.notify_aux = fwd;
    fwd->async = xzalloc(sizeof *fwd->async);
    uv_async_init(loop, fwd->async, async_cb);
    fwd->async->data = fwd;
    fwd->timer = xzalloc(sizeof *fwd->timer);
    uv_timer_init(loop, fwd->timer);
    fwd->timer->data = fwd;
    fwd->shared.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fwd->shared.wake_fd < 0) {
        ovs_fatal(errno, "cannot create an eventfd");
    }
    return fwd;
}

/* Starts the programs in front of the sockets if that is wanted and possible.
 * Returns 0, or -errno with '*err' if it is wanted only. */
static int
start_bpf(struct fwd *fwd, uv_loop_t *loop, struct tsn_err *err)
{
    enum fwd_engine engine = fwd->config.engine;
    const struct fwd_bpf_config config = {
        .host = &fwd->shared.host,
        .generic = engine == FWD_ENGINE_EBPF_GENERIC,
    };

    tsn_err_set(&fwd->engine_reason, NULL, "as configured");
    if (engine == FWD_ENGINE_SOCKET) {
        return 0;
    }
    int error = fwd_bpf_create(loop, &config, &fwd->bpf, err);
    if (!error) {
        if (engine == FWD_ENGINE_AUTO) {
            tsn_err_set(&fwd->engine_reason, NULL, "this host takes BPF "
                        "programs");
        }
    } else if (engine == FWD_ENGINE_AUTO) {
        fwd->engine_reason = *err;
        VLOG_WARN("socket engine alone, without eBPF: %s",
                  tsn_err_format(err));
        error = 0;
    }
    return error;
}

/* Programs and the thread have the same buckets, so that the limits are those
 * of both together. */
static void
make_buckets(struct fwd *fwd)
{
    if (!fwd_is_policed(&fwd->shared.host)) {
        return;
    }
    if (fwd->bpf) {
        fwd->shared.buckets = fwd_bpf_buckets(fwd->bpf);
    } else {
        fwd->own_buckets = xzalloc_cacheline(FWD_N_BUCKETS
                                             * sizeof *fwd->own_buckets);
        fwd->shared.buckets = fwd->own_buckets;
    }
}

int
fwd_create(uv_loop_t *loop, const struct fwd_config *config,
           fwd_punt_fn *punt, void *aux, struct fwd **fwdp,
           struct tsn_err *err)
{
    int error = check_config(config, err);
    if (error) {
        return error;
    }

    struct fwd *fwd = fwd_alloc(loop, config, punt, aux);
    error = try_start(fwd);
    if (error && error != -EADDRNOTAVAIL) {
        tsn_err_set(err, NULL, "%s", fwd->running ? fwd->reason6
                                                  : fwd->reason);
        fwd_destroy(fwd);
        return error;
    }
    int period = error ? RETRY_MS : MTU_MS;
    uv_timer_start(fwd->timer, timer_cb, period, period);
    error = start_bpf(fwd, loop, err);
    if (error) {
        fwd_destroy(fwd);
        return error;
    }
    make_buckets(fwd);
    fwd->capture = fwd_capture_create(loop, &fwd->shared,
                                      fwd_bpf_get_capture(fwd->bpf));
    *fwdp = fwd;
    return 0;
}

void
fwd_destroy(struct fwd *fwd)
{
    if (!fwd) {
        return;
    }
    stop_thread(fwd);
    uv_close((uv_handle_t *) fwd->async, free_handle);
    uv_close((uv_handle_t *) fwd->timer, free_handle);
    fwd_capture_destroy(fwd->capture);
    fwd_bpf_destroy(fwd->bpf);
    free_retired(fwd);
    fwd_table_destroy(fwd->shared.next);
    close_sockets(fwd);
    close(fwd->shared.wake_fd);
    fwd_punt_queue_destroy(fwd->shared.punts);
    free_cacheline(fwd->own_buckets);
    free(fwd->shared.next_filter);
    fwd_capture_ring_destroy(fwd->shared.captured);
    free(fwd);
}

void
fwd_publish(struct fwd *fwd, struct fwd_table *table)
{
    if (fwd->bpf) {
        fwd_bpf_publish(fwd->bpf, table);
    }
    fwd->table = table;
    /* One that the thread did not come to take needs no farewell. */
    fwd_table_destroy(__atomic_exchange_n(&fwd->shared.next, table,
                                          __ATOMIC_ACQ_REL));
    wake_thread(fwd);
}

const struct fwd_table *
fwd_get_table(const struct fwd *fwd)
{
    return fwd->table;
}

void
fwd_get_host(const struct fwd *fwd, struct fwd_host *host)
{
    *host = fwd->shared.host;
    host->mtu = fwd->shared.mtu;
}

int
fwd_send(struct fwd *fwd, const struct fwd_net *net,
         const struct fwd_member *dst, const void *frame, size_t size)
{
    struct fwd_verdict v = { .net = net, .class = FWD_STRANGER };
    struct fwd_host host;
    struct fwd_copy copy;
    struct fwd_inner in;

    if (!fwd->running) {
        return -EADDRNOTAVAIL;
    }
    if (dst->class == FWD_TREE
        || fwd_parse_ether(frame, (const __u8 *) frame + size, &in, &v)) {
        return -EINVAL;
    }
    fwd_get_host(fwd, &host);
    fwd_look_at_ip(&host, &in, &v);
    v.port = fwd_entropy_port(net, frame);
    v.ttl = FWD_TTL;

    enum fwd_drop drop = fwd_copy_init(&copy, &host, &v, dst, size);
    return drop == FWD_DROP_JUMBO_DF ? -EMSGSIZE
           : drop ? -EADDRNOTAVAIL
           : fwd_tx_send(fwd->shared.sockets, host.tos, &copy, frame);
}

static void
log_line(const char *line, void *aux OVS_UNUSED)
{
    VLOG_INFO("without the ebpf engine: %s", line);
}

/* What a process before us with the other engine has left would take the
 * frames from us, and flood by what it knew. */
static void
remove_programs(const struct fwd *fwd)
{
    struct tsn_err err;
    int error = fwd_bpf_pins_remove_all(&fwd->shared.host.ip4, log_line, NULL,
                                        &err);

    if (error && error != -ENOENT) {
        VLOG_ERR("programs of the process before go on: %s",
                 tsn_err_format(&err));
    }
}

void
fwd_set_complete(struct fwd *fwd)
{
    if (fwd->bpf) {
        fwd_bpf_set_complete(fwd->bpf);
    } else {
        remove_programs(fwd);
    }
}

struct fwd_capture *
fwd_get_capture(struct fwd *fwd)
{
    return fwd->capture;
}

const struct fwd_counters *
fwd_totals(struct fwd *fwd)
{
    if (!fwd->bpf) {
        return &fwd->shared.totals;
    }
    fwd_counters_sum(&fwd->shared.totals, fwd_bpf_totals(fwd->bpf),
                     &fwd->totals);
    return &fwd->totals;
}

const struct fwd_bucket *
fwd_buckets(const struct fwd *fwd)
{
    return fwd->shared.buckets;
}

static uint64_t
socket_overruns(int fd)
{
    uint32_t meminfo[SK_MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof meminfo;

    return fd >= 0 && !getsockopt(fd, SOL_SOCKET, SO_MEMINFO, meminfo, &len)
           ? meminfo[SK_MEMINFO_DROPS] : 0;
}

static uint64_t
lane_overruns(const struct fwd *fwd, enum fwd_lane lane)
{
    uint64_t n = 0;

    for (int family = 0; family < FWD_N_FAMILIES; family++) {
        for (int i = 0; i < FWD_N_RX; i++) {
            n += socket_overruns(fwd->shared.sockets[family].rx[lane][i]);
        }
    }
    return n;
}

void
fwd_get_status(const struct fwd *fwd, struct fwd_status *status)
{
    struct fwd_bpf_status bpf = {
        .mode = NULL, .reason = "", .mode_reason = "",
    };

    if (fwd->bpf) {
        fwd_bpf_get_status(fwd->bpf, &bpf);
    }
    *status = (struct fwd_status) {
        .engine = !bpf.mode ? "socket"
                  : strcmp(bpf.mode, "native") ? "ebpf-generic" : "ebpf",
        .engine_reason = bpf.reason[0] ? bpf.reason : fwd->engine_reason.text,
        .mode_reason = bpf.mode ? bpf.mode_reason : "",
        .pinned = bpf.mode && bpf.pinned,
        .n_interfaces = bpf.n_interfaces,
        .n_unresolved = bpf.n_unresolved,
        .running = fwd->running,
        .reason = fwd->reason,
        .ipv6 = has_sockets(fwd, FWD_V6),
        .reason6 = fwd->reason6,
        .gre = fwd->running && has_gre(fwd),
        .mtu = fwd->shared.mtu,
        .receive_errors = fwd_counter_read(&fwd->shared.receive_errors),
    };
    for (int lane = 0; lane < FWD_N_LANES; lane++) {
        uint64_t n = lane_overruns(fwd, lane);

        status->overruns += n;
        status->control_overruns += lane == FWD_LANE_FLOOD ? 0 : n;
    }
}

bool
fwd_find_way(const struct fwd *fwd, const struct fwd_ip *dst,
             struct fwd_nexthop *way)
{
    return fwd->bpf && fwd_bpf_find_way(fwd->bpf, dst, way);
}

const char *
fwd_get_interface(const struct fwd *fwd, int i, const char **othersp)
{
    return fwd->bpf ? fwd_bpf_get_interface(fwd->bpf, i, othersp) : NULL;
}

void
fwd_for_each_problem(const struct fwd *fwd, fwd_problem_fn *fn, void *aux)
{
    if (!fwd->running) {
        fn(FWD_NOT_FORWARDING, "ipv4", fwd->reason, aux);
    }
    if (fwd->reason6[0]) {
        fn(FWD_NOT_FORWARDING, "ipv6", fwd->reason6, aux);
    }
    if (fwd->bpf) {
        fwd_bpf_for_each_problem(fwd->bpf, fn, aux);
    } else if (fwd->config.engine == FWD_ENGINE_AUTO) {
        char *text = xasprintf("sockets alone, without eBPF: %s",
                               fwd->engine_reason.text);

        fn(FWD_ENGINE_FALLBACK, "", text, aux);
        free(text);
    }
}
