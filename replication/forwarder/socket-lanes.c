/* SPDX-License-Identifier: Apache-2.0 */
/* The programs are put together of pieces: where the tunnel header begins, how
 * to get behind it, what the inner frame is.  X is where we are. */
#include <config.h>
#include "replication/forwarder/socket-lanes.h"

#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include "replication/services/arp.h"
#include "util.h"

/* A jump goes to a label, NEXT is the instruction behind it. */
enum label {
    NEXT,
    MPLS, BOTTOM, CONTROL_WORD, ETHER, ARP, IPV4, TRANSPORT4, IPV6, ICMPV6,
    TRANSPORT6, PORTS, DNS,
    FLOOD, RESOLVE, SERVICE,    /* The end, by lane. */
    N_LABELS
};

struct step {
    uint16_t code;
    uint32_t k;
    enum label yes, no;
};

/* No instruction: the one behind it has the label. */
#define MARK 0xffff
#define AT(LABEL) { .code = MARK, .k = (LABEL) }

#define LOAD8(OFFSET) { .code = BPF_LD | BPF_B | BPF_IND, .k = (OFFSET) }
#define LOAD16(OFFSET) { .code = BPF_LD | BPF_H | BPF_IND, .k = (OFFSET) }
#define LOAD32(OFFSET) { .code = BPF_LD | BPF_W | BPF_IND, .k = (OFFSET) }
#define ALU(OP, K) { .code = BPF_ALU | BPF_##OP | BPF_K, .k = (K) }
#define ALU_X(OP) { .code = BPF_ALU | BPF_##OP | BPF_X }
#define STORE(I) { .code = BPF_ST, .k = (I) }
#define RELOAD(I) { .code = BPF_LD | BPF_MEM, .k = (I) }
#define RELOAD_X(I) { .code = BPF_LDX | BPF_MEM, .k = (I) }
#define TO_X { .code = BPF_MISC | BPF_TAX }
#define FROM_X { .code = BPF_MISC | BPF_TXA }
#define ADVANCE(N) FROM_X, ALU(ADD, N), TO_X
#define IF(OP, K, YES, NO) { \
        .code = BPF_JMP | BPF_##OP | BPF_K, .k = (K), \
        .yes = (YES), .no = (NO), \
    }
/* A program that reads beyond the end has no lane, so it asks before.  What is
 * too short for a control frame is none. */
#define NEED_FOR(LABEL, SIZE) \
    { .code = BPF_LD | BPF_LEN }, ALU_X(SUB), IF(JGE, SIZE, LABEL, FLOOD)
#define NEED(SIZE) NEED_FOR(NEXT, SIZE)

/* A raw socket of IPv4 shows the IP header, too. */
static const struct step at_ipv4[] = {
    { .code = BPF_LDX | BPF_B | BPF_MSH },
};
static const struct step at_start[] = {
    { .code = BPF_LDX | BPF_IMM },
};
static const struct step behind_vxlan[] = {
    { .code = BPF_LDX | BPF_IMM, .k = FWD_VXLAN_LEN },
};

/* Each flag of GRE stands for four octets more. */
static const struct step over_gre[] = {
    NEED(FWD_GRE_LEN + 4 + 4),
    LOAD16(2),
    IF(JEQ, FWD_ETH_P_MPLS, MPLS, NEXT),
    IF(JEQ, FWD_ETH_P_MPLS_UPSTREAM, MPLS, FLOOD),
    AT(MPLS),
    LOAD16(0), ALU(AND, FWD_GRE_CHECKSUM), ALU(RSH, 13), ALU_X(ADD), STORE(0),
    LOAD16(0), ALU(AND, FWD_GRE_KEY), ALU(RSH, 11),
    RELOAD_X(0), ALU_X(ADD), ALU(ADD, FWD_GRE_LEN), TO_X,
};

/* Which labels have a control word only the tables know, but no MAC begins
 * with four zeros.  What comes through the tree is flooded always, and as its
 * second headers are no Ethernet of an interesting type, need not be told from
 * the rest. */
