/* SPDX-License-Identifier: Apache-2.0 */
/* Random edits by the owner and by others, on a database with several switches
 * that refuses some transactions and loses the replies to others: within 5 s
 * the database is as the owner wants it, without a row too many, and then
 * stays untouched.  RIG_SEED=N repeats a run. */
#include <config.h>
#include "tests/unit/ovc_proxy.h"
#include "tests/unit/ovc_rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb-client/private.h"
#include "svec.h"
#include "timeval.h"
#include "util.h"

enum {
    N_ROUNDS = 20,
    N_EDITS = 30,
    N_NETS = 6,
    N_MACS = 12,
    N_VLANS = 6,
    N_HOSTS = 5,
    N_SWITCHES = 2,
    N_PORTS = 2,                        /* Of a switch. */
    CONVERGE_MS = 5000,
};

/* What the owner wants. */
struct model {
    struct {
        bool wanted;
        uint32_t vni;
        int flood;                      /* Bits: hosts. */
        int macs[N_MACS];               /* Host, or -1. */
        bool ips[N_MACS];               /* With "ipaddr". */
    } nets[N_NETS];
    int bindings[N_SWITCHES * N_PORTS][N_VLANS];    /* Network, or -1. */
    int own_host;                       /* Address of the last switch, or
                                         * -1 for another. */
};

static const char *const switches[N_SWITCHES] = { RIG_SWITCH, "tor2" };

/* What the proxy is to do to transactions. */
static struct {
    const char *refuse;                 /* Those that are about this table. */
    int n_refuse, n_hang_up;            /* The next so many. */
} faults;

static unsigned int seed;

static int
pick(int n)
{
    return rand_r(&seed) % n;
}

static const char *
keep(char *text)
{
    static char *texts[16];
    static int i;

    i = (i + 1) % ARRAY_SIZE(texts);
    free(texts[i]);
    return texts[i] = text;
}

static const char *
net_name(int net)
{
    return keep(xasprintf(TSN_LS_PREFIX "%d", net));
}

/* Port 'port' is port_name() of switch_name(). */
static const char *
port_name(int port)
{
    return port % N_PORTS ? "p2" : "p1";
}

static const char *
switch_name(int port)
{
    return switches[port / N_PORTS];
}

static const char *
host_ip(int host)
{
    return keep(xasprintf("10.0.1.%d", host + 1));
}

static const char *
mac_text(int mac)
{
    return keep(xasprintf("02:00:00:00:00:%02x", mac));
}

static const char *
mac_ip(int mac)
{
    return keep(xasprintf("192.168.0.%d", mac + 1));
}

static const char *
flood_ips(int bits)
{
    struct svec ips;

    svec_init(&ips);
    for (int i = 0; i < N_HOSTS; i++) {
        if (bits & (1 << i)) {
            svec_add(&ips, host_ip(i));
        }
    }
    char *text = svec_join(&ips, " ", "");
    svec_destroy(&ips);
    return keep(text);
}

/* Dumps: one line per row. */

static char *
dump_model(const struct model *m)
{
    struct svec lines;

    svec_init(&lines);
    for (int i = 0; i < N_NETS; i++) {
        if (!m->nets[i].wanted) {
            continue;
        }
        svec_add_nocopy(&lines, xasprintf("ls %s %"PRIu32, net_name(i),
                                          m->nets[i].vni));
        if (m->nets[i].flood) {
            svec_add_nocopy(&lines, xasprintf("flood %s %s", net_name(i),
                                              flood_ips(m->nets[i].flood)));
        }
        for (int j = 0; j < N_MACS; j++) {
            if (m->nets[i].macs[j] >= 0) {
                if (m->nets[i].macs[j] == m->own_host) {
                    continue;
                }
                svec_add_nocopy(&lines, xasprintf(
                    "mac %s %s %s %s", net_name(i), mac_text(j),
                    host_ip(m->nets[i].macs[j]),
                    m->nets[i].ips[j] ? mac_ip(j) : ""));
            }
        }
    }
    for (int port = 0; port < N_SWITCHES * N_PORTS; port++) {
        for (int vlan = 0; vlan < N_VLANS; vlan++) {
            if (m->bindings[port][vlan] >= 0) {
                svec_add_nocopy(&lines, xasprintf(
                    "binding %s %s %d %s", switch_name(port), port_name(port),
                    vlan, net_name(m->bindings[port][vlan])));
            }
        }
    }
    svec_sort(&lines);
    char *text = svec_join(&lines, "\n", "\n");
    svec_destroy(&lines);
    return text;
}

