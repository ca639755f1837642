/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctrl_fixture.h"
#include "packets.h"

/* Two networks, two switches, a host, a TSN: every key. */
static const char full[] =
    "name: ctl1\n"
    "listen: 127.0.0.1:5270\n"
    "hold-time: 30\n"
    "graceful-restart:\n"
    "  enable: false\n"
    "  restart-time: 20\n"
    "  long-lived-restart-time: 0\n"
    "  end-of-rib-timeout: 40\n"
    "  xmpp-helper: false\n"
    "vxlan-id-mode: automatic\n"
    "project: admin\n"
    "tls:\n"
    "  certificate: /etc/a.pem\n"
    "  private-key: /etc/a.key\n"
    "  ca: /etc/ca.pem\n"
    "  require-client-certificate: true\n"
    "networks:\n"
    "- name: blue\n"
    "  vni: 100\n"
    "  id: 7\n"
    "  flood-unknown-unicast: false\n"
    "  mtu: 9000\n"
    "  subnets:\n"
    "  - prefix: 192.0.2.0/24\n"
    "    gateway: 192.0.2.1\n"
    "    dns: 192.0.2.2\n"
    "    dhcp: false\n"
    "    options:\n"
    "    - {name: domain-name, value: example.test}\n"
    "    - {name: '43', value: ''}\n"
    "    routes:\n"
    "    - {prefix: 198.51.100.0/24, via: 192.0.2.254}\n"
    "  - prefix: 2001:db8::/64\n"
    "- name: red\n"
    "  vni: 200\n"
    "- name: green\n"
    "  vni: 300\n"
    "switches:\n"
    "- name: tor1\n"
    "  vtep: 10.0.1.1\n"
    "  agent: tor1-agent\n"
    "  ports:\n"
    "  - name: xe-0/0/1:0\n"
    "    vlan: 4094\n"
    "    network: blue\n"
    "    servers:\n"
    "    - name: bms1\n"
    "      mac: 02:bb:00:00:00:01\n"
    "      ip: 192.0.2.10\n"
    "      options: [{name: bootfile-name, value: pxe.0}]\n"
    "      routes: [{prefix: '2001:db8:1::/48', via: '2001:db8::9'}]\n"
    "    - mac: 02:BB:00:00:00:02\n"
    "  - name: xe-0/0/1:0\n"
    "    network: red\n"
    "- name: tor2\n"
    "  vtep: 10.0.1.2\n"
    "  standby-agent: tor2-b\n"
    "- name: tor3\n"
    "  vtep: 10.0.1.3\n"
    "hosts:\n"
    "- name: compute1\n"
    "  vtep: 10.0.0.21\n"
    "  machines:\n"
    "  - {network: blue, mac: \"02:cc:00:00:00:01\", ip: 192.0.2.21}\n"
    "  - {network: blue, mac: \"02:cc:00:00:00:02\"}\n"
    "- name: compute2\n"
    "  vtep: 10.0.0.22\n"
    "  networks: [blue, red]\n"
    "tsns:\n"
    "- name: tsn1\n"
    "  address: 10.0.0.100\n"
    "- name: tsn2\n"
    "  address: 10.0.0.101\n"
    "  switches: [tor2]\n";

static void
assert_ip(const struct in6_addr *ip, const char *expected)
{
    char text[TSN_IP_STRLEN];

    assert_string_equal(tsn_ip_is_set(ip) ? tsn_ip_format(ip, text) : "",
                        expected);
}

