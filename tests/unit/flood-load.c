/* SPDX-License-Identifier: Apache-2.0 */
/* Floods a node at full rate and accounts for each copy: tests/unit/xdp_load.h
 * for system tests.
 *
 * usage: flood-load INTERFACE[,INTERFACE...] MAC NODE NODE-MAC SENDER FIRST N
 *                   VNI [PATIENCE-MS]
 *
 * Runs in the namespace of INTERFACE, a veth whose other end is the node's, or
 * a router's on the way to it; MAC is its own.  Frames leave by the first one,
 * copies may come by each.  Frames come from the tunnel endpoint SENDER; the N
 * addresses from FIRST on, and nobody else, must get a copy of each.
 *
 * Starts with the first line of its input, and says for each what has come of
 * the frames, as an object of JSON on a line.  Lines are empty, or
 *
 *     stop        Make no more, and wait for copies.  The next line starts
 *                 again.
 *     via PORT    Frames leave by this one of the interfaces, 0 is the first.
 *
 * At the end of the input it makes no more, waits for copies, says it once
 * more and ends.  With PATIENCE-MS copies may be lost, see xdp_load.h. */
#include <config.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replication/forwarder/encap.h"
#include "fwd_fixture.h"
#include "xdp_load.h"
#include "xdp_load_abi.h"
#include "util.h"

static void
put_mac(uint8_t *p, const char *s)
{
    if (sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &p[0], &p[1], &p[2], &p[3],
               &p[4], &p[5]) != 6) {
        ovs_fatal(0, "%s is no MAC", s);
    }
}

static void
make_frame(uint8_t frame[LOAD_FRAME_SIZE], char *argv[], uint32_t vni)
{
    static const uint8_t everybody[6] = EVERYBODY, b1[6] = B1;
    const struct fwd_copy copy = {
        .src = ip(argv[5]), .dst = ip(argv[3]), .label = vni,
        .size = LOAD_FRAME_SIZE - LOAD_MARK_AT + FWD_ETHER_LEN,
        .encap = FWD_VXLAN, .port = 50000,
    };
    const uint8_t *end = frame + LOAD_FRAME_SIZE;

    memset(frame, 0, LOAD_FRAME_SIZE);
    put_mac(frame, argv[4]);
    put_mac(frame + 6, argv[2]);
    fwd_put16(frame + 12, ETH_P_IP);
    uint8_t *p = fwd_put_ip(frame + ETH_HLEN, end, &copy);
    p = fwd_put_tunnel(fwd_put_transport(p, end, &copy), end, &copy);
    memcpy(p, everybody, 6);
    memcpy(p + 6, b1, 6);
    fwd_put16(p + 12, 0x88b5);
}

static void
say_member(const struct xdp_load *load, uint32_t i)
{
    struct xdp_load_member m;

    xdp_load_read_member(load, i, &m);
    printf("%s{\"copies\": %llu, \"lost\": %llu, \"twice\": %llu, "
           "\"gap_ms\": %.1f, \"by_port\": [", i ? ", " : "",
           (unsigned long long) m.copies, (unsigned long long) m.lost,
           (unsigned long long) m.twice, m.gap_ns / 1e6);
    for (int port = 0; port < LOAD_MAX_PORTS; port++) {
        printf("%s%llu", port ? ", " : "",
               (unsigned long long) m.by_port[port]);
    }
    printf("]}");
}

static void
say(const struct xdp_load *load, uint32_t n_members)
{
    struct xdp_load_result r;

    xdp_load_read(load, &r);
    printf("{\"frames\": %llu, \"copies\": %llu, \"others\": %llu, "
           "\"lost\": %llu, \"twice\": %llu, \"late\": %llu, \"bad\": %llu, "
           "\"members\": [",
           (unsigned long long) r.frames, (unsigned long long) r.copies,
           (unsigned long long) r.others, (unsigned long long) r.lost,
           (unsigned long long) r.twice, (unsigned long long) r.late,
           (unsigned long long) r.bad);
    for (uint32_t i = 0; i < n_members; i++) {
        say_member(load, i);
    }
    printf("]}\n");
    fflush(stdout);
}

/* Does what 'line' says.  Returns whether frames are made. */
static bool
obey(struct xdp_load *load, const char *line, bool running)
{
    unsigned int port;

    if (!strcmp(line, "stop\n")) {
        if (running) {
            xdp_load_stop(load);
        }
        return false;
    }
    if (sscanf(line, "via %u", &port) == 1) {
        xdp_load_via(load, port);
    }
    if (!running) {
        xdp_load_start(load);
    }
    return true;
}

static void
run(struct xdp_load *load, uint32_t n_members)
{
    bool running = false;
    char line[16];

    while (fgets(line, sizeof line, stdin)) {
        running = obey(load, line, running);
        say(load, n_members);
    }
    obey(load, "stop\n", running);
    say(load, n_members);
}

int
main(int argc, char *argv[])
{
    uint8_t frame[LOAD_FRAME_SIZE];

    if (argc != 9 && argc != 10) {
        ovs_fatal(0, "usage: see the file");
    }
    uint32_t vni = atoi(argv[8]), n_members = atoi(argv[7]);
    make_frame(frame, argv, vni);
    struct xdp_load_config config = {
        .netns = getpid(), .interface = strtok(argv[1], ","), .frame = frame,
        .node = argv[3], .first_member = ntohl(inet_addr(argv[6])),
        .n_members = n_members, .vni = vni, .n_vnis = 1, .n_streams = 2,
        .patience_ms = argc == 10 ? atoi(argv[9]) : 0,
    };
    for (int i = 0; i < LOAD_MAX_PORTS - 1; i++) {
        config.more[i] = strtok(NULL, ",");
        if (!config.more[i]) {
            break;
        }
    }
    struct xdp_load *load = xdp_load_create(&config);
    if (!load) {
        return 77;
    }
    run(load, n_members);
    xdp_load_destroy(load);
    return 0;
}
