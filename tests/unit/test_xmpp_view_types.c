/* SPDX-License-Identifier: Apache-2.0 */
/* Each type of object with all its properties, in the shapes of
 * spec/xmpp-protocol.md 4.6. */
#include <config.h>
#include "xmpp/view.h"

#include "tests/unit/xmpp-config.h"
#include "tests/unit/xmpp-view-dump.h"

#define GSC "default-global-system-config"
#define VR GSC ":tor-a1"
#define SETTINGS "globals as=0 automatic mode=1 encaps= gr=000 300 300 300" \
    " hold=0 graceless "

/* The lines of the view that begin with 'want's first word, and what is
 * indented under them, must be 'want'; "" for all of it. */
static void
assert_lines(const char *objects, const char *word, const char *want)
{
    struct xmpp_graph *g = xmpp_graph_create();
    struct ds lines = DS_EMPTY_INITIALIZER;
    bool take = false;

    apply_objects(g, "update", objects);
    struct xmpp_view *view = xmpp_view_build(g, VR);
    char *text = dump_view(view), *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        if (line[0] != ' ') {
            take = !strncmp(line, word, strlen(word));
        }
        if (take) {
            ds_put_format(&lines, "%s\n", line);
        }
    }
    assert_string_equal(ds_cstr(&lines), want);
    ds_destroy(&lines);
    free(text);
    xmpp_view_destroy(view);
    xmpp_graph_destroy(g);
}

#define GLOBALS(SYSTEM, VROUTER)                                        \
    NODE("virtual-router", VR, "")                                      \
    NODE("global-system-config", GSC, ID_PERMS(1) SYSTEM)               \
    LINK("global-system-config-virtual-router", "virtual-router", VR,   \
         "global-system-config", GSC)                                   \
    NODE("global-vrouter-config", GSC ":gvc", ID_PERMS(2) VROUTER)      \
    LINK("global-system-config-global-vrouter-config",                  \
         "global-system-config", GSC, "global-vrouter-config",          \
         GSC ":gvc")

static void
settings__all__read(void **state OVS_UNUSED)
{
    assert_lines(
        GLOBALS(
            "<autonomous-system>64512</autonomous-system>"
            "<graceful-restart-parameters><enable>true</enable>"
            "<restart-time>60</restart-time>"
            "<long-lived-restart-time>120</long-lived-restart-time>"
            "<end-of-rib-timeout>30</end-of-rib-timeout>"
            "<bgp-helper-enable>true</bgp-helper-enable>"
            "<xmpp-helper-enable>true</xmpp-helper-enable>"
            "</graceful-restart-parameters>"
            "<fast-convergence-parameters><enable>true</enable>"
            "<nh-reachability-check>true</nh-reachability-check>"
            "<xmpp-hold-time>9</xmpp-hold-time>"
            "</fast-convergence-parameters>",
            "<encapsulation-priorities><encapsulation>VXLAN</encapsulation>"
            "<encapsulation>MPLSoUDP</encapsulation>"
            "<encapsulation>VXLAN</encapsulation>"
            "<encapsulation>MPLSoGRE</encapsulation>"
            "</encapsulation-priorities>"
            "<vxlan-network-identifier-mode>configured"
            "</vxlan-network-identifier-mode>"
            "<forwarding-mode>l2</forwarding-mode>"),
        "globals", "globals as=64512 configured mode=2 encaps=1,2,4,"
        " gr=111 60 120 30 hold=9 graceful bad=0\n");
}

static void
settings__none__defaults(void **state OVS_UNUSED)
{
    assert_lines("", "globals", SETTINGS "bad=0\n");
    assert_lines(GLOBALS("<graceful-restart-parameters>"
                         "<restart-time></restart-time>"
                         "</graceful-restart-parameters>", ""),
                 "globals", SETTINGS "bad=0\n");
}

static void
settings__senseless__unset_and_counted(void **state OVS_UNUSED)
{
    assert_lines(
        GLOBALS("<autonomous-system>x</autonomous-system>"
                "<fast-convergence-parameters><enable>true</enable>"
                "<xmpp-hold-time>91</xmpp-hold-time>"
                "</fast-convergence-parameters>"
                "<graceful-restart-parameters><enable>yes</enable>"
                "</graceful-restart-parameters>",
                "<encapsulation-priorities><encapsulation>GRE"
                "</encapsulation></encapsulation-priorities>"
                "<forwarding-mode>l4</forwarding-mode>"),
        "globals", SETTINGS "bad=5\n");
}

