/* SPDX-License-Identifier: Apache-2.0 */
/* What xdp-load.bpf.c and xdp_load.c agree on.  Plain C without libc. */
#ifndef TESTS_XDP_LOAD_ABI_H
#define TESTS_XDP_LOAD_ABI_H 1

#include <linux/types.h>

#define LOAD_MAX_STREAMS 16     /* Of CPUs. */
#define LOAD_MAX_MEMBERS 64
#define LOAD_MAX_NETWORKS 4
#define LOAD_MAX_PORTS 4        /* Interfaces. */

/* A frame: Ethernet, IPv4, UDP, VXLAN, Ethernet; then 'struct load_mark', and
 * zeros. */
#define LOAD_FRAME_SIZE 128
#define LOAD_MARK_AT (14 + 20 + 8 + 8 + 14)
#define LOAD_MAGIC 0x6c6f6164
struct load_mark {
    __u32 magic;
    __u32 stream;
    __u64 seq;                  /* Of the frames of the stream. */
};

struct load_config {
    __u64 frame[LOAD_FRAME_SIZE / 8];   /* But for the mark. */
    __u32 ifindexes[LOAD_MAX_PORTS];    /* 0: no more. */
    __be32 node;                /* Outer source address of copies. */
    __u32 first_member;         /* Address of the first of ... */
    __u32 n_members;            /* ... those who get each frame once. */
    __u32 window;               /* Copies for them that may be on their way,
                                 * of each stream. */
    __u32 vni, n_vnis;          /* The frames' in turn. */
    __u32 pad;
    __u64 patience_ns;          /* Until copies that are on their way are
                                 * lost; 0: they never are. */
};

struct load_stream {
    __u64 sent;                 /* Frames. */
    __u64 copies;               /* That members have got. */
    __u64 written_off;          /* And that they will not get. */
    __u64 stalled_ns;           /* Since when there is no room; 0: there is. */
    __u64 pad[4];               /* A cache line for each. */
};

/* What a member of a network got of a stream, by the number of the frame among
 * those of the network. */
struct load_member {
    __u64 top;                  /* The highest number, plus one. */
    __u64 window;               /* Which of the 64 below 'top' came. */
    __u64 copies;
    __u64 lost;                 /* Below the window, and did not come. */
    __u64 twice;
    __u64 late;                 /* Below the window, and came. */
    __u64 last_ns, gap_ns;      /* Of copies, with patience. */
    __u64 by_port[LOAD_MAX_PORTS];
    __u64 pad[4];               /* A cache line is not shared. */
};

struct load_others {
    __u64 others;               /* Copies for others. */
    __u64 bad;                  /* With headers that are wrong. */
    __u64 stop;                 /* Written by user space ... */
    __u64 via;                  /* ... as is the port that frames leave by. */
};

#endif /* tests/unit/xdp_load_abi.h */
