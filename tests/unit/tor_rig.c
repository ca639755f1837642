/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/unit/tor_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/session.h"
#include "packets.h"
#include "svec.h"
#include "util.h"
#include "xmpp/route.h"
#include "xmpp/speaker.h"
#include "xmpp/view.h"

#define N_MAX 256

struct tor tor;

static uint64_t now_ms;

/* The switch. */
static struct {
    bool used;
    unsigned int mac;
    struct in6_addr vtep, ip;
} locals[N_MAX];
static struct in6_addr floods[8];
static struct in6_addr flood_node;
static uint32_t flood_ranks;
static struct in6_addr tunnel_ips[2];
static size_t n_tunnel_ips;
static struct {
    bool used;
    struct eth_addr mac;
    struct in6_addr vtep, ip;
} rows[N_MAX];
static unsigned int n_renewed, n_stated;

/* The control nodes. */
static struct xmpp_evpn *learnt[N_MAX], *stale[N_MAX];
static unsigned int encaps;
static struct xmpp_evpn *published[N_MAX];
static const char *published_in[N_MAX];
static unsigned int n_published;

/* The configuration. */
static struct xmpp_network networks[2] = {
    { .instance = (char *) "blue", .uuid = "1", .ls_name = "ls-blue",
      .id = 1 },
    { .instance = (char *) "red", .uuid = "2", .ls_name = "ls-red", .id = 2 },
};
static uint32_t groups[N_MAX];
static struct xmpp_vmi vmis[N_MAX];
static struct xmpp_port ports[N_MAX];

uint64_t
tsn_now_ms(void)
{
    return now_ms;
}

static struct in6_addr
parse_ip(const char *s)
{
    struct in6_addr ip = in6addr_any;

    if (s) {
        assert_int_equal(tsn_ip_parse(s, &ip), 0);
    }
    return ip;
}

static struct eth_addr
to_mac(unsigned int mac)
{
    return (struct eth_addr) { .ea = { 2, 0, 0, 0, 0, mac } };
}

/* The session. */

const struct in6_addr *
ovc_session_tunnel_ips(const struct ovc_session *s OVS_UNUSED, size_t *n)
{
    *n = n_tunnel_ips;
    return tunnel_ips;
}

bool
ovc_find_local_mac(const struct ovc_session *s OVS_UNUSED,
                   const char *ls_name, const struct eth_addr *mac,
                   struct local_mac *local)
{
    for (size_t i = 0; i < N_MAX; i++) {
        if (locals[i].used && !strcmp(ls_name, "ls-blue")
            && eth_addr_equals(to_mac(locals[i].mac), *mac)) {
            *local = (struct local_mac) {
                .ls_name = ls_name, .mac = *mac, .vtep = locals[i].vtep,
                .ip = locals[i].ip,
            };
            return true;
        }
    }
    return false;
}

void
ovc_for_each_local_mac(const struct ovc_session *s, const char *ls_name,
                       ovc_local_mac_fn *fn, void *aux)
{
    for (size_t i = 0; i < N_MAX; i++) {
        struct eth_addr mac = to_mac(locals[i].mac);
        struct local_mac local;

        if (locals[i].used && ovc_find_local_mac(s, ls_name, &mac, &local)) {
            fn(&local, aux);
        }
    }
}

void
ovc_for_each_local_flood(const struct ovc_session *s OVS_UNUSED,
                         const char *ls_name, ovc_local_flood_fn *fn,
                         void *aux)
{
    for (size_t i = 0; i < ARRAY_SIZE(floods); i++) {
        if (!strcmp(ls_name, "ls-blue") && tsn_ip_is_set(&floods[i])) {
            struct local_flood flood = { ls_name, floods[i] };
            fn(&flood, aux);
        }
    }
}

bool
ovc_session_flood_node(const struct ovc_session *s OVS_UNUSED,
                       const char *ls_name, struct in6_addr *node)
{
    if (strcmp(ls_name, "ls-blue") || !tsn_ip_is_set(&flood_node)) {
        return false;
    }
    *node = flood_node;
    return true;
}

uint32_t
ovc_session_flood_ranks(const struct ovc_session *s OVS_UNUSED)
{
    return flood_ranks;
}