static void
settings__of_another_router__ours_first(void **state OVS_UNUSED)
{
    assert_lines(
        NODE("global-system-config", "a",
             "<autonomous-system>1</autonomous-system>")
        GLOBALS("<autonomous-system>2</autonomous-system>", ""),
        "globals", "globals as=2 automatic mode=1 encaps= gr=000 300 300 300"
        " hold=0 graceless bad=0\n");
}

#define PR(NAME, PROPERTIES)                                            \
    NODE("virtual-router", VR, "")                                      \
    NODE("physical-router", NAME, PROPERTIES)                           \
    LINK("physical-router-virtual-router", "physical-router", NAME,     \
         "virtual-router", VR)

static void
switch__all_properties__read(void **state OVS_UNUSED)
{
    assert_lines(
        PR(GSC ":leaf-1", ID_PERMS(3)
           "<physical-router-management-ip>10.0.0.2"
           "</physical-router-management-ip>"
           "<physical-router-dataplane-ip>10.9.9.1"
           "</physical-router-dataplane-ip>"
           "<physical-router-loopback-ip>2001:db8::1"
           "</physical-router-loopback-ip>"
           "<physical-router-vendor-name>acme</physical-router-vendor-name>"
           "<physical-router-product-name>x1</physical-router-product-name>"
           "<display-name>leaf one</display-name>"),
        "switch", "switch leaf one name=" GSC ":leaf-1 vtep=10.9.9.1"
        " management=10.0.0.2 loopback=2001:db8::1 vendor=acme"
        " product=x1\n");
}

static void
switch__bad_address__rest_is_read(void **state OVS_UNUSED)
{
    assert_lines(
        PR(GSC ":leaf-1", ID_PERMS(3)
           "<physical-router-dataplane-ip>10.9.9"
           "</physical-router-dataplane-ip>"
           "<physical-router-vendor-name>acme"
           "</physical-router-vendor-name>"),
        "", "switch leaf-1 name=" GSC ":leaf-1 vendor=acme\n"
        SETTINGS "bad=1\n");
}

static void
switch__same_name_elsewhere__only_ours(void **state OVS_UNUSED)
{
    assert_lines(
        PR(GSC ":a", ID_PERMS(3) "<display-name>leaf</display-name>")
        NODE("virtual-router", GSC ":tor-a2", "")
        NODE("physical-router", GSC ":b", ID_PERMS(4)
             "<display-name>leaf</display-name>")
        LINK("physical-router-virtual-router", "physical-router", GSC ":b",
             "virtual-router", GSC ":tor-a2"),
        "switch", "switch leaf name=" GSC ":a\n");
}

/* A port with an interface behind it. */
#define RACK(LI, VMI)                                                   \
    PR(GSC ":leaf", ID_PERMS(3))                                        \
    NODE("physical-interface", GSC ":leaf:p1", "")                      \
    LINK("physical-router-physical-interface", "physical-router",       \
         GSC ":leaf", "physical-interface", GSC ":leaf:p1")             \
    NODE("logical-interface", "li", ID_PERMS(4) LI)                     \
    LINK("physical-interface-logical-interface", "physical-interface",  \
         GSC ":leaf:p1", "logical-interface", "li")                     \
    NODE("virtual-machine-interface", "vmi", ID_PERMS(5) VMI)           \
    LINK("logical-interface-virtual-machine-interface",                 \
         "logical-interface", "li", "virtual-machine-interface", "vmi")
#define TAG "<logical-interface-vlan-tag>7</logical-interface-vlan-tag>"
#define U5 "00000000-0000-0000-0000-000000000005"

static void
port__types__l2_or_l3(void **state OVS_UNUSED)
{
    assert_lines(RACK(TAG "<logical-interface-type>l3"
                      "</logical-interface-type>", ""),
                 "port", "port leaf p1 vlan=7 l3 vmi=vmi network=none\n");
    assert_lines(RACK(TAG "<logical-interface-type>l2"
                      "</logical-interface-type>", ""),
                 "port", "port leaf p1 vlan=7 vmi=vmi network=none\n");
    assert_lines(RACK(TAG, ""),
                 "port", "port leaf p1 vlan=7 vmi=vmi network=none\n");
}

