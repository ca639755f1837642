/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/view.h"

#include "packets.h"

#include "tests/unit/xmpp-config.h"

static int
setup(void **state)
{
    *state = xmpp_graph_create();
    return 0;
}

static int
teardown(void **state)
{
    xmpp_graph_destroy(*state);
    return 0;
}

static const char *
ip_text(const struct in6_addr *ip)
{
    static char buf[TSN_IP_STRLEN];

    return tsn_ip_is_set(ip) ? tsn_ip_format(ip, buf) : "none";
}

static void
put_options(struct ds *s, const struct xmpp_dhcp_option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ds_put_format(s, " %s=%s", options[i].name, options[i].value);
        if (*options[i].value_bytes) {
            ds_put_format(s, "(%s)", options[i].value_bytes);
        }
    }
}

static void
put_network(struct ds *s, const struct xmpp_network *n)
{
    ds_put_format(s, "network %s %s id=%u vni=%u%s\n", n->instance, n->name,
                  n->id, n->vni, n->flood_unknown_unicast ? " flood" : "");
    for (size_t i = 0; i < n->n_subnets; i++) {
        const struct xmpp_subnet *sub = &n->subnets[i];

        ds_put_format(s, " subnet %s/%u", ip_text(&sub->prefix), sub->plen);
        ds_put_format(s, " gw=%s", ip_text(&sub->gateway));
        ds_put_format(s, " dns=%s", ip_text(&sub->dns_server));
        ds_put_cstr(s, sub->enable_dhcp ? "" : " no-dhcp");
        if (*sub->dns_method) {
            ds_put_format(s, " method=%s", sub->dns_method);
        }
        for (size_t j = 0; j < sub->n_tenant_dns; j++) {
            ds_put_format(s, " tenant-dns=%s", ip_text(&sub->tenant_dns[j]));
        }
        put_options(s, sub->options, sub->n_options);
        ds_put_char(s, '\n');
    }
}

/* Everything in 'view', a line each. */
static char *
dump(const struct xmpp_view *view)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < view->n_networks; i++) {
        put_network(&s, view->networks[i]);
    }
    for (size_t i = 0; i < view->n_vmis; i++) {
        const struct xmpp_vmi *vmi = view->vmis[i];

        ds_put_format(&s, "vmi %s %s "ETH_ADDR_FMT, vmi->name,
                      vmi->display_name, ETH_ADDR_ARGS(vmi->mac));
        ds_put_format(&s, " ip4=%s", ip_text(&vmi->ip4));
        ds_put_format(&s, " ip6=%s", ip_text(&vmi->ip6));
        ds_put_format(&s, " network=%s",
                      vmi->network ? vmi->network->instance : "none");
        for (size_t j = 0; j < vmi->n_security_groups; j++) {
            ds_put_format(&s, " sg=%u", vmi->security_groups[j]);
        }
        put_options(&s, vmi->options, vmi->n_options);
        ds_put_char(&s, '\n');
    }
    for (size_t i = 0; i < view->n_switches; i++) {
        ds_put_format(&s, "switch %s vtep=%s\n", view->switches[i]->name,
                      ip_text(&view->switches[i]->vtep));
    }
    for (size_t i = 0; i < view->n_ports; i++) {
        const struct xmpp_port *port = view->ports[i];

        ds_put_format(&s, "port %s %s vlan=%u vmi=%s\n", port->switch_name,
                      port->port, port->vlan, port->vmi->name);
    }
    if (view->hold_s) {
        ds_put_format(&s, "hold %u\n", view->hold_s);
    }
    if (view->graceful_restart) {
        ds_put_cstr(&s, "graceful restart\n");
    }
    return ds_steal_cstr(&s);
}

#define GSC "default-global-system-config"
#define VR GSC ":tor-agent-1"

static void
assert_view_of(struct xmpp_graph *g, const char *virtual_router,
               const char *want)
{
    struct xmpp_view *view = xmpp_view_build(g, virtual_router);
    char *text = dump(view);

    assert_string_equal(text, want);
    free(text);
    xmpp_view_destroy(view);
}