static void
config__every_key__all_values(void **state)
{
    struct ctrl_config *c = ctrl_fixture_config(full);

    assert_string_equal(c->name, "ctl1");
    struct sockaddr_storage ss;
    assert_int_equal(tsn_sockaddr_parse("127.0.0.1:5270", 0, &ss), 0);
    assert_memory_equal(&c->listen, &ss, sizeof ss);
    assert_int_equal(c->hold_s, 30);
    assert_false(c->graceful_restart.enable);
    assert_false(c->graceful_restart.xmpp_helper);
    assert_int_equal(c->graceful_restart.restart_s, 20);
    assert_int_equal(c->graceful_restart.long_lived_s, 0);
    assert_int_equal(c->graceful_restart.end_of_rib_s, 40);
    assert_true(c->vni_is_network_id);
    assert_string_equal(c->project, "admin");
    assert_true(c->has_tls);
    assert_string_equal(c->tls.certificate, "/etc/a.pem");
    assert_string_equal(c->tls.private_key, "/etc/a.key");
    assert_string_equal(c->tls.ca, "/etc/ca.pem");
    assert_true(c->tls.require_peer_certificate);

    assert_int_equal(c->n_networks, 3);
    const struct ctrl_network *blue = &c->networks[0], *red = &c->networks[1];
    assert_string_equal(blue->name, "blue");
    assert_int_equal(blue->vni, 100);
    assert_int_equal(blue->id, 7);
    assert_int_equal(ctrl_network_vni(c, blue), 7);
    assert_false(blue->flood_unknown_unicast);
    assert_int_equal(blue->n_subnets, 2);
    assert_ip(&blue->subnets[0].prefix, "192.0.2.0");
    assert_int_equal(blue->subnets[0].plen, 24);
    assert_ip(&blue->subnets[0].gateway, "192.0.2.1");
    assert_ip(&blue->subnets[0].dns, "192.0.2.2");
    assert_false(blue->subnets[0].dhcp);
    assert_int_equal(blue->mtu, 9000);
    const struct ctrl_extras *extras = &blue->subnets[0].extras;
    assert_int_equal(extras->n_options, 2);
    assert_string_equal(extras->options[0].name, "domain-name");
    assert_string_equal(extras->options[0].value, "example.test");
    assert_string_equal(extras->options[1].name, "43");
    assert_string_equal(extras->options[1].value, "");
    assert_int_equal(extras->n_routes, 1);
    assert_ip(&extras->routes[0].prefix, "198.51.100.0");
    assert_int_equal(extras->routes[0].plen, 24);
    assert_ip(&extras->routes[0].via, "192.0.2.254");
    assert_int_equal(blue->subnets[1].extras.n_options, 0);
    assert_int_equal(red->mtu, 0);
    assert_int_equal(blue->subnets[1].plen, 64);
    assert_ip(&blue->subnets[1].gateway, "");
    assert_true(blue->subnets[1].dhcp);
    assert_int_equal(red->id, 200);
    assert_true(red->flood_unknown_unicast);

    assert_int_equal(c->n_switches, 3);
    const struct ctrl_switch *tor1 = &c->switches[0];
    assert_string_equal(tor1->name, "tor1");
    assert_string_equal(tor1->agent, "tor1-agent");
    assert_null(tor1->standby_agent);
    assert_string_equal(tor1[1].agent, "tor2");
    assert_string_equal(tor1[1].standby_agent, "tor2-b");
    assert_ip(&tor1->vtep, "10.0.1.1");
    assert_int_equal(tor1->n_ports, 2);
    assert_string_equal(tor1->ports[0].name, "xe-0/0/1:0");
    assert_int_equal(tor1->ports[0].vlan, 4094);
    assert_ptr_equal(tor1->ports[0].network, blue);
    assert_int_equal(tor1->ports[0].n_servers, 2);
    const struct ctrl_station *bms1 = &tor1->ports[0].servers[0];
    assert_string_equal(bms1->name, "bms1");
    assert_ptr_equal(bms1->network, blue);
    assert_int_equal(eth_addr_to_uint64(bms1->mac), 0x02bb00000001);
    assert_ip(&bms1->ip, "192.0.2.10");
    assert_string_equal(bms1->extras.options[0].value, "pxe.0");
    assert_ip(&bms1->extras.routes[0].via, "2001:db8::9");
    assert_int_equal(bms1[1].extras.n_routes, 0);
    assert_null(bms1[1].name);
    assert_ip(&bms1[1].ip, "");
    assert_int_equal(tor1->ports[1].vlan, 0);
    assert_int_equal(tor1->ports[1].n_servers, 0);
    assert_string_equal(c->switches[1].agent, "tor2");

    assert_int_equal(c->n_hosts, 2);
    assert_int_equal(c->hosts[0].n_networks, 1);
    assert_ptr_equal(c->hosts[0].networks[0], blue);
    assert_int_equal(c->hosts[0].n_machines, 2);
    assert_ip(&c->hosts[0].machines[0].ip, "192.0.2.21");
    assert_int_equal(c->hosts[1].n_networks, 2);
    assert_ptr_equal(c->hosts[1].networks[1], red);

    assert_int_equal(c->n_tsns, 2);
    assert_ip(&c->tsns[0].address, "10.0.0.100");
    assert_int_equal(c->tsns[0].n_switches, 3);
    assert_int_equal(c->tsns[1].n_switches, 1);
    assert_ptr_equal(c->tsns[1].switches[0], &c->switches[1]);
    ctrl_config_destroy(c);
}

