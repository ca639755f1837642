/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever comes in whatever order, the view is that of what is there in the
 * end: random updates and deletes of a small cloud, with views on the way,
 * against a graph that gets the result at once. */
#include <config.h>
#include "xmpp/view.h"

#include "random.h"

#include "tests/unit/xmpp-config.h"
#include "tests/unit/xmpp-view-dump.h"

#define GSC "default-global-system-config"
#define VR GSC ":us"

#define N_VARIANTS 3
struct node {
    const char *type, *name;
    const char *variants[N_VARIANTS];
};

#define TAG(VLAN) \
    "<logical-interface-vlan-tag>" VLAN "</logical-interface-vlan-tag>"
#define MAC(MAC) "<virtual-machine-interface-mac-addresses><mac-address>" MAC \
    "</mac-address></virtual-machine-interface-mac-addresses>"
#define DISPLAY(NAME) "<display-name>" NAME "</display-name>"
#define VNI(VNI) "<virtual-network-properties><vxlan-network-identifier>" VNI \
    "</vxlan-network-identifier></virtual-network-properties>"
#define ID(ID) "<virtual-network-network-id>" ID \
    "</virtual-network-network-id>"
#define SUBNET_IP(IP) "<subnet><ip-prefix>" IP "</ip-prefix>" \
    "<ip-prefix-len>24</ip-prefix-len></subnet>"

enum {
    US, OTHER, SYSTEM, VROUTER, PR1, PR2, PI1, PI2, LI1, LI2, LI3,
    VMI1, VMI2, VMI3, VN1, VN2, VN3, RI1, RI2, RI3, IPAM1, IPAM2, MID1, MID2,
    VDNS, RECORD1, RECORD2, IIP1, IIP2, SG, SUBNET, LR, LR_MID, N_NODES
};

