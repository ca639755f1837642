/* SPDX-License-Identifier: Apache-2.0 */
/* What a large configuration costs the client: 4 000 networks with 20 000
 * interfaces come in stanzas of 16 objects as a control node sends them; views
 * are built while they come as the speaker builds them, for at most a tenth of
 * the time.  Then single changes, each from the stanza to the view.
 *
 * Times are those of the processor, so that others on the machine do not
 * count.  Measures once and writes what it found as one JSON object:
 *
 *   load_s       all of it, with the views that are built meanwhile
 *   n_stanzas, bytes, n_views, views_ms, longest_view_ms   of that
 *   heap         bytes that graph and view take
 *   first_ms     a view with nothing to share
 *   vni_ms, server_ms, ipam_ms
 *                a change of one VNI, of one more server, of the IPAM of all
 *                networks; the median */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <malloc.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#include "tsn/error.h"
#include "xmpp/graph.h"
#include "xmpp/view.h"
#include "xmpp/xml.h"

#define N_NETWORKS 4000
#define N_VMIS 20000
#define VMIS_PER_PORT 20

#define GSC "default-global-system-config"
#define VR GSC ":tsn1"

/* As the speaker. */
#define VIEW_DELAY_NS 20000000
#define VIEW_DELAY_FACTOR 10
#define OBJECTS_PER_STANZA 16

struct feed {
    struct xmpp_graph *graph;
    struct xmpp_viewer *viewer;
    struct xmpp_view *view;
    struct ds stanza;
    int weight;
    uint64_t due_ns;
    uint64_t n_stanzas, n_bytes, n_views;
    uint64_t views_ns, longest_ns;
};

static uint64_t
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

static void
build(struct feed *f)
{
    uint64_t start = now_ns();
    struct xmpp_view *view = xmpp_viewer_build(f->viewer);

    xmpp_view_destroy(f->view);
    f->view = view;
    uint64_t end = now_ns();
    f->n_views++;
    f->views_ns += end - start;
    f->longest_ns = MAX(f->longest_ns, end - start);
    f->due_ns = end + MAX(VIEW_DELAY_NS,
                         (end - start) * VIEW_DELAY_FACTOR);
}

static void
flush(struct feed *f)
{
    static const char head[] = "<iq type='set'><config><update>";
    static const char tail[] = "</update></config></iq>";
    struct xmpp_xml *xml;
    struct tsn_err err;

    if (!f->weight) {
        return;
    }
    struct ds s = DS_EMPTY_INITIALIZER;
    ds_put_format(&s, "%s%s%s", head, ds_cstr(&f->stanza), tail);
    ds_clear(&f->stanza);
    f->weight = 0;
    f->n_stanzas++;
    f->n_bytes += s.length;
    if (xmpp_xml_parse(s.string, s.length, &xml, &err)) {
        ovs_fatal(0, "%s", tsn_err_format(&err));
    }
    xmpp_graph_apply(f->graph, xmpp_node_child(xmpp_xml_root(xml), "config"));
    xmpp_xml_destroy(xml);
    ds_destroy(&s);
    if (now_ns() >= f->due_ns) {
        build(f);
    }
}

static void
put(struct feed *f, int weight)
{
    f->weight += weight;
    if (f->weight >= OBJECTS_PER_STANZA) {
        flush(f);
    }
}

/* Takes 'name' and 'properties'. */
static void
node(struct feed *f, const char *type, char *name, char *properties)
{
    static uint64_t uuid;

    ds_put_format(
        &f->stanza, "<node type=\"%s\"><name>%s</name>%s<id-perms>"
        "<permissions><owner>cloud-admin</owner><owner-access>7"
        "</owner-access><group>cloud-admin-group</group><group-access>7"
        "</group-access><other-access>7</other-access></permissions><uuid>"
        "<uuid-mslong>9617655264125801450</uuid-mslong><uuid-lslong>%"PRIu64
        "</uuid-lslong></uuid><enable>true</enable>"
        "<created>2026-01-01T00:00:00</created>"
        "<last-modified>2026-01-01T00:00:00</last-modified>"
        "<description></description><user-visible>true</user-visible>"
        "<creator></creator></id-perms><display-name>%s</display-name>"
        "</node>", type, name, properties, ++uuid,
        strrchr(name, ':') ? strrchr(name, ':') + 1 : name);
    free(name);
    free(properties);
    put(f, 1);
}

/* Takes the names. */
static void
add_link(struct feed *f, const char *link, const char *type1, char *name1,
         const char *type2, char *name2)
{
    ds_put_format(&f->stanza, "<link><node type=\"%s\"><name>%s</name></node>"
                  "<node type=\"%s\"><name>%s</name></node>"
                  "<metadata type=\"%s\" /></link>", type1, name1, type2,
                  name2, link);
    free(name1);
    free(name2);
    put(f, 2);
}

