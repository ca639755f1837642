/* SPDX-License-Identifier: Apache-2.0 */
/* Physical_Switch: which of the switches we serve the database has, by what
 * addresses, with what ports.  Those that it lacks wait; the others are served
 * meanwhile (spec A.9, J.14). */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/text.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_switch);

/* Names in a message about one that is missing, about so many characters. */
#define NAMES_LEN 256

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);

void
ovc_switches_init(struct ovc_session *s,
                  const struct ovc_session_config *config)
{
    hmap_init(&s->switches);
    for (size_t i = 0; i < config->n_switches; i++) {
        struct ovc_switch *sw = xzalloc(sizeof *sw);
        sw->name = xstrdup(config->switches[i]);
        ovs_list_init(&sw->ports);
        hmap_insert(&s->switches, &sw->node, hash_string(sw->name, 0));
    }
}

void
ovc_switches_destroy(struct ovc_session *s)
{
    struct ovc_switch *sw;

    HMAP_FOR_EACH_POP (sw, node, &s->switches) {
        free(sw->tunnel_ips);
        free(sw->name);
        free(sw);
    }
    hmap_destroy(&s->switches);
    free(s->tunnel_ips);
}

struct ovc_switch *
ovc_switch_find(const struct ovc_session *s, const char *name)
{
    struct ovc_switch *sw;

    HMAP_FOR_EACH_WITH_HASH (sw, node, hash_string(name, 0), &s->switches) {
        if (!strcmp(sw->name, name)) {
            return sw;
        }
    }
    return NULL;
}

/* Addresses. */

/* Returns true if they are others than before. */
static bool
read_tunnel_ips(struct ovc_session *s, struct ovc_switch *sw,
                const struct vtep_switch *row)
{
    size_t n_ips = row ? row->tunnel_ips.n : 0;
    struct in6_addr *ips = xmalloc(MAX(n_ips, 1) * sizeof *ips);
    size_t n = 0;

    for (size_t i = 0; i < n_ips; i++) {
        ips[n] = ovc_text_to_vtep(row->tunnel_ips.elems[i]);
        if (tsn_ip_is_set(&ips[n])) {
            n++;
        } else {
            s->n_bad_rows++;
        }
    }
    bool changed = (n != sw->n_tunnel_ips
                    || (n && memcmp(ips, sw->tunnel_ips, n * sizeof *ips)));
    free(sw->tunnel_ips);
    sw->tunnel_ips = ips;
    sw->n_tunnel_ips = n;
    return changed;
}

/* Returns true if their number is another one than before. */
static bool
count_addressless(struct ovc_session *s)
{
    const struct ovc_switch *sw;
    size_t before = s->n_addressless;

    s->n_addressless = 0;
    HMAP_FOR_EACH (sw, node, &s->switches) {
        s->n_addressless += sw->there && !sw->n_tunnel_ips;
    }
    return s->n_addressless != before;
}

bool
ovc_ls_is_addressless(const struct ovc_session *s, const struct ovc_ls *ls)
{
    const struct ovc_binding *b;

    if (!s->n_tunnel_ips || !s->n_addressless) {
        return !s->n_tunnel_ips;
    }
    LIST_FOR_EACH (b, ls_node, &ls->bindings) {
        if (b->port->sw->there && !b->port->sw->n_tunnel_ips) {
            return true;
        }
    }
    return false;
}

/* Those of all switches; what is wanted may have become one of them, or have
 * ceased to be. */
static void
join_tunnel_ips(struct ovc_session *s)
{
    const struct ovc_switch *sw;
    struct ovc_mac *mac;
    size_t n = 0;

    HMAP_FOR_EACH (sw, node, &s->switches) {
        n += sw->n_tunnel_ips;
    }
    free(s->tunnel_ips);
    s->tunnel_ips = xmalloc(MAX(n, 1) * sizeof *s->tunnel_ips);
    s->n_tunnel_ips = 0;
    HMAP_FOR_EACH (sw, node, &s->switches) {
        for (size_t i = 0; i < sw->n_tunnel_ips; i++) {
            s->tunnel_ips[s->n_tunnel_ips++] = sw->tunnel_ips[i];
        }
    }
    HMAP_FOR_EACH (mac, node, &s->macs) {
        if (mac->object.wanted) {
            ovc_object_queue(s, &mac->object);
        }
    }
    s->learnt_changed = true;
}

/* Which switches there are. */

/* Those of the database. */
static char *
all_names(const struct ovc_session *s)
{
    const struct vtep_switch *row;
    struct ds names = DS_EMPTY_INITIALIZER;

    OVC_DB_FOR_EACH (row, OVC_T_SWITCH, &s->db) {
        ds_put_format(&names, "%s\"%.64s\"", names.length ? ", " : "",
                      row->name);
        if (names.length > NAMES_LEN) {
            ds_put_cstr(&names, ", ...");
            break;
        }
    }
    if (!names.length) {
        ds_put_cstr(&names, "none");
    }
    return ds_steal_cstr(&names);
}

/* Those of ours that it lacks, or NULL. */
static char *
missing_names(const struct ovc_session *s)
{
    const struct ovc_switch *sw;
    struct ds names = DS_EMPTY_INITIALIZER;

    HMAP_FOR_EACH (sw, node, &s->switches) {
        if (!sw->there) {
            ds_put_format(&names, "%s\"%s\"", names.length ? ", " : "",
                          sw->name);
            if (names.length > NAMES_LEN) {
                ds_put_cstr(&names, ", ...");
                break;
            }
        }
    }
    return names.length ? ds_steal_cstr(&names) : NULL;
}