static void
port__tag_absent_or_bad__ignored(void **state OVS_UNUSED)
{
    assert_lines(RACK("", ""), "port", "");
    assert_lines(RACK("", ""), "globals", SETTINGS "bad=0\n");
    assert_lines(RACK("<logical-interface-vlan-tag>4095"
                      "</logical-interface-vlan-tag>", ""), "port", "");
    assert_lines(RACK("<logical-interface-vlan-tag>4095"
                      "</logical-interface-vlan-tag>", ""),
                 "globals", SETTINGS "bad=1\n");
}

#define ROUTE(PREFIX, NEXT_HOP)                                         \
    "<route><prefix>" PREFIX "</prefix><next-hop>" NEXT_HOP "</next-hop>" \
    "<next-hop-type></next-hop-type><community-attributes>"             \
    "</community-attributes></route>"
#define OPTION(NAME, VALUE, BYTES)                                      \
    "<dhcp-option><dhcp-option-name>" NAME "</dhcp-option-name>"        \
    "<dhcp-option-value>" VALUE "</dhcp-option-value>"                  \
    "<dhcp-option-value-bytes>" BYTES "</dhcp-option-value-bytes>"      \
    "</dhcp-option>"
#define PAIR(IP, LEN, MAC, MODE)                                        \
    "<allowed-address-pair><ip><ip-prefix>" IP "</ip-prefix>"           \
    "<ip-prefix-len>" LEN "</ip-prefix-len></ip><mac>" MAC "</mac>"     \
    "<address-mode>" MODE "</address-mode></allowed-address-pair>"

static void
vmi__all_properties__read(void **state OVS_UNUSED)
{
    assert_lines(
        RACK(TAG,
             "<virtual-machine-interface-mac-addresses>"
             "<mac-address>02:00:00:00:00:0A</mac-address>"
             "<mac-address>02:00:00:00:00:0b</mac-address>"
             "</virtual-machine-interface-mac-addresses>"
             "<virtual-machine-interface-dhcp-option-list>"
             OPTION("67", "boot", "") OPTION("tftp-server-name", "", "1 2")
             "</virtual-machine-interface-dhcp-option-list>"
             "<virtual-machine-interface-host-routes>"
             ROUTE("198.51.100.0/24", "192.0.2.9") ROUTE("2001:db8::/32", "")
             "</virtual-machine-interface-host-routes>"
             "<virtual-machine-interface-allowed-address-pairs>"
             PAIR("192.0.2.50", "32", "02:00:00:00:00:50", "active-standby")
             PAIR("192.0.2.0", "24", "", "active-active")
             "</virtual-machine-interface-allowed-address-pairs>"
             "<virtual-machine-interface-properties>"
             "<service-interface-type></service-interface-type>"
             "<local-preference>200</local-preference>"
             "<sub-interface-vlan-tag>5</sub-interface-vlan-tag>"
             "<max-flows>0</max-flows>"
             "</virtual-machine-interface-properties>"
             "<virtual-machine-interface-device-owner>network:x"
             "</virtual-machine-interface-device-owner>"
             "<virtual-machine-interface-disable-policy>true"
             "</virtual-machine-interface-disable-policy>"
             "<port-security-enabled>false</port-security-enabled>"
             "<display-name>host-1</display-name>")
        NODE("subnet", "s", "<subnet-ip-prefix><ip-prefix>203.0.113.0"
             "</ip-prefix><ip-prefix-len>24</ip-prefix-len>"
             "</subnet-ip-prefix>")
        LINK("subnet-virtual-machine-interface", "subnet", "s",
             "virtual-machine-interface", "vmi")
        NODE("security-group", "sg2", ID_PERMS(8)
             "<security-group-id>8000001</security-group-id>")
        LINK("virtual-machine-interface-security-group", "security-group",
             "sg2", "virtual-machine-interface", "vmi")
        NODE("security-group", "sg1", ID_PERMS(9)
             "<security-group-id>8000002</security-group-id>")
        LINK("virtual-machine-interface-security-group", "security-group",
             "sg1", "virtual-machine-interface", "vmi"),
        "vmi", "vmi vmi display=host-1 uuid=" U5 " network=none"
        " mac=02:00:00:00:00:0a mac=02:00:00:00:00:0b"
        " sg=8000001 sg=8000002 option:67=boot()"
        " option:tftp-server-name=(1 2)"
        " route=198.51.100.0/24 via=192.0.2.9 route=2001:db8::/32"
        " pair=192.0.2.50/32@02:00:00:00:00:50 standby"
        " pair=192.0.2.0/24@00:00:00:00:00:00 subnet=203.0.113.0/24"
        " owner=network:x disable-policy no-port-security sub-vlan=5"
        " pref=200\n");
}

