/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts of the underlay: announced, learnt, kept and lost, with the clock in
 * our hands. */
#include <config.h>
#include "xmpp/speaker-private.h"

#include "speaker_rig.h"
#include "tsn/error.h"
#include "xmpp/inet.h"
#include "tests/unit/ip.h"
#include "xmpp/xml.h"

#define RI XMPP_FABRIC_POLICY_INSTANCE
#define STALE_HOLD_S 300
#define STALE_HOLD_MS UINT64_C(300000)
#define ENTRY "1/1/" RI "/10.0.0.10/32\n"

static void
start(size_t n_nodes)
{
    struct in6_addr self = ip("10.0.0.10");

    rig_start("a", n_nodes, STALE_HOLD_S);
    xmpp_speaker_subscribe(rig.speaker, RI, 1);
    assert_int_equal(xmpp_speaker_announce_host(rig.speaker, RI, &self, 77),
                     0);
    rig_advance(0);
    for (size_t i = 0; i < n_nodes; i++) {
        rig_expect(i, i ? "open\nsubscribe(" RI ")\n+" ENTRY
                        : "open\nconfig\nsubscribe(" RI ")\n+" ENTRY);
    }
}

static int
teardown(void **state OVS_UNUSED)
{
    rig_stop();
    return 0;
}

static void
node_says(int i, const char *instance, const char *content)
{
    char *s = xasprintf("<message from='c' to='a/bgp-peer'><event><items "
                        "node='1/1/%s'>%s</items></event></message>",
                        instance, content);

    rig_send_text(i, s);
    free(s);
}

#define ITEM(PREFIX) "<item id='" PREFIX "'><entry><nlri><af>1</af><safi>1" \
    "</safi><address>" PREFIX "</address></nlri><next-hops><next-hop><af>1" \
    "</af><address>10.0.0.9</address><label>5</label></next-hop></next-hops>" \
    "</entry></item>"
#define RETRACT(PREFIX) "<retract id='" PREFIX "' />"

static void
node_end_of_rib(int i)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    xmpp_put_server_end_of_rib(&out, "a");
    rig_send(i, out.string, out.length);
    ds_destroy(&out);
}

static bool
has(const char *host)
{
    struct in6_addr addr = ip(host);

    return xmpp_speaker_has_host(rig.speaker, &addr);
}

static void
host__announced__told_again_in_each_session(void **state OVS_UNUSED)
{
    struct in6_addr other = ip("10.0.0.11");

    start(2);
    rig_lose(0);
    rig_advance(1500);
    rig_expect(0, "open\nsubscribe(" RI ")\n+" ENTRY);
    rig_forget_heard();
    assert_int_equal(xmpp_speaker_announce_host(rig.speaker, RI, &other, 77),
                     0);
    rig_advance(0);
    rig_expect(1, "-" ENTRY "+1/1/" RI "/10.0.0.11/32\n");
    xmpp_speaker_unsubscribe(rig.speaker, RI);
    rig_advance(0);
    rig_expect(1, "-1/1/" RI "/10.0.0.11/32\nunsubscribe(" RI ")\n");
}

/* A control node takes it: with a label, as in any instance but that of the
 * underlay itself. */
static void
host__encoded__is_what_a_control_node_takes(void **state OVS_UNUSED)
{
    struct in6_addr self = ip("10.0.0.10");
    struct ds entry = DS_EMPTY_INITIALIZER;
    struct xmpp_inet route;
    struct xmpp_xml *xml;
    struct tsn_err err;

    xmpp_inet_encode_host(&entry, &self, 77);
    assert_int_equal(xmpp_xml_parse(ds_cstr(&entry), entry.length, &xml,
                                    &err), 0);
    assert_int_equal(xmpp_inet_decode(xmpp_xml_root(xml), XMPP_FAMILY_INET,
                                      &route, &err), 0);
    assert_int_equal(xmpp_inet_check_publish(&route, false, &err), 0);
    assert_true(tsn_ip_equals(&route.ip, &self));
    assert_int_equal(route.plen, 32);
    assert_true(tsn_ip_equals(&route.hops[0].dst.ip, &self));
    assert_int_equal(route.hops[0].dst.label, 77);
    assert_int_equal(route.hops[0].dst.encaps,
                     TSN_ENCAP_MPLS_GRE | TSN_ENCAP_MPLS_UDP);
    xmpp_inet_fini(&route);
    xmpp_xml_destroy(xml);
    ds_destroy(&entry);
}

