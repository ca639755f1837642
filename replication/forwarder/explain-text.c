/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions in plain words.  What is behind a '$' in a text is filled in from
 * the packet and the tables. */
#include <config.h>
#include "replication/forwarder/explain.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "replication/forwarder/ip-text.h"
#include "util.h"

struct text {
    const char *name, *rule, *text;
};

static const struct text texts[] = {
    [FWD_STEP_OUTER_SHORT] = { "outer_short", "B.2",
        "shorter than an IP header" },
    [FWD_STEP_OUTER_VERSION] = { "outer_version", "B.2",
        "neither IPv4 nor IPv6" },
    [FWD_STEP_OUTER_OPTIONS] = { "outer_options", "B.2",
        "an IPv4 header with options" },
    [FWD_STEP_OUTER_FRAGMENT] = { "outer_fragment", "B.2",
        "a fragment, which is not whole" },
    [FWD_STEP_OUTER_LENGTH] = { "outer_length", "B.2",
        "the length in the IP header is not that of the packet" },
    [FWD_STEP_OUTER_CHECKSUM] = { "outer_checksum", "B.2",
        "the checksum of the IPv4 header is wrong" },
    [FWD_STEP_OUTER_ADDRESS] = { "outer_address", "B.2",
        "not to our address, $own" },
    [FWD_STEP_OUTER_PROTOCOL] = { "outer_protocol", "B.2",
        "neither UDP nor GRE" },
    [FWD_STEP_OUTER_UDP_LENGTH] = { "outer_udp_length", "B.2",
        "the length in the UDP header is not that of the packet" },
    [FWD_STEP_OUTER_PORT] = { "outer_port", "B.2",
        "to another UDP port than 4789, 6635 and 51234" },
    [FWD_STEP_OUTER_GRE] = { "outer_gre", "B.2",
        "GRE that is cut, or has more than a checksum and a key" },
    [FWD_STEP_OUTER_GRE_TYPE] = { "outer_gre_type", "B.2",
        "GRE with other than MPLS in it" },
    [FWD_STEP_OUTER_TAKEN] = { "outer_taken", "B.2",
        "$encap from $source to our address" },

    [FWD_STEP_VXLAN_SHORT] = { "vxlan_short", "B.2",
        "shorter than a VXLAN header" },
    [FWD_STEP_VXLAN_NO_VNI] = { "vxlan_no_vni", "B.2",
        "the VXLAN header says that it has no VNI (flag I)" },
    [FWD_STEP_VXLAN_ALERT] = { "vxlan_alert", "B.1.1",
        "with the router alert bit of VXLAN" },
    [FWD_STEP_VNI_UNKNOWN] = { "vni_unknown", "B.2",
        "no network here has VNI $key" },
    [FWD_STEP_VNI] = { "vni", "B.2",
        "VNI $key leads to a network" },
    [FWD_STEP_MPLS_SHORT] = { "mpls_short", "B.2",
        "the label stack is cut" },
    [FWD_STEP_MPLS_SKIPPED] = { "mpls_skipped", "B.2",
        "label 1048575 on top of the stack is skipped" },
    [FWD_STEP_LABEL_UNKNOWN] = { "label_unknown", "B.2",
        "label $key is none of ours" },
    [FWD_STEP_LABEL_NOT_LAST] = { "label_not_last", "B.2",
        "there are more labels below ours, $key" },
    [FWD_STEP_LABEL_TREE] = { "label_tree", "B.2",
        "label $key leads to the tree of the network with VNI $vni" },
    [FWD_STEP_LABEL_EVPN] = { "label_evpn", "B.2",
        "label $key is for EVPN peers of the network with VNI $vni" },
    [FWD_STEP_TTL_EXCEEDED] = { "ttl_exceeded", "B.2",
        "the MPLS TTL is at its end" },
    [FWD_STEP_CONTROL_WORD] = { "control_word", "B.1.2",
        "no control word of zero behind the label" },
    [FWD_STEP_SECOND_SHORT] = { "second_short", "B.1.2",
        "the second encapsulation of tree frames is cut" },

    [FWD_STEP_ETHER_SHORT] = { "ether_short", "B.2",
        "shorter than an Ethernet header" },
    [FWD_STEP_ETHER_SOURCE] = { "ether_source", "B.2",
        "its source, $smac, is a group or zero, which no host has" },
    [FWD_STEP_ETHER_TAG_SHORT] = { "ether_tag_short", "B.2",
        "the 802.1Q tag is cut" },
    [FWD_STEP_SOURCE] = { "source", "B.5",
        "$source is a member of the network ($classes), and by $how of class "
        "$class" },
    [FWD_STEP_SOURCE_ENCAP] = { "source_encap", "B.5",
        "$source is a member of the network ($classes), but of no class that "
        "sends by $how" },
    [FWD_STEP_SOURCE_STRANGER] = { "source_stranger", "B.5",
        "$source is no member of the network" },
    [FWD_STEP_ALERT] = { "alert", "B.1.1",
        "the router alert bit is for nobody here" },
    [FWD_STEP_OWN_MAC] = { "own_mac", "B.3",
        "its source, $smac, is our service MAC, so it is one of ours that "
        "came back" },
    [FWD_STEP_TAGGED] = { "tagged", "B.7",
        "tagged with VLAN $vlan, so it is data whatever is in it" },
    [FWD_STEP_KIND] = { "kind", "B.7",
        "untagged, and what it is: $kind" },

    [FWD_STEP_SERVED_TOR] = { "served_tor", "B.7",
        "our services are for who is behind a switch" },
    [FWD_STEP_SERVED_EVPN] = { "served_evpn", "A.8",
        "our services are for $smac, though it is behind an EVPN peer" },
    [FWD_STEP_NOT_SERVED_TREE] = { "not_served_tree", "B.7",
        "our services are not for what comes through the tree" },
    [FWD_STEP_NOT_SERVED_EVPN] = { "not_served_evpn", "B.7",
        "our services are not for $smac, which is behind an EVPN peer" },
    [FWD_STEP_NOT_SERVED_MOVED] = { "not_served_moved", "B.7",
        "our services are for $smac, but it is known to be behind another "
        "peer than $source, so there is no label for an answer" },
    [FWD_STEP_PUNTED] = { "punted", "B.7",
        "to our service for $service" },
    [FWD_STEP_NO_SERVICE] = { "no_service", "B.7",
        "the network has no such service here" },
    [FWD_STEP_DHCP_UNBOUND] = { "dhcp_unbound", "B.7",
        "we are not the DHCP server of $smac" },

    [FWD_STEP_LINK_LOCAL] = { "link_local", "B.3",
        "to $dmac, which no bridge forwards" },
    [FWD_STEP_ARP_MALFORMED] = { "arp_malformed", "C.2.2",
        "the ARP packet is malformed" },
    [FWD_STEP_ARP_NO_REQUEST] = { "arp_no_request", "C.2.2",
        "of ARP, but no request of a host for another one" },
    [FWD_STEP_ARP_UNKNOWN] = { "arp_unknown", "C.2.2",
        "an ARP request for $tpa, whose MAC is not known" },
    [FWD_STEP_ARP_KNOWN] = { "arp_known", "C.2.2",
        "an ARP request for $tpa, whose MAC is known: $tmac" },
    [FWD_STEP_ARP_ANSWERED] = { "arp_answered", "C.2.2",
        "answered to $to: $tpa is at $mac" },
    [FWD_STEP_ARP_NOT_OURS] = { "arp_not_ours", "C.2.2",
        "the service address is everybody's own, so nobody else gets it" },
    [FWD_STEP_FLOODED] = { "flooded", "B.6",
        "flooded: what comes from class $class goes to $flood" },

    [FWD_STEP_TO_SERVICE_MAC] = { "to_service_mac", "B.3",
        "to our service MAC" },
    [FWD_STEP_SERVICE_ARP] = { "service_arp", "C.2.4",
        "no ARP request for our service address" },
    [FWD_STEP_SERVICE_NONE] = { "service_none", "B.3",
        "of no kind that there is a service for" },

    [FWD_STEP_UNICAST_UNKNOWN] = { "unicast_unknown", "B.3",
        "there is no route to $dmac, and the network floods what is "
        "unknown" },
    [FWD_STEP_UNICAST_NOT_FLOODED] = { "unicast_not_flooded", "B.3",
        "there is no route to $dmac, and the network does not flood what is "
        "unknown" },
    [FWD_STEP_UNICAST_IP] = { "unicast_ip", "B.3",
        "the route to $dmac is known, so the sender should have sent IP "
        "there itself" },
    [FWD_STEP_UNICAST_NO_TUNNEL] = { "unicast_no_tunnel", "B.3",
        "the route to $dmac is by an encapsulation that we do not send" },
    [FWD_STEP_UNICAST_BACK] = { "unicast_back", "B.3",
        "the route to $dmac is back to $source" },
    [FWD_STEP_UNICAST_RELAYED] = { "unicast_relayed", "B.3",
        "the route to $dmac is through $to: relayed" },
    [FWD_STEP_UNICAST_BY_LABEL] = { "unicast_by_label", "B.2",
        "unicast by a label is for all, as its sender has found no route" },
};
BUILD_ASSERT_DECL(ARRAY_SIZE(texts) == FWD_N_STEPS);