static void
vmi__senseless_values__skipped_one_by_one(void **state OVS_UNUSED)
{
    const char *objects
        = RACK(TAG,
               "<virtual-machine-interface-mac-addresses>"
               "<mac-address>02:00</mac-address>"
               "<mac-address>02:00:00:00:00:0b</mac-address>"
               "</virtual-machine-interface-mac-addresses>"
               "<virtual-machine-interface-dhcp-option-list>"
               OPTION("", "nameless", "") OPTION("67", "boot", "")
               "</virtual-machine-interface-dhcp-option-list>"
               "<virtual-machine-interface-host-routes>"
               ROUTE("198.51.100.0", "") ROUTE("10.0.0.0/33", "")
               ROUTE("10.0.0.0/8", "gateway")
               "</virtual-machine-interface-host-routes>"
               "<virtual-machine-interface-allowed-address-pairs>"
               PAIR("192.0.2", "32", "", "") PAIR("192.0.2.1", "x", "", "")
               PAIR("192.0.2.1", "32", "junk", "")
               PAIR("192.0.2.2", "32", "", "")
               "</virtual-machine-interface-allowed-address-pairs>"
               "<virtual-machine-interface-properties>"
               "<sub-interface-vlan-tag>4096</sub-interface-vlan-tag>"
               "</virtual-machine-interface-properties>"
               "<port-security-enabled>maybe</port-security-enabled>");

    assert_lines(objects, "vmi", "vmi vmi display=vmi uuid=" U5
                 " network=none mac=02:00:00:00:00:0b option:67=boot()"
                 " route=10.0.0.0/8 pair=192.0.2.2/32@00:00:00:00:00:00"
                 " no-port-security\n");
    assert_lines(objects, "globals", SETTINGS "bad=10\n");
}

#define IIP(NAME, PROPERTIES)                                           \
    NODE("instance-ip", NAME, PROPERTIES)                               \
    LINK("instance-ip-virtual-machine-interface", "instance-ip", NAME,  \
         "virtual-machine-interface", "vmi")
#define ADDRESS(IP) "<instance-ip-address>" IP "</instance-ip-address>"
#define UUID_A "6f1b0f52-3b8f-4c36-9f1e-1d0ad0d8f001"

static void
instance_ips__all_kinds__read(void **state OVS_UNUSED)
{
    assert_lines(
        RACK(TAG, "")
        IIP("1", ADDRESS("192.0.2.1")
            "<instance-ip-secondary>true</instance-ip-secondary>")
        IIP("2", ADDRESS("192.0.2.2")
            "<instance-ip-local-ip>true</instance-ip-local-ip>")
        IIP("3", ADDRESS("192.0.2.3")
            "<service-instance-ip>true</service-instance-ip>")
        IIP("4", ADDRESS("192.0.2.4")
            "<service-health-check-ip>true</service-health-check-ip>")
        IIP("5", ADDRESS("junk"))
        IIP("6", ADDRESS("192.0.2.6")
            "<instance-ip-family>v4</instance-ip-family>"
            "<instance-ip-mode>active-standby</instance-ip-mode>"
            "<instance-ip-subnet><ip-prefix>192.0.2.0</ip-prefix>"
            "<ip-prefix-len>24</ip-prefix-len></instance-ip-subnet>"
            "<subnet-uuid>" UUID_A "</subnet-uuid>")
        IIP("7", ADDRESS("2001:db8::7")
            "<instance-ip-family>v6</instance-ip-family>"
            "<subnet-uuid>junk</subnet-uuid>")
        IIP("8", ADDRESS("192.0.2.8")) IIP("9", ""),
        "", "vmi vmi display=vmi uuid=" U5 " network=none"
        " ip4=192.0.2.6 ip6=2001:db8::7\n"
        " ip 1 ip=192.0.2.1 secondary\n"
        " ip 2 ip=192.0.2.2 local\n"
        " ip 3 ip=192.0.2.3 service\n"
        " ip 4 ip=192.0.2.4 health-check\n"
        " ip 6 ip=192.0.2.6 subnet=192.0.2.0/24 subnet-uuid=" UUID_A
        " standby\n"
        " ip 7 ip=2001:db8::7\n"
        " ip 8 ip=192.0.2.8\n"
        "switch leaf name=" GSC ":leaf\n"
        "port leaf p1 vlan=7 vmi=vmi network=none\n"
        SETTINGS "bad=2\n");
}