/* Of an address only the locator without a key counts. */
static const char *
locator_text(const struct vteprec_physical_locator *locator)
{
    return keep(xasprintf("%s%s", locator->dst_ip,
                          locator->n_tunnel_key ? "+key" : ""));
}

static bool
is_foreign(const struct vteprec_logical_switch *ls)
{
    return strncmp(ls->name, TSN_LS_PREFIX, strlen(TSN_LS_PREFIX)) != 0;
}

static void
dump_ports(struct rig *rig, struct svec *lines)
{
    const struct vteprec_physical_switch *ps;

    VTEPREC_PHYSICAL_SWITCH_FOR_EACH (ps, rig->db) {
        for (size_t i = 0; i < ps->n_ports; i++) {
            const struct vteprec_physical_port *port = ps->ports[i];
            for (size_t j = 0; j < port->n_vlan_bindings; j++) {
                const struct vteprec_logical_switch *ls
                    = port->value_vlan_bindings[j];
                if (rig->ownership == OVC_EXCLUSIVE || !is_foreign(ls)) {
                    svec_add_nocopy(lines, xasprintf(
                        "binding %s %s %"PRId64" %s", ps->name, port->name,
                        port->key_vlan_bindings[j], ls->name));
                }
            }
        }
    }
}

/* Without what is not ours. */
static char *
dump_database(struct rig *rig)
{
    const struct vteprec_logical_switch *ls;
    const struct vteprec_mcast_macs_remote *flood;
    const struct vteprec_ucast_macs_remote *mac;
    bool all = rig->ownership == OVC_EXCLUSIVE;
    struct svec lines;

    svec_init(&lines);
    VTEPREC_LOGICAL_SWITCH_FOR_EACH (ls, rig->db) {
        if (!all && is_foreign(ls)) {
            continue;
        }
        svec_add_nocopy(&lines, xasprintf("ls %s %"PRId64, ls->name,
                                          rig_ls_vni(rig, ls->name)));
    }
    VTEPREC_MCAST_MACS_REMOTE_FOR_EACH (flood, rig->db) {
        const char *name = flood->logical_switch->name;
        svec_add_nocopy(&lines, xasprintf("flood %s %s", name,
                                          rig_flood_ips(rig, name)));
    }
    VTEPREC_UCAST_MACS_REMOTE_FOR_EACH (mac, rig->db) {
        if (!all && is_foreign(mac->logical_switch)) {
            continue;
        }
        svec_add_nocopy(&lines, xasprintf("mac %s %s %s %s",
                                          mac->logical_switch->name, mac->MAC,
                                          locator_text(mac->locator),
                                          mac->ipaddr));
    }
    dump_ports(rig, &lines);
    svec_sort(&lines);
    char *text = svec_join(&lines, "\n", "\n");
    svec_destroy(&lines);
    return text;
}

static bool
is_as_wanted(struct rig *rig, const struct model *m)
{
    char *wanted = dump_model(m), *actual = dump_database(rig);
    bool same = !strcmp(wanted, actual);

    free(wanted);
    free(actual);
    return same;
}

/* The owner. */

static void
want_net(struct rig *rig, struct model *m, int net)
{
    m->nets[net].wanted = true;
    rig_want_ls(rig, net_name(net), m->nets[net].vni,
                flood_ips(m->nets[net].flood));
}

static void
unwant_net(struct rig *rig, struct model *m, int net)
{
    m->nets[net].wanted = false;
    for (int i = 0; i < N_MACS; i++) {
        m->nets[net].macs[i] = -1;
    }
    for (int i = 0; i < N_SWITCHES * N_PORTS * N_VLANS; i++) {
        int *binding = &m->bindings[i / N_VLANS][i % N_VLANS];
        if (*binding == net) {
            *binding = -1;
        }
    }
    ovc_unwant_ls(rig->session, net_name(net));
}

