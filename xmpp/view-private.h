/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the parts that build a view.
 *
 * What a view shows is made of objects: one for each node that counts, kept
 * at that node with the stamp of all that it was made of.  The graph notes
 * which nodes were touched; the next view looks at what depends on those, and
 * makes those objects anew whose stamp is another. */
#ifndef XMPP_VIEW_PRIVATE_H
#define XMPP_VIEW_PRIVATE_H 1

#include "openvswitch/list.h"
#include "ovs-atomic.h"
#include "util.h"

#include "xmpp/graph-private.h"
#include "xmpp/view.h"

struct xmpp_node;

/* DHCP options of an interface or subnet, of which 254 exist. */
#define VIEW_MAX_OPTIONS 256

/* Routes and addresses of a list.  What DHCP tells a server has room for less
 * than 64 of either. */
#define VIEW_MAX_LIST 256

/* Subnets of all networks, with the options, routes and addresses of each.
 * Many networks may share what one IPAM has, so this is the one place where a
 * small configuration could make a large view: at some 100 bytes each.  4 000
 * networks have 10 000 of these. */
#define VIEW_MAX_SUBNET_ITEMS (1u << 20)

/* Makes room for element 'N' of an array that grows by doubling: with 'N' a
 * power of two (or 0) it is full. */
#define VIEW_GROW(ARRAY, N)                                             \
    do {                                                                \
        if (!((N) & ((N) - 1))) {                                       \
            (ARRAY) = xrealloc(ARRAY,                                   \
                               ((N) ? (N) * 2 : 1) * sizeof *(ARRAY));  \
        }                                                               \
    } while (0)

/* Types of nodes and links that are looked for. */
#define VIEW_NAMES                                                      \
    VIEW_NAME(GSC_GVC, "global-system-config-global-vrouter-config")    \
    VIEW_NAME(GSC_VR, "global-system-config-virtual-router")            \
    VIEW_NAME(GSC, "global-system-config")                              \
    VIEW_NAME(GVC, "global-vrouter-config")                             \
    VIEW_NAME(IIP, "instance-ip")                                       \
    VIEW_NAME(IIP_VMI, "instance-ip-virtual-machine-interface")         \
    VIEW_NAME(IPAM, "network-ipam")                                     \
    VIEW_NAME(IPAM_VDNS, "network-ipam-virtual-DNS")                    \
    VIEW_NAME(LI, "logical-interface")                                  \
    VIEW_NAME(LI_VMI, "logical-interface-virtual-machine-interface")    \
    VIEW_NAME(LR, "logical-router")                                     \
    VIEW_NAME(LR_VN, "logical-router-virtual-network")                  \
    VIEW_NAME(PI, "physical-interface")                                 \
    VIEW_NAME(PI_LI, "physical-interface-logical-interface")            \
    VIEW_NAME(PR, "physical-router")                                    \
    VIEW_NAME(PR_LI, "physical-router-logical-interface")               \
    VIEW_NAME(PR_PI, "physical-router-physical-interface")              \
    VIEW_NAME(PR_VR, "physical-router-virtual-router")                  \
    VIEW_NAME(RI, "routing-instance")                                   \
    VIEW_NAME(SG, "security-group")                                     \
    VIEW_NAME(SUBNET, "subnet")                                         \
    VIEW_NAME(SUBNET_VMI, "subnet-virtual-machine-interface")           \
    VIEW_NAME(VDNS, "virtual-DNS")                                      \
    VIEW_NAME(VDNS_RECORD, "virtual-DNS-record")                        \
    VIEW_NAME(VDNS_VDNS_RECORD, "virtual-DNS-virtual-DNS-record")       \
    VIEW_NAME(VMI, "virtual-machine-interface")                         \
    VIEW_NAME(VMI_SG, "virtual-machine-interface-security-group")       \
    VIEW_NAME(VMI_VN, "virtual-machine-interface-virtual-network")      \
    VIEW_NAME(VN, "virtual-network")                                    \
    VIEW_NAME(VN_IPAM, "virtual-network-network-ipam")                  \
    VIEW_NAME(VN_RI, "virtual-network-routing-instance")                \
    VIEW_NAME(VR, "virtual-router")

enum view_name {
#define VIEW_NAME(NAME, STRING) VIEW_##NAME,
    VIEW_NAMES
#undef VIEW_NAME
    VIEW_N_NAMES
};