#define VN(PROPERTIES)                                                  \
    NODE("virtual-network", "d:p:red", ID_PERMS(6) PROPERTIES)          \
    NODE("routing-instance", "d:p:red:red", "")                         \
    LINK("virtual-network-routing-instance", "routing-instance",        \
         "d:p:red:red", "virtual-network", "d:p:red")
#define U6 "00000000-0000-0000-0000-000000000006"
#define RED "network d:p:red:red name=d:p:red uuid=" U6                 \
    " ls=Contrail-" U6

static void
network__all_properties__read(void **state OVS_UNUSED)
{
    assert_lines(
        VN("<virtual-network-properties><allow-transit>false</allow-transit>"
           "<network-id>9</network-id>"
           "<vxlan-network-identifier>100</vxlan-network-identifier>"
           "<forwarding-mode>l3</forwarding-mode><rpf>enable</rpf>"
           "<mtu>9000</mtu></virtual-network-properties>"
           "<virtual-network-network-id>5</virtual-network-network-id>"
           "<flood-unknown-unicast>true</flood-unknown-unicast>"
           "<layer2-control-word>true</layer2-control-word>"
           "<port-security-enabled>false</port-security-enabled>")
        NODE("routing-instance", "d:p:red:b", "")
        LINK("virtual-network-routing-instance", "routing-instance",
             "d:p:red:b", "virtual-network", "d:p:red"),
        "network", RED " id=5 vni=5 flood control-word no-port-security mode=3"
        " mtu=9000"
        " ri=d:p:red:b ri=d:p:red:red\n");
}

static void
network__senseless_values__unset(void **state OVS_UNUSED)
{
    assert_lines(
        VN("<virtual-network-properties><forwarding-mode>x</forwarding-mode>"
           "<mtu>65536</mtu></virtual-network-properties>"
           "<flood-unknown-unicast>1</flood-unknown-unicast>"
           "<layer2-control-word>yes</layer2-control-word>"),
        "", RED " ri=d:p:red:red\n" SETTINGS "bad=4\n");
}

#define MIDDLE "attr(d:p:red,lr)"
#define ROUTER(TYPE)                                                    \
    NODE("logical-router", "lr", "")                                    \
    NODE("logical-router-virtual-network", MIDDLE,                      \
         "<value><logical-router-virtual-network-type>" TYPE            \
         "</logical-router-virtual-network-type></value>")              \
    LINK("logical-router-virtual-network", "logical-router", "lr",      \
         "logical-router-virtual-network", MIDDLE)                      \
    LINK("logical-router-virtual-network", "virtual-network",           \
         "d:p:red", "logical-router-virtual-network", MIDDLE)
#define VNI(VNI)                                                        \
    "<virtual-network-properties><vxlan-network-identifier>" VNI        \
    "</vxlan-network-identifier></virtual-network-properties>"          \
    "<virtual-network-network-id>5</virtual-network-network-id>"

static void
network__inside_logical_router__configured_vni(void **state OVS_UNUSED)
{
    assert_lines(VN(VNI("100")) ROUTER("InternalVirtualNetwork"), "network",
                 RED " id=5 vni=100 routed ri=d:p:red:red\n");
    assert_lines(VN(VNI("0")) ROUTER("InternalVirtualNetwork"), "network",
                 RED " id=5 vni=5 routed ri=d:p:red:red\n");
    assert_lines(VN(VNI("100")) ROUTER("ExternalGateway"), "network",
                 RED " id=5 vni=5 ri=d:p:red:red\n");
}

#define IPAM(PROPERTIES, VALUE)                                         \
    NODE("network-ipam", "ipam", PROPERTIES)                            \
    NODE("virtual-network-network-ipam", "attr(d:p:red,ipam)",          \
         "<value>" VALUE "</value>")                                    \
    LINK("virtual-network-network-ipam", "virtual-network", "d:p:red",  \
         "virtual-network-network-ipam", "attr(d:p:red,ipam)")          \
    LINK("virtual-network-network-ipam", "network-ipam", "ipam",        \
         "virtual-network-network-ipam", "attr(d:p:red,ipam)")
#define PREFIX(IP, LEN)                                                 \
    "<subnet><ip-prefix>" IP "</ip-prefix><ip-prefix-len>" LEN          \
    "</ip-prefix-len></subnet>"