static void
want_mac(struct rig *rig, const struct model *m, int net, int mac)
{
    struct eth_addr addr = ETH_ADDR_C(02, 00, 00, 00, 00, 00);
    struct in6_addr vtep, ip = in6addr_any;

    addr.ea[5] = mac;
    tsn_ip_parse(host_ip(m->nets[net].macs[mac]), &vtep);
    if (m->nets[net].ips[mac]) {
        tsn_ip_parse(mac_ip(mac), &ip);
    }
    ovc_want_mac(rig->session, net_name(net), &addr, &vtep, &ip);
}

static void
want_all(struct rig *rig, struct model *m)
{
    for (int i = 0; i < N_NETS; i++) {
        if (m->nets[i].wanted) {
            want_net(rig, m, i);
        }
        for (int j = 0; j < N_MACS; j++) {
            if (m->nets[i].macs[j] >= 0) {
                want_mac(rig, m, i, j);
            }
        }
    }
    for (int i = 0; i < N_SWITCHES * N_PORTS * N_VLANS; i++) {
        int net = m->bindings[i / N_VLANS][i % N_VLANS];
        if (net >= 0) {
            ovc_want_binding(rig->session, switch_name(i / N_VLANS),
                             port_name(i / N_VLANS), i % N_VLANS,
                             net_name(net));
        }
    }
}

static void
owner_edits(struct rig *rig, struct model *m)
{
    int net = pick(N_NETS), other = pick(N_NETS);
    int port = pick(N_SWITCHES * N_PORTS), vlan = pick(N_VLANS);
    int mac = pick(N_MACS);
    uint32_t vni;

    switch (pick(8)) {
    case 0:
        want_net(rig, m, net);
        break;
    case 1:
        unwant_net(rig, m, net);
        break;
    case 2:
        m->nets[net].flood = pick(1 << N_HOSTS);
        want_net(rig, m, net);
        break;
    case 3:
        vni = m->nets[net].vni;
        m->nets[net].vni = m->nets[other].vni;
        m->nets[other].vni = vni;
        want_net(rig, m, net);
        want_net(rig, m, other);
        break;
    case 4:
    case 5:
        if (m->nets[net].wanted) {
            m->nets[net].macs[mac] = pick(N_HOSTS);
            m->nets[net].ips[mac] = pick(2);
            want_mac(rig, m, net, mac);
        }
        break;
    case 6:
        m->nets[net].macs[mac] = -1;
        rig_unwant_mac(rig, net_name(net), mac_text(mac));
        break;
    case 7:
        if (m->nets[net].wanted) {
            m->bindings[port][vlan] = net;
            ovc_want_binding(rig->session, switch_name(port), port_name(port),
                             vlan, net_name(net));
        } else {
            m->bindings[port][vlan] = -1;
            ovc_unwant_binding(rig->session, switch_name(port),
                               port_name(port), vlan);
        }
        break;
    }
}

/* Others. */

/* One of the same address, but with a key: another tunnel. */
static const struct vteprec_physical_locator *
keyed_locator(struct rig *rig, const char *ip)
{
    const struct vteprec_physical_locator *row;
    int64_t key = 77;

    VTEPREC_PHYSICAL_LOCATOR_FOR_EACH (row, rig->db) {
        if (!strcmp(row->dst_ip, ip) && row->n_tunnel_key) {
            return row;
        }
    }
    row = vteprec_physical_locator_insert(rig->txn);
    vteprec_physical_locator_set_dst_ip(row, ip);
    vteprec_physical_locator_set_encapsulation_type(row, "vxlan_over_ipv4");
    vteprec_physical_locator_set_tunnel_key(row, &key, 1);
    return row;
}

static void
add_mac_row(struct rig *rig, const struct vteprec_logical_switch *ls)
{
    struct vteprec_ucast_macs_remote *row
        = vteprec_ucast_macs_remote_insert(rig->txn);

    vteprec_ucast_macs_remote_set_MAC(row, mac_text(pick(N_MACS)));
    vteprec_ucast_macs_remote_set_logical_switch(row, ls);
    vteprec_ucast_macs_remote_set_locator(
        row, rig_locator(rig, host_ip(pick(N_HOSTS))));
}

