/* SPDX-License-Identifier: Apache-2.0 */
/* What forwarding threads and BPF programs put down of a frame when somebody
 * captures, and of which frames.  Plain C without libc, fit for BPF as well. */
#ifndef FWD_CAPTURE_RECORD_H
#define FWD_CAPTURE_RECORD_H 1

#include "replication/forwarder/encap.h"
#include "replication/forwarder/types.h"

/* Octets of a packet at most; one less than a power of two. */
#define FWD_CAPTURE_MAX 0x3fff

/* Of any network, or of none. */
#define FWD_CAPTURE_ANY 0xffffffff

struct fwd_capture_filter {
    __u64 fates;                /* 1 << enum fwd_drop, or-ed, of the frames and
                                 * copies to capture; FWD_OK are those that are
                                 * not dropped. */
    __u64 until_ns;             /* Nothing after that, of CLOCK_MONOTONIC.  It
                                 * moves on while somebody reads, so that no
                                 * capture outlives its reader. */
    struct fwd_ip from;         /* Outer source; zero: any. */
    __u32 vni;                  /* Or FWD_CAPTURE_ANY. */
    __u32 snaplen;              /* Octets of a packet. */
    __u32 session;              /* Of which records are; 0: no capture. */
    __u32 pad;
};
_Static_assert(FWD_N_DROPS <= 64, "a bit for each fate");

enum fwd_capture_type {
    FWD_CAPTURE_PACKET,         /* A frame as it arrived, from the outer
                                 * Ethernet header on. */
    FWD_CAPTURE_PAYLOAD,        /* Likewise, from the tunnel header on: the host
                                 * had the others. */
    FWD_CAPTURE_COPY            /* The payload of a copy that is dropped. */
};

/* In front of 'stored' octets. */
struct fwd_capture_record {
    __u64 time_ns;              /* CLOCK_MONOTONIC. */
    struct fwd_ip source;       /* Where the frame came from. */
    struct fwd_copy outer;      /* FWD_CAPTURE_COPY: the copy.  _PAYLOAD: the
                                 * outer headers that it had, as far as they
                                 * are known. */
    __u32 session;
    __u32 vni;                  /* Of the network, or FWD_CAPTURE_ANY. */
    __u32 size;                 /* Of what was there to store. */
    __u32 stored;
    __u16 dport;                /* FWD_CAPTURE_PAYLOAD, unless by GRE. */
    __u16 inner;                /* Where in the octets the inner frame is;
                                 * FWD_CAPTURE_NONE: there is none. */
    __u8 type;                  /* enum fwd_capture_type. */
    __u8 encap;                 /* enum fwd_encap that it came in. */
    __u8 action, drop;          /* Of the frame; of a copy why it is
                                 * dropped. */
    __u8 class, kind;           /* Of the frame. */
    __u8 to_class;              /* FWD_CAPTURE_COPY: of its destination. */
    __u8 pad;
};
#define FWD_CAPTURE_NONE 0xffff
_Static_assert(sizeof(struct fwd_capture_record) % 8 == 0,
               "records are in a row");

/* Whether 'filter' is for a frame from 'source' with that fate, in the network
 * 'vni', FWD_CAPTURE_ANY for none. */
FWD_INLINE _Bool
fwd_capture_wants(const struct fwd_capture_filter *filter, __u32 vni,
                  const struct fwd_ip *source, enum fwd_drop fate)
{
    return filter->fates >> fate & 1
           && (filter->vni == FWD_CAPTURE_ANY || filter->vni == vni)
           && (fwd_ip_is_zero(&filter->from)
               || fwd_ip_equals(&filter->from, source));
}

#endif /* replication/forwarder/capture-record.h */