static const struct node nodes[] = {
    [US] = { "virtual-router", VR, { "", "<x>1</x>", "" } },
    [OTHER] = { "virtual-router", GSC ":other", { "", "", "" } },
    [SYSTEM] = { "global-system-config", GSC,
        { "", "<autonomous-system>64512</autonomous-system>",
          "<autonomous-system>x</autonomous-system>" } },
    [VROUTER] = { "global-vrouter-config", GSC ":gvc",
        { "", "<vxlan-network-identifier-mode>configured"
          "</vxlan-network-identifier-mode>",
          "<forwarding-mode>l2</forwarding-mode>" } },
    [PR1] = { "physical-router", GSC ":pr1",
        { ID_PERMS(1), ID_PERMS(1) DISPLAY("leaf"), "" } },
    [PR2] = { "physical-router", GSC ":pr2",
        { ID_PERMS(2), ID_PERMS(2) DISPLAY("leaf"),
          ID_PERMS(2) "<physical-router-dataplane-ip>10.0.0.1"
          "</physical-router-dataplane-ip>" } },
    [PI1] = { "physical-interface", GSC ":pr1:p1",
        { "", DISPLAY("xe-0"), "" } },
    [PI2] = { "physical-interface", GSC ":pr1:p2",
        { "", DISPLAY("xe-0"), DISPLAY("a") } },
    [LI1] = { "logical-interface", "li1",
        { ID_PERMS(3) TAG("1"), ID_PERMS(3) TAG("2"), ID_PERMS(3) } },
    [LI2] = { "logical-interface", "li2",
        { ID_PERMS(4) TAG("1"), TAG("2"), ID_PERMS(4) TAG("junk") } },
    [LI3] = { "logical-interface", "li3",
        { ID_PERMS(5) TAG("9"), ID_PERMS(5) TAG("10"), ID_PERMS(5) TAG("9")
          "<logical-interface-type>l3</logical-interface-type>" } },
    [VMI1] = { "virtual-machine-interface", "vmi1",
        { ID_PERMS(6), ID_PERMS(6) MAC("02:00:00:00:00:01"),
          ID_PERMS(6) MAC("junk") } },
    [VMI2] = { "virtual-machine-interface", "vmi2",
        { ID_PERMS(7), "", ID_PERMS(7) DISPLAY("host") } },
    [VMI3] = { "virtual-machine-interface", "vmi3",
        { ID_PERMS(8), ID_PERMS(8) MAC("02:00:00:00:00:03"), "" } },
    [VN1] = { "virtual-network", "d:vn1",
        { ID_PERMS(9) VNI("100") ID("1"), ID_PERMS(9) VNI("101") ID("1"),
          "" } },
    [VN2] = { "virtual-network", "d:vn2",
        { ID_PERMS(10) VNI("100") ID("2"), ID_PERMS(10) ID("3"),
          ID_PERMS(10) VNI("99999999") } },
    [VN3] = { "virtual-network", "d:vn3",
        { ID_PERMS(11), ID_PERMS(11) VNI("7"), ID_PERMS(11) ID("x") } },
    [RI1] = { "routing-instance", "d:vn1:vn1", { "", "", "" } },
    [RI2] = { "routing-instance", "d:vn2:vn2", { "", "",
        "<routing-instance-is-default>true</routing-instance-is-default>" } },
    [RI3] = { "routing-instance", "d:vn3:other", { "", "",
        "<routing-instance-is-default>true</routing-instance-is-default>" } },
    [IPAM1] = { "network-ipam", "d:ipam1",
        { "", "<network-ipam-mgmt><ipam-dns-method>x</ipam-dns-method>"
          "</network-ipam-mgmt>",
          "<ipam-subnet-method>flat-subnet</ipam-subnet-method>"
          "<ipam-subnets><subnets>" SUBNET_IP("192.0.2.0") "</subnets>"
          "</ipam-subnets>" } },
    [IPAM2] = { "network-ipam", "d:ipam2",
        { "", "<network-ipam-mgmt><ipam-dns-server><virtual-dns-server-name>"
          "v</virtual-dns-server-name></ipam-dns-server>"
          "</network-ipam-mgmt>", "" } },
    [MID1] = { "virtual-network-network-ipam", "attr(d:ipam1,d:vn1)",
        { "<value><ipam-subnets>" SUBNET_IP("10.0.0.0") "</ipam-subnets>"
          "</value>",
          "<value><ipam-subnets>" SUBNET_IP("10.0.1.0") "</ipam-subnets>"
          "<ipam-subnets>" SUBNET_IP("10.0.0.0") "</ipam-subnets></value>",
          "<value><ipam-subnets>" SUBNET_IP("junk") "</ipam-subnets>"
          "</value>" } },
    [MID2] = { "virtual-network-network-ipam", "attr(d:ipam2,d:vn1)",
        { "<value><ipam-subnets>" SUBNET_IP("10.0.2.0") "</ipam-subnets>"
          "</value>", "", "<value/>" } },
    [VDNS] = { "virtual-DNS", "d:dns", { "",
        "<virtual-DNS-data><domain-name>example.test</domain-name>"
        "</virtual-DNS-data>", "" } },
    [RECORD1] = { "virtual-DNS-record", "d:dns:r1",
        { "<virtual-DNS-record-data><record-name>www</record-name>"
          "</virtual-DNS-record-data>", "",
          "<virtual-DNS-record-data><record-name>www</record-name>"
          "<record-ttl-seconds>5</record-ttl-seconds>"
          "</virtual-DNS-record-data>" } },
    [RECORD2] = { "virtual-DNS-record", "d:dns:r0",
        { "<virtual-DNS-record-data><record-name>ftp</record-name>"
          "</virtual-DNS-record-data>", "", "" } },
    [IIP1] = { "instance-ip", "iip1",
        { "<instance-ip-address>10.0.0.5</instance-ip-address>",
          "<instance-ip-address>junk</instance-ip-address>",
          "<instance-ip-address>2001:db8::1</instance-ip-address>" } },
    [IIP2] = { "instance-ip", "iip0",
        { "<instance-ip-address>10.0.0.6</instance-ip-address>",
          "<instance-ip-address>10.0.0.6</instance-ip-address>"
          "<instance-ip-secondary>true</instance-ip-secondary>", "" } },
    [SG] = { "security-group", "sg",
        { ID_PERMS(12) "<security-group-id>8000001</security-group-id>",
          ID_PERMS(12) "<security-group-id>8000002</security-group-id>",
          "<security-group-id>8000001</security-group-id>" } },
    [SUBNET] = { "subnet", "s",
        { "<subnet-ip-prefix><ip-prefix>203.0.113.0</ip-prefix>"
          "<ip-prefix-len>24</ip-prefix-len></subnet-ip-prefix>", "", "" } },
    [LR] = { "logical-router", "lr", { "", "", "" } },
    [LR_MID] = { "logical-router-virtual-network", "attr(d:vn2,lr)",
        { "<value><logical-router-virtual-network-type>InternalVirtualNetwork"
          "</logical-router-virtual-network-type></value>",
          "<value><logical-router-virtual-network-type>ExternalGateway"
          "</logical-router-virtual-network-type></value>", "" } },
};
BUILD_ASSERT_DECL(ARRAY_SIZE(nodes) == N_NODES);