enum view_kind {
    VIEW_NETWORKS,
    VIEW_VMIS,
    VIEW_SWITCHES,
    VIEW_GROUPS,                /* Of ports. */
    VIEW_IPAMS,
    VIEW_VIRTUAL_DNS,
    VIEW_N_KINDS
};

struct view_object {
    enum view_kind kind;
    void (*destroy)(struct view_object *);
    const void *data;           /* What a view shows; NULL for a group. */
    size_t n_bad;               /* Values that were skipped. */
    size_t n_subnet_items;      /* See VIEW_MAX_SUBNET_ITEMS. */

    /* Of the viewer alone. */
    struct ovs_list list_node;  /* In 'added' or 'retired', or in a bag. */
    bool retired;               /* No node has it any more. */
    bool in_view;               /* The last view's arrays have it. */
    bool shown;                 /* A network: no other has its instance. */
    struct xmpp_gnode *node;
};

/* What views up to a certain one have and later ones do not.  It goes when the
 * last of those does: a view and the bag of the view before it refer to it. */
struct view_bag {
    struct ovs_refcount refs;
    struct ovs_list objects;
    struct view_bag *next;      /* Of the next view, or NULL. */
};

/* An array of a view, sorted. */
struct view_array {
    const void **items;
    size_t n;
};

struct xmpp_viewer {
    struct xmpp_graph *graph;
    char *virtual_router;
    const char *names[VIEW_N_NAMES];    /* Of the graph's pool. */
    uint64_t build;             /* Number of the view being built. */

    bool vni_is_configured;     /* VXLAN id mode. */
    uint64_t mode_at;           /* When it changed. */

    /* What the last view has.  Of networks also those that are not shown. */
    struct view_array arrays[VIEW_N_KINDS];
    struct view_array networks;
    struct view_bag *bag;       /* Of the last view; NULL before the first. */
    size_t n_bad;               /* In the objects of nodes. */
    size_t n_subnet_items;      /* Likewise. */

    /* What came and went since. */
    struct ovs_list added[VIEW_N_KINDS];
    struct ovs_list retired;

    /* Nodes whose object may have to be another, by kind; and physical
     * interfaces. */
    struct ovs_list dirty[VIEW_N_KINDS];
    struct ovs_list dirty_pis;
};

/* A node being read. */
struct view_reader {
    const struct xmpp_gnode *node;
    size_t n_bad;
    size_t n_subnet_items;      /* Of this network ... */
    size_t max_subnet_items;    /* ... and what it may have. */
};

/* Notes that a value of the node is skipped. */
void view_bad(struct view_reader *, const char *property, const char *value);

/* Values of the child 'name' of 'node' (which may be NULL); unset (none, 0,
 * false) if there is none or it is bad. */
struct in6_addr view_ip(struct view_reader *, const struct xmpp_node *node,
                        const char *name);
uint64_t view_uint(struct view_reader *, const struct xmpp_node *node,
                   const char *name, uint64_t max);
bool view_bool(struct view_reader *, const struct xmpp_node *node,
               const char *name);
/* But true if there is none. */
bool view_bool_true(struct view_reader *, const struct xmpp_node *node,
                    const char *name);
char *view_string(const struct xmpp_node *node, const char *name);
/* Copies a UUID in canonical text; "" unless it is one. */
void view_uuid(struct view_reader *, const struct xmpp_node *node,
               const char *name, char uuid[XMPP_VIEW_UUID_SIZE]);
enum xmpp_forwarding_mode view_forwarding_mode(struct view_reader *,
                                               const struct xmpp_node *node);

/* <ip-prefix/><ip-prefix-len/> in 'element'.  Returns false if there is none
 * or it is bad. */
bool view_prefix(struct view_reader *, const struct xmpp_node *element,
                 struct xmpp_prefix *);
/* Appends all addresses called 'name' in 'list' (which may be NULL). */
void view_add_ips(struct view_reader *, const struct xmpp_node *list,
                  const char *name, struct in6_addr **ips, size_t *n);

/* Appends the options of a dhcp-option-list (NULL has none) except those that
 * are there already. */
void view_add_options(struct view_reader *,
                      struct xmpp_dhcp_option **options, size_t *n,
                      const struct xmpp_node *list);
void view_free_options(struct xmpp_dhcp_option *options, size_t n);
/* Appends the routes of a list of <route> (which may be NULL). */
void view_add_routes(struct view_reader *, struct xmpp_host_route **routes,
                     size_t *n, const struct xmpp_node *list);

