/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers frames and hands them to one program, and from some number on to
 * another one: a driver's poll, in the middle of which its program is replaced.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "xdp_turns_abi.h"

const volatile struct turns_config config SEC(".rodata.config");

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, __u32);
} programs SEC(".maps");

__u32 n_frames;

SEC("xdp.frags")
int
turns(struct xdp_md *ctx)
{
    __u64 *data = (void *) (long) ctx->data;
    void *end = (void *) (long) ctx->data_end;
    __u32 i = n_frames++;

    if ((void *) data + TURNS_FRAME_SIZE > end) {
        return XDP_ABORTED;
    }
    /* Memory comes back as the program before left it. */
#pragma unroll
    for (int j = 0; j < TURNS_FRAME_SIZE / 8; j++) {
        data[j] = config.frame[j];
    }
    *(__be32 *) ((void *) data + TURNS_NUMBER_AT) = bpf_htonl(i);
    bpf_tail_call(ctx, &programs, i >= config.n_first);
    return XDP_ABORTED;
}

char terms[] SEC("license") = "Apache-2.0";