static const struct step over_mpls[] = {
    NEED(FWD_MPLS_LEN + FWD_ETHER_LEN),
    LOAD32(0), ALU(RSH, 12), IF(JEQ, FWD_MPLS_SKIPPED, NEXT, BOTTOM),
    ADVANCE(FWD_MPLS_LEN),
    AT(BOTTOM),
    LOAD32(0), IF(JSET, FWD_MPLS_BOTTOM, NEXT, FLOOD),
    ADVANCE(FWD_MPLS_LEN),
    LOAD32(0), IF(JEQ, 0, CONTROL_WORD, ETHER),
    AT(CONTROL_WORD),
    ADVANCE(FWD_CONTROL_WORD_LEN),
};

#define L3 FWD_ETHER_LEN

/* As in classify.h, but somewhat coarser.  A request is no probe and no
 * announcement if it is for another address than that it is from. */
static const struct step inner[] = {
    AT(ETHER),
    NEED(FWD_ETHER_LEN + ARP_LEN),
    LOAD8(0), ALU(AND, 1), STORE(0),            /* To a group. */
    LOAD16(12),
    IF(JEQ, FWD_ETH_P_ARP, ARP, NEXT),
    IF(JEQ, FWD_ETH_P_IPV4, IPV4, NEXT),
    IF(JEQ, FWD_ETH_P_IPV6, IPV6, FLOOD),

    AT(ARP),
    LOAD16(L3 + 6), IF(JEQ, ARP_OP_REQUEST, NEXT, FLOOD),
    LOAD32(L3 + 24), STORE(1),
    LOAD32(L3 + 14), IF(JEQ, 0, FLOOD, NEXT),
    RELOAD_X(1),
    { .code = BPF_JMP | BPF_JEQ | BPF_X, .yes = FLOOD, .no = RESOLVE },

    AT(IPV4),
    LOAD8(L3 + 9),
    IF(JEQ, FWD_IP_PROTO_IGMP, SERVICE, NEXT),
    IF(JEQ, FWD_IP_PROTO_UDP, TRANSPORT4, NEXT),
    IF(JEQ, FWD_IP_PROTO_TCP, TRANSPORT4, FLOOD),
    AT(TRANSPORT4),
    LOAD16(L3 + 6), IF(JSET, FWD_IPV4_FRAGMENT, FLOOD, NEXT),
    LOAD8(L3), ALU(AND, 0xf), ALU(LSH, 2), ALU_X(ADD), TO_X,
    /* X may be behind the end, as nobody has checked what IP says. */
    { .code = BPF_LD | BPF_LEN }, ALU_X(SUB),
    IF(JSET, 0x80000000, FLOOD, NEXT),
    NEED_FOR(PORTS, L3 + FWD_UDP_LEN),

    AT(IPV6),
    NEED(L3 + FWD_IPV6_LEN + FWD_UDP_LEN),
    LOAD8(L3 + 6),
    IF(JEQ, FWD_IP_PROTO_ICMPV6, ICMPV6, NEXT),
    IF(JEQ, FWD_IP_PROTO_UDP, TRANSPORT6, NEXT),
    IF(JEQ, FWD_IP_PROTO_TCP, TRANSPORT6, FLOOD),
    AT(ICMPV6),
    LOAD8(L3 + FWD_IPV6_LEN),
    IF(JEQ, FWD_ICMPV6_RS, RESOLVE, NEXT),
    IF(JEQ, FWD_ICMPV6_NS, RESOLVE, NEXT),
    IF(JEQ, FWD_ICMPV6_NA, RESOLVE, FLOOD),
    AT(TRANSPORT6),
    ADVANCE(FWD_IPV6_LEN),

    AT(PORTS),
    LOAD32(L3),
    IF(JEQ, FWD_DHCP4_CLIENT_PORT << 16 | FWD_DHCP4_SERVER_PORT, SERVICE,
       NEXT),
    ALU(RSH, 16), IF(JEQ, FWD_DHCP6_CLIENT_PORT, SERVICE, NEXT),
    LOAD16(L3 + 2), IF(JEQ, FWD_DNS_PORT, DNS, FLOOD),
    AT(DNS),
    RELOAD(0), IF(JEQ, 0, SERVICE, FLOOD),
};

