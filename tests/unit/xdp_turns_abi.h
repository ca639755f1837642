/* SPDX-License-Identifier: Apache-2.0 */
/* What xdp-turns.bpf.c and its loader agree on.  Plain C without libc. */
#ifndef TESTS_XDP_TURNS_ABI_H
#define TESTS_XDP_TURNS_ABI_H 1

#include <linux/types.h>

#define TURNS_FRAME_SIZE 128
/* Ethernet, IPv4, UDP, VXLAN, Ethernet; then the frame's number. */
#define TURNS_NUMBER_AT (14 + 20 + 8 + 8 + 14)

struct turns_config {
    __u64 frame[TURNS_FRAME_SIZE / 8];
    __u32 n_first;              /* Frames of the first program. */
    __u32 pad;
};

#endif /* tests/unit/xdp_turns_abi.h */