static void
subnet__all_properties__read(void **state OVS_UNUSED)
{
    assert_lines(
        VN("")
        IPAM("",
             "<ipam-subnets>" PREFIX("192.0.2.0", "24")
             "<default-gateway>192.0.2.1</default-gateway>"
             "<dns-server-address>192.0.2.2</dns-server-address>"
             "<subnet-uuid>" UUID_A "</subnet-uuid>"
             "<enable-dhcp>true</enable-dhcp>"
             "<dns-nameservers>198.51.100.53</dns-nameservers>"
             "<dns-nameservers>198.51.100.54</dns-nameservers>"
             "<allocation-pools><start>192.0.2.10</start>"
             "<end>192.0.2.200</end></allocation-pools>"
             "<addr_from_start>true</addr_from_start>"
             "<dhcp-option-list>" OPTION("15", "example.test", "")
             "</dhcp-option-list><host-routes>"
             ROUTE("203.0.113.0/24", "192.0.2.7") "</host-routes>"
             "<subnet-name></subnet-name><alloc-unit>1</alloc-unit>"
             "<vlan-tag>12</vlan-tag>"
             "<dhcp-relay-server>198.51.100.67</dhcp-relay-server>"
             "</ipam-subnets><host-routes></host-routes>"),
        "network", RED " ri=d:p:red:red\n"
        " subnet prefix=192.0.2.0/24 uuid=" UUID_A " gw=192.0.2.1"
        " dns=192.0.2.2 from-start vlan=12 option:15=example.test()"
        " route=203.0.113.0/24 via=192.0.2.7 nameserver=198.51.100.53"
        " nameserver=198.51.100.54 relay=198.51.100.67 ipam=ipam\n");
}

static void
subnet__host_routes__nearest_that_has_any(void **state OVS_UNUSED)
{
#define IPAM_ROUTES "<network-ipam-mgmt><host-routes>"                  \
    ROUTE("10.1.0.0/16", "") "</host-routes></network-ipam-mgmt>"
#define LINK_ROUTES "<host-routes>" ROUTE("10.2.0.0/16", "") "</host-routes>"
#define OWN_ROUTES "<host-routes>" ROUTE("10.3.0.0/16", "") "</host-routes>"
#define SUBNET(PROPERTIES)                                              \
    "<ipam-subnets>" PREFIX("192.0.2.0", "24") PROPERTIES "</ipam-subnets>"
#define WANT(ROUTE) RED " ri=d:p:red:red\n"                             \
    " subnet prefix=192.0.2.0/24 route=" ROUTE " ipam=ipam\n"

    assert_lines(VN("") IPAM(IPAM_ROUTES, SUBNET("")), "network",
                 WANT("10.1.0.0/16"));
    assert_lines(VN("") IPAM(IPAM_ROUTES, SUBNET("") LINK_ROUTES), "network",
                 WANT("10.2.0.0/16"));
    assert_lines(VN("") IPAM(IPAM_ROUTES, SUBNET(OWN_ROUTES) LINK_ROUTES),
                 "network", WANT("10.3.0.0/16"));
}

/* Each of 'n_networks' networks is in an IPAM that has 'n_subnets' subnets of
 * 'n_options' options. */
static struct xmpp_view *
flat_view(int n_networks, int n_subnets, int n_options)
{
    struct xmpp_graph *g = xmpp_graph_create();
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, "<node type='network-ipam'><name>ipam</name>"
                "<network-ipam-mgmt><dhcp-option-list>");
    for (int i = 0; i < n_options; i++) {
        ds_put_cstr(&s, OPTION("1", "", ""));
    }
    ds_put_cstr(&s, "</dhcp-option-list></network-ipam-mgmt>"
                "<ipam-subnet-method>flat-subnet</ipam-subnet-method>"
                "<ipam-subnets>");
    for (int i = 0; i < n_subnets; i++) {
        ds_put_cstr(&s, "<subnets>" PREFIX("10.0.0.0", "8") "</subnets>");
    }
    ds_put_cstr(&s, "</ipam-subnets></node>");
    for (int i = 0; i < n_networks; i++) {
#define LINKS                                                           \
        NODE("virtual-network", "n%d", ID_PERMS(1))                     \
        NODE("routing-instance", "n%d:n%d", "")                         \
        LINK("virtual-network-routing-instance", "virtual-network",     \
             "n%d", "routing-instance", "n%d:n%d")                      \
        NODE("virtual-network-network-ipam", "attr(n%d)", "")           \
        LINK("virtual-network-network-ipam", "virtual-network", "n%d",  \
             "virtual-network-network-ipam", "attr(n%d)")               \
        LINK("virtual-network-network-ipam", "network-ipam", "ipam",    \
             "virtual-network-network-ipam", "attr(n%d)")
        ds_put_format(&s, LINKS, i, i, i, i, i, i, i, i, i, i);
    }
    apply_objects(g, "update", ds_cstr(&s));
    ds_destroy(&s);
    struct xmpp_view *view = xmpp_view_build(g, VR);
    xmpp_graph_destroy(g);
    return view;
}