static const struct {
    const char *type;
    int ends[2];
} links[] = {
    { "global-system-config-virtual-router", { SYSTEM, US } },
    { "global-system-config-global-vrouter-config", { SYSTEM, VROUTER } },
    { "physical-router-virtual-router", { PR1, US } },
    { "physical-router-virtual-router", { PR2, US } },
    { "physical-router-virtual-router", { PR2, OTHER } },
    { "physical-router-physical-interface", { PR1, PI1 } },
    { "physical-router-physical-interface", { PR1, PI2 } },
    { "physical-router-physical-interface", { PR2, PI2 } },
    { "physical-router-logical-interface", { PR2, LI2 } },
    { "physical-router-logical-interface", { PR2, LI3 } },
    { "physical-interface-logical-interface", { PI1, LI1 } },
    { "physical-interface-logical-interface", { PI1, LI2 } },
    { "physical-interface-logical-interface", { PI2, LI2 } },
    { "physical-interface-logical-interface", { PI2, LI3 } },
    { "logical-interface-virtual-machine-interface", { LI1, VMI1 } },
    { "logical-interface-virtual-machine-interface", { LI1, VMI2 } },
    { "logical-interface-virtual-machine-interface", { LI2, VMI2 } },
    { "logical-interface-virtual-machine-interface", { LI3, VMI3 } },
    { "virtual-machine-interface-virtual-network", { VMI1, VN1 } },
    { "virtual-machine-interface-virtual-network", { VMI2, VN1 } },
    { "virtual-machine-interface-virtual-network", { VMI2, VN2 } },
    { "virtual-machine-interface-virtual-network", { VMI3, VN3 } },
    { "virtual-network-routing-instance", { VN1, RI1 } },
    { "virtual-network-routing-instance", { VN2, RI2 } },
    { "virtual-network-routing-instance", { VN3, RI2 } },
    { "virtual-network-routing-instance", { VN3, RI3 } },
    { "virtual-network-routing-instance", { VN1, RI3 } },
    { "virtual-network-network-ipam", { VN1, MID1 } },
    { "virtual-network-network-ipam", { IPAM1, MID1 } },
    { "virtual-network-network-ipam", { VN1, MID2 } },
    { "virtual-network-network-ipam", { VN2, MID2 } },
    { "virtual-network-network-ipam", { IPAM2, MID2 } },
    { "virtual-network-network-ipam", { IPAM1, MID2 } },
    { "network-ipam-virtual-DNS", { IPAM1, VDNS } },
    { "virtual-DNS-virtual-DNS-record", { VDNS, RECORD1 } },
    { "virtual-DNS-virtual-DNS-record", { VDNS, RECORD2 } },
    { "instance-ip-virtual-machine-interface", { IIP1, VMI1 } },
    { "instance-ip-virtual-machine-interface", { IIP2, VMI1 } },
    { "instance-ip-virtual-machine-interface", { IIP2, VMI2 } },
    { "virtual-machine-interface-security-group", { VMI1, SG } },
    { "virtual-machine-interface-security-group", { VMI3, SG } },
    { "subnet-virtual-machine-interface", { SUBNET, VMI2 } },
    { "logical-router-virtual-network", { VN2, LR_MID } },
    { "logical-router-virtual-network", { LR, LR_MID } },
    /* Links that mean nothing here. */
    { "instance-ip-virtual-network", { IIP1, VN1 } },
    { "physical-router-virtual-network", { PR1, VN1 } },
    { "nonsense", { VMI1, VN2 } },
};
#define N_LINKS ARRAY_SIZE(links)

/* What is there: a variant or -1. */
struct cloud {
    int nodes[N_NODES];
    bool links[N_LINKS];
};

static char *
node_text(int i, int variant)
{
    return xasprintf("<node type='%s'><name>%s</name>%s</node>",
                     nodes[i].type, nodes[i].name,
                     variant < 0 ? "" : nodes[i].variants[variant]);
}

static char *
link_text(int i, bool swap)
{
    char *a = node_text(links[i].ends[swap], -1);
    char *b = node_text(links[i].ends[!swap], -1);
    char *s = xasprintf("<link>%s%s<metadata type='%s' /></link>", a, b,
                        links[i].type);

    free(a);
    free(b);
    return s;
}

