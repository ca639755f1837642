/* SPDX-License-Identifier: Apache-2.0 */
/* Random edits by the owner and by others: the database always ends up as the
 * owner wants it, without a row too many, and then stays untouched.
 * RIG_SEED=N repeats a run. */
#include <config.h>
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
    N_ROUNDS = 40,
    N_EDITS = 30,
    N_NETS = 6,
    N_MACS = 12,
    N_VLANS = 6,
    N_HOSTS = 5,
};

/* What the owner wants. */
struct model {
    struct {
        bool wanted;
        uint32_t vni;
        int flood;                      /* Bits: hosts. */
        int macs[N_MACS];               /* Host, or -1. */
    } nets[N_NETS];
    int bindings[2][N_VLANS];           /* Network, or -1. */
};

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

static const char *
port_name(int port)
{
    return port ? "p2" : "p1";
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
                svec_add_nocopy(&lines, xasprintf(
                    "mac %s %s %s", net_name(i), mac_text(j),
                    host_ip(m->nets[i].macs[j])));
            }
        }
    }
    for (int port = 0; port < 2; port++) {
        for (int vlan = 0; vlan < N_VLANS; vlan++) {
            if (m->bindings[port][vlan] >= 0) {
                svec_add_nocopy(&lines, xasprintf(
                    "binding %s %d %s", port_name(port), vlan,
                    net_name(m->bindings[port][vlan])));
            }
        }
    }
    svec_sort(&lines);
    char *text = svec_join(&lines, "\n", "\n");
    svec_destroy(&lines);
    return text;
}

static char *
dump_database(struct rig *rig)
{
    const struct vteprec_logical_switch *ls;
    const struct vteprec_mcast_macs_remote *flood;
    const struct vteprec_physical_port *port;
    const struct vteprec_ucast_macs_remote *mac;
    struct svec lines;

    svec_init(&lines);
    VTEPREC_LOGICAL_SWITCH_FOR_EACH (ls, rig->db) {
        svec_add_nocopy(&lines, xasprintf("ls %s %"PRId64, ls->name,
                                          rig_ls_vni(rig, ls->name)));
    }
    VTEPREC_MCAST_MACS_REMOTE_FOR_EACH (flood, rig->db) {
        const char *name = flood->logical_switch->name;
        svec_add_nocopy(&lines, xasprintf("flood %s %s", name,
                                          rig_flood_ips(rig, name)));
    }
    VTEPREC_UCAST_MACS_REMOTE_FOR_EACH (mac, rig->db) {
        svec_add_nocopy(&lines, xasprintf("mac %s %s %s",
                                          mac->logical_switch->name, mac->MAC,
                                          mac->locator->dst_ip));
    }
    VTEPREC_PHYSICAL_PORT_FOR_EACH (port, rig->db) {
        for (size_t i = 0; i < port->n_vlan_bindings; i++) {
            svec_add_nocopy(&lines, xasprintf(
                "binding %s %"PRId64" %s", port->name,
                port->key_vlan_bindings[i],
                port->value_vlan_bindings[i]->name));
        }
    }
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
    for (int i = 0; i < 2 * N_VLANS; i++) {
        int *binding = &m->bindings[i / N_VLANS][i % N_VLANS];
        if (*binding == net) {
            *binding = -1;
        }
    }
    ovc_unwant_ls(rig->session, net_name(net));
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
                rig_want_mac(rig, net_name(i), mac_text(j),
                             host_ip(m->nets[i].macs[j]));
            }
        }
    }
    for (int i = 0; i < 2 * N_VLANS; i++) {
        int net = m->bindings[i / N_VLANS][i % N_VLANS];
        if (net >= 0) {
            ovc_want_binding(rig->session, RIG_SWITCH, port_name(i / N_VLANS),
                             i % N_VLANS, net_name(net));
        }
    }
}

static void
owner_edits(struct rig *rig, struct model *m)
{
    int net = pick(N_NETS), other = pick(N_NETS);
    int port = pick(2), vlan = pick(N_VLANS), mac = pick(N_MACS);
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
            rig_want_mac(rig, net_name(net), mac_text(mac),
                         host_ip(m->nets[net].macs[mac]));
        }
        break;
    case 6:
        m->nets[net].macs[mac] = -1;
        rig_unwant_mac(rig, net_name(net), mac_text(mac));
        break;
    case 7:
        if (m->nets[net].wanted) {
            m->bindings[port][vlan] = net;
            ovc_want_binding(rig->session, RIG_SWITCH, port_name(port), vlan,
                             net_name(net));
        } else {
            m->bindings[port][vlan] = -1;
            ovc_unwant_binding(rig->session, RIG_SWITCH, port_name(port),
                               vlan);
        }
        break;
    }
}

/* Others. */

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
    const struct vteprec_physical_port *port
        = rig_port(rig, port_name(pick(2)));
    const struct vteprec_ucast_macs_remote *mac;
    int64_t vni = 500 + pick(100);

    switch (pick(6)) {
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
        vteprec_physical_port_update_vlan_bindings_setkey(
            port, pick(N_VLANS + 2), ls);
        break;
    }
}

static void
others_edit(struct rig *rig)
{
    const struct vteprec_logical_switch *ls;

    rig_begin(rig);
    ls = rig_ls(rig, net_name(pick(N_NETS)));
    if (ls) {
        edit_network(rig, ls);
    } else {
        struct vteprec_logical_switch *row
            = vteprec_logical_switch_insert(rig->txn);
        int64_t vni = 500 + pick(100);
        char *name = xasprintf(TSN_LS_PREFIX "stale-%d", pick(1000000));
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
        rig_start_session(rig, NULL);
        want_all(rig, m);
        ovc_session_set_config_complete(rig->session);
    }
}

static void
random_edits__of_all_sides__converge(void **state)
{
    struct rig *rig = *state;
    struct model m;

    seed = getenv("RIG_SEED") ? atoi(getenv("RIG_SEED")) : time_wall_msec();
    print_message("RIG_SEED=%u\n", seed);
    memset(&m, -1, sizeof m);
    for (int i = 0; i < N_NETS; i++) {
        m.nets[i].wanted = false;
        m.nets[i].vni = 100 + i;
        m.nets[i].flood = 1;
    }
    rig_stop_session(rig);
    rig->stale_hold_ms = 0;
    rig_start_session(rig, NULL);
    ovc_session_set_config_complete(rig->session);

    for (int round = 0; round < N_ROUNDS; round++) {
        for (int i = 0; i < N_EDITS; i++) {
            owner_edits(rig, &m);
            if (!pick(3)) {
                others_edit(rig);
            }
            if (!pick(4)) {
                rig_turn(rig, 1);
            }
        }
        if (!pick(10)) {
            restart(rig, &m);
        }
        RIG_UNTIL(rig, is_as_wanted(rig, &m));

        /* The session has seen that, too. */
        RIG_UNTIL(rig, rig_all_written(rig) && !rig->session->n_flights);
        uint64_t n = rig_status(rig, "ovsdb", "transactions");
        rig_run(rig, 20);
        assert_int_equal(rig_status(rig, "ovsdb", "transactions"), n);
        assert_true(is_as_wanted(rig, &m));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_edits__of_all_sides__converge,
                                        rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