const char *
fwd_step_name(enum fwd_step step)
{
    return texts[step].name;
}

const char *
fwd_step_rule(enum fwd_step step)
{
    return texts[step].rule;
}

/* '*in' and '*v' as the pipeline has them.  False if there is no header. */
static bool
parse_inner(const struct fwd_explain *e, struct fwd_inner *in,
            struct fwd_verdict *v)
{
    return e->verdict.inner
           && !fwd_parse_ether(e->verdict.inner, e->arrival.end, in, v);
}

static void
put_own(const struct fwd_explain *e, struct ds *out)
{
    ds_put_cstr(out, fwd_ip_text(&e->host.ip4).s);
    if (!fwd_ip_is_zero(&e->host.ip6)) {
        ds_put_format(out, " or %s", fwd_ip_text(&e->host.ip6).s);
    } else if (e->packet[0] >> 4 == 6) {
        ds_put_cstr(out, ", and we have none of IPv6 (address6)");
    }
}

static void
put_encap(const struct fwd_explain *e, struct ds *out)
{
    static const char *const names[] = {
        [FWD_VXLAN] = "VXLAN", [FWD_MPLS_UDP] = "MPLS over UDP",
        [FWD_MPLS_GRE] = "MPLS over GRE",
    };

    ds_put_cstr(out, names[e->arrival.encap]);
}

