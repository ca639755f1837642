/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the pipeline is fit for BPF: an XDP program of all of it, with
 * look-ups in maps, that answers ARP and puts the headers of one copy in
 * front of a frame.  It is compiled, and the kernel would load it. */
#include <linux/bpf.h>

#include "replication/forwarder/encap.h"
#include "replication/forwarder/pipeline.h"

#define SEC(NAME) __attribute__((section(NAME), used))
#define MAP(NAME, TYPE, KEY, VALUE) \
    struct { \
        int (*type)[TYPE]; \
        int (*max_entries)[64]; \
        KEY *key; \
        VALUE *value; \
    } NAME SEC(".maps")

static void *(*const bpf_map_lookup_elem)(void *, const void *)
    = (void *) BPF_FUNC_map_lookup_elem;
static long (*const bpf_xdp_adjust_head)(struct xdp_md *, int)
    = (void *) BPF_FUNC_xdp_adjust_head;

struct label {
    __u32 vni;
    enum fwd_label_kind kind;
};

struct member_key {
    __u32 vni;
    struct fwd_ip ip;
};

struct mac_key {
    __u32 vni;
    __u8 mac[6];
    __u8 pad[2];
};

struct arp_key {
    __u32 vni;
    __be32 ip;
};

MAP(host_map, BPF_MAP_TYPE_ARRAY, __u32, struct fwd_host);
MAP(net_map, BPF_MAP_TYPE_HASH, __u32, struct fwd_net);
MAP(label_map, BPF_MAP_TYPE_HASH, __u32, struct label);
MAP(class_map, BPF_MAP_TYPE_HASH, struct member_key, __u32);
MAP(mac_map, BPF_MAP_TYPE_HASH, struct mac_key, struct fwd_mac);
MAP(arp_map, BPF_MAP_TYPE_HASH, struct arp_key, struct fwd_arp);
MAP(member_map, BPF_MAP_TYPE_ARRAY, __u32, struct fwd_member);

static inline const struct fwd_net *
fwd_find_net(const struct fwd_table *table, __u32 vni)
{
    return bpf_map_lookup_elem(&net_map, &vni);
}

static inline const struct fwd_net *
fwd_find_label(const struct fwd_table *table, __u32 label,
               enum fwd_label_kind *kind)
{
    const struct label *l = bpf_map_lookup_elem(&label_map, &label);

    if (!l) {
        return 0;
    }
    *kind = l->kind;
    return bpf_map_lookup_elem(&net_map, &l->vni);
}

static inline __u32
fwd_find_classes(const struct fwd_table *table, const struct fwd_net *net,
                 const struct fwd_ip *source)
{
    const struct member_key key = { .vni = net->vni, .ip = *source };
    const __u32 *classes = bpf_map_lookup_elem(&class_map, &key);

    return classes ? *classes : 0;
}

static inline const struct fwd_mac *
fwd_find_mac(const struct fwd_table *table, const struct fwd_net *net,
             const __u8 *mac)
{
    struct mac_key key = { .vni = net->vni };

    __builtin_memcpy(key.mac, mac, 6);
    return bpf_map_lookup_elem(&mac_map, &key);
}

static inline const struct fwd_arp *
fwd_find_arp(const struct fwd_table *table, const struct fwd_net *net,
             __be32 ip)
{
    const struct arp_key key = { .vni = net->vni, .ip = ip };

    return bpf_map_lookup_elem(&arp_map, &key);
}

/* Puts the headers of the copy for member 0 in place of those that came. */
FWD_INLINE int
send_copy(struct xdp_md *ctx, const struct fwd_host *host,
          const struct fwd_verdict *v, __u32 inner_size, __u32 inner_offset)
{
    __u32 zero = 0;
    const struct fwd_member *m = bpf_map_lookup_elem(&member_map, &zero);
    struct fwd_copy copy;

    if (!m || fwd_copy_init(&copy, host, v, m, inner_size)) {
        return XDP_DROP;
    }
    __u32 headers = FWD_ETHER_LEN + fwd_copy_len(&copy) - copy.size;
    if (bpf_xdp_adjust_head(ctx, (int) (inner_offset - headers))) {
        return XDP_DROP;
    }
    __u8 *p = (void *) (long) ctx->data;
    const __u8 *end = (void *) (long) ctx->data_end;
    p = fwd_put_ip(p + FWD_ETHER_LEN, end, &copy);
    if (!p) {
        return XDP_DROP;
    }
    p = fwd_put_transport(p, end, &copy);
    return p && fwd_put_tunnel(p, end, &copy) ? XDP_TX : XDP_DROP;
}

SEC("xdp")
int
fwd_pipeline_test(struct xdp_md *ctx)
{
    __u8 *data = (void *) (long) ctx->data;
    const __u8 *end = (void *) (long) ctx->data_end;
    __u32 zero = 0;
    const struct fwd_host *host = bpf_map_lookup_elem(&host_map, &zero);
    struct fwd_arrival arrival;
    struct fwd_verdict v;

    if (!host || data + FWD_ETHER_LEN > end) {
        return XDP_PASS;
    }
    __u32 size = fwd_parse_outer(host, data + FWD_ETHER_LEN, end, &arrival);
    if (!size || size != end - data - FWD_ETHER_LEN) {
        return XDP_PASS;
    }
    fwd_decide(0, host, &arrival, &v);
    switch (v.action) {
    case FWD_ANSWER:
        if (v.inner + FWD_ETHER_LEN + ARP_LEN > end) {
            return XDP_DROP;
        }
        arp_answer((__u8 *) v.inner, v.mac);
        return XDP_TX;
    case FWD_FLOOD:
    case FWD_RELAY:
        return send_copy(ctx, host, &v, end - v.inner, v.inner - data);
    case FWD_PASS:
        return XDP_PASS;
    default:
        return XDP_DROP;
    }
}

char _license[] SEC("license") = "Dual BSD/GPL";
