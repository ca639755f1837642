/* SPDX-License-Identifier: Apache-2.0 */
/* The socket engine: plain UDP sockets and one thread.  It needs nothing from
 * the host but the address.  This is the control thread's side of it. */
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
#include "random.h"
#include "replication/forwarder/socket-thread.h"
#include "replication/forwarder/table.h"
#include "socket-util.h"
#include "tsn/error.h"
#include "tsn/model.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_socket);

/* How often to look for an address that is not on this host. */
#define RETRY_MS 1000
/* Frames may wait here while the thread is busy sending copies. */
#define RX_BUFFER_SIZE (16 << 20)
/* Copies to an endpoint that does not resolve wait in the kernel, which keeps
 * some 200 KiB for each; they must not use up the room of the others. */
#define TX_BUFFER_SIZE (4 << 20)
/* Frames given to the services in one turn of the control thread. */
#define PUNT_BUDGET 64

struct fwd {
    struct sockaddr_in address;
    fwd_punt_fn *punt;
    void *aux;

    /* Freed when closed, so later than this. */
    uv_async_t *async;          /* The thread has something for us. */
    uv_timer_t *retry;

    bool running;               /* The thread is there, sockets are open. */
    char reason[128];           /* Why not. */
    pthread_t thread;
    struct fwd_socket_shared shared;
};

static void
close_socket(int *fdp)
{
    if (*fdp >= 0) {
        close(*fdp);
        *fdp = -1;
    }
}

static void
close_sockets(struct fwd *fwd)
{
    close_socket(&fwd->shared.rx_fd);
    for (int i = 0; i < FWD_N_TX_SOCKETS; i++) {
        close_socket(&fwd->shared.tx_fds[i]);
    }
}

/* The larger one needs CAP_NET_ADMIN; the kernel caps the other. */
static void
set_buffer(int fd, int force_option, int option, int size)
{
    if (setsockopt(fd, SOL_SOCKET, force_option, &size, sizeof size)) {
        ignore(setsockopt(fd, SOL_SOCKET, option, &size, sizeof size));
    }
}

static int
open_socket(const struct sockaddr_in *address, int *fdp)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    if (bind(fd, (const struct sockaddr *) address, sizeof *address)) {
        int error = errno;

        close(fd);
        return -error;
    }
    *fdp = fd;
    return 0;
}