static void
edit_network(struct rig *rig, const struct vteprec_logical_switch *ls)
{
    int port_index = pick(N_SWITCHES * N_PORTS);
    const struct vteprec_physical_port *port
        = rig_switch_port(rig, switch_name(port_index),
                          port_name(port_index));
    const struct vteprec_ucast_macs_remote *mac;
    int64_t vni = 500 + pick(100);

    switch (pick(8)) {
    case 0:
        vteprec_logical_switch_set_tunnel_key(ls, &vni, 1);
        break;
    case 1:
        add_mac_row(rig, ls);
        break;
    case 2:
        mac = rig_mac(rig, ls->name, mac_text(pick(N_MACS)));
        if (mac) {
            vteprec_ucast_macs_remote_delete(mac);
        }
        break;
    case 3:
        mac = rig_mac(rig, ls->name, mac_text(pick(N_MACS)));
        if (mac) {
            vteprec_ucast_macs_remote_set_locator(
                mac, rig_locator(rig, "10.9.9.9"));
        }
        break;
    case 4:
        if (rig_flood(rig, ls->name)) {
            vteprec_mcast_macs_remote_delete(rig_flood(rig, ls->name));
        }
        break;
    case 5:
        if (port) {
            vteprec_physical_port_update_vlan_bindings_setkey(
                port, pick(N_VLANS + 2), ls);
        }
        break;
    case 6:
        mac = rig_mac(rig, ls->name, mac_text(pick(N_MACS)));
        if (mac) {
            vteprec_ucast_macs_remote_set_locator(
                mac, keyed_locator(rig, mac->locator->dst_ip));
        }
        break;
    case 7:
        mac = rig_mac(rig, ls->name, mac_text(pick(N_MACS)));
        if (mac) {
            vteprec_ucast_macs_remote_set_ipaddr(mac, "1.2.3.4");
        }
        break;
    }
}

/* The last switch gets another address, which may be one that MACs are wanted
 * at; or another name, for a while. */
static void
edit_switch(struct rig *rig, struct model *m)
{
    const char *name = switches[N_SWITCHES - 1];
    const struct vteprec_physical_switch *ps = rig_switch(rig, name);

    if (!ps) {
        vteprec_physical_switch_set_name(rig_switch(rig, "renamed"), name);
    } else if (!pick(4)) {
        vteprec_physical_switch_set_name(ps, "renamed");
    } else {
        m->own_host = pick(N_HOSTS + 1) - 1;
        const char *ip = m->own_host < 0 ? "10.0.0.2" : host_ip(m->own_host);
        vteprec_physical_switch_set_tunnel_ips(ps, &ip, 1);
    }
}

static void
end_renaming(struct rig *rig)
{
    if (!rig_switch(rig, switches[N_SWITCHES - 1])) {
        rig_begin(rig);
        vteprec_physical_switch_set_name(rig_switch(rig, "renamed"),
                                         switches[N_SWITCHES - 1]);
        rig_end(rig);
    }
}

static void
others_edit(struct rig *rig, struct model *m)
{
    const struct vteprec_logical_switch *ls;

    rig_begin(rig);
    if (!pick(6)) {
        edit_switch(rig, m);
        rig_end(rig);                   /* Nobody else writes that row. */
        return;
    }
    ls = rig_ls(rig, net_name(pick(N_NETS)));
    if (ls) {
        edit_network(rig, ls);
    } else {
        struct vteprec_logical_switch *row
            = vteprec_logical_switch_insert(rig->txn);
        int64_t vni = 500 + pick(100);
        char *name = xasprintf("%sstale-%d", pick(2) ? TSN_LS_PREFIX : "",
                               pick(1000000));
        vteprec_logical_switch_set_name(row, name);
        vteprec_logical_switch_set_tunnel_key(row, &vni, 1);
        add_mac_row(rig, row);
        free(name);
    }
    /* It may fail: the session writes at the same time. */
    ovsdb_idl_txn_commit_block(rig->txn);
    ovsdb_idl_txn_destroy(rig->txn);
    rig->txn = NULL;
}

static void
restart(struct rig *rig, struct model *m)
{
    int n_up = rig->n_up;

    if (pick(2)) {
        rig_stop_server(rig, SIGKILL);
        rig_start_server(rig);
        owner_edits(rig, m);
        RIG_UNTIL(rig, rig->n_up > n_up);
    } else {
        rig_stop_session(rig);
        rig_start_session(rig, proxy_remote(rig->proxy));
        want_all(rig, m);
        ovc_session_set_config_complete(rig->session);
    }
}