static void
put_source(const struct fwd_explain *e, struct ds *out)
{
    ds_put_cstr(out, fwd_ip_text(&e->arrival.source).s);
}

/* The VNI or label that the packet came by. */
static void
put_key(const struct fwd_explain *e, struct ds *out)
{
    const uint8_t *p = e->arrival.data;
    uint32_t entry = fwd_get32(p);

    if (e->arrival.encap == FWD_VXLAN) {
        ds_put_format(out, "%u", fwd_get24(p + 4));
        return;
    }
    for (unsigned int i = 0; i < e->n_steps; i++) {
        if (e->steps[i] == FWD_STEP_MPLS_SKIPPED) {
            entry = fwd_get32(p + FWD_MPLS_LEN);
        }
    }
    ds_put_format(out, "%u", entry >> 12);
}

static void
put_vni(const struct fwd_explain *e, struct ds *out)
{
    ds_put_format(out, "%u", e->verdict.net->vni);
}

static void
put_class_set(uint32_t classes, struct ds *out)
{
    const char *comma = "";

    for (int class = 0; class < FWD_N_CLASSES; class++) {
        if (classes & 1u << class) {
            ds_put_format(out, "%s%s", comma, fwd_class_name(class));
            comma = ", ";
        }
    }
}

static void
put_classes(const struct fwd_explain *e, struct ds *out)
{
    put_class_set(fwd_find_classes(e->table, e->verdict.net,
                                   &e->arrival.source), out);
}

static void
put_class(const struct fwd_explain *e, struct ds *out)
{
    ds_put_cstr(out, fwd_class_name(e->verdict.class));
}

/* What tells classes of sources apart. */
static void
put_how(const struct fwd_explain *e, struct ds *out)
{
    for (unsigned int i = 0; i < e->n_steps; i++) {
        if (e->steps[i] == FWD_STEP_LABEL_TREE
            || e->steps[i] == FWD_STEP_LABEL_EVPN) {
            ds_put_format(out, "a label for %s",
                          e->steps[i] == FWD_STEP_LABEL_TREE ? "the tree"
                                                             : "EVPN");
            return;
        }
    }
    put_encap(e, out);
}

