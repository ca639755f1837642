/* SPDX-License-Identifier: Apache-2.0 */
/* Which routes become rows of a switch: the speaker and the session are
 * replaced by what the test says and looks at. */
#include <config.h>
#include "tor-agent/tor-private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "ovsdb-client/session.h"
#include "packets.h"
#include "util.h"
#include "xmpp/route.h"
#include "xmpp/speaker.h"

static struct xmpp_evpn *routes;
static size_t n_routes;
static struct ds rows;          /* What was done to them. */

void
xmpp_speaker_for_each_route(const struct xmpp_speaker *sp OVS_UNUSED,
                            const char *instance OVS_UNUSED,
                            xmpp_route_fn *fn, void *aux)
{
    for (size_t i = 0; i < n_routes; i++) {
        fn("id", &routes[i], false, aux);
    }
}

const struct in6_addr *
ovc_session_tunnel_ips(const struct ovc_session *session OVS_UNUSED,
                       size_t *n)
{
    *n = 0;
    return NULL;
}

void
ovc_want_mac(struct ovc_session *session OVS_UNUSED, const char *ls_name,
             const struct eth_addr *mac, const struct in6_addr *vtep,
             const struct in6_addr *addr OVS_UNUSED)
{
    char ip[TSN_IP_STRLEN];

    ds_put_format(&rows, "+%s "ETH_ADDR_FMT" %s\n", ls_name,
                  ETH_ADDR_ARGS(*mac), tsn_ip_format(vtep, ip));
}

void
ovc_unwant_mac(struct ovc_session *session OVS_UNUSED, const char *ls_name,
               const struct eth_addr *mac)
{
    ds_put_format(&rows, "-%s "ETH_ADDR_FMT"\n", ls_name,
                  ETH_ADDR_ARGS(*mac));
}

static struct tor tor;
static struct tor_network net;
static const struct eth_addr mac1 = ETH_ADDR_C(02, 00, 00, 00, 00, 01);

static int
setup(void **state OVS_UNUSED)
{
    tor = (struct tor) { .name = (char *) "tor1" };
    net = (struct tor_network) { .instance = (char *) "x",
                                 .ls_name = (char *) "ls" };
    hmap_init(&net.fdb);
    ds_init(&rows);
    return 0;
}

static int
teardown(void **state OVS_UNUSED)
{
    bridge_down_fini(&net);
    for (size_t i = 0; i < n_routes; i++) {
        xmpp_evpn_fini(&routes[i]);
    }
    free(routes);
    routes = NULL;
    n_routes = 0;
    ds_destroy(&rows);
    return 0;
}

static struct xmpp_evpn *
add_route(const struct eth_addr *mac, const char *next_hop)
{
    struct in6_addr ip;

    routes = xrealloc(routes, (n_routes + 1) * sizeof *routes);
    struct xmpp_evpn *r = &routes[n_routes++];
    xmpp_evpn_init(r);
    r->tag = 100;
    r->mac = *mac;
    r->local_pref = 100;
    assert_int_equal(tsn_ip_parse(next_hop, &ip), 0);
    xmpp_evpn_add_next_hop(r, &ip, 100, TSN_ENCAP_VXLAN);
    return r;
}

static void
make_group(struct xmpp_evpn *route)
{
    struct in6_addr group;

    assert_int_equal(tsn_ip_parse("225.1.1.1", &group), 0);
    xmpp_evpn_set_group(route, &group, &in6addr_any, 0);
}

static void
assert_rows(const char *expected)
{
    ds_clear(&rows);
    bridge_down(&tor, &net);
    assert_string_equal(ds_cstr(&rows), expected);
}

static void
macs__come_move_and_go__rows_follow(void **state OVS_UNUSED)
{
    struct xmpp_evpn *route = add_route(&mac1, "10.0.1.1");

    assert_rows("+ls 02:00:00:00:00:01 10.0.1.1\n");
    assert_rows("");
    route->next_hops[0].ip.s6_addr[15]++;
    assert_rows("+ls 02:00:00:00:00:01 10.0.1.2\n");
    make_group(route);
    assert_rows("-ls 02:00:00:00:00:01\n");
}

static void
prefix_and_group__beside_a_mac__no_rows(void **state OVS_UNUSED)
{
    static const struct eth_addr zero;
    static const struct eth_addr broadcast
        = ETH_ADDR_C(ff, ff, ff, ff, ff, ff);
    static const struct eth_addr mac2 = ETH_ADDR_C(02, 00, 00, 00, 00, 02);

    /* A better route than the MAC's, if it were one. */
    struct xmpp_evpn *group = add_route(&mac1, "10.0.1.8");
    group->sequence = 9;
    make_group(group);
    make_group(add_route(&mac2, "10.0.1.8"));
    make_group(add_route(&broadcast, "10.0.1.8"));
    make_group(add_route(&zero, "10.0.1.8"));
    struct xmpp_evpn *prefix = add_route(&zero, "10.0.1.9");
    assert_int_equal(tsn_prefix_parse("198.51.100.0/24", &prefix->ip,
                                      &prefix->plen), 0);
    add_route(&broadcast, "10.0.1.9");
    add_route(&mac1, "10.0.1.1");
    assert_rows("+ls 02:00:00:00:00:01 10.0.1.1\n");
    assert_null(bridge_find_fdb(&net, &mac2));
    assert_null(bridge_find_fdb(&net, &zero));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(macs__come_move_and_go__rows_follow,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            prefix_and_group__beside_a_mac__no_rows, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
