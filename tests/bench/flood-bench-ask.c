/* SPDX-License-Identifier: Apache-2.0 */
/* flood-bench ask and answer: how many questions get an answer.  A DHCP
 * message is given back as it came. */
#include <config.h>
#include "flood-bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "replication/forwarder/forwarder.h"
#include "replication/forwarder/table.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "util.h"

#define PER_S 100               /* Questions of each kind. */
#define PERIOD_MS (1000 / PER_S)
#define PATIENCE_MS 2000        /* With the last answers. */

/* The network where somebody asks. */
#define ASK_VNI 200
#define ASKER_MAC { 0x02, 0xbb, 0, 0, 0, 1 }
#define ASKED_IP "192.0.2.1"

#define ETHER FWD_VXLAN_LEN
#define L3 (ETHER + FWD_ETHER_LEN)
#define ARP_END (L3 + 28)
#define DHCP_SIZE 300
#define DHCP_END (L3 + FWD_IPV4_LEN + FWD_UDP_LEN + DHCP_SIZE)

struct tally {
    unsigned int asked, arp, dhcp;
};

static void
put_ether(uint8_t *p, uint16_t type)
{
    static const uint8_t mac[] = ASKER_MAC;

    fwd_put_vxlan(p, ASK_VNI);
    memset(p + ETHER, 0xff, 6);
    memcpy(p + ETHER + 6, mac, 6);
    fwd_put16(p + ETHER + 12, type);
}

static void
ask(int fd)
{
    static const uint8_t mac[] = ASKER_MAC;
    uint8_t arp[ARP_END] = { 0 }, dhcp[DHCP_END] = { 0 };
    in_addr_t target = inet_addr(ASKED_IP);

    put_ether(arp, FWD_ETH_P_ARP);
    memcpy(arp + L3, "\0\1\x08\0\6\4\0\1", 8);
    memcpy(arp + L3 + 8, mac, 6);
    memcpy(arp + L3 + 14, "\xc0\0\2\x0a", 4);
    memcpy(arp + L3 + 24, &target, 4);
    ignore(send(fd, arp, sizeof arp, 0));

    put_ether(dhcp, FWD_ETH_P_IPV4);
    memcpy(dhcp + L3, "\x45\0", 2);
    fwd_put16(dhcp + L3 + 2, sizeof dhcp - L3);
    memcpy(dhcp + L3 + 8, "\x40\x11", 2);
    memset(dhcp + L3 + 16, 0xff, 4);
    fwd_put16(dhcp + L3 + 20, FWD_DHCP4_CLIENT_PORT);
    fwd_put16(dhcp + L3 + 22, FWD_DHCP4_SERVER_PORT);
    fwd_put16(dhcp + L3 + 24, FWD_UDP_LEN + DHCP_SIZE);
    ignore(send(fd, dhcp, sizeof dhcp, 0));
}

/* Takes answers until 'end'. */
static void
take(int fd, uint64_t end, struct tally *t)
{
    uint8_t got[2048];

    for (;;) {
        struct pollfd pollfd = { .fd = fd, .events = POLLIN };
        uint64_t now = tsn_now_ms();

        if (now >= end || poll(&pollfd, 1, end - now) <= 0) {
            return;
        }
        ssize_t n = recv(fd, got, sizeof got, 0);
        t->arp += n == ARP_END && got[L3 + 7] == 2;
        t->dhcp += n == DHCP_END;
    }
}

