/* SPDX-License-Identifier: Apache-2.0 */
/* The decisions of the pipeline by name, for those who want to know why it
 * does what it does.  Who includes it with FWD_TRACE and FWD_TRACE_OUTER
 * defined is told of each as it is made; in the engines they are nothing, so
 * that no frame pays for it. */
#ifndef FWD_TRACE_H
#define FWD_TRACE_H 1

/* 'V' is the verdict under construction. */
#ifndef FWD_TRACE
#define FWD_TRACE(V, STEP) ((void) 0)
#endif
/* 'A' is the arrival under construction. */
#ifndef FWD_TRACE_OUTER
#define FWD_TRACE_OUTER(A, STEP) ((void) 0)
#endif

/* Of the outer headers all but the last leave the packet to the host.  What
 * each means is in explain-text.c. */
enum fwd_step {
    FWD_STEP_OUTER_SHORT,
    FWD_STEP_OUTER_VERSION,
    FWD_STEP_OUTER_OPTIONS,
    FWD_STEP_OUTER_FRAGMENT,
    FWD_STEP_OUTER_LENGTH,
    FWD_STEP_OUTER_CHECKSUM,
    FWD_STEP_OUTER_ADDRESS,
    FWD_STEP_OUTER_PROTOCOL,
    FWD_STEP_OUTER_UDP_LENGTH,
    FWD_STEP_OUTER_PORT,
    FWD_STEP_OUTER_GRE,
    FWD_STEP_OUTER_GRE_TYPE,
    FWD_STEP_OUTER_TAKEN,

    FWD_STEP_VXLAN_SHORT,
    FWD_STEP_VXLAN_NO_VNI,
    FWD_STEP_VXLAN_ALERT,
    FWD_STEP_VNI_UNKNOWN,
    FWD_STEP_VNI,
    FWD_STEP_MPLS_SHORT,
    FWD_STEP_MPLS_SKIPPED,
    FWD_STEP_LABEL_UNKNOWN,
    FWD_STEP_LABEL_NOT_LAST,
    FWD_STEP_LABEL_TREE,
    FWD_STEP_LABEL_EVPN,
    FWD_STEP_TTL_EXCEEDED,
    FWD_STEP_CONTROL_WORD,
    FWD_STEP_SECOND_SHORT,

    FWD_STEP_ETHER_SHORT,
    FWD_STEP_ETHER_SOURCE,
    FWD_STEP_ETHER_TAG_SHORT,
    FWD_STEP_SOURCE,
    FWD_STEP_SOURCE_ENCAP,
    FWD_STEP_SOURCE_STRANGER,
    FWD_STEP_ALERT,
    FWD_STEP_OWN_MAC,
    FWD_STEP_TAGGED,
    FWD_STEP_KIND,

    FWD_STEP_SERVED_TOR,
    FWD_STEP_SERVED_EVPN,
    FWD_STEP_NOT_SERVED_TREE,
    FWD_STEP_NOT_SERVED_EVPN,
    FWD_STEP_NOT_SERVED_MOVED,
    FWD_STEP_PUNTED,
    FWD_STEP_NO_SERVICE,
    FWD_STEP_DHCP_UNBOUND,

    FWD_STEP_LINK_LOCAL,
    FWD_STEP_ARP_MALFORMED,
    FWD_STEP_ARP_NO_REQUEST,
    FWD_STEP_ARP_UNKNOWN,
    FWD_STEP_ARP_KNOWN,
    FWD_STEP_ARP_ANSWERED,
    FWD_STEP_ARP_NOT_OURS,
    FWD_STEP_FLOODED,

    FWD_STEP_TO_SERVICE_MAC,
    FWD_STEP_SERVICE_ARP,
    FWD_STEP_SERVICE_NONE,

    FWD_STEP_UNICAST_UNKNOWN,
    FWD_STEP_UNICAST_NOT_FLOODED,
    FWD_STEP_UNICAST_IP,
    FWD_STEP_UNICAST_NO_TUNNEL,
    FWD_STEP_UNICAST_BACK,
    FWD_STEP_UNICAST_RELAYED,
    FWD_STEP_UNICAST_BY_LABEL,
    FWD_N_STEPS
};

#endif /* replication/forwarder/trace.h */