static void
subnets__of_shared_ipam__limited_in_all(void **state OVS_UNUSED)
{
    struct xmpp_view *view = flat_view(2, 3, 5);
    assert_int_equal(view->n_networks, 2);
    assert_int_equal(view->networks[1]->n_subnets, 3);
    assert_int_equal(view->networks[1]->subnets[2].n_options, 5);
    assert_int_equal(view->n_bad, 0);
    xmpp_view_destroy(view);

    /* 1.5 million subnets and options, were there no limit. */
    enum { NETWORKS = 100, SUBNETS = 60, OPTIONS = 256 };
    size_t n = 0;
    view = flat_view(NETWORKS, SUBNETS, OPTIONS);
    assert_int_equal(view->n_networks, NETWORKS);
    for (size_t i = 0; i < view->n_networks; i++) {
        n += view->networks[i]->n_subnets;
    }
    assert_int_equal(n, (1u << 20) / (1 + OPTIONS) + 1);
    assert_int_equal(view->n_bad, NETWORKS * SUBNETS - n);
    xmpp_view_destroy(view);
}

static void
routes_and_addresses__many__limited(void **state OVS_UNUSED)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct xmpp_graph *g = xmpp_graph_create();

    ds_put_cstr(&s, "<node type='network-ipam'><name>ipam</name>"
                "<network-ipam-mgmt><host-routes>");
    for (int i = 0; i < 1000; i++) {
        ds_put_cstr(&s, ROUTE("10.0.0.0/8", ""));
    }
    ds_put_cstr(&s, "</host-routes><ipam-dns-server>"
                "<tenant-dns-server-address>");
    for (int i = 0; i < 1000; i++) {
        ds_put_cstr(&s, "<ip-address>192.0.2.1</ip-address>");
    }
    ds_put_cstr(&s, "</tenant-dns-server-address></ipam-dns-server>"
                "</network-ipam-mgmt></node>");
    apply_objects(g, "update", ds_cstr(&s));
    struct xmpp_view *view = xmpp_view_build(g, VR);
    assert_int_equal(view->ipams[0]->n_host_routes, 256);
    assert_int_equal(view->ipams[0]->n_tenant_dns, 256);
    assert_int_equal(view->n_bad, 2);
    xmpp_view_destroy(view);
    xmpp_graph_destroy(g);
    ds_destroy(&s);
}

static void
ipam__all_properties__read(void **state OVS_UNUSED)
{
    assert_lines(
        NODE("network-ipam", "d:ipam",
             "<network-ipam-mgmt><ipam-method>dhcp</ipam-method>"
             "<ipam-dns-method>virtual-dns-server</ipam-dns-method>"
             "<ipam-dns-server><tenant-dns-server-address>"
             "<ip-address>192.0.2.53</ip-address><ip-address>x</ip-address>"
             "</tenant-dns-server-address>"
             "<virtual-dns-server-name>d:vdns1</virtual-dns-server-name>"
             "</ipam-dns-server><dhcp-option-list>" OPTION("66", "tftp", "")
             "</dhcp-option-list><host-routes>" ROUTE("10.0.0.0/8", "")
             "</host-routes></network-ipam-mgmt>"
             "<ipam-subnet-method>flat-subnet</ipam-subnet-method>"),
        "", "ipam d:ipam method=dhcp dns-method=virtual-dns-server"
        " tenant-dns=192.0.2.53 vdns=d:vdns1 option:66=tftp()"
        " route=10.0.0.0/8 flat\n" SETTINGS "bad=1\n");
}