/* Faults. */

static enum proxy_fate
decide(const struct json *params, void *aux OVS_UNUSED)
{
    if (faults.n_hang_up > 0) {
        faults.n_hang_up--;
        return PROXY_HANG_UP;
    }
    if (faults.n_refuse > 0 && proxy_has_table(params, faults.refuse)) {
        faults.n_refuse--;
        return PROXY_REFUSE;
    }
    return PROXY_PASS;
}

/* As many as leave a row that is refused each time with less than
 * CONVERGE_MS until the next attempt. */
static void
arm_faults(void)
{
    static const char *const tables[] = {
        "Logical_Switch", "Mcast_Macs_Remote", "Ucast_Macs_Remote",
        "Physical_Port", "Physical_Locator",
    };

    faults.refuse = tables[pick(ARRAY_SIZE(tables))];
    faults.n_refuse = pick(3) ? 0 : 1 + pick(3);
    faults.n_hang_up = !pick(12);
}

static void
start(struct rig *rig, struct model *m, enum ovc_ownership ownership)
{
    seed = getenv("RIG_SEED") ? atoi(getenv("RIG_SEED")) : time_wall_msec();
    print_message("RIG_SEED=%u\n", seed);
    memset(m, -1, sizeof *m);
    for (int i = 0; i < N_NETS; i++) {
        m->nets[i].wanted = false;
        m->nets[i].vni = 100 + i;
        m->nets[i].flood = 1;
        memset(m->nets[i].ips, 0, sizeof m->nets[i].ips);
    }
    memset(&faults, 0, sizeof faults);
    rig_stop_session(rig);
    rig_make_switch(rig, switches[1], "10.0.0.2");
    rig->proxy = proxy_create(rig->dir, decide, NULL);
    rig->switches = switches;
    rig->n_switches = N_SWITCHES;
    rig->ownership = ownership;
    rig->stale_hold_ms = 0;
    rig_start_session(rig, proxy_remote(rig->proxy));
    ovc_session_set_config_complete(rig->session);
}

static void
run(struct rig *rig, enum ovc_ownership ownership)
{
    struct model m;
    int n_faults = 0;

    start(rig, &m, ownership);
    for (int round = 0; round < N_ROUNDS; round++) {
        arm_faults();
        for (int i = 0; i < N_EDITS; i++) {
            owner_edits(rig, &m);
            if (!pick(3)) {
                others_edit(rig, &m);
            }
            if (!pick(4)) {
                rig_turn(rig, 1);
            }
        }
        end_renaming(rig);
        if (!pick(10)) {
            restart(rig, &m);
        }
        /* The time counts with a session, on a switch that does its part. */
        RIG_UNTIL(rig, ovc_session_is_connected(rig->session));
        n_faults = proxy_n_faults(rig->proxy);
        RIG_WITHIN(rig, CONVERGE_MS, is_as_wanted(rig, &m)
                   || proxy_n_faults(rig->proxy) != n_faults);
        faults.n_refuse = faults.n_hang_up = 0;
        RIG_UNTIL(rig, ovc_session_is_connected(rig->session));
        RIG_WITHIN(rig, CONVERGE_MS, is_as_wanted(rig, &m));

        /* The session has seen that, too, but for what may not be written. */
        RIG_UNTIL(rig, !rig->session->n_flights
                  && rig->session->n_state[OVC_WAITING] == 0
                  && rig->session->n_state[OVC_REMOVING] == 0);
        uint64_t n = rig_status(rig, "ovsdb", "transactions");
        rig_run(rig, 20);
        assert_int_equal(rig_status(rig, "ovsdb", "transactions"), n);
        assert_true(is_as_wanted(rig, &m));
    }
    assert_true(proxy_n_faults(rig->proxy) > 0);
}

static void
random_edits__exclusive_database__converges(void **state)
{
    run(*state, OVC_EXCLUSIVE);
}

static void
random_edits__shared_database__converges(void **state)
{
    run(*state, OVC_SHARED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            random_edits__exclusive_database__converges,
            rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            random_edits__shared_database__converges,
            rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