void
ovc_want_ls(struct ovc_session *s OVS_UNUSED, const char *name OVS_UNUSED,
            uint32_t vni OVS_UNUSED, const struct in6_addr *flood OVS_UNUSED,
            size_t n_flood OVS_UNUSED)
{
}

void
ovc_unwant_ls(struct ovc_session *s OVS_UNUSED, const char *name)
{
    for (size_t i = 0; i < N_MAX; i++) {
        rows[i].used = rows[i].used && strcmp(name, "ls-blue");
    }
}

void
ovc_want_binding(struct ovc_session *s OVS_UNUSED,
                 const char *switch_name OVS_UNUSED, const char *port OVS_UNUSED, uint16_t vlan OVS_UNUSED,
                 const char *ls_name OVS_UNUSED)
{
}

void
ovc_unwant_binding(struct ovc_session *s OVS_UNUSED,
                   const char *switch_name OVS_UNUSED, const char *port OVS_UNUSED, uint16_t vlan OVS_UNUSED)
{
}

void
ovc_want_mac(struct ovc_session *s OVS_UNUSED, const char *ls_name,
             const struct eth_addr *mac, const struct in6_addr *vtep,
             const struct in6_addr *ip OVS_UNUSED)
{
    unsigned int i = mac->ea[5];

    assert_string_equal(ls_name, "ls-blue");
    assert_true(tsn_ip_is_set(vtep));
    n_stated++;
    rows[i].used = true;
    rows[i].mac = *mac;
    rows[i].vtep = *vtep;
}

void
ovc_unwant_mac(struct ovc_session *s OVS_UNUSED,
               const char *ls_name OVS_UNUSED, const struct eth_addr *mac)
{
    n_stated++;
    rows[mac->ea[5]].used = false;
}

void
ovc_renew_mac(struct ovc_session *s OVS_UNUSED,
              const char *ls_name OVS_UNUSED, const struct eth_addr *mac)
{
    assert_true(rows[mac->ea[5]].used);
    n_renewed++;
}

/* The speaker. */

void
xmpp_speaker_subscribe(struct xmpp_speaker *sp OVS_UNUSED,
                       const char *instance OVS_UNUSED,
                       uint32_t id OVS_UNUSED)
{
}

static void
free_published(size_t i)
{
    xmpp_evpn_fini(published[i]);
    free(published[i]);
    published[i] = NULL;
}

void
xmpp_speaker_unsubscribe(struct xmpp_speaker *sp OVS_UNUSED,
                         const char *instance)
{
    for (size_t i = 0; i < N_MAX; i++) {
        if (published[i] && !strcmp(published_in[i], instance)) {
            free_published(i);
        }
    }
}

static size_t
find_published(const char *instance, const struct xmpp_evpn *key)
{
    for (size_t i = 0; i < N_MAX; i++) {
        if (published[i] && !strcmp(published_in[i], instance)
            && xmpp_evpn_key_equals(published[i], key)) {
            return i;
        }
    }
    for (size_t i = 0; i < N_MAX; i++) {
        if (!published[i]) {
            return i;
        }
    }
    fail_msg("too many routes");
    return 0;
}

int
xmpp_speaker_publish(struct xmpp_speaker *sp OVS_UNUSED, const char *instance,
                     const struct xmpp_evpn *route)
{
    size_t i = find_published(instance, route);

    if (!tsn_ip_is_host(&route->next_hops[0].ip)) {
        return -EINVAL;
    }
    assert_int_equal(route->n_next_hops, 1);
    assert_int_equal(route->next_hops[0].label, route->tag);
    assert_int_equal(route->next_hops[0].encaps, TSN_ENCAP_VXLAN);
    if (published[i] && xmpp_evpn_equals(published[i], route)) {
        return 0;
    }
    n_published++;
    if (published[i]) {
        free_published(i);
    }
    published[i] = xmalloc(sizeof *published[i]);
    published_in[i] = instance;
    xmpp_evpn_copy(published[i], route);
    return 0;
}

/* Only what was published can be withdrawn. */
void
xmpp_speaker_withdraw(struct xmpp_speaker *sp OVS_UNUSED,
                      const char *instance, const struct xmpp_evpn *key)
{
    size_t i = find_published(instance, key);

    assert_non_null(published[i]);
    n_published++;
    free_published(i);
}

