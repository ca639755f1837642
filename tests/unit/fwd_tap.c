/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "fwd_tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tsn/loop.h"

#define NODE_MAC "02:00:00:00:00:11"
#define OTHERS_MAC "02:00:00:00:00:99"

struct fwd_tap {
    int fd;
    struct frame partial;       /* An IPv4 packet whose fragments come. */
};

static bool
run(const char *command)
{
    int status = system(command);

    if (status) {
        fprintf(stderr, "failed with %d: %s\n", status, command);
    }
    return !status;
}

static bool
set_up(void)
{
    static const char *const neighbours[] = {
        TSN2, C1, C2, T1, T2, T3, Q, Q2, Q6, C6,
    };
    char command[256];
    bool ok = run("ip link set lo up")
        && run("ip link set underlay address " NODE_MAC " mtu 1500 up")
        && run("ip address add " TSN1 "/8 dev underlay")
        && run("ip address add " TSN1_6 "/32 dev underlay nodad");

    for (size_t i = 0; ok && i < ARRAY_SIZE(neighbours); i++) {
        snprintf(command, sizeof command, "ip neighbour replace %s lladdr "
                 OTHERS_MAC " dev underlay nud permanent", neighbours[i]);
        ok = run(command);
    }
    return ok;
}

struct fwd_tap *
fwd_tap_create(void)
{
    struct ifreq ifr = { .ifr_name = "underlay" };

    if (unshare(CLONE_NEWNET)) {
        return NULL;
    }
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return NULL;
    }
    ifr.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (ioctl(fd, TUNSETIFF, &ifr) || !set_up()) {
        close(fd);
        return NULL;
    }
    struct fwd_tap *tap = xzalloc(sizeof *tap);
    tap->fd = fd;
    return tap;
}

void
fwd_tap_destroy(struct fwd_tap *tap)
{
    if (tap) {
        close(tap->fd);
        free(tap);
    }
}

void
fwd_tap_send(struct fwd_tap *tap, const struct frame *packet)
{
    static const uint8_t node[] = { 2, 0, 0, 0, 0, 0x11 };
    static const uint8_t others[] = { 2, 0, 0, 0, 0, 0x99 };
    struct frame f = { .size = 0 };

    put_mac_header(&f, node, others, -1,
                   packet->data[0] >> 4 == 6 ? 0x86dd : 0x0800);
    put(&f, packet->data, packet->size);
    ovs_assert(write(tap->fd, f.data, f.size) == (ssize_t) f.size);
}

static uint16_t
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

/* Makes 'whole' look as if it had never been fragmented. */
static void
finish(struct frame *whole)
{
    uint8_t *p = whole->data;
    uint32_t sum = 0;

    p[2] = whole->size >> 8;
    p[3] = whole->size;
    memset(p + 6, 0, 2);
    memset(p + 10, 0, 2);
    for (int i = 0; i < 20; i += 2) {
        sum += get16(p + i);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    p[10] = sum >> 8;
    p[11] = sum;
}

/* Adds a fragment, which come one after the other.  Returns true if it was the
 * last one. */
static bool
reassemble(struct fwd_tap *tap, const struct frame *f)
{
    struct frame *whole = &tap->partial;
    size_t offset = (get16(f->data + 6) & 0x1fff) * 8;

    if (!offset) {
        *whole = *f;
        return false;
    }
    if (memcmp(whole->data + 4, f->data + 4, 2)
        || memcmp(whole->data + 16, f->data + 16, 4)
        || whole->size != 20 + offset) {
        return false;
    }
    put(whole, f->data + 20, f->size - 20);
    if (get16(f->data + 6) & 0x2000) {
        return false;
    }
    finish(whole);
    return true;
}

/* Whether an IP packet is a tunnel packet, or a fragment of one. */
static bool
is_tunnel(const uint8_t *p)
{
    uint8_t proto = p[0] >> 4 == 6 ? p[6] : p[9];

    return proto == 17 || proto == 47;
}

static bool
read_packet(struct fwd_tap *tap, struct frame *f)
{
    uint8_t data[2048];
    ssize_t n = read(tap->fd, data, sizeof data);

    if (n < 14 + 20
        || (get16(data + 12) != 0x0800 && get16(data + 12) != 0x86dd)
        || !is_tunnel(data + 14)) {
        return false;
    }
    f->size = 0;
    put(f, data + 14, n - 14);
    if (f->data[0] >> 4 == 4 && get16(f->data + 6) & 0x3fff) {
        if (!reassemble(tap, f)) {
            return false;
        }
        *f = tap->partial;
    }
    return true;
}

bool
fwd_tap_receive(struct fwd_tap *tap, struct frame *f, int ms)
{
    uint64_t end = tsn_now_ms() + ms;

    for (;;) {
        struct pollfd fd = { .fd = tap->fd, .events = POLLIN };
        uint64_t now = tsn_now_ms();

        if (poll(&fd, 1, now < end ? end - now : 0) <= 0) {
            return false;
        }
        if (read_packet(tap, f)) {
            return true;
        }
    }
}