/* Applies and takes 'text'. */
static void
apply_text(struct xmpp_graph *g, const char *what, char *text)
{
    apply_objects(g, what, text);
    free(text);
}

/* A graph that gets 'cloud' at once. */
static char *
dump_cloud(const struct cloud *cloud)
{
    struct xmpp_graph *g = xmpp_graph_create();

    for (int i = 0; i < N_NODES; i++) {
        if (cloud->nodes[i] >= 0) {
            apply_text(g, "update", node_text(i, cloud->nodes[i]));
        }
    }
    for (size_t i = 0; i < N_LINKS; i++) {
        if (cloud->links[i]) {
            apply_text(g, "update", link_text(i, false));
        }
    }
    struct xmpp_view *view = xmpp_view_build(g, VR);
    char *s = dump_view(view);
    xmpp_view_destroy(view);
    xmpp_graph_destroy(g);
    return s;
}

/* Changes an object of the graph, or sends what is there again. */
static void
step(struct xmpp_graph *g, struct cloud *cloud)
{
    bool delete = random_range(3) == 0;

    if (random_range(2)) {
        int i = random_range(N_NODES);

        cloud->nodes[i] = delete ? -1 : (int) random_range(N_VARIANTS);
        apply_text(g, delete ? "delete" : "update",
                   node_text(i, cloud->nodes[i]));
    } else {
        int i = random_range(N_LINKS);

        cloud->links[i] = !delete;
        apply_text(g, delete ? "delete" : "update",
                   link_text(i, random_range(2)));
    }
}

/* A new session: some of it is sent again, the rest goes. */
static void
restart(struct xmpp_graph *g, struct cloud *cloud)
{
    xmpp_graph_mark_stale(g);
    for (size_t i = 0; i < N_LINKS; i++) {
        cloud->links[i] = cloud->links[i] && random_range(10);
        if (cloud->links[i]) {
            apply_text(g, "update", link_text(i, random_range(2)));
        }
    }
    for (int i = N_NODES; --i >= 0; ) {
        if (!random_range(10)) {
            cloud->nodes[i] = -1;
        } else if (cloud->nodes[i] >= 0) {
            apply_text(g, "update", node_text(i, cloud->nodes[i]));
        }
    }
    xmpp_graph_sweep(g);
}

struct tally {
    int networks, vmis, ports, switches;
};

#define DEFINE_COUNT(TYPE, FIELD)                                       \
    static void                                                         \
    count_##TYPE(void *tally_, const struct xmpp_##TYPE *old,           \
                 const struct xmpp_##TYPE *new)                         \
    {                                                                   \
        struct tally *tally = tally_;                                   \
                                                                        \
        assert_ptr_not_equal(old, new);                                 \
        tally->FIELD += (new != NULL) - (old != NULL);                  \
    }
DEFINE_COUNT(network, networks)
DEFINE_COUNT(vmi, vmis)
DEFINE_COUNT(port, ports)
DEFINE_COUNT(switch, switches)

static void
check_diff(const struct xmpp_view *old, const struct xmpp_view *new)
{
    static const struct xmpp_view_diff_ops ops = {
        .network_changed = count_network,
        .vmi_changed = count_vmi,
        .port_changed = count_port,
        .switch_changed = count_switch,
    };
    struct tally tally = { .networks = 0 };

    xmpp_view_diff(old, new, &ops, &tally);
    assert_int_equal(old->n_networks + tally.networks, new->n_networks);
    assert_int_equal(old->n_vmis + tally.vmis, new->n_vmis);
    assert_int_equal(old->n_ports + tally.ports, new->n_ports);
    assert_int_equal(old->n_switches + tally.switches, new->n_switches);
}

#define N_KEPT 5

/* Views that are kept, in whose order they go has no meaning. */
struct kept {
    struct xmpp_view *view;
    char *text;
};

static void
drop(struct kept *kept)
{
    if (kept->view) {
        char *text = dump_view(kept->view);

        assert_string_equal(text, kept->text);
        free(text);
        free(kept->text);
        xmpp_view_destroy(kept->view);
        kept->view = NULL;
    }
}