void
xmpp_speaker_for_each_mac_route(const struct xmpp_speaker *sp OVS_UNUSED,
                                const char *instance,
                                const struct eth_addr *mac, xmpp_route_fn *fn,
                                void *aux)
{
    for (size_t i = 0; i < N_MAX; i++) {
        if (learnt[i] && !strcmp(instance, "blue")
            && eth_addr_equals(learnt[i]->mac, *mac)) {
            fn("id", learnt[i], false, aux);
        }
        if (stale[i] && !strcmp(instance, "blue")
            && eth_addr_equals(stale[i]->mac, *mac)) {
            fn("id2", stale[i], true, aux);
        }
    }
}

void
xmpp_speaker_for_each_route(const struct xmpp_speaker *sp OVS_UNUSED,
                            const char *instance, xmpp_route_fn *fn,
                            void *aux)
{
    for (size_t i = 0; i < N_MAX; i++) {
        if (learnt[i] && !strcmp(instance, "blue")) {
            fn("id", learnt[i], false, aux);
        }
    }
}

/* The configuration. */

static void
apply_config(void)
{
    static const struct xmpp_port *all[N_MAX];
    struct xmpp_switch sw = { .name = (char *) "tor1",
                              .vtep = parse_ip(OWN) };
    const struct xmpp_switch *switches[] = { &sw };
    struct xmpp_view view = { .switches = switches, .n_switches = 1,
                              .ports = all };

    for (size_t i = 0; i < ARRAY_SIZE(networks); i++) {
        if (networks[i].vni) {
            size_t n = view.n_ports++;
            vmis[n] = (struct xmpp_vmi) { .network = &networks[i] };
            ports[n] = (struct xmpp_port) {
                .switch_name = (char *) "tor1", .port = (char *) "p1",
                .vlan = i, .vmi = &vmis[n],
            };
            all[n] = &ports[n];
        }
    }
    for (size_t i = 0; i < N_MAX; i++) {
        if (groups[i] && networks[0].vni) {
            size_t n = view.n_ports++;
            vmis[n] = (struct xmpp_vmi) {
                .network = &networks[0], .mac = to_mac(i),
                .security_groups = &groups[i], .n_security_groups = 1,
            };
            ports[n] = (struct xmpp_port) {
                .switch_name = (char *) "tor1", .port = (char *) "p2",
                .vlan = 0, .vmi = &vmis[n],
            };
            all[n] = &ports[n];
        }
    }
    bridge_config(&tor, &view);
}

void
rig_config(const char *name, uint32_t vni)
{
    networks[!strcmp(name, "red")].vni = vni;
    apply_config();
}

void
rig_group(unsigned int mac, uint32_t group)
{
    groups[mac] = group;
    apply_config();
}

struct tor_network *
rig_network(const char *name)
{
    return shash_find_data(&tor.networks, name);
}

/* The rig. */

int
rig_setup_standby(void **state OVS_UNUSED)
{
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    memset(&tor, 0, sizeof tor);
    memset(locals, 0, sizeof locals);
    memset(floods, 0, sizeof floods);
    memset(rows, 0, sizeof rows);
    flood_node = in6addr_any;
    flood_ranks = 0;
    memset(groups, 0, sizeof groups);
    n_renewed = n_published = n_stated = 0;
    encaps = TSN_ENCAP_VXLAN;
    n_tunnel_ips = 0;
    now_ms = 1000000;
    tor.name = (char *) "tor1";
    sset_init(&tor.switches);
    sset_add(&tor.switches, tor.name);
    tor.tsns[0] = parse_ip(TSN);
    tor.n_tsns = 1;
    tor.bridge = (struct tsn_config_bridge) {
        .move_limit = 5, .move_window_ms = 180000, .copy_hold_ms = 300000,
    };
    shash_init(&tor.networks);
    shash_init(&tor.by_ls);
    hmap_init(&tor.bindings);
    bridge_init(&tor);
    networks[0].vni = 100;
    networks[1].vni = 200;
    apply_config();
    rig_run();
    return 0;
}

int
rig_setup(void **state)
{
    rig_setup_standby(state);
    rig_tunnel_ips(OWN, OWN2);
    rig_session(true);
    rig_run();
    return 0;
}

