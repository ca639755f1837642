/* SPDX-License-Identifier: Apache-2.0 */
/* Measures flooding; each in a network namespace of its own:
 *
 *   flood-bench send FROM TO BYTES SECONDS
 *       broadcasts of BYTES in VXLAN 100, as fast as they go
 *   flood-bench node ENGINE ADDRESS FROM FIRST N
 *       the forwarder, with ENGINE (socket, ebpf, ebpf-generic), for members
 *       FROM and N from FIRST on, until its standard input ends
 *   flood-bench count INTERFACE
 *       an XDP program that counts and drops what comes in at INTERFACE;
 *       prints the count for every line on its standard input, and goes with
 *       it
 *
 * "node" and "count" print "ready" when they are, findings as JSON. */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "replication/forwarder/forwarder.h"
#include "replication/forwarder/table.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "util.h"

#define VNI 100
#define BATCH 64
#define MAX_CPUS 1024

static int
send_broadcasts(char *argv[])
{
    struct sockaddr_in from = { .sin_family = AF_INET }, to = from;
    size_t size = FWD_VXLAN_LEN + atoi(argv[2]);
    uint64_t end = tsn_now_ms() + atoi(argv[3]) * 1000;
    uint8_t *frame = xzalloc(size);
    struct iovec iov = { frame, size };
    struct mmsghdr msgs[BATCH];
    uint64_t n = 0;

    to.sin_port = htons(FWD_VXLAN_PORT);
    ovs_assert(inet_pton(AF_INET, argv[0], &from.sin_addr) == 1);
    ovs_assert(inet_pton(AF_INET, argv[1], &to.sin_addr) == 1);
    fwd_put_vxlan(frame, VNI);
    memset(frame + FWD_VXLAN_LEN, 0xff, 6);
    memcpy(frame + FWD_VXLAN_LEN + 6, "\2\0\0\0\0\1\x88\xb5", 8);

    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *) &from, sizeof from)
        || connect(fd, (struct sockaddr *) &to, sizeof to)) {
        ovs_fatal(errno, "cannot send");
    }
    memset(msgs, 0, sizeof msgs);
    for (int i = 0; i < BATCH; i++) {
        msgs[i].msg_hdr.msg_iov = &iov;
        msgs[i].msg_hdr.msg_iovlen = 1;
    }
    while (tsn_now_ms() < end) {
        int sent = sendmmsg(fd, msgs, BATCH, 0);

        if (sent < 0) {
            ovs_fatal(errno, "cannot send");
        }
        n += sent;
    }
    printf("{\"sent\": %"PRIu64"}\n", n);
    return 0;
}

static void
punted(const struct fwd_punted *p OVS_UNUSED, void *aux OVS_UNUSED)
{
}

static struct fwd_ip
parse_ip(const char *s)
{
    struct in_addr a;

    ovs_assert(inet_pton(AF_INET, s, &a) == 1);
    return fwd_ip_from_v4(a.s_addr);
}

/* FROM, and N endpoints from FIRST on, all of them switches. */
static struct fwd_table *
make_table(const char *from, const char *first, size_t n)
{
    struct fwd_member *members = xcalloc(n + 1, sizeof *members);
    struct fwd_net_counters *counters = fwd_net_counters_create();
    uint32_t base = ntohl(inet_addr(first));
    struct fwd_network_spec spec = {
        .net = { .vni = VNI, .seed = 1, .service_mac = { 2, 1, 2, 3, 4, 5 } },
        .members = members, .n_members = n + 1,
    };

    members[n] = (struct fwd_member) {
        parse_ip(from), VNI, FWD_TOR, FWD_VXLAN,
    };
    for (size_t i = 0; i < n; i++) {
        members[i] = (struct fwd_member) {
            fwd_ip_from_v4(htonl(base + i)), VNI, FWD_TOR, FWD_VXLAN,
        };
    }
    struct fwd_network *network = fwd_network_create(&spec, counters);
    struct fwd_table *table = fwd_table_create(&network, 1);
    fwd_network_unref(network);
    fwd_net_counters_unref(counters);
    free(members);
    return table;
}