static void
view__random_changes__as_if_at_once(void **state OVS_UNUSED)
{
    for (int round = 0; round < 20; round++) {
        struct xmpp_graph *g = xmpp_graph_create();
        struct xmpp_viewer *viewer = xmpp_viewer_create(g, VR);
        struct kept kept[N_KEPT] = { { .view = NULL } };
        struct xmpp_view *last = NULL;
        struct cloud cloud;
        int n_steps;

        random_set_seed(round + 1);
        n_steps = 1 + random_range(12);
        memset(&cloud, 0, sizeof cloud);
        memset(cloud.nodes, 0xff, sizeof cloud.nodes);
        restart(g, &cloud);
        /* Not from nothing, where little would ever fit together. */
        for (int i = 0; i < N_NODES; i++) {
            cloud.nodes[i] = 0;
            apply_text(g, "update", node_text(i, 0));
        }
        for (size_t i = 0; i < N_LINKS; i++) {
            cloud.links[i] = true;
            apply_text(g, "update", link_text(i, i & 1));
        }
        for (int i = 0; i < 60; i++) {
            struct kept *slot = &kept[random_range(N_KEPT)];

            for (int j = 0; j < n_steps; j++) {
                step(g, &cloud);
            }
            if (!random_range(20)) {
                restart(g, &cloud);
            }
            struct xmpp_view *view = xmpp_viewer_build(viewer);
            char *text = dump_view(view), *want = dump_cloud(&cloud);
            if (strcmp(text, want)) {
                /* Too long for cmocka. */
                fprintf(stderr, "have\n%s--- want\n%s", text, want);
                fail_msg("round %d view %d", round, i);
            }
            free(want);
            if (last) {
                check_diff(last, view);
            }
            drop(slot);
            *slot = (struct kept) { view, text };
            last = view;
        }
        if (round & 1) {
            xmpp_viewer_destroy(viewer);
            xmpp_graph_destroy(g);
        }
        for (int i = 0; i < N_KEPT; i++) {
            drop(&kept[i]);
        }
        if (!(round & 1)) {
            xmpp_viewer_destroy(viewer);
            xmpp_graph_destroy(g);
        }
    }
}

static void
view__nothing_changed__same_objects(void **state OVS_UNUSED)
{
    struct xmpp_graph *g = xmpp_graph_create();
    struct xmpp_viewer *viewer = xmpp_viewer_create(g, VR);

    for (int i = 0; i < N_NODES; i++) {
        apply_text(g, "update", node_text(i, 0));
    }
    for (size_t i = 0; i < N_LINKS; i++) {
        apply_text(g, "update", link_text(i, 0));
    }
    struct xmpp_view *a = xmpp_viewer_build(viewer);
    assert_true(a->n_networks >= 2 && a->n_vmis == 3 && a->n_ports >= 3);

    /* What comes again is no change, nor is what has nothing to do with what
     * is shown. */
    apply_text(g, "update", node_text(VN1, 0));
    apply_text(g, "update", xstrdup(NODE("project", "p", "")
        LINK("project-virtual-network", "project", "p",
             "virtual-network", "d:vn1")
        LINK("project-virtual-machine-interface", "project", "p",
             "virtual-machine-interface", "vmi1")));
    struct xmpp_view *b = xmpp_viewer_build(viewer);
    assert_int_equal(a->n_networks, b->n_networks);
    for (size_t i = 0; i < a->n_networks; i++) {
        assert_ptr_equal(a->networks[i], b->networks[i]);
    }
    for (size_t i = 0; i < a->n_vmis; i++) {
        assert_ptr_equal(a->vmis[i], b->vmis[i]);
    }
    assert_int_equal(a->n_ports, b->n_ports);
    for (size_t i = 0; i < a->n_ports; i++) {
        assert_ptr_equal(a->ports[i], b->ports[i]);
    }

    /* One interface, and the ports that it is behind. */
    apply_text(g, "update", node_text(VMI3, 1));
    struct xmpp_view *c = xmpp_viewer_build(viewer);
    assert_ptr_equal(b->vmis[0], c->vmis[0]);
    assert_ptr_not_equal(b->vmis[2], c->vmis[2]);
    for (size_t i = 0; i < b->n_ports; i++) {
        if (strcmp(b->ports[i]->vmi->name, "vmi3")) {
            assert_ptr_equal(b->ports[i], c->ports[i]);
        } else {
            assert_ptr_not_equal(b->ports[i], c->ports[i]);
        }
    }
    xmpp_view_destroy(b);
    xmpp_view_destroy(c);
    xmpp_view_destroy(a);
    xmpp_viewer_destroy(viewer);
    xmpp_graph_destroy(g);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(view__random_changes__as_if_at_once),
        cmocka_unit_test(view__nothing_changed__same_objects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