#define MAX_INSNS 160

/* While it is put together, jumps have labels instead of distances. */
struct program {
    struct sock_filter insns[MAX_INSNS];
    uint8_t n;
    uint8_t labels[N_LABELS];
};
BUILD_ASSERT_DECL(ARRAY_SIZE(at_ipv4) + ARRAY_SIZE(over_gre)
                  + ARRAY_SIZE(over_mpls) + ARRAY_SIZE(inner) + FWD_N_LANES
                  <= MAX_INSNS);

static void
add(struct program *p, const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct step *s = &steps[i];

        if (s->code == MARK) {
            p->labels[s->k] = p->n;
        } else {
            p->insns[p->n++] = (struct sock_filter) {
                .code = s->code, .jt = s->yes, .jf = s->no, .k = s->k,
            };
        }
    }
}
#define ADD(P, STEPS) add(P, STEPS, ARRAY_SIZE(STEPS))

/* Ends the program: it returns 'results' by lane. */
static void
finish(struct program *p, const uint32_t results[FWD_N_LANES])
{
    for (int lane = 0; lane < FWD_N_LANES; lane++) {
        p->labels[FLOOD + lane] = p->n;
        p->insns[p->n++] = (struct sock_filter) {
            .code = BPF_RET | BPF_K, .k = results[lane],
        };
    }
    for (int i = 0; i < p->n; i++) {
        struct sock_filter *insn = &p->insns[i];

        if (BPF_CLASS(insn->code) == BPF_JMP) {
            insn->jt = insn->jt ? p->labels[insn->jt] - (i + 1) : 0;
            insn->jf = insn->jf ? p->labels[insn->jf] - (i + 1) : 0;
        }
    }
}
BUILD_ASSERT_DECL(RESOLVE - FLOOD == FWD_LANE_RESOLVE
                  && SERVICE - FLOOD == FWD_LANE_SERVICE);

static int
attach(int fd, int option, struct program *p)
{
    const struct sock_fprog fprog = { p->n, p->insns };

    return setsockopt(fd, SOL_SOCKET, option, &fprog, sizeof fprog)
           ? -errno : 0;
}

int
fwd_lanes_select(int fd, enum fwd_rx rx)
{
    /* Which socket of the group.  Also a program that fails says 0. */
    static const uint32_t results[] = {
        FWD_LANE_FLOOD, FWD_LANE_RESOLVE, FWD_LANE_SERVICE,
    };
    struct program p = { .n = 0 };

    if (rx == FWD_RX_VXLAN) {
        ADD(&p, behind_vxlan);
    } else {
        ADD(&p, at_start);
        ADD(&p, over_mpls);
    }
    ADD(&p, inner);
    finish(&p, results);
    return attach(fd, SO_ATTACH_REUSEPORT_CBPF, &p);
}

int
fwd_lanes_filter(int fd, enum fwd_family family, enum fwd_lane lane)
{
    uint32_t results[FWD_N_LANES] = { 0 };      /* Octets to let through. */
    struct program p = { .n = 0 };

    results[lane] = UINT32_MAX;
    if (family == FWD_V4) {
        ADD(&p, at_ipv4);
    } else {
        ADD(&p, at_start);
    }
    ADD(&p, over_gre);
    ADD(&p, over_mpls);
    ADD(&p, inner);
    finish(&p, results);
    return attach(fd, SO_ATTACH_FILTER, &p);
}

void
fwd_lanes_unfilter(int fd)
{
    int unused = 0;

    ignore(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused,
                      sizeof unused));
}