int
rig_teardown(void **state OVS_UNUSED)
{
    bridge_config_fini(&tor);
    bridge_fini(&tor);
    for (size_t i = 0; i < N_MAX; i++) {
        if (published[i]) {
            free_published(i);
        }
        rig_no_route(i);
        rig_swept(i);
    }
    sset_destroy(&tor.switches);
    assert_true(ovs_list_is_empty(&tor.dirty));
    assert_true(ovs_list_is_empty(&tor.aging));
    assert_true(ovs_list_is_empty(&tor.moving));
    assert_true(ovs_list_is_empty(&tor.frozen));
    assert_int_equal(tor.n_partner + tor.n_rival + tor.n_frozen, 0);
    return 0;
}

static void
mac_changed(unsigned int mac_)
{
    struct tor_network *net = rig_network("blue");
    struct eth_addr mac = to_mac(mac_);

    if (net) {
        bridge_mac_changed(&tor, net, &mac);
    }
}

/* The only route to it has. */
static void
route_changed(unsigned int mac_)
{
    struct tor_network *net = rig_network("blue");
    struct eth_addr mac = to_mac(mac_);

    if (net) {
        bridge_route_changed(&tor, net, &mac, learnt[mac_]);
    }
}

void
rig_learn_ip(unsigned int mac, const char *vtep, const char *ip)
{
    size_t i = 0;

    while (locals[i].used && locals[i].mac != mac) {
        i++;
    }
    locals[i].used = true;
    locals[i].mac = mac;
    locals[i].vtep = parse_ip(vtep);
    locals[i].ip = parse_ip(ip);
    if (rig_network("blue")) {
        struct eth_addr addr = to_mac(mac);
        bridge_mac_learnt(&tor, rig_network("blue"), &addr);
    }
}

void
rig_learn(unsigned int mac, const char *vtep)
{
    rig_learn_ip(mac, vtep, NULL);
}

void
rig_age(unsigned int mac)
{
    for (size_t i = 0; i < N_MAX; i++) {
        locals[i].used = locals[i].used && locals[i].mac != mac;
    }
    mac_changed(mac);
}

static void
floods_changed(void)
{
    bridge_floods_changed(&tor, rig_network("blue"));
}

void
rig_flood(const char *vtep)
{
    size_t i = 0;

    while (tsn_ip_is_set(&floods[i])) {
        i++;
    }
    floods[i] = parse_ip(vtep);
    floods_changed();
}

void
rig_no_flood(const char *vtep)
{
    struct in6_addr ip = parse_ip(vtep);

    for (size_t i = 0; i < ARRAY_SIZE(floods); i++) {
        if (tsn_ip_equals(&floods[i], &ip)) {
            floods[i] = in6addr_any;
        }
    }
    floods_changed();
}

void
rig_flood_node(const char *node)
{
    flood_node = parse_ip(node);
    floods_changed();
}

void
rig_flood_rank(const char *node)
{
    flood_node = parse_ip(node);
    flood_ranks++;
    bridge_tsns_changed(&tor);
}

void
rig_tunnel_ips(const char *ip1, const char *ip2)
{
    tunnel_ips[0] = parse_ip(ip1);
    tunnel_ips[1] = parse_ip(ip2);
    n_tunnel_ips = (ip1 != NULL) + (ip2 != NULL);
    bridge_switch_changed(&tor);
}

void
rig_session(bool connected)
{
    bridge_session_changed(&tor, connected);
}

void
rig_encaps(unsigned int e)
{
    encaps = e;
}

void
rig_no_route(unsigned int mac)
{
    if (learnt[mac]) {
        xmpp_evpn_fini(learnt[mac]);
        free(learnt[mac]);
        learnt[mac] = NULL;
        route_changed(mac);
    }
}

void
rig_stale(unsigned int mac)
{
    rig_swept(mac);
    stale[mac] = learnt[mac];
    learnt[mac] = NULL;
    mac_changed(mac);
}

void
rig_swept(unsigned int mac)
{
    if (stale[mac]) {
        xmpp_evpn_fini(stale[mac]);
        free(stale[mac]);
        stale[mac] = NULL;
        mac_changed(mac);
    }
}