int
flood_bench_ask(char *argv[])
{
    struct sockaddr_in from = { .sin_family = AF_INET }, to = from;
    uint64_t next = tsn_now_ms(), end = next + atoi(argv[2]) * 1000;
    struct tally t = { 0 };

    from.sin_port = to.sin_port = htons(FWD_VXLAN_PORT);
    ovs_assert(inet_pton(AF_INET, argv[0], &from.sin_addr) == 1);
    ovs_assert(inet_pton(AF_INET, argv[1], &to.sin_addr) == 1);
    int in = socket(AF_INET, SOCK_DGRAM, 0);
    int out = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(in, (struct sockaddr *) &from, sizeof from)) {
        ovs_fatal(errno, "cannot take answers");
    }
    from.sin_port = 0;
    if (bind(out, (struct sockaddr *) &from, sizeof from)
        || connect(out, (struct sockaddr *) &to, sizeof to)) {
        ovs_fatal(errno, "cannot ask");
    }
    for (; next < end; next += PERIOD_MS, t.asked++) {
        ask(out);
        take(in, next + PERIOD_MS, &t);
    }
    take(in, end + PATIENCE_MS, &t);
    printf("{\"asked\": %u, \"arp\": %u, \"dhcp\": %u}\n", t.asked, t.arp,
           t.dhcp);
    return 0;
}

static void
punted(const struct fwd_punted *p, void *fwdp_)
{
    struct fwd **fwdp = fwdp_;

    ignore(fwd_send(*fwdp, &p->net, &p->reply, p->frame, p->size));
}

/* A network of the asker alone, whose DHCP server we are. */
static struct fwd_network *
make_asking(const char *asker)
{
    struct fwd_ip ip = fwd_ip_from_v4(inet_addr(asker));
    struct fwd_member member = { ip, ASK_VNI, FWD_TOR, FWD_VXLAN };
    struct fwd_mac_entry mac = {
        ASKER_MAC, { 0 },
        { ip, ASK_VNI, FWD_MAC_ROUTE | FWD_MAC_DHCP4, FWD_VXLAN },
    };
    struct fwd_arp_entry arp = {
        inet_addr(ASKED_IP), { { 2, 0, 0, 0, 0, 9 }, 0, 0 },
    };
    const struct fwd_network_spec spec = {
        .net = { .vni = ASK_VNI, .service_mac = { 2, 1, 2, 3, 4, 5 } },
        .members = &member, .n_members = 1,
        .macs = &mac, .n_macs = 1, .arps = &arp, .n_arps = 1,
    };
    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_network *network = fwd_network_create(&spec, counters);

    fwd_net_counters_unref(counters);
    return network;
}

static void
publish(struct fwd *fwd, const char *from, const char *first, size_t n,
        const char *asker)
{
    struct fwd_network *networks[] = {
        flood_bench_network(FLOOD_BENCH_VNI, from, ntohl(inet_addr(first)),
                            n),
        make_asking(asker),
    };

    fwd_publish(fwd, fwd_table_create(networks, ARRAY_SIZE(networks)));
    for (size_t i = 0; i < ARRAY_SIZE(networks); i++) {
        fwd_network_unref(networks[i]);
    }
}

/* Until the standard input has something, or ends. */
static void
run_loop(uv_loop_t *uv)
{
    struct pollfd fds[] = {
        { .fd = STDIN_FILENO, .events = POLLIN },
        { .fd = uv_backend_fd(uv), .events = POLLIN },
    };

    while (!fds[0].revents) {
        uv_run(uv, UV_RUN_NOWAIT);
        poll(fds, ARRAY_SIZE(fds), uv_backend_timeout(uv));
    }
}

int
flood_bench_answer(char *argv[])
{
    struct tsn_loop *loop = tsn_loop_create("bench");
    struct fwd_config config = { .engine = FWD_ENGINE_SOCKET };
    struct fwd_status status;
    struct tsn_err err;
    struct fwd *fwd;

    ovs_assert(!tsn_ip_parse(argv[0], &config.address));
    if (fwd_create(tsn_loop_uv(loop), &config, punted, &fwd, &fwd, &err)) {
        ovs_fatal(0, "%s", err.text);
    }
    publish(fwd, argv[1], argv[2], atoi(argv[3]), argv[4]);
    flood_bench_ready();
    run_loop(tsn_loop_uv(loop));
    fwd_get_status(fwd, &status);
    printf("{\"flooded\": %"PRIu64", \"overruns\": %"PRIu64"}\n",
           fwd_counter_read(&fwd_totals(fwd)->flooded), status.overruns);
    fwd_destroy(fwd);
    tsn_loop_destroy(loop);
    return 0;
}