static void
ipam__virtual_dns_by_link__named(void **state OVS_UNUSED)
{
    assert_lines(
        NODE("network-ipam", "d:ipam", "") NODE("virtual-DNS", "d:v", "")
        LINK("network-ipam-virtual-DNS", "network-ipam", "d:ipam",
             "virtual-DNS", "d:v"),
        "ipam", "ipam d:ipam vdns=d:v\n");
}

#define RECORD(NAME, PROPERTIES)                                        \
    NODE("virtual-DNS-record", "d:v:" NAME,                             \
         "<virtual-DNS-record-data>" PROPERTIES                         \
         "</virtual-DNS-record-data>")                                  \
    LINK("virtual-DNS-virtual-DNS-record", "virtual-DNS-record",        \
         "d:v:" NAME, "virtual-DNS", "d:v")

static void
virtual_dns__with_records__read(void **state OVS_UNUSED)
{
    assert_lines(
        NODE("virtual-DNS", "d:v",
             "<virtual-DNS-data><domain-name>example.test</domain-name>"
             "<dynamic-records-from-client>true</dynamic-records-from-client>"
             "<record-order>round-robin</record-order>"
             "<default-ttl-seconds>86400</default-ttl-seconds>"
             "<next-virtual-DNS>d:next</next-virtual-DNS>"
             "<floating-ip-record>dashed-ip</floating-ip-record>"
             "<external-visible>true</external-visible>"
             "<reverse-resolution>true</reverse-resolution>"
             "</virtual-DNS-data>")
        RECORD("2", "<record-name>www</record-name>"
               "<record-type>A</record-type><record-class>IN</record-class>"
               "<record-data>192.0.2.80</record-data>"
               "<record-ttl-seconds>300</record-ttl-seconds>")
        RECORD("1", "<record-name>@</record-name>"
               "<record-type>MX</record-type><record-class>IN</record-class>"
               "<record-data>mail</record-data>"
               "<record-mx-preference>10</record-mx-preference>"
               "<record-ttl-seconds>soon</record-ttl-seconds>")
        RECORD("3", "<record-type>A</record-type>"),
        "", "vdns d:v domain=example.test order=round-robin next=d:next"
        " ttl=86400 dynamic external reverse\n"
        " record @ IN MX mail mx=10\n"
        " record www IN A 192.0.2.80 ttl=300\n"
        SETTINGS "bad=2\n");
}

static void
look_ups__by_name__found_or_null(void **state OVS_UNUSED)
{
    struct xmpp_graph *g = xmpp_graph_create();

    apply_objects(g, "update", NODE("network-ipam", "b", "")
                  NODE("network-ipam", "a", "") NODE("virtual-DNS", "v", ""));
    struct xmpp_view *view = xmpp_view_build(g, VR);
    assert_string_equal(xmpp_view_ipam(view, "b")->name, "b");
    assert_null(xmpp_view_ipam(view, "c"));
    assert_string_equal(xmpp_view_virtual_dns(view, "v")->name, "v");
    assert_null(xmpp_view_virtual_dns(view, "a"));
    xmpp_view_destroy(view);
    xmpp_graph_destroy(g);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings__all__read),
        cmocka_unit_test(settings__none__defaults),
        cmocka_unit_test(settings__senseless__unset_and_counted),
        cmocka_unit_test(settings__of_another_router__ours_first),
        cmocka_unit_test(switch__all_properties__read),
        cmocka_unit_test(switch__bad_address__rest_is_read),
        cmocka_unit_test(switch__same_name_elsewhere__only_ours),
        cmocka_unit_test(port__types__l2_or_l3),
        cmocka_unit_test(port__tag_absent_or_bad__ignored),
        cmocka_unit_test(vmi__all_properties__read),
        cmocka_unit_test(vmi__senseless_values__skipped_one_by_one),
        cmocka_unit_test(instance_ips__all_kinds__read),
        cmocka_unit_test(network__all_properties__read),
        cmocka_unit_test(network__senseless_values__unset),
        cmocka_unit_test(network__inside_logical_router__configured_vni),
        cmocka_unit_test(subnet__all_properties__read),
        cmocka_unit_test(subnet__host_routes__nearest_that_has_any),
        cmocka_unit_test(subnets__of_shared_ipam__limited_in_all),
        cmocka_unit_test(routes_and_addresses__many__limited),
        cmocka_unit_test(ipam__all_properties__read),
        cmocka_unit_test(ipam__virtual_dns_by_link__named),
        cmocka_unit_test(virtual_dns__with_records__read),
        cmocka_unit_test(look_ups__by_name__found_or_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