static void
config__nearly_nothing__defaults(void **state)
{
    struct ctrl_config *c = ctrl_fixture_config("networks: []\n");
    struct sockaddr_storage ss;
    char host[256];

    assert_int_equal(gethostname(host, sizeof host), 0);
    assert_string_equal(c->name, host);
    assert_int_equal(tsn_sockaddr_parse("0.0.0.0:5269", 0, &ss), 0);
    assert_memory_equal(&c->listen, &ss, sizeof ss);
    assert_int_equal(c->hold_s, 90);
    assert_true(c->graceful_restart.enable);
    assert_true(c->graceful_restart.xmpp_helper);
    assert_int_equal(c->graceful_restart.restart_s, 300);
    assert_int_equal(c->graceful_restart.long_lived_s, 300);
    assert_int_equal(c->graceful_restart.end_of_rib_s, 300);
    assert_false(c->vni_is_network_id);
    assert_string_equal(c->project, "default-project");
    assert_int_equal(c->n_networks + c->n_switches + c->n_hosts + c->n_tsns,
                     0);
    ctrl_config_destroy(c);
    ctrl_config_destroy(NULL);
}

#define X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X256 X32 X32 X32 X32 X32 X32 X32 X32

static void
config__refused__line_and_reason(void **state)
{
    /* 'with' takes the place of 'what' in the full file; what is wrong is
     * told with that line. */
    static const struct {
        const char *what, *with;
        const char *reason;
    } cases[] = {
        { "name: ctl1", "name: ''", "" },
        { "listen: 127.0.0.1:5270", "listen: here", "\"here\" is not" },
        { "hold-time: 30", "hold-time: 0", "between 1 and 90" },
        { "hold-time: 30", "hold-time: 91", "between 1 and 90" },
        { "restart-time: 20", "restart-time: 4096", "more than 4095" },
        { "long-lived-restart-time: 0", "long-lived-restart-time: 16777216",
          "more than 16777215" },
        { "end-of-rib-timeout: 40", "end-of-rib-timeout: 4096",
          "more than 4095" },
        { "xmpp-helper: false", "xmpp-helper: maybe", "" },
        { "automatic", "manual", "" },
        { "project: admin", "project: 'a:b'", "':'" },
        { "project: admin", "unknown: admin", "unknown" },

        { "- name: green", "- name: 'gre:en'", "':'" },
        { "- name: green", "- name: blue", 
          "blue is already used at networks[0].name" },
        { "- name: green", "- name: \"gr\\ten\"", "control" },
        { "- name: green", "- name: \"gr\\u0085een\"", "control" },
        { "- name: green", "- name: \"gr\\uFFFEeen\"", "XML" },
        { "vni: 100", "vni: 0", "0 is not a VNI" },
        { "vni: 100", "vni: 16777216", "16777216 is not a VNI" },
        { "vni: 200", "vni: 100", 
          "VNI 100 is already used at networks[0].vni" },
        { "vni: 200", "vni: 7", 
          "network id 7 is already used at networks[0].id" },
        { "id: 7", "id: 0", "0 is not a network id" },
        { "id: 7", "id: 16777216", "is not a network id" },

        { "mtu: 9000", "mtu: 67", "\"67\" is not an MTU" },
        { "mtu: 9000", "mtu: 65536", "\"65536\" is not an MTU" },
        { "name: domain-name", "name: ''",
          "subnets[0].options[0].name: \"\" is not the name" },
        { "name: domain-name", "name: '0'", "\"0\" is not the name" },
        { "name: domain-name", "name: '255'", "\"255\" is not the name" },
        { "name: domain-name", "name: '-1'", "\"-1\" is not the name" },
        { "name: domain-name", "name: 15 seconds", "is not the name" },
        { "value: pxe.0", "value: \"pxe\\uFFFF\"", "options[0].value" },
        { "name: domain-name", "name: " X32 X32 X32 X32 "x",
          "is not the name" },
        { "value: pxe.0", "value: " X256 X256 X256 X256 "x",
          "options[0].value" },
        { "value: pxe.0", "values: pxe.0", "values" },
        { "198.51.100.0/24", "198.51.100.1/24", "with no bits set" },
        { "198.51.100.0/24", "198.51.100.0", "a prefix length" },
        { "via: 192.0.2.254", "via: 2001:db8::1", "of the prefix's family" },
        { "via: 192.0.2.254", "via: 224.0.0.1", "the address of a router" },
        { "via: '2001:db8::9'", "via: x",
          "servers[0].routes[0].via: \"x\" is not" },
        { "192.0.2.0/24", "192.0.2.0", "not an address and a prefix" },
        { "192.0.2.0/24", "192.0.2.0/33", "not an address and" },
        { "192.0.2.0/24", "192.0.2.4/24", "it would be 192.0.2.0/24" },
        { "192.0.2.0/24", "0.0.0.0/0", "everything" },
        { "192.0.2.0/24", "224.0.2.0/24", "not unicast" },
        { "2001:db8::/64", "ff02::/64", "not unicast" },
        { "2001:db8::/64", "192.0.0.0/22", "overlaps with 192.0.2.0/24" },
        { "2001:db8::/64", "192.0.2.128/25", "overlaps with" },
        { "gateway: 192.0.2.1", "gateway: 192.0.3.1", 
          "192.0.3.1 is not in 192.0.2.0/24" },
        { "gateway: 192.0.2.1", "gateway: 192.0.2.0", 
          "network address" },
        { "gateway: 192.0.2.1", "gateway: x", "\"x\" is not" },
        { "dns: 192.0.2.2", "dns: 192.0.2.255", "broadcast address" },
        { "dns: 192.0.2.2", "dns: 2001:db8::1", "is not in" },

        { "- name: tor3", "- name: tor1", "tor1 is already used" },
        { "- name: tor3", "- name: tor1-agent", 
          "tor1-agent is already used at switches[0].agent" },
        { "- name: tor3", "- name: tor/3", "a name of an agent has no '/'" },
        { "agent: tor1-agent", "agent: tor1@agent", "has no '@'" },
        { "agent: tor2-b", "agent: tor1-agent",
          "tor1-agent is already used at switches[0].agent" },
        { "- name: tsn2", "- name: tsn 2", "has no ' '" },
        { "vtep: 10.0.1.2", "vtep: 10.0.1.1", 
          "10.0.1.1 is already used at switches[0].vtep" },
        { "vtep: 10.0.1.2", "vtep: 10.0.1", "not an IP address" },
        { "vtep: 10.0.1.2", "vtep: 0.0.0.0", "not a unicast" },
        { "vtep: 10.0.1.2", "vtep: 224.0.0.1", "not a unicast" },
        { "vtep: 10.0.1.2", "vtep: 255.255.255.255", "not a unicast" },
        { "vtep: 10.0.1.2", "vtep: 2001:db8::2", "IPv4" },
        { "vlan: 4094", "vlan: 4095", "\"4095\" is not a VLAN" },
        { "vlan: 4094", "vlan: -1", "" },
        { "- name: xe-0/0/1:0\n    network", "- name: xe-0/0/1:0\n    vlan: "
          "4094\n    network",
          "port xe-0/0/1:0 with VLAN 4094 is already used" },
        { "    network: red", "    network: black", 
          "\"black\" is not the name of a network" },

        { "02:bb:00:00:00:01", "03:bb:00:00:00:01", "not the MAC" },
        { "02:bb:00:00:00:01", "00:00:00:00:00:00", "not the MAC" },
        { "02:bb:00:00:00:01", "02:bb:00:00:00", "not a MAC" },
        { "02:BB:00:00:00:02", "02:bb:00:00:00:01", 
          "02:bb:00:00:00:01 is already used at "
          "switches[0].ports[0].servers[0].mac" },
        { "ip: 192.0.2.10", "ip: 192.0.3.10", "in no subnet of network "
          "\"blue\"" },
        { "ip: 192.0.2.10", "ip: 192.0.2.2", 
          "192.0.2.2 is already used at networks[0].subnets[0].dns" },
        { "ip: 192.0.2.10", "ip: 192.0.2.300", "not an IP" },
        { "- name: bms1", "- name: 'bms:1'", "':'" },

        { "ip: 192.0.2.21", "ip: 192.0.2.10", "is already used at" },
        { "02:cc:00:00:00:02", "02:bb:00:00:00:01", 
          "is already used at" },
        { "- name: compute2", "- name: compute1", 
          "compute1 is already used" },
        { "vtep: 10.0.0.22", "vtep: 10.0.1.1", "is already used at" },
        { "[blue, red]", "[blue, black]", 
          "\"black\" is not the name of a network" },

        { "- name: tsn2", "- name: tor2", 
          "tor2 is already used at switches[1].name" },
        { "- name: tsn2", "- name: tsn1", "tsn1 is already used" },
        { "address: 10.0.0.101", "address: 10.0.0.21", 
          "10.0.0.21 is already used at hosts[0].vtep" },
        { "[tor2]", "[tor9]", "\"tor9\" is not the name of a switch" },
        { "[tor2]", "[tor2, tor2]", "tor2 is already used" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *found = strstr(full, cases[i].what);
        struct ctrl_config *config = (struct ctrl_config *) 1;
        struct tsn_err err = { .text = "" };

        assert_non_null(found);
        char *yaml = xasprintf("%.*s%s%s", (int) (found - full), full,
                               cases[i].with,
                               found + strlen(cases[i].what));
        int error = ctrl_fixture_load(yaml, &config, &err);
        if (!error) {
            fail_msg("\"%s\" is accepted", cases[i].with);
        }
        assert_int_equal(error, -EINVAL);
        assert_ptr_equal(config, (struct ctrl_config *) 1);

        int line = 1;
        for (const char *p = full; p < found; p++) {
            line += *p == '\n';
        }
        if (atoi(err.where) != line
            || !strstr(err.text, cases[i].reason)) {
            fail_msg("\"%s\" gives \"%s\" instead of line %d, \"%s\"",
                     cases[i].with, tsn_err_format(&err), line,
                     cases[i].reason);
        }
        free(yaml);
    }
}

static void
config__same_mac_in_two_networks__accepted(void **state)
{
    /* A server with a tagged interface in each. */
    ctrl_config_destroy(ctrl_fixture_config(
        "networks:\n"
        "- {name: a, vni: 1, subnets: [{prefix: 10.1.0.0/16}]}\n"
        "- {name: b, vni: 2, subnets: [{prefix: 10.1.0.0/16}]}\n"
        "switches:\n"
        "- name: tor1\n"
        "  vtep: 10.0.0.1\n"
        "  ports:\n"
        "  - {name: p, vlan: 1, network: a, servers:\n"
        "     [{mac: '02:00:00:00:00:01', ip: 10.1.0.1}]}\n"
        "  - {name: p, vlan: 2, network: b, servers:\n"
        "     [{mac: '02:00:00:00:00:01', ip: 10.1.0.1}]}\n"));
}

static void
config__same_interface_name__refused(void **state)
{
    struct ctrl_config *config;
    struct tsn_err err;

    assert_int_equal(ctrl_fixture_load(
        "networks:\n"
        "- {name: a, vni: 1}\n"
        "- {name: b, vni: 2}\n"
        "switches:\n"
        "- {name: t, vtep: 10.0.0.1, ports:\n"
        "   [{name: a-b, network: a, servers:\n"
        "     [{mac: '02:00:00:00:00:01'}]}]}\n"
        "- {name: t-a, vtep: 10.0.0.2, ports:\n"
        "   [{name: b, network: b, servers:\n"
        "     [{mac: '02:00:00:00:00:01'}]}]}\n", &config, &err), -EINVAL);
    assert_non_null(strstr(err.text, "the name of this interface"));
}

static void
config__as_many_options_and_routes_as_fit__no_more(void **state)
{
    static const struct {
        const char *list, *entry;
        int max;
        const char *reason;
    } cases[] = {
        { "options", "{name: '1', value: x}", 254, "options[254].name" },
        { "routes", "{prefix: 10.0.0.0/8, via: 192.0.2.9}", 64,
          "routes[64].prefix" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ds yaml = DS_EMPTY_INITIALIZER;
        struct ctrl_config *config;
        struct tsn_err err;

        ds_put_format(&yaml, "networks:\n- name: a\n  vni: 1\n  subnets:\n"
                      "  - prefix: 192.0.2.0/24\n    %s:\n", cases[i].list);
        for (int j = 0; j < cases[i].max; j++) {
            ds_put_format(&yaml, "    - %s\n", cases[i].entry);
        }
        ctrl_config_destroy(ctrl_fixture_config(ds_cstr(&yaml)));
        ds_put_format(&yaml, "    - %s\n", cases[i].entry);
        assert_int_equal(ctrl_fixture_load(ds_cstr(&yaml), &config, &err),
                         -EINVAL);
        assert_non_null(strstr(err.text, cases[i].reason));
        ds_destroy(&yaml);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config__every_key__all_values),
        cmocka_unit_test(config__nearly_nothing__defaults),
        cmocka_unit_test(config__refused__line_and_reason),
        cmocka_unit_test(config__same_mac_in_two_networks__accepted),
        cmocka_unit_test(config__same_interface_name__refused),
        cmocka_unit_test(config__as_many_options_and_routes_as_fit__no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
