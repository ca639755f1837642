/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of a measurement: who sends frames and who counts them.  Both by
 * XDP programs, so that neither takes much of the time that is measured. */
#include <config.h>
#include "flood-bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "replication/forwarder/encap.h"
#include "util.h"

#define MAX_CPUS 1024

static int
bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
    int retval = syscall(SYS_bpf, cmd, attr, sizeof *attr);

    if (retval < 0) {
        ovs_fatal(errno, "bpf() fails");
    }
    return retval;
}

static int
load_program(const struct bpf_insn *insns, size_t n)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_XDP;
    attr.insns = (uintptr_t) insns;
    attr.insn_cnt = n;
    attr.license = (uintptr_t) "Apache-2.0";
    attr.expected_attach_type = BPF_XDP;
    return bpf(BPF_PROG_LOAD, &attr);
}

#define INSN(CODE, DST, SRC, OFF, IMM) { CODE, DST, SRC, OFF, IMM }

/* Headers of a frame and the inner destination, in words. */
#define N_WORDS 7
BUILD_ASSERT_DECL(N_WORDS * 8 == FWD_ETHER_LEN + FWD_IPV4_LEN + FWD_UDP_LEN
                                 + FWD_VXLAN_LEN + 6);

/* Writes the first words of 'frame' into the packet, as whoever got it last
 * may have changed it, and sends it. */
static int
load_sender(const uint8_t *frame)
{
    const struct bpf_insn head[] = {
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_DROP),
        INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
             offsetof(struct xdp_md, data), 0),
        INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_3, BPF_REG_1,
             offsetof(struct xdp_md, data_end), 0),
        INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_4, BPF_REG_2, 0, 0),
        INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_4, 0, 0, N_WORDS * 8),
        INSN(BPF_JMP | BPF_JGT | BPF_X, BPF_REG_4, BPF_REG_3, N_WORDS * 3 + 1,
             0),
    };
    const struct bpf_insn tail[] = {
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_TX),
        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    struct bpf_insn insns[ARRAY_SIZE(head) + N_WORDS * 3 + ARRAY_SIZE(tail)];
    struct bpf_insn *p = insns + ARRAY_SIZE(head);

    memcpy(insns, head, sizeof head);
    for (int i = 0; i < N_WORDS; i++) {
        uint32_t word[2];

        memcpy(word, frame + i * 8, sizeof word);
        *p++ = (struct bpf_insn) INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_5, 0,
                                      0, word[0]);
        *p++ = (struct bpf_insn) INSN(0, 0, 0, 0, word[1]);
        *p++ = (struct bpf_insn) INSN(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_2,
                                      BPF_REG_5, i * 8, 0);
    }
    memcpy(p, tail, sizeof tail);
    return load_program(insns, ARRAY_SIZE(insns));
}

/* A broadcast of 'size' octets for the node at 'mac'.  Returns the size. */
static size_t
make_frame(uint8_t *frame, const uint8_t *end, const char *mac,
           const char *from, const char *to, size_t size)
{
    struct fwd_copy copy = {
        .src = fwd_ip_from_v4(inet_addr(from)),
        .dst = fwd_ip_from_v4(inet_addr(to)),
        .label = FLOOD_BENCH_VNI, .size = size, .encap = FWD_VXLAN,
        .port = FWD_PORT_MIN,
    };
    static const uint8_t source[6] = { 2, 0, 0, 0, 0, 2 };

    ovs_assert(sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &frame[0],
                      &frame[1], &frame[2], &frame[3], &frame[4], &frame[5])
               == 6);
    memcpy(frame + 6, source, sizeof source);
    fwd_put16(frame + 12, FWD_ETH_P_IPV4);
    uint8_t *p = fwd_put_ip(frame + FWD_ETHER_LEN, end, &copy);
    p = fwd_put_tunnel(fwd_put_transport(p, end, &copy), end, &copy);
    ovs_assert(p + size <= end && size >= FWD_ETHER_LEN);
    memset(p, 0xff, 6);
    memcpy(p + 6, "\2\0\0\0\0\1\x88\xb5", 8);
    return p + size - frame;
}

static void
time_is_over(int signal OVS_UNUSED)
{
}

int
flood_bench_send(char *argv[])
{
    static uint8_t frame[2048];
    size_t size = make_frame(frame, frame + sizeof frame, argv[1], argv[2],
                             argv[3], atoi(argv[4]));
    struct xdp_md context = {
        .data_end = size, .ingress_ifindex = if_nametoindex(argv[0]),
    };
    union bpf_attr attr;

    ovs_assert(context.ingress_ifindex);
    memset(&attr, 0, sizeof attr);
    attr.test.prog_fd = load_sender(frame);
    attr.test.data_in = (uintptr_t) frame;
    attr.test.data_size_in = size;
    attr.test.ctx_in = (uintptr_t) &context;
    attr.test.ctx_size_in = sizeof context;
    attr.test.repeat = UINT32_MAX;
    attr.test.batch_size = atoi(argv[5]);
    attr.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;

    /* It takes a while to begin and to end, so once is enough. */
    signal(SIGALRM, time_is_over);
    alarm(atoi(argv[6]));
    if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof attr) >= 0
        || errno != EINTR) {
        ovs_fatal(errno, "cannot send");
    }
    return 0;
}

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

    return load_program(insns, ARRAY_SIZE(insns));
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

int
flood_bench_count(char *argv[])
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
    flood_bench_ready();
    while (flood_bench_read_line()) {
        printf("%"PRIu64"\n", read_count(map));
        fflush(stdout);
    }
    return 0;
}