/* Outer headers (B.1.3): TTL 64, no DF, UDP checksum 0. */
static int
set_outer_headers(int fd)
{
    static const struct {
        int level, option, value;
    } options[] = {
        { IPPROTO_IP, IP_TTL, 64 },
        { IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT },
        { SOL_SOCKET, SO_NO_CHECK, 1 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (setsockopt(fd, options[i].level, options[i].option,
                       &options[i].value, sizeof options[i].value)) {
            return -errno;
        }
    }
    return 0;
}

/* Opens a socket to send from, on a free port of part 'i' of the range. */
static int
open_tx_socket(struct fwd *fwd, int i)
{
    struct sockaddr_in address = fwd->address;
    int first = FWD_PORT_MIN + i * FWD_PORTS_PER_SOCKET;
    int start = random_range(FWD_PORTS_PER_SOCKET);
    int error = -EADDRINUSE;

    for (int k = 0; error == -EADDRINUSE && k < FWD_PORTS_PER_SOCKET; k++) {
        address.sin_port = htons(first + (start + k) % FWD_PORTS_PER_SOCKET);
        error = open_socket(&address, &fwd->shared.tx_fds[i]);
    }
    if (!error) {
        set_buffer(fwd->shared.tx_fds[i], SO_SNDBUFFORCE, SO_SNDBUF,
                   TX_BUFFER_SIZE);
        error = set_outer_headers(fwd->shared.tx_fds[i]);
    }
    return error;
}

static int
open_sockets(struct fwd *fwd)
{
    int error = open_socket(&fwd->address, &fwd->shared.rx_fd);

    if (!error) {
        set_buffer(fwd->shared.rx_fd, SO_RCVBUFFORCE, SO_RCVBUF,
                   RX_BUFFER_SIZE);
    }
    for (int i = 0; !error && i < FWD_N_TX_SOCKETS; i++) {
        error = open_tx_socket(fwd, i);
    }
    if (error) {
        close_sockets(fwd);
    }
    return error;
}

static void
explain_error(struct fwd *fwd, int error, char *text, size_t size)
{
    char name[INET_ADDRSTRLEN];
    const char *ip = inet_ntop(AF_INET, &fwd->address.sin_addr, name,
                               sizeof name);

    if (error == -EADDRNOTAVAIL) {
        snprintf(text, size, "address %s is not on this host", ip);
    } else if (error == -EADDRINUSE) {
        snprintf(text, size, "UDP port %d of %s is in use, perhaps by a "
                 "VXLAN device or another replicator",
                 ntohs(fwd->address.sin_port), ip);
    } else {
        snprintf(text, size, "cannot open UDP sockets on %s: %s", ip,
                 ovs_strerror(-error));
    }
}

/* Starts forwarding if the sockets can be opened. */
static int
try_start(struct fwd *fwd)
{
    int error = open_sockets(fwd);

    if (error) {
        char reason[sizeof fwd->reason];

        explain_error(fwd, error, reason, sizeof reason);
        if (strcmp(reason, fwd->reason)) {
            VLOG_WARN("not forwarding: %s", reason);
            ovs_strlcpy(fwd->reason, reason, sizeof fwd->reason);
        }
        return error;
    }
    fwd->reason[0] = '\0';
    fwd->running = true;
    fwd->thread = ovs_thread_create("forwarder", fwd_socket_thread,
                                    &fwd->shared);

    char name[INET_ADDRSTRLEN];
    VLOG_INFO("socket engine: forwarding with plain UDP sockets vtep=%s "
              "port=%d",
              inet_ntop(AF_INET, &fwd->address.sin_addr, name, sizeof name),
              ntohs(fwd->address.sin_port));
    return 0;
}

static void
retry_cb(uv_timer_t *timer)
{
    struct fwd *fwd = timer->data;

    if (!try_start(fwd)) {
        uv_timer_stop(timer);
    }
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
wake_thread(struct fwd *fwd)
{
    uint64_t one = 1;

    ignore(write(fwd->shared.wake_fd, &one, sizeof one));
}

static void
free_handle(uv_handle_t *handle)
{
    free(handle);
}

int
fwd_create(uv_loop_t *loop, const struct fwd_config *config,
           fwd_punt_fn *punt, void *aux, struct fwd **fwdp,
           struct tsn_err *err)
{
    if (!tsn_ip_is_v4(&config->address)) {
        tsn_err_set(err, NULL, "the address of the replicator must be IPv4");
        return -EAFNOSUPPORT;
    }

    struct fwd *fwd = xzalloc(sizeof *fwd);
    fwd->address.sin_family = AF_INET;
    fwd->address.sin_addr.s_addr = config->address.s6_addr32[3];
    fwd->address.sin_port = htons(config->port);
    fwd->punt = punt;
    fwd->aux = aux;
    fwd->shared.rx_fd = -1;
    for (int i = 0; i < FWD_N_TX_SOCKETS; i++) {
        fwd->shared.tx_fds[i] = -1;
    }
    fwd->shared.port_be = fwd->address.sin_port;
    fwd->shared.punts = fwd_punt_queue_create();
    fwd->shared.notify = notify;
    fwd->shared.notify_aux = fwd;
    fwd->async = xzalloc(sizeof *fwd->async);
    uv_async_init(loop, fwd->async, async_cb);
    fwd->async->data = fwd;
    fwd->retry = xzalloc(sizeof *fwd->retry);
    uv_timer_init(loop, fwd->retry);
    fwd->retry->data = fwd;

    fwd->shared.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fwd->shared.wake_fd < 0) {
        ovs_fatal(errno, "cannot create an eventfd");
    }

    int error = try_start(fwd);
    if (error == -EADDRNOTAVAIL) {
        uv_timer_start(fwd->retry, retry_cb, RETRY_MS, RETRY_MS);
    } else if (error) {
        tsn_err_set(err, NULL, "%s", fwd->reason);
        fwd_destroy(fwd);
        return error;
    }
    *fwdp = fwd;
    return 0;
}

void
fwd_destroy(struct fwd *fwd)
{
    if (!fwd) {
        return;
    }
    if (fwd->running) {
        __atomic_store_n(&fwd->shared.stop, true, __ATOMIC_RELEASE);
        wake_thread(fwd);
        xpthread_join(fwd->thread, NULL);
    }
    uv_close((uv_handle_t *) fwd->async, free_handle);
    uv_close((uv_handle_t *) fwd->retry, free_handle);
    free_retired(fwd);
    fwd_table_destroy(fwd->shared.next);
    close_sockets(fwd);
    close_socket(&fwd->shared.wake_fd);
    fwd_punt_queue_destroy(fwd->shared.punts);
    free(fwd);
}

void
fwd_publish(struct fwd *fwd, struct fwd_table *table)
{
    /* One that the thread did not come to take needs no farewell. */
    fwd_table_destroy(__atomic_exchange_n(&fwd->shared.next, table,
                                          __ATOMIC_ACQ_REL));
    wake_thread(fwd);
}

int
fwd_send(struct fwd *fwd, uint32_t vni, const struct fwd_ip *dst,
         const void *frame, size_t size)
{
    const struct fwd_net net = { .vni = vni };
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = fwd->address.sin_port,
    };
    uint8_t header[FWD_VXLAN_LEN];
    struct iovec iovs[] = {
        { header, sizeof header },
        { CONST_CAST(void *, frame), size },
    };
    struct msghdr msg = {
        .msg_name = &to, .msg_namelen = sizeof to,
        .msg_iov = iovs, .msg_iovlen = ARRAY_SIZE(iovs),
    };

    if (!fwd->running) {
        return -EADDRNOTAVAIL;
    }
    if (size < FWD_ETHER_LEN) {
        return -EINVAL;
    }
    memcpy(&to.sin_addr, &dst->b[12], sizeof to.sin_addr);
    fwd_put_vxlan(header, vni);

    int fd = fwd->shared.tx_fds[fwd_tx_socket(fwd_entropy_port(&net, frame))];
    return sendmsg(fd, &msg, MSG_DONTWAIT) < 0 ? -errno : 0;
}

const struct fwd_counters *
fwd_totals(const struct fwd *fwd)
{
    return &fwd->shared.totals;
}

void
fwd_get_status(const struct fwd *fwd, struct fwd_status *status)
{
    uint32_t meminfo[SK_MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof meminfo;

    *status = (struct fwd_status) {
        .engine = "socket",
        .running = fwd->running,
        .reason = fwd->reason,
        .receive_errors = fwd_counter_read(&fwd->shared.receive_errors),
    };
    if (fwd->running && !getsockopt(fwd->shared.rx_fd, SOL_SOCKET, SO_MEMINFO,
                                    meminfo, &len)) {
        status->overruns = meminfo[SK_MEMINFO_DROPS];
    }
}