static void
assert_view(struct xmpp_graph *g, const char *want)
{
    assert_view_of(g, VR, want);
}

#define D "default-domain:admin:"
#define G "default-global-system-config:"

#define VN_LINES(VNI1)                                                  \
    "network " D "vn1:vn1 " D "vn1 id=5 vni=" VNI1 "\n"                 \
    "network " D "vn2:vn2 " D "vn2 id=6 vni=5006\n"
#define TOR1_VMI_LINES                                                  \
    "vmi " D "vmi-tor1-100 vmi-tor1-100 02:00:00:00:01:01 ip4=none"     \
    " ip6=none network=" D "vn1:vn1\n"                                  \
    "vmi " D "vmi-tor1-200 vmi-tor1-200 02:00:00:00:01:02 ip4=none"     \
    " ip6=none network=" D "vn2:vn2\n"
#define TOR1_PORT_LINES                                                 \
    "port tor1 eth0 vlan=100 vmi=" D "vmi-tor1-100\n"                   \
    "port tor1 eth0 vlan=200 vmi=" D "vmi-tor1-200\n"

static void
view__recorded__what_the_tor_has(void **state)
{
    struct xmpp_graph *g = *state;

    apply_file(g, "config-tor.xml");
    assert_view(g, VN_LINES("5005") TOR1_VMI_LINES
                "switch tor1 vtep=127.0.2.1\n" TOR1_PORT_LINES);

    struct xmpp_view *view = xmpp_view_build(g, VR);
    const struct xmpp_network *vn1 = xmpp_view_network(view, D "vn1:vn1");
    assert_ptr_equal(vn1, view->networks[0]);
    assert_string_equal(vn1->uuid, "628706f3-1422-5720-b020-b46a8470985f");
    assert_string_equal(vn1->ls_name,
                        "Contrail-628706f3-1422-5720-b020-b46a8470985f");
    assert_null(xmpp_view_network(view, D "vn1"));
    xmpp_view_destroy(view);
}

static void
view__recorded_changes__followed(void **state)
{
    struct xmpp_graph *g = *state;

    apply_file(g, "config-tor.xml");
    apply_file(g, "config-add.xml");
    apply_file(g, "config-vni.xml");
    assert_view(g, VN_LINES("5055") TOR1_VMI_LINES
                "vmi " D "vmi-tor1-300 vmi-tor1-300 02:00:00:00:01:03"
                " ip4=none ip6=none network=" D "vn1:vn1\n"
                "switch tor1 vtep=127.0.2.1\n" TOR1_PORT_LINES
                "port tor1 eth0 vlan=300 vmi=" D "vmi-tor1-300\n");
    apply_file(g, "config-remove.xml");
    assert_view(g, VN_LINES("5055") TOR1_VMI_LINES
                "switch tor1 vtep=127.0.2.1\n" TOR1_PORT_LINES);
}

static void
view__recorded_tsn__all_switches(void **state)
{
    struct xmpp_graph *g = *state;

    apply_file(g, "config-tsn.xml");
    assert_view_of(g, GSC ":tsn1", VN_LINES("5005") TOR1_VMI_LINES
                "vmi " D "vmi-tor2-100 vmi-tor2-100 02:00:00:00:02:01"
                " ip4=none ip6=none network=" D "vn1:vn1\n"
                "switch tor1 vtep=127.0.2.1\n"
                "switch tor2 vtep=127.0.2.2\n" TOR1_PORT_LINES
                "port tor2 eth0 vlan=100 vmi=" D "vmi-tor2-100\n");
}

static void
view__recorded_vm__not_bare_metal(void **state)
{
    struct xmpp_graph *g = *state;

    apply_file(g, "config-vm.xml");
    assert_view(g, "network " D "vn1:vn1 " D "vn1 id=5 vni=5005\n");
}