/* Whether an operator may have meant 'a' by 'b': they differ by case, or one
 * has a domain. */
static bool
is_similar(const char *a, const char *b)
{
    size_t a_len = strcspn(a, "."), b_len = strcspn(b, ".");

    return a_len && a_len == b_len && !strncasecmp(a, b, a_len);
}

/* A name of the database that is similar to one of ours that it lacks, or
 * NULL. */
static const char *
find_similar(const struct ovc_session *s)
{
    const struct vtep_switch *row;
    const struct ovc_switch *sw;

    OVC_DB_FOR_EACH (row, OVC_T_SWITCH, &s->db) {
        HMAP_FOR_EACH (sw, node, &s->switches) {
            if (!sw->there && !ovc_switch_find(s, row->name)
                && is_similar(sw->name, row->name)) {
                return row->name;
            }
        }
    }
    return NULL;
}

/* Takes 'lack'.  Logs what the database lacks, once. */
static void
set_lack(struct ovc_session *s, char *lack)
{
    if (lack && (!s->lack || strcmp(lack, s->lack))) {
        VLOG_WARN_RL(&rl, "%s tor=%s", lack, s->name);
    } else if (!lack && s->lack) {
        VLOG_INFO_RL(&rl, "the database has all its switches tor=%s",
                     s->name);
    }
    free(s->lack);
    s->lack = lack;
}

static void
check_lack(struct ovc_session *s)
{
    char *missing = missing_names(s);

    if (!missing) {
        set_lack(s, NULL);
        return;
    }
    char *names = all_names(s);
    const char *similar = find_similar(s);
    set_lack(s, xasprintf("no Physical_Switch named %s, the database has %s"
                          "%s%.64s%s", missing, names,
                          similar ? "; is \"" : "", similar ? similar : "",
                          similar ? "\" meant?" : ""));
    free(names);
    free(missing);
}

static void
lose_switch(struct ovc_session *s, struct ovc_switch *sw)
{
    if (sw->there) {
        sw->there = false;
        ovc_ports_lose(s, sw);
        ovc_ports_queue(s, sw);
    }
}

bool
ovc_switches_check(struct ovc_session *s)
{
    const struct vtep_switch *row;
    struct ovc_switch *sw;

    OVC_DB_FOR_EACH (row, OVC_T_SWITCH, &s->db) {
        if (ovc_switch_find(s, row->name)) {
            return true;
        }
    }
    HMAP_FOR_EACH (sw, node, &s->switches) {
        lose_switch(s, sw);
    }
    check_lack(s);
    free(s->reason);
    s->reason = xstrdup(s->lack);
    s->up = false;
    return false;
}

/* Returns true if its addresses changed. */
static bool
read_switch(struct ovc_session *s, struct ovc_switch *sw,
            const struct vtep_switch *row, bool ports_changed)
{
    if (!sw->there || !uuid_equals(&sw->uuid, &row->row.uuid)) {
        sw->there = true;
        sw->uuid = row->row.uuid;
        ports_changed = true;
        ovc_ports_queue(s, sw);
    }
    if (ports_changed || row->row.updated & 1u << VTEP_SWITCH_PORTS) {
        ovc_ports_read(s, sw, row);
    }
    return read_tunnel_ips(s, sw, row);
}

static void
read_switches(struct ovc_session *s, bool ports_changed)
{
    const struct vtep_switch *row;
    struct ovc_switch *sw;
    bool ips_changed = false;

    HMAP_FOR_EACH (sw, node, &s->switches) {
        sw->seen = false;
    }
    OVC_DB_FOR_EACH (row, OVC_T_SWITCH, &s->db) {
        sw = ovc_switch_find(s, row->name);
        if (sw && sw->seen) {
            s->n_bad_rows++;            /* Of two the first counts. */
        } else if (sw) {
            sw->seen = true;
        }
    }

    /* What left goes first: a port may have moved. */
    HMAP_FOR_EACH (sw, node, &s->switches) {
        if (!sw->seen) {
            lose_switch(s, sw);
            ips_changed |= read_tunnel_ips(s, sw, NULL);
        }
        sw->seen = false;
    }
    OVC_DB_FOR_EACH (row, OVC_T_SWITCH, &s->db) {
        sw = ovc_switch_find(s, row->name);
        if (sw && !sw->seen) {
            sw->seen = true;
            ips_changed |= read_switch(s, sw, row, ports_changed);
        }
    }
    if (count_addressless(s) || ips_changed) {
        join_tunnel_ips(s);
    }
    ovc_tunnels_update(s);
    check_lack(s);
}

void
ovc_switches_read_all(struct ovc_session *s)
{
    read_switches(s, true);
}

void
ovc_switches_read_changes(struct ovc_session *s)
{
    const struct ovc_db_table *ports = &s->db.tables[OVC_T_PORT];
    const struct ovc_db_table *switches = &s->db.tables[OVC_T_SWITCH];
    const struct vtep_port *port;
    bool ports_changed = ports->n_gone > 0;

    OVC_DB_FOR_EACH_CHANGED (port, OVC_T_PORT, &s->db) {
        if (port->row.updated & 1u << VTEP_PORT_NAME) {
            ports_changed = true;
        } else {
            ovc_port_row_changed(s, port);
        }
    }
    if ((ports_changed || switches->n_gone
         || !ovs_list_is_empty(&switches->changed))
        && ovc_switches_check(s)) {
        read_switches(s, ports_changed);
    }
}