static void
put_flood(const struct fwd_explain *e, struct ds *out)
{
    put_class_set(e->verdict.to, out);
}

static void
put_kind(const struct fwd_explain *e, struct ds *out)
{
    ds_put_cstr(out, fwd_kind_name(e->verdict.kind));
}

static void
put_vlan(const struct fwd_explain *e, struct ds *out)
{
    ds_put_format(out, "%d", e->verdict.tci & VLAN_VID_MASK);
}

static void
put_mac(const uint8_t *mac, struct ds *out)
{
    ds_put_format(out, ETH_ADDR_FMT, ETH_ADDR_BYTES_ARGS(mac));
}

static void
put_smac(const struct fwd_explain *e, struct ds *out)
{
    put_mac(e->verdict.inner + 6, out);
}

static void
put_dmac(const struct fwd_explain *e, struct ds *out)
{
    put_mac(e->verdict.inner, out);
}

static void
put_answer(const struct fwd_explain *e, struct ds *out)
{
    put_mac(e->verdict.mac, out);
}

/* The address that an ARP request is for. */
static __be32
target_of(const struct fwd_explain *e)
{
    struct fwd_inner in;
    struct fwd_verdict v;
    struct arp_packet arp;

    return parse_inner(e, &in, &v)
           && arp_parse(in.l3, in.end, &arp) > ARP_FOREIGN ? arp.tpa : 0;
}

static void
put_tpa(const struct fwd_explain *e, struct ds *out)
{
    ds_put_format(out, IP_FMT, IP_ARGS(target_of(e)));
}

static void
put_tmac(const struct fwd_explain *e, struct ds *out)
{
    const struct fwd_arp *target = fwd_find_arp(e->table, e->verdict.net,
                                                target_of(e));

    if (target) {
        put_mac(target->mac, out);
        ds_put_cstr(out, target->service ? ", of the service address" : "");
    }
}

static void
put_to(const struct fwd_explain *e, struct ds *out)
{
    const struct fwd_member *to = &e->verdict.dest;

    ds_put_format(out, "%s by %s", fwd_ip_text(&to->ip).s,
                  fwd_encap_name(to->encap));
}

static void
put_service(const struct fwd_explain *e, struct ds *out)
{
    ds_put_cstr(out, fwd_punt_name(e->verdict.punt));
}

static const struct field {
    const char *name;
    void (*put)(const struct fwd_explain *, struct ds *);
} fields[] = {
    { "own", put_own }, { "encap", put_encap }, { "source", put_source },
    { "key", put_key }, { "vni", put_vni }, { "classes", put_classes },
    { "class", put_class }, { "how", put_how }, { "flood", put_flood },
    { "kind", put_kind }, { "vlan", put_vlan }, { "smac", put_smac },
    { "dmac", put_dmac }, { "mac", put_answer }, { "tpa", put_tpa },
    { "tmac", put_tmac }, { "to", put_to }, { "service", put_service },
};

static const struct field *
find_field(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (strlen(fields[i].name) == len
            && !memcmp(fields[i].name, name, len)) {
            return &fields[i];
        }
    }
    OVS_NOT_REACHED();
}

void
fwd_explain_put_step(const struct fwd_explain *e, enum fwd_step step,
                     struct ds *out)
{
    const char *p = texts[step].text;

    while (*p) {
        size_t len = strcspn(p, "$");

        ds_put_buffer(out, p, len);
        p += len;
        if (*p) {
            p++;
            for (len = 0; islower((unsigned char) p[len]); len++) {
                continue;
            }
            find_field(p, len)->put(e, out);
            p += len;
        }
    }
}

void
fwd_explain_put_inner(const struct fwd_explain *e, struct ds *out)
{
    struct fwd_inner in;
    struct fwd_verdict v = { .tagged = false };

    if (!parse_inner(e, &in, &v)) {
        ds_put_cstr(out, "no Ethernet frame");
        return;
    }
    put_mac(in.eth + 6, out);
    ds_put_cstr(out, " > ");
    put_mac(in.eth, out);
    if (v.tagged) {
        ds_put_format(out, " VLAN %d priority %d", v.tci & VLAN_VID_MASK,
                      v.tci >> VLAN_PCP_SHIFT);
    }
    ds_put_format(out, " type 0x%04x, %"PRIuSIZE" octets", in.type,
                  fwd_explain_inner_size(e));
}