static void
view__empty__empty(void **state)
{
    assert_view(*state, "");
    xmpp_view_destroy(NULL);

    struct xmpp_view *view = xmpp_view_build(*state, VR);
    assert_null(xmpp_view_network(view, "x"));
    xmpp_view_destroy(view);
}

/* A network with its default instance. */
#define VN(NAME, NUMBER, PROPERTIES)                                    \
    NODE("virtual-network", "d:p:" NAME, ID_PERMS(NUMBER) PROPERTIES)   \
    NODE("routing-instance", "d:p:" NAME ":" NAME, "")                  \
    VN_RI("d:p:" NAME, "d:p:" NAME ":" NAME)
#define VN_RI(VN_NAME, RI_NAME)                                         \
    LINK("virtual-network-routing-instance",                            \
         "routing-instance", RI_NAME, "virtual-network", VN_NAME)

static void
view__vxlan_mode__selects_vni(void **state)
{
    static const struct {
        const char *mode, *properties, *want;
    } cases[] = {
        { "configured", "<virtual-network-network-id>5"
          "</virtual-network-network-id>", "id=5 vni=70" },
        { "automatic", "<virtual-network-network-id>5"
          "</virtual-network-network-id>", "id=5 vni=5" },
        { "", "<virtual-network-network-id>5"
          "</virtual-network-network-id>", "id=5 vni=5" },
        /* The old place of the id. */
        { "configured", "", "id=6 vni=70" },
        { "automatic", "", "id=6 vni=6" },
        /* Present but 0 is not absent. */
        { "automatic", "<virtual-network-network-id>0"
          "</virtual-network-network-id>", "id=0 vni=0" },
        { "automatic", "<virtual-network-network-id>16777216"
          "</virtual-network-network-id>", "id=16777216 vni=0" },
        { "automatic", "<virtual-network-network-id>x"
          "</virtual-network-network-id>", "id=0 vni=0" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xmpp_graph *g = xmpp_graph_create();
        char *objects = xasprintf(
            VN("n", 1, "%s<virtual-network-properties>"
               "<network-id>6</network-id>"
               "<vxlan-network-identifier>70</vxlan-network-identifier>"
               "</virtual-network-properties>")
            NODE("global-vrouter-config", "x",
                 "<vxlan-network-identifier-mode>%s"
                 "</vxlan-network-identifier-mode>"),
            cases[i].properties, cases[i].mode);
        char *want = xasprintf("network d:p:n:n d:p:n %s\n", cases[i].want);

        apply_objects(g, "update", objects);
        assert_view(g, want);
        free(want);
        free(objects);
        xmpp_graph_destroy(g);
    }
}

static void
view__vxlan_mode_unknown__automatic(void **state)
{
    apply_objects(*state, "update",
                  VN("n", 1, "<virtual-network-network-id>5"
                     "</virtual-network-network-id>"
                     "<flood-unknown-unicast>true</flood-unknown-unicast>"));
    assert_view(*state, "network d:p:n:n d:p:n id=5 vni=5 flood\n");
}

static void
view__several_instances__default_one(void **state)
{
    struct xmpp_graph *g = *state;

    /* By its name. */
    apply_objects(g, "update",
                  NODE("virtual-network", "d:p:n", ID_PERMS(1))
                  NODE("routing-instance", "d:p:n:a", "")
                  NODE("routing-instance", "d:p:n:nn", "")
                  NODE("routing-instance", "n", "")
                  NODE("routing-instance", "d:p:n:n", "")
                  VN_RI("d:p:n", "d:p:n:a") VN_RI("d:p:n", "d:p:n:nn")
                  VN_RI("d:p:n", "n") VN_RI("d:p:n", "d:p:n:n"));
    assert_view(g, "network d:p:n:n d:p:n id=0 vni=0\n");

    /* The flag says it better. */
    apply_objects(g, "update",
                  NODE("routing-instance", "d:p:n:z",
                       "<routing-instance-is-default>true"
                       "</routing-instance-is-default>")
                  VN_RI("d:p:n", "d:p:n:z"));
    assert_view(g, "network d:p:n:z d:p:n id=0 vni=0\n");

    apply_objects(g, "delete", NODE("routing-instance", "d:p:n:z", "")
                  NODE("routing-instance", "d:p:n:n", ""));
    assert_view(g, "");
}

static void
view__instance_names__two_last_parts(void **state)
{
    static const struct {
        const char *name;
        bool is_default;
    } cases[] = {
        { "d:p:n:n", true }, { "n:n", true }, { ":", true },
        { "n", false }, { "nn", false }, { "n:nn", false },
        { "nn:n", false }, { "d:p:mn:n", false }, { ":n", false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xmpp_graph *g = xmpp_graph_create();
        char *objects = xasprintf(
            NODE("virtual-network", "v", ID_PERMS(1))
            NODE("routing-instance", "%s", "") VN_RI("v", "%s"),
            cases[i].name, cases[i].name);

        apply_objects(g, "update", objects);
        struct xmpp_view *view = xmpp_view_build(g, VR);
        assert_int_equal(view->n_networks, cases[i].is_default);
        xmpp_view_destroy(view);
        free(objects);
        xmpp_graph_destroy(g);
    }
}

static void
view__one_instance_of_two_networks__once(void **state)
{
    apply_objects(*state, "update",
                  VN("b", 1, "") NODE("virtual-network", "d:p:a", ID_PERMS(2))
                  VN_RI("d:p:a", "d:p:b:b"));
    assert_view(*state, "network d:p:b:b d:p:a id=0 vni=0\n");
}

static void
view__one_vni_of_two_networks__both(void **state)
{
    apply_objects(*state, "update",
                  VN("b", 1, "<virtual-network-network-id>5"
                     "</virtual-network-network-id>")
                  VN("a", 2, "<virtual-network-network-id>5"
                     "</virtual-network-network-id>"));
    assert_view(*state, "network d:p:a:a d:p:a id=5 vni=5\n"
                "network d:p:b:b d:p:b id=5 vni=5\n");
}

#define IPAM_LINKS(IPAM, VN_NAME)                                       \
    LINK("virtual-network-network-ipam",                                \
         "virtual-network", VN_NAME,                                    \
         "virtual-network-network-ipam", "attr(" IPAM "," VN_NAME ")")  \
    LINK("virtual-network-network-ipam", "network-ipam", IPAM,          \
         "virtual-network-network-ipam", "attr(" IPAM "," VN_NAME ")")
#define OPTION(NAME, VALUE, BYTES)                                      \
    "<dhcp-option><dhcp-option-name>" NAME "</dhcp-option-name>"        \
    "<dhcp-option-value>" VALUE "</dhcp-option-value>"                  \
    "<dhcp-option-value-bytes>" BYTES "</dhcp-option-value-bytes>"      \
    "</dhcp-option>"
#define PREFIX(IP, LEN)                                                 \
    "<subnet><ip-prefix>" IP "</ip-prefix>"                             \
    "<ip-prefix-len>" LEN "</ip-prefix-len></subnet>"

static void
view__subnets__merged_from_link_and_ipam(void **state)
{
    apply_objects(
        *state, "update",
        VN("n", 1, "")
        NODE("network-ipam", "d:p:ipam",
             "<network-ipam-mgmt><ipam-method>dhcp</ipam-method>"
             "<ipam-dns-method>tenant-dns-server</ipam-dns-method>"
             "<ipam-dns-server><tenant-dns-server-address>"
             "<ip-address>192.0.2.53</ip-address>"
             "<ip-address>junk</ip-address>"
             "<ip-address>2001:db8::53</ip-address>"
             "</tenant-dns-server-address></ipam-dns-server>"
             "<dhcp-option-list>" OPTION("66", "ipam-tftp", "")
             OPTION("domain-name", "example.test", "") "</dhcp-option-list>"
             "</network-ipam-mgmt>")
        NODE("virtual-network-network-ipam", "attr(d:p:ipam,d:p:n)",
             "<value><ipam-subnets>" PREFIX("198.51.100.0", "24")
             "<default-gateway>198.51.100.1</default-gateway>"
             "<dns-server-address>198.51.100.2</dns-server-address>"
             "<enable-dhcp>false</enable-dhcp>"
             "<dhcp-option-list>" OPTION("66", "subnet-tftp", "1 2")
             OPTION("66", "another", "") OPTION("", "nameless", "")
             "</dhcp-option-list></ipam-subnets>"
             "<ipam-subnets>" PREFIX("192.0.2.0", "25")
             "<default-gateway>192.0.2.1</default-gateway>"
             "<dns-server-address></dns-server-address>"
             "<enable-dhcp>true</enable-dhcp></ipam-subnets>"
             "<ipam-subnets>" PREFIX("2001:db8::", "64") "</ipam-subnets>"
             "<ipam-subnets>" PREFIX("bad", "24") "</ipam-subnets>"
             "<ipam-subnets>" PREFIX("10.0.0.0", "33") "</ipam-subnets>"
             "<ipam-subnets/></value>")
        IPAM_LINKS("d:p:ipam", "d:p:n"));
#define TENANT                                                          \
    " method=tenant-dns-server tenant-dns=192.0.2.53"                   \
    " tenant-dns=2001:db8::53"
    assert_view(*state,
        "network d:p:n:n d:p:n id=0 vni=0\n"
        " subnet 192.0.2.0/25 gw=192.0.2.1 dns=none" TENANT
        " 66=ipam-tftp domain-name=example.test\n"
        " subnet 198.51.100.0/24 gw=198.51.100.1 dns=198.51.100.2 no-dhcp"
        TENANT " 66=subnet-tftp(1 2) 66=another domain-name=example.test\n"
        " subnet 2001:db8::/64 gw=none dns=none" TENANT
        " 66=ipam-tftp domain-name=example.test\n");
}

static void
view__flat_subnet__of_the_ipam(void **state)
{
    apply_objects(
        *state, "update",
        VN("n", 1, "")
        NODE("network-ipam", "ipam",
             "<ipam-subnet-method>flat-subnet</ipam-subnet-method>"
             "<ipam-subnets><subnets>" PREFIX("192.0.2.0", "24")
             "<default-gateway>192.0.2.254</default-gateway>"
             "</subnets></ipam-subnets>")
        NODE("virtual-network-network-ipam", "attr(ipam,d:p:n)",
             "<value><ipam-subnets>" PREFIX("", "0") "</ipam-subnets></value>")
        IPAM_LINKS("ipam", "d:p:n"));
    assert_view(*state, "network d:p:n:n d:p:n id=0 vni=0\n"
                " subnet 192.0.2.0/24 gw=192.0.2.254 dns=none\n");
}

/* A switch with a port, an interface on VLAN 7 of it, and the VMI behind. */
#define PR_PI(PR, PI)                                                   \
    LINK("physical-router-physical-interface",                          \
         "physical-router", PR, "physical-interface", PI)
#define PI_LI(PI, LI)                                                   \
    LINK("physical-interface-logical-interface",                        \
         "physical-interface", PI, "logical-interface", LI)
#define LI_VMI(LI, VMI_NAME)                                            \
    LINK("logical-interface-virtual-machine-interface",                 \
         "logical-interface", LI, "virtual-machine-interface", VMI_NAME)
#define TAG(VLAN)                                                       \
    "<logical-interface-vlan-tag>" VLAN "</logical-interface-vlan-tag>"
#define PR_VR(PR, VR_NAME)                                              \
    LINK("physical-router-virtual-router",                              \
         "physical-router", PR, "virtual-router", VR_NAME)
#define RACK                                                            \
    NODE("virtual-router", VR, "") PR_VR("g:tor", VR)                   \
    NODE("physical-router", "g:tor", ID_PERMS(1))                       \
    NODE("physical-interface", "g:tor:p1", "") PR_PI("g:tor", "g:tor:p1") \
    NODE("logical-interface", "li", ID_PERMS(2) TAG("7"))               \
    PI_LI("g:tor:p1", "li")                                             \
    NODE("virtual-machine-interface", "d:vmi", ID_PERMS(3))             \
    LI_VMI("li", "d:vmi")
#define RACK_VMI                                                        \
    "vmi d:vmi vmi 00:00:00:00:00:00 ip4=none ip6=none network=none\n"
#define RACK_SWITCH "switch tor vtep=none\n"
#define RACK_PORT "port tor p1 vlan=7 vmi=d:vmi\n"

static void
view__many_options__limited(void **state)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    apply_objects(*state, "update", RACK);
    ds_put_cstr(&s, "<node type='virtual-machine-interface'>"
                "<name>d:vmi</name>"
                ID_PERMS(1) "<virtual-machine-interface-dhcp-option-list>");
    for (int i = 0; i < 1000; i++) {
        ds_put_cstr(&s, OPTION("1", "", ""));
    }
    ds_put_cstr(&s, "</virtual-machine-interface-dhcp-option-list></node>");
    apply_objects(*state, "update", ds_cstr(&s));
    struct xmpp_view *view = xmpp_view_build(*state, VR);
    assert_int_equal(view->n_vmis, 1);
    assert_int_equal(view->vmis[0]->n_options, 256);
    assert_int_equal(view->n_bad, 1);
    xmpp_view_destroy(view);
    ds_destroy(&s);
}

static void
view__no_display_names__last_part_of_name(void **state)
{
    apply_objects(*state, "update", RACK);
    assert_view(*state, RACK_VMI RACK_SWITCH RACK_PORT);
}

static void
view__display_names__used(void **state)
{
    apply_objects(*state, "update", RACK
                  NODE("physical-router", "g:tor", ID_PERMS(1)
                       "<display-name>leaf 1</display-name>"
                       "<physical-router-dataplane-ip>10.0.0.1"
                       "</physical-router-dataplane-ip>")
                  NODE("physical-interface", "g:tor:p1",
                       "<display-name>xe-0/0/1</display-name>")
                  NODE("virtual-machine-interface", "d:vmi", ID_PERMS(3)
                       "<display-name>host-1</display-name>"));
    assert_view(*state, "vmi d:vmi host-1 00:00:00:00:00:00 ip4=none "
                "ip6=none network=none\n"
                "switch leaf 1 vtep=10.0.0.1\n"
                "port leaf 1 xe-0/0/1 vlan=7 vmi=d:vmi\n");
}

static void
view__rack_with_something_missing__left_out(void **state)
{
    static const struct {
        const char *change, *want;
    } cases[] = {
        /* A type that needs id-perms without. */
        { "<update>" NODE("physical-router", "g:tor", "") "</update>",
          "" },
        { "<update>" NODE("logical-interface", "li", TAG("7")) "</update>",
          RACK_VMI RACK_SWITCH },
        { "<update>" NODE("virtual-machine-interface", "d:vmi", "")
          "</update>", RACK_SWITCH },
        /* The tag. */
        { "<update>" NODE("logical-interface", "li", ID_PERMS(2))
          "</update>", RACK_VMI RACK_SWITCH },
        { "<update>" NODE("logical-interface", "li", ID_PERMS(2) TAG("4095"))
          "</update>", RACK_VMI RACK_SWITCH },
        { "<update>" NODE("logical-interface", "li", ID_PERMS(2) TAG("x"))
          "</update>", RACK_VMI RACK_SWITCH },
        { "<update>" NODE("logical-interface", "li", ID_PERMS(2) TAG(""))
          "</update>",
          RACK_VMI RACK_SWITCH "port tor p1 vlan=0 vmi=d:vmi\n" },
        /* Something on the way. */
        { "<delete>" NODE("physical-interface", "g:tor:p1", "") "</delete>",
          RACK_SWITCH },
        { "<delete>" NODE("physical-router", "g:tor", "") "</delete>",
          "" },
        { "<delete>" PR_PI("g:tor", "g:tor:p1") "</delete>",
          RACK_SWITCH },
        { "<delete>" LI_VMI("li", "d:vmi") "</delete>", RACK_SWITCH },
        { "<delete>" NODE("logical-interface", "li", "") "</delete>",
          RACK_SWITCH },
        /* Not ours, or we are not there. */
        { "<delete>" PR_VR("g:tor", VR) "</delete>", "" },
        { "<delete>" PR_VR("g:tor", VR) "</delete><update>"
          NODE("virtual-router", "g:other", "") PR_VR("g:tor", "g:other")
          "</update>", "" },
        { "<delete>" NODE("virtual-router", VR, "") "</delete>", "" },
        /* There is a direct link, too. */
        { "<delete>" PR_PI("g:tor", "g:tor:p1") "</delete><update>"
          LINK("physical-router-logical-interface", "physical-router",
               "g:tor", "logical-interface", "li") "</update>",
          RACK_VMI RACK_SWITCH RACK_PORT },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xmpp_graph *g = xmpp_graph_create();
        char *s = xasprintf("<config>%s</config>", cases[i].change);

        apply_objects(g, "update", RACK);
        apply(g, s, strlen(s));
        assert_view(g, cases[i].want);
        free(s);
        xmpp_graph_destroy(g);
    }
}

static void
view__ports__sorted_one_for_each_vmi(void **state)
{
    apply_objects(*state, "update", RACK
                  NODE("virtual-machine-interface", "d:a", ID_PERMS(4))
                  LI_VMI("li", "d:a")
                  NODE("logical-interface", "a-li", ID_PERMS(5) TAG("9"))
                  PI_LI("g:tor:p1", "a-li") LI_VMI("a-li", "d:a")
                  NODE("physical-router", "g:a-tor", ID_PERMS(6))
                  PR_VR("g:a-tor", VR)
                  NODE("physical-interface", "g:a-tor:p", "")
                  PR_PI("g:a-tor", "g:a-tor:p")
                  NODE("logical-interface", "z-li", ID_PERMS(7) TAG("100"))
                  PI_LI("g:a-tor:p", "z-li") LI_VMI("z-li", "d:vmi"));
    assert_view(*state,
                "vmi d:a a 00:00:00:00:00:00 ip4=none ip6=none network=none\n"
                RACK_VMI "switch a-tor vtep=none\n" RACK_SWITCH
                "port a-tor p vlan=100 vmi=d:vmi\n"
                "port tor p1 vlan=7 vmi=d:a\n"
                RACK_PORT
                "port tor p1 vlan=9 vmi=d:a\n");
}

#define IIP(NAME, IP, PROPERTIES)                                       \
    NODE("instance-ip", NAME, "<instance-ip-address>" IP                \
         "</instance-ip-address>" PROPERTIES)                           \
    LINK("instance-ip-virtual-machine-interface",                       \
         "instance-ip", NAME, "virtual-machine-interface", "d:vmi")
#define SG(NAME, ID, PROPERTIES)                                        \
    NODE("security-group", NAME, "<security-group-id>" ID               \
         "</security-group-id>" PROPERTIES)                             \
    LINK("virtual-machine-interface-security-group",                    \
         "security-group", NAME, "virtual-machine-interface", "d:vmi")

static void
view__vmi__all_its_properties(void **state)
{
    apply_objects(
        *state, "update", RACK VN("n", 8, "")
        NODE("virtual-machine-interface", "d:vmi", ID_PERMS(3)
             "<virtual-machine-interface-mac-addresses>"
             "<mac-address>junk</mac-address>"
             "<mac-address>02:00:00:00:00:0A</mac-address>"
             "<mac-address>02:00:00:00:00:0b</mac-address>"
             "</virtual-machine-interface-mac-addresses>"
             "<virtual-machine-interface-dhcp-option-list>"
             OPTION("67", "boot", "")
             "</virtual-machine-interface-dhcp-option-list>")
        LINK("virtual-machine-interface-virtual-network",
             "virtual-machine-interface", "d:vmi", "virtual-network", "d:p:n")
        IIP("1", "192.0.2.9", "<instance-ip-secondary>true"
            "</instance-ip-secondary>")
        IIP("2", "192.0.2.8", "<service-health-check-ip>true"
            "</service-health-check-ip>")
        IIP("3", "junk", "")
        IIP("4", "192.0.2.10", "<instance-ip-secondary>false"
            "</instance-ip-secondary>")
        IIP("5", "192.0.2.11", "")
        IIP("6", "2001:db8::a", "<instance-ip-family>v6</instance-ip-family>")
        SG("b", "8000001", ID_PERMS(20)) SG("a", "8000002", ID_PERMS(21))
        SG("c", "3", "") SG("d", "junk", ID_PERMS(22)));
    assert_view(*state,
                "network d:p:n:n d:p:n id=0 vni=0\n"
                "vmi d:vmi vmi 02:00:00:00:00:0a ip4=192.0.2.10"
                " ip6=2001:db8::a network=d:p:n:n sg=8000001 sg=8000002"
                " 67=boot\n" RACK_SWITCH RACK_PORT);
}

static void
view__vmi_of_incomplete_network__no_network(void **state)
{
    apply_objects(
        *state, "update", RACK
        NODE("virtual-network", "d:p:n", ID_PERMS(8))
        LINK("virtual-machine-interface-virtual-network",
             "virtual-machine-interface", "d:vmi", "virtual-network",
             "d:p:n"));
    assert_view(*state, RACK_VMI RACK_SWITCH RACK_PORT);
}

static void
view__system_config__hold_time_and_graceful_restart(void **state)
{
#define FAST(ENABLE, HOLD)                                              \
    "<fast-convergence-parameters><enable>" ENABLE "</enable>"          \
    "<xmpp-hold-time>" HOLD "</xmpp-hold-time>"                         \
    "</fast-convergence-parameters>"
#define GR(ENABLE, HELPER)                                              \
    "<graceful-restart-parameters><enable>" ENABLE "</enable>"          \
    "<xmpp-helper-enable>" HELPER "</xmpp-helper-enable>"               \
    "</graceful-restart-parameters>"
    static const struct {
        const char *properties, *want;
    } cases[] = {
        { "", "" },
        { FAST("true", "9"), "hold 9\n" },
        { FAST("true", "90"), "hold 90\n" },
        { FAST("true", "91"), "" },
        { FAST("true", "0"), "" },
        { FAST("true", ""), "" },
        { FAST("false", "9"), "" },
        { GR("true", "true"), "graceful restart\n" },
        { GR("false", "true"), "" },
        { GR("true", "false"), "" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *s = xasprintf(NODE("global-system-config", "g", "%s"),
                            cases[i].properties);

        apply_objects(*state, "update", s);
        assert_view(*state, cases[i].want);
        free(s);
    }
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(view__recorded__what_the_tor_has),
        TEST(view__recorded_changes__followed),
        TEST(view__recorded_tsn__all_switches),
        TEST(view__recorded_vm__not_bare_metal),
        TEST(view__empty__empty),
        TEST(view__vxlan_mode__selects_vni),
        TEST(view__vxlan_mode_unknown__automatic),
        TEST(view__several_instances__default_one),
        TEST(view__instance_names__two_last_parts),
        TEST(view__one_instance_of_two_networks__once),
        TEST(view__one_vni_of_two_networks__both),
        TEST(view__subnets__merged_from_link_and_ipam),
        TEST(view__flat_subnet__of_the_ipam),
        TEST(view__many_options__limited),
        TEST(view__no_display_names__last_part_of_name),
        TEST(view__display_names__used),
        TEST(view__rack_with_something_missing__left_out),
        TEST(view__ports__sorted_one_for_each_vmi),
        TEST(view__vmi__all_its_properties),
        TEST(view__vmi_of_incomplete_network__no_network),
        TEST(view__system_config__hold_time_and_graceful_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