/* Last part of an FQ name, or of a node its display name if it has one. */
const char *view_last_part(const char *fq_name);
const char *view_display_name(const struct xmpp_gnode *);
/* Types whose updates real agents ignore without id-perms (4.3): one that is
 * being deleted is sent like that. */
bool view_is_complete(const struct xmpp_gnode *);

/* Stamps. */
static inline void
view_stamp(struct xmpp_stamp *stamp, uint64_t at)
{
    stamp->at = MAX(stamp->at, at);
    stamp->n++;
}

static inline bool
view_stamp_equals(const struct xmpp_stamp *a, const struct xmpp_stamp *b)
{
    return a->at == b->at && a->n == b->n;
}

/* The known node at the other end if link and node are of these types, else
 * NULL. */
static inline struct xmpp_gnode *
view_end(const struct xmpp_viewer *v, const struct xmpp_glink_end *end,
         enum view_name link, enum view_name type)
{
    if (end->link->type != v->names[link]) {
        return NULL;
    }
    struct xmpp_gnode *other = xmpp_glink_other(end);
    return other->props && other->type->name == v->names[type] ? other : NULL;
}

#define VIEW_FOR_EACH_END(END, NODE)                                    \
    LIST_FOR_EACH (END, list_node, &(NODE)->links)

/* Gives the node an object in place of the one that it has, or NULL. */
void view_set_object(struct xmpp_viewer *, struct xmpp_gnode *,
                     struct view_object *, const struct xmpp_stamp *);

/* view-dirty.c */
void view_mark_dirty(struct xmpp_viewer *, struct xmpp_gnode *);
/* Marks what depends on the nodes that were touched. */
void view_take_touched(struct xmpp_viewer *);
/* Brings the objects of all that are dirty up to date. */
void view_update_objects(struct xmpp_viewer *);

/* view.c: all networks are up to date. */
void view_finish_networks(struct xmpp_viewer *);

/* view-array.c */
/* Puts what came of 'kind' since the last time into its array, and takes out
 * what went.  Returns whether there was any. */
bool view_update_array(struct xmpp_viewer *, enum view_kind kind);

/* view-global.c */
void view_read_globals(struct xmpp_viewer *, struct xmpp_view *);

/* Objects of a node that is known and dirty: each sets a new one if what it
 * is made of has changed; NULL if it is not to be shown. */

/* view-network.c */
struct view_network {
    struct view_object object;
    struct xmpp_network network;
};
void view_network(struct xmpp_viewer *, struct xmpp_gnode *);

/* view-port.c */
struct view_vmi {
    struct view_object object;
    struct xmpp_vmi vmi;
};
void view_vmi(struct xmpp_viewer *, struct xmpp_gnode *);

/* The ports of one logical interface. */
struct view_group {
    struct view_object object;
    struct xmpp_port *ports;
    size_t n_ports;
};
/* 'pi' and 'pr' are what it is on; 'stamp' is that of all this. */
void view_group(struct xmpp_viewer *, struct xmpp_gnode *li,
                const struct xmpp_gnode *pi, const struct xmpp_gnode *pr,
                struct xmpp_stamp stamp);

struct view_switch {
    struct view_object object;
    struct xmpp_switch sw;
};
void view_switch(struct xmpp_viewer *, struct xmpp_gnode *);

/* view-ipam.c */
struct view_ipam {
    struct view_object object;
    struct xmpp_ipam ipam;
};
void view_ipam(struct xmpp_viewer *, struct xmpp_gnode *);

struct view_virtual_dns {
    struct view_object object;
    struct xmpp_virtual_dns dns;
};
void view_virtual_dns(struct xmpp_viewer *, struct xmpp_gnode *);

/* The subnets of the virtual network 'vn', sorted, and the stamp of what they
 * are made of. */
void view_stamp_subnets(const struct xmpp_viewer *,
                        const struct xmpp_gnode *vn, struct xmpp_stamp *);
void view_add_subnets(struct view_reader *, struct xmpp_network *network,
                      const struct xmpp_gnode *vn);
void view_free_subnets(struct xmpp_network *network);

/* The order of switches and ports in a view's arrays, by what they are called
 * and where they are; for pointers to elements. */
int view_compare_switches(const void *, const void *);
int view_compare_ports(const void *, const void *);

#endif /* xmpp/view-private.h */
