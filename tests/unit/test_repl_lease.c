/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/services/lease.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "replication/services/dhcp4.h"
#include "tsn/model.h"
#include "util.h"
#include "tests/unit/ip.h"
#include "xmpp/view.h"

static const struct eth_addr service_mac = { { { 0, 0, 0x5e, 0, 1, 0 } } };

static char *
text(const char *s)
{
    return CONST_CAST(char *, s);
}

struct rig {
    struct in6_addr tenant_dns[2];
    struct xmpp_dhcp_option subnet_options[2], vmi_options[2];
    struct xmpp_subnet subnets[3];
    struct xmpp_network network;
    struct xmpp_vmi vmi;
};

static void
rig_init(struct rig *r)
{
    *r = (struct rig) {
        .tenant_dns = { ip("192.0.2.7"), ip("192.0.2.8") },
        .subnet_options = {
            { text("15"), text("subnet.example"), text("") },
            { text("67"), text("subnet.0"), text("") },
        },
        .vmi_options = {
            { text("67"), text("vmi.0"), text("") },
            { text("26"), text("wrong"), text("") },
        },
    };
    r->subnets[0] = (struct xmpp_subnet) {
        .prefix = ip("2001:db8::"), .plen = 64, .gateway = ip("2001:db8::1"),
        .enable_dhcp = true, .dns_method = text(""),
    };
    r->subnets[1] = (struct xmpp_subnet) {
        .prefix = ip("198.51.100.0"), .plen = 25,
        .gateway = ip("198.51.100.1"), .enable_dhcp = true,
        .dns_method = text(""),
    };
    r->subnets[2] = (struct xmpp_subnet) {
        .prefix = ip("192.0.2.0"), .plen = 24, .gateway = ip("192.0.2.1"),
        .dns_server = ip("192.0.2.2"), .enable_dhcp = true,
        .options = r->subnet_options, .n_options = 2,
        .dns_method = text(""), .tenant_dns = r->tenant_dns,
        .n_tenant_dns = 2,
    };
    r->network = (struct xmpp_network) {
        .subnets = r->subnets, .n_subnets = ARRAY_SIZE(r->subnets),
    };
    r->vmi = (struct xmpp_vmi) {
        .name = text("d:p:port-1"), .display_name = text("bms1"),
        .mac = { { { 2, 0xbb, 0, 0, 0, 1 } } },
        .ip4 = ip("192.0.2.10"), .network = &r->network,
        .options = r->vmi_options, .n_options = 2,
    };
}

static void
lease__configured_interface__all_fields(void **state OVS_UNUSED)
{
    struct dhcp4_lease lease;
    struct rig r;
    uint8_t len;

    rig_init(&r);
    assert_true(repl_serves_dhcp4(&r.vmi));
    assert_ptr_equal(repl_subnet4(&r.vmi), &r.subnets[2]);
    assert_int_equal(repl_lease4(&r.vmi, &service_mac, &lease), 1);
    assert_int_equal(lease.ip, inet_addr("192.0.2.10"));
    assert_int_equal(lease.mask, inet_addr("255.255.255.0"));
    assert_int_equal(lease.router, inet_addr("192.0.2.1"));
    assert_int_equal(lease.server, inet_addr("192.0.2.2"));
    assert_int_equal(lease.n_dns, 1);
    assert_int_equal(lease.dns[0], inet_addr("192.0.2.2"));
    assert_string_equal(lease.host_name, "bms1");
    assert_memory_equal(&lease.server_mac, &service_mac, 6);
    assert_memory_equal(&lease.client, &r.vmi.mac, 6);
    /* The interface's own one goes first. */
    assert_memory_equal(dhcp_options_find(&lease.options, 67, &len), "vmi.0",
                        5);
    assert_memory_equal(dhcp_options_find(&lease.options, 15, &len),
                        "subnet.example", 14);
    assert_null(dhcp_options_find(&lease.options, 26, &len));
}

/* Row 74. */
static void
lease__tenant_dns__those_servers(void **state OVS_UNUSED)
{
    struct dhcp4_lease lease;
    struct rig r;

    rig_init(&r);
    r.subnets[2].dns_method = text("tenant-dns-server");
    repl_lease4(&r.vmi, &service_mac, &lease);
    assert_int_equal(lease.n_dns, 2);
    assert_int_equal(lease.dns[0], inet_addr("192.0.2.7"));
    assert_int_equal(lease.dns[1], inet_addr("192.0.2.8"));
}

static void
lease__no_service_address__gateway_serves(void **state OVS_UNUSED)
{
    struct dhcp4_lease lease;
    struct rig r;

    rig_init(&r);
    r.vmi.ip4 = ip("198.51.100.10");
    assert_true(repl_serves_dhcp4(&r.vmi));
    repl_lease4(&r.vmi, &service_mac, &lease);
    assert_int_equal(lease.mask, inet_addr("255.255.255.128"));
    assert_int_equal(lease.server, inet_addr("198.51.100.1"));
    assert_int_equal(lease.dns[0], inet_addr("198.51.100.1"));
}

static void
lease__odd_display_name__no_host_name(void **state OVS_UNUSED)
{
    struct dhcp4_lease lease;
    struct rig r;

    rig_init(&r);
    r.vmi.display_name = text("port of tor1");
    repl_lease4(&r.vmi, &service_mac, &lease);
    assert_string_equal(lease.host_name, "");
}

static void
serves_dhcp4__something_missing__no(void **state OVS_UNUSED)
{
    struct rig r;

    rig_init(&r);
    r.subnets[2].enable_dhcp = false;           /* Row 65. */
    assert_false(repl_serves_dhcp4(&r.vmi));

    rig_init(&r);
    r.vmi.ip4 = ip("198.51.100.130");           /* Row 75. */
    assert_false(repl_serves_dhcp4(&r.vmi));
    r.vmi.ip4 = in6addr_any;
    assert_false(repl_serves_dhcp4(&r.vmi));

    rig_init(&r);
    memset(&r.vmi.mac, 0, sizeof r.vmi.mac);
    assert_false(repl_serves_dhcp4(&r.vmi));

    rig_init(&r);
    r.vmi.network = NULL;
    assert_false(repl_serves_dhcp4(&r.vmi));

    rig_init(&r);
    r.vmi.ip4 = ip("198.51.100.10");
    r.subnets[1].gateway = in6addr_any;
    assert_false(repl_serves_dhcp4(&r.vmi));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lease__configured_interface__all_fields),
        cmocka_unit_test(lease__tenant_dns__those_servers),
        cmocka_unit_test(lease__no_service_address__gateway_serves),
        cmocka_unit_test(lease__odd_display_name__no_host_name),
        cmocka_unit_test(serves_dhcp4__something_missing__no),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