static double
cpu_s(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec
           + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
ready(void)
{
    puts("ready");
    fflush(stdout);
}

/* Reads a line.  Returns false at the end. */
static bool
read_line(void)
{
    char line[16];

    return fgets(line, sizeof line, stdin);
}

/* For the neighbours to answer. */
#define RESOLVE_MS 10000

static enum fwd_engine
parse_engine(const char *s)
{
    return !strcmp(s, "ebpf") ? FWD_ENGINE_EBPF
           : !strcmp(s, "ebpf-generic") ? FWD_ENGINE_EBPF_GENERIC
           : FWD_ENGINE_SOCKET;
}

static int
node(char *argv[])
{
    struct tsn_loop *loop = tsn_loop_create("bench");
    struct fwd_config config = { .engine = parse_engine(argv[0]) };
    struct fwd_status status;
    struct fwd *fwd;
    struct tsn_err err;

    ovs_assert(!tsn_ip_parse(argv[1], &config.address));
    if (fwd_create(tsn_loop_uv(loop), &config, punted, NULL, &fwd, &err)) {
        ovs_fatal(0, "%s", err.text);
    }
    fwd_publish(fwd, make_table(argv[2], argv[3], atoi(argv[4])));
    uint64_t end = tsn_now_ms() + RESOLVE_MS;
    for (;;) {
        fwd_get_status(fwd, &status);
        if (!status.n_unresolved) {
            break;
        } else if (tsn_now_ms() > end) {
            ovs_fatal(0, "some endpoints do not resolve");
        }
        uv_run(tsn_loop_uv(loop), UV_RUN_ONCE);
    }
    ready();
    double start = cpu_s();
    while (read_line()) {
        continue;
    }

    const struct fwd_counters *c = fwd_totals(fwd);
    fwd_get_status(fwd, &status);
    printf("{\"engine\": \"%s\", \"frames\": %"PRIu64", \"copies\": "
           "%"PRIu64", \"failed\": %"PRIu64", \"overruns\": %"PRIu64", "
           "\"cpu_s\": %.3f}\n", status.engine,
           fwd_counter_read(&c->frames), fwd_counter_read(&c->copies),
           fwd_counter_read(&c->drops[FWD_DROP_COPY_FAILED]),
           status.overruns, cpu_s() - start);
    fwd_destroy(fwd);
    tsn_loop_destroy(loop);
    return 0;
}

static int
bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
    int fd = syscall(SYS_bpf, cmd, attr, sizeof *attr);

    if (fd < 0) {
        ovs_fatal(errno, "bpf() fails");
    }
    return fd;
}

#define INSN(CODE, DST, SRC, OFF, IMM) { CODE, DST, SRC, OFF, IMM }

/* Adds one to element 0 of the per-CPU array 'map', drops the packet. */
static int
load_counter(int map)
{
    const struct bpf_insn insns[] = {
        INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0),
        INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
        INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
        INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
        INSN(0, 0, 0, 0, 0),
        INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
        INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 3, 0),
        INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_0, 0, 0),
        INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, 1),
        INSN(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_0, BPF_REG_1, 0, 0),
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_DROP),
        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    union bpf_attr attr;

    memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_XDP;
    attr.insns = (uintptr_t) insns;
    attr.insn_cnt = ARRAY_SIZE(insns);
    attr.license = (uintptr_t) "Apache-2.0";
    attr.expected_attach_type = BPF_XDP;
    return bpf(BPF_PROG_LOAD, &attr);
}

static uint64_t
read_count(int map)
{
    static uint64_t values[MAX_CPUS];
    uint32_t key = 0;
    union bpf_attr attr;
    uint64_t sum = 0;

    memset(&attr, 0, sizeof attr);
    attr.map_fd = map;
    attr.key = (uintptr_t) &key;
    attr.value = (uintptr_t) values;
    bpf(BPF_MAP_LOOKUP_ELEM, &attr);
    for (int i = 0; i < MAX_CPUS; i++) {
        sum += values[i];
    }
    return sum;
}

static int
count(char *argv[])
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof attr);
    attr.map_type = BPF_MAP_TYPE_PERCPU_ARRAY;
    attr.key_size = sizeof(uint32_t);
    attr.value_size = sizeof(uint64_t);
    attr.max_entries = 1;
    int map = bpf(BPF_MAP_CREATE, &attr);

    memset(&attr, 0, sizeof attr);
    attr.link_create.prog_fd = load_counter(map);
    attr.link_create.target_ifindex = if_nametoindex(argv[0]);
    attr.link_create.attach_type = BPF_XDP;
    attr.link_create.flags = XDP_FLAGS_DRV_MODE;
    bpf(BPF_LINK_CREATE, &attr);        /* Gone when we are. */
    ready();
    while (read_line()) {
        printf("%"PRIu64"\n", read_count(map));
        fflush(stdout);
    }
    return 0;
}

int
main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        int n_args;
        int (*run)(char *argv[]);
    } commands[] = {
        { "send", 4, send_broadcasts },
        { "node", 5, node },
        { "count", 1, count },
    };

    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(argv[1], commands[i].name)
            && argc - 2 == commands[i].n_args) {
            return commands[i].run(argv + 2);
        }
    }
    fprintf(stderr, "usage: flood-bench send|node|count ARGUMENT...\n");
    return 1;
}