#define NAME(...) xasprintf(__VA_ARGS__)
#define VN "default-domain:admin:net-%04d"
#define VMI "default-domain:admin:vmi-%05d"
#define PI GSC ":leaf1:xe-0/0/%d"
#define LI PI ":xe-0/0/%d.%d"
#define LI_ARGS(I) (I) / VMIS_PER_PORT, (I) / VMIS_PER_PORT, \
                   (I) % VMIS_PER_PORT + 1

static void
network(struct feed *f, int i, int vni)
{
    node(f, "virtual-network", NAME(VN, i),
         NAME("<virtual-network-properties><vxlan-network-identifier>%d"
              "</vxlan-network-identifier></virtual-network-properties>"
              "<virtual-network-network-id>%d</virtual-network-network-id>"
              "<flood-unknown-unicast>true</flood-unknown-unicast>", vni,
              i + 1));
}

static void
network_links(struct feed *f, int i)
{
#define IPAM "default-domain:admin:ipam"
#define RI VN ":net-%04d"
    node(f, "routing-instance", NAME(RI, i, i),
         NAME("<routing-instance-is-default>true"
              "</routing-instance-is-default>"));
    add_link(f, "virtual-network-routing-instance", "routing-instance",
             NAME(RI, i, i), "virtual-network", NAME(VN, i));
    node(f, "virtual-network-network-ipam", NAME("attr(" IPAM "," VN ")", i),
         NAME("<value><ipam-subnets><subnet><ip-prefix>10.%d.%d.0</ip-prefix>"
              "<ip-prefix-len>24</ip-prefix-len></subnet>"
              "<default-gateway>10.%d.%d.1</default-gateway>"
              "<enable-dhcp>true</enable-dhcp></ipam-subnets></value>",
              i / 256, i % 256, i / 256, i % 256));
    add_link(f, "virtual-network-network-ipam", "virtual-network",
             NAME(VN, i), "virtual-network-network-ipam",
             NAME("attr(" IPAM "," VN ")", i));
    add_link(f, "virtual-network-network-ipam", "network-ipam", NAME(IPAM),
             "virtual-network-network-ipam",
             NAME("attr(" IPAM "," VN ")", i));
    add_link(f, "project-virtual-network", "virtual-network", NAME(VN, i),
             "project", NAME("default-domain:admin"));
}

static void
interface(struct feed *f, int i)
{
    int net = i % N_NETWORKS;

    if (i % VMIS_PER_PORT == 0) {
        node(f, "physical-interface", NAME(PI, i / VMIS_PER_PORT),
             NAME("%s", ""));
        add_link(f, "physical-router-physical-interface",
                 "physical-interface", NAME(PI, i / VMIS_PER_PORT),
                 "physical-router", NAME(GSC ":leaf1"));
    }
    node(f, "logical-interface", NAME(LI, LI_ARGS(i)),
         NAME("<logical-interface-vlan-tag>%d</logical-interface-vlan-tag>"
              "<logical-interface-type>l2</logical-interface-type>",
              i % VMIS_PER_PORT + 1));
    add_link(f, "physical-interface-logical-interface", "logical-interface",
             NAME(LI, LI_ARGS(i)), "physical-interface",
             NAME(PI, i / VMIS_PER_PORT));
    node(f, "virtual-machine-interface", NAME(VMI, i),
         NAME("<virtual-machine-interface-mac-addresses><mac-address>"
              "02:00:00:%02x:%02x:%02x</mac-address>"
              "</virtual-machine-interface-mac-addresses>",
              i >> 16, i >> 8 & 0xff, i & 0xff));
    add_link(f, "logical-interface-virtual-machine-interface",
             "logical-interface", NAME(LI, LI_ARGS(i)),
             "virtual-machine-interface", NAME(VMI, i));
    add_link(f, "virtual-machine-interface-virtual-network",
             "virtual-machine-interface", NAME(VMI, i),
             "virtual-network", NAME(VN, net));
    add_link(f, "project-virtual-machine-interface",
             "virtual-machine-interface", NAME(VMI, i),
             "project", NAME("default-domain:admin"));
#define VMI_RI "virtual-machine-interface-routing-instance"
    node(f, VMI_RI, NAME("attr(" VMI "," RI ")", i, net, net),
         NAME("<value><direction>both</direction></value>"));
    add_link(f, VMI_RI, "virtual-machine-interface", NAME(VMI, i),
             VMI_RI, NAME("attr(" VMI "," RI ")", i, net, net));
    add_link(f, VMI_RI, VMI_RI, NAME("attr(" VMI "," RI ")", i, net, net),
             "routing-instance", NAME(RI, net, net));
    node(f, "instance-ip", NAME("iip-%d", i),
         NAME("<instance-ip-address>10.%d.%d.%d</instance-ip-address>"
              "<instance-ip-family>v4</instance-ip-family>", net / 256,
              net % 256, 2 + i / N_NETWORKS));
    add_link(f, "instance-ip-virtual-machine-interface", "instance-ip",
             NAME("iip-%d", i), "virtual-machine-interface", NAME(VMI, i));
    add_link(f, "instance-ip-virtual-network", "instance-ip",
             NAME("iip-%d", i), "virtual-network", NAME(VN, net));
}