void
rig_route(unsigned int mac, const char *hops_, uint32_t sequence,
          uint32_t pref)
{
    char *hops = xstrdup(hops_), *save = NULL;

    rig_no_route(mac);
    struct xmpp_evpn *r = learnt[mac] = xmalloc(sizeof *r);
    xmpp_evpn_init(r);
    r->tag = 100;
    r->mac = to_mac(mac);
    r->sequence = sequence;
    r->local_pref = pref;
    char *ip = strstr(hops, " ip=");
    if (ip) {
        r->ip = parse_ip(ip + 4);
        r->plen = 32;
        *ip = '\0';
    }
    for (char *hop = strtok_r(hops, ",", &save); hop;
         hop = strtok_r(NULL, ",", &save)) {
        struct in6_addr nh = parse_ip(hop);
        xmpp_evpn_add_next_hop(r, &nh, 100, encaps);
    }
    encaps = TSN_ENCAP_VXLAN;
    free(hops);
    route_changed(mac);
}

void
rig_reflect(unsigned int mac)
{
    char vtep[TSN_IP_STRLEN];

    for (size_t i = 0; i < N_MAX; i++) {
        const struct xmpp_evpn *r = published[i];
        if (r && eth_addr_equals(r->mac, to_mac(mac))
            && !tsn_ip_is_set(&r->ip)) {
            rig_route(mac, tsn_ip_format(&r->next_hops[0].ip, vtep),
                      r->sequence, r->local_pref);
            return;
        }
    }
    rig_no_route(mac);
}

void
rig_run(void)
{
    do {
        bridge_run(&tor);
    } while (!bridge_is_settled(&tor));
}

/* In steps of a second, as the timers of a second are exact enough here. */
void
rig_advance(uint64_t ms)
{
    rig_run();
    while (ms) {
        uint64_t step = MIN(ms, 1000);
        now_ms += step;
        ms -= step;
        rig_run();
    }
}

static const char *
join(struct svec *lines)
{
    static char *text;

    svec_sort(lines);
    free(text);
    text = svec_join(lines, "\n", "");
    svec_destroy(lines);
    return text;
}

static char *
format_route(const struct xmpp_evpn *r)
{
    char vtep[TSN_IP_STRLEN], ip[TSN_IP_STRLEN];
    struct ds ds = DS_EMPTY_INITIALIZER;

    if (r->tag != 100) {
        ds_put_format(&ds, "%"PRIu32":", r->tag);
    }
    tsn_ip_format(&r->next_hops[0].ip, vtep);
    if (xmpp_evpn_is_broadcast(r)) {
        assert_true(tsn_ip_equals(&r->ip, &r->next_hops[0].ip));
        assert_int_equal(r->sequence, 0);
        ds_put_format(&ds, "* %s %"PRIu32, vtep, r->local_pref);
        if (!tsn_ip_equals(&r->replicator, &tor.tsns[0])) {
            ds_put_format(&ds, " by %s", tsn_ip_format(&r->replicator, ip));
        }
        return ds_steal_cstr(&ds);
    }
    ds_put_format(&ds, "%u", r->mac.ea[5]);
    if (tsn_ip_is_set(&r->ip)) {
        ds_put_format(&ds, "/%s", tsn_ip_format(&r->ip, ip));
    }
    ds_put_format(&ds, " %s #%"PRIu32" %"PRIu32, vtep, r->sequence,
                  r->local_pref);
    if (r->n_security_groups) {
        ds_put_format(&ds, " sg=%"PRIu32, r->security_groups[0]);
    }
    return ds_steal_cstr(&ds);
}

const char *
rig_routes(void)
{
    struct svec lines;

    rig_run();
    svec_init(&lines);
    for (size_t i = 0; i < N_MAX; i++) {
        if (published[i]) {
            svec_add_nocopy(&lines, format_route(published[i]));
        }
    }
    return join(&lines);
}

const char *
rig_rows(void)
{
    char vtep[TSN_IP_STRLEN];
    struct svec lines;

    rig_run();
    svec_init(&lines);
    for (size_t i = 0; i < N_MAX; i++) {
        if (rows[i].used) {
            svec_add_nocopy(&lines,
                            xasprintf("%u %s", rows[i].mac.ea[5],
                                      tsn_ip_format(&rows[i].vtep, vtep)));
        }
    }
    return join(&lines);
}

static unsigned int
take(unsigned int *count)
{
    unsigned int n = *count;

    rig_run();
    n = *count;
    *count = 0;
    return n;
}

unsigned int
rig_renewed(void)
{
    return take(&n_renewed);
}

unsigned int
rig_published(void)
{
    return take(&n_published);
}

unsigned int
rig_stated(void)
{
    return take(&n_stated);
}