static void
host__not_one__refused(void **state OVS_UNUSED)
{
    struct in6_addr self = ip("10.0.0.10"), v6 = ip("2001:db8::1");
    struct in6_addr group = ip("224.0.0.1");

    start(1);
    assert_int_equal(xmpp_speaker_announce_host(rig.speaker, "other", &self,
                                                77), -ENOENT);
    assert_int_equal(xmpp_speaker_announce_host(rig.speaker, RI, &v6, 77),
                     -EINVAL);
    assert_int_equal(xmpp_speaker_announce_host(rig.speaker, RI, &group, 77),
                     -EINVAL);
    assert_int_equal(xmpp_speaker_announce_host(rig.speaker, RI, &self, 0),
                     -EINVAL);
    assert_int_equal(xmpp_speaker_announce_host(rig.speaker, RI, &self,
                                                1 << 20), -EINVAL);
}

static void
host__told_and_taken_back__known_and_not(void **state OVS_UNUSED)
{
    start(2);
    node_says(0, RI, ITEM("10.0.0.9/32") ITEM("10.0.0.0/24")
              ITEM("10.0.0.11/32"));
    node_says(0, "d:p:blue:blue", ITEM("10.0.0.12/32"));
    assert_true(has("10.0.0.9") && has("10.0.0.11"));
    assert_false(has("10.0.0.0") || has("10.0.0.12"));
    assert_int_equal(rig.speaker->peers[0].n_unused_items, 2);

    /* By both: until neither has it. */
    node_says(1, RI, ITEM("10.0.0.9/32"));
    node_says(0, RI, RETRACT("10.0.0.9/32"));
    assert_true(has("10.0.0.9"));
    node_says(1, RI, RETRACT("10.0.0.9/32") RETRACT("10.0.0.11/32")
              RETRACT("10.0.0.0/24") RETRACT("x"));
    assert_false(has("10.0.0.9"));
    assert_true(has("10.0.0.11"));
    assert_int_equal(rig.speaker->peers[1].n_bad_items, 1);
}

static void
host__session_lost__kept_until_the_end_of_rib(void **state OVS_UNUSED)
{
    start(1);
    node_says(0, RI, ITEM("10.0.0.9/32") ITEM("10.0.0.11/32"));
    node_end_of_rib(0);
    rig_lose(0);
    rig_advance(1500);
    assert_true(has("10.0.0.9") && has("10.0.0.11"));
    node_says(0, RI, ITEM("10.0.0.11/32"));
    node_end_of_rib(0);
    assert_false(has("10.0.0.9"));
    assert_true(has("10.0.0.11"));

    /* Without any they stay as they were. */
    rig_kill(0);
    rig_advance(10 * STALE_HOLD_MS);
    assert_true(has("10.0.0.11"));
}

static void
host__one_of_two_sessions_lost__kept_for_the_stale_hold(
    void **state OVS_UNUSED)
{
    start(2);
    node_says(0, RI, ITEM("10.0.0.9/32"));
    node_end_of_rib(0);
    node_end_of_rib(1);
    rig_kill(0);
    rig_advance(STALE_HOLD_MS - 2000);
    assert_true(has("10.0.0.9"));
    rig_advance(5000);
    assert_false(has("10.0.0.9"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_teardown(NAME, teardown)
        TEST(host__announced__told_again_in_each_session),
        cmocka_unit_test(host__encoded__is_what_a_control_node_takes),
        TEST(host__not_one__refused),
        TEST(host__told_and_taken_back__known_and_not),
        TEST(host__session_lost__kept_until_the_end_of_rib),
        TEST(host__one_of_two_sessions_lost__kept_for_the_stale_hold),
    };

    return cmocka_run_group_tests_name("xmpp_speaker_host", tests, NULL,
                                       NULL);
}