static void
globals(struct feed *f)
{
    node(f, "virtual-router", NAME(VR), NAME("%s", ""));
    node(f, "global-system-config", NAME(GSC), NAME("%s", ""));
    add_link(f, "global-system-config-virtual-router", "virtual-router",
             NAME(VR), "global-system-config", NAME(GSC));
    node(f, "global-vrouter-config", NAME(GSC ":gvc"),
         NAME("<vxlan-network-identifier-mode>configured"
              "</vxlan-network-identifier-mode>"));
    add_link(f, "global-system-config-global-vrouter-config",
             "global-system-config", NAME(GSC), "global-vrouter-config",
             NAME(GSC ":gvc"));
    node(f, "physical-router", NAME(GSC ":leaf1"),
         NAME("<physical-router-dataplane-ip>10.0.0.1"
              "</physical-router-dataplane-ip>"));
    add_link(f, "physical-router-virtual-router", "physical-router",
             NAME(GSC ":leaf1"), "virtual-router", NAME(VR));
    node(f, "project", NAME("default-domain:admin"), NAME("%s", ""));
    node(f, "network-ipam", NAME(IPAM),
         NAME("<network-ipam-mgmt><ipam-dns-method>default-dns-server"
              "</ipam-dns-method></network-ipam-mgmt>"));
}

static void
load(struct feed *f)
{
    globals(f);
    for (int i = 0; i < N_NETWORKS; i++) {
        network(f, i, 5000 + i);
        network_links(f, i);
    }
    for (int i = 0; i < N_VMIS; i++) {
        interface(f, i);
    }
    flush(f);
}

#define ROUNDS 11

static int
compare_uint64(const void *a_, const void *b_)
{
    const uint64_t *a = a_, *b = b_;

    return *a < *b ? -1 : *a > *b;
}

static uint64_t
median(uint64_t ns[ROUNDS])
{
    qsort(ns, ROUNDS, sizeof *ns, compare_uint64);
    return ns[ROUNDS / 2];
}

/* One change, from its stanza to the view.  Milliseconds. */
static double
change(struct feed *f, void (*fn)(struct feed *, int))
{
    uint64_t ns[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ns();

        f->due_ns = UINT64_MAX;
        fn(f, i);
        flush(f);
        build(f);
        ns[i] = now_ns() - start;
    }
    return median(ns) / 1e6;
}

static void
change_vni(struct feed *f, int i)
{
    network(f, i * 311, 100000 + i);
}

static void
change_server(struct feed *f, int i)
{
    interface(f, N_VMIS + i);
}

static void
change_ipam(struct feed *f, int i)
{
    node(f, "network-ipam", NAME(IPAM),
         NAME("<network-ipam-mgmt><ipam-dns-method>tenant-dns-server"
              "</ipam-dns-method><ipam-dns-server><tenant-dns-server-address>"
              "<ip-address>192.0.2.%d</ip-address>"
              "</tenant-dns-server-address></ipam-dns-server>"
              "</network-ipam-mgmt>", i + 1));
}

int
main(void)
{
    struct feed f = { .graph = xmpp_graph_create() };

    ds_init(&f.stanza);
    f.viewer = xmpp_viewer_create(f.graph, VR);
    uint64_t start = now_ns();
    load(&f);
    build(&f);
    uint64_t loaded = now_ns() - start;
    if (f.view->n_networks != N_NETWORKS || f.view->n_ports != N_VMIS) {
        ovs_fatal(0, "%"PRIuSIZE" networks, %"PRIuSIZE" ports",
                  f.view->n_networks, f.view->n_ports);
    }
    printf("{\"load_s\": %.3f, \"n_stanzas\": %"PRIu64", \"bytes\": %"PRIu64
           ", \"n_views\": %"PRIu64", \"views_ms\": %.1f,"
           " \"longest_view_ms\": %.1f, \"heap\": %"PRIuSIZE,
           loaded / 1e9, f.n_stanzas, f.n_bytes, f.n_views, f.views_ns / 1e6,
           f.longest_ns / 1e6, mallinfo2().uordblks);

    xmpp_viewer_destroy(f.viewer);
    f.viewer = xmpp_viewer_create(f.graph, VR);
    start = now_ns();
    build(&f);
    printf(", \"first_ms\": %.1f", (now_ns() - start) / 1e6);

    printf(", \"vni_ms\": %.3f", change(&f, change_vni));
    printf(", \"server_ms\": %.3f", change(&f, change_server));
    printf(", \"ipam_ms\": %.1f}\n", change(&f, change_ipam));
    xmpp_view_destroy(f.view);
    xmpp_viewer_destroy(f.viewer);
    xmpp_graph_destroy(f.graph);
    ds_destroy(&f.stanza);
    return 0;
}
