/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator sees of a session. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "ovsdb-client/operator.h"
#include "timeval.h"
#include "tsn/json.h"
#include "util.h"

static const char *
state_name(const struct ovc_object *object)
{
    switch (object->state) {
    case OVC_WRITTEN:
        return "written";
    case OVC_HELD:
        return "held";
    case OVC_STALE:
        return "stale";
    case OVC_REMOVING:
        return "removing";
    case OVC_WAITING:
    case OVC_IDLE:
    case OVC_N_STATES:
    default:
        return "waiting";
    }
}

const char *
ovc_why_text(enum ovc_why why)
{
    switch (why) {
    case OVC_WHY_QUEUED:
        return "queued";
    case OVC_WHY_SENT:
        return "sent to the switch";
    case OVC_WHY_ECHO:
        return "waiting for the switch to show it";
    case OVC_WHY_REFUSED:
        return "the switch refused it";
    case OVC_WHY_FIGHT:
        return "somebody else keeps changing it";
    case OVC_WHY_LS:
        return "its Logical_Switch is not written";
    case OVC_WHY_PORT:
        return "the switch has no such port";
    case OVC_WHY_VNI_RANGE:
        return "the VNI is out of range";
    case OVC_WHY_VNI_WANTED:
        return "another network wants the same VNI";
    case OVC_WHY_VNI_HELD:
        return "the VNI is taken";
    case OVC_WHY_OWN_VTEP:
        return "the VTEP is the switch itself";
    case OVC_WHY_NO_TUNNEL_IP:
        return "the switch has no tunnel_ips";
    case OVC_WHY_BAD_VTEP:
        return "the VTEP is not a unicast IPv4 address";
    case OVC_WHY_BAD_MAC:
        return "not a unicast MAC";
    case OVC_WHY_BAD_VLAN:
        return "the VLAN is out of range";
    case OVC_WHY_DEPENDENTS:
        return "rows still refer to it";
    case OVC_WHY_LOCAL_ROWS:
        return "the switch still has learnt rows for it";
    case OVC_WHY_SWITCH:
        return "the database has no such switch";
    case OVC_WHY_MODE:
        return "held back by the operator";
    case OVC_WHY_VLAN_RANGE:
        return "the switch has no such VLAN";
    case OVC_WHY_VLAN_RESERVED:
        return "the switch keeps this VLAN for itself";
    case OVC_WHY_TAGGED:
        return "the port has an untagged network, and the switch cannot have "
               "both on one port";
    case OVC_WHY_UNTAGGED:
        return "the port has tagged networks, and the switch cannot have both "
               "on one port";
    case OVC_WHY_DIGIT_NAME:
        return "the switch takes no name that is all digits";
    case OVC_WHY_NONE:
    default:
        return NULL;
    }
}

/* Whether it is of interest: wanted, or there nevertheless. */
static bool
is_shown(const struct ovc_object *object)
{
    return (object->wanted || object->state == OVC_STALE
            || object->state == OVC_REMOVING);
}

void
ovc_object_reason(const struct ovc_session *s,
                  const struct ovc_object *object, struct ds *ds)
{
    if ((object->state == OVC_WAITING || object->state == OVC_REMOVING)
        && !s->up) {
        ds_put_format(ds, "no session: %s", s->reason);
        return;
    }
    const char *text = ovc_why_text(object->why);
    if (!text) {
        return;
    }
    ds_put_cstr(ds, text);
    if (object->error) {
        ds_put_format(ds, ": %s", object->error);
    }
    if (object->why >= OVC_WHY_PROFILE) {
        ds_put_format(ds, " (profile %s)", s->profile->name);
    }
    if (object->why == OVC_WHY_VNI_WANTED
        || object->why == OVC_WHY_VNI_HELD) {
        const struct ovc_ls *rival = ovc_ls_rival(
            s, CONTAINER_OF(object, struct ovc_ls, object));
        if (rival) {
            ds_put_format(ds, ": %s", rival->name);
        }
    }
}

void
ovc_put_state(const struct ovc_session *s, const struct ovc_object *object,
              struct tsn_json *json)
{
    struct ds reason = DS_EMPTY_INITIALIZER;

    tsn_json_string(json, "state", state_name(object));
    ovc_object_reason(s, object, &reason);
    tsn_json_string(json, "reason",
                    reason.length ? ds_cstr(&reason) : NULL);
    ds_destroy(&reason);
}

void
ovc_put_mac_state(const struct ovc_session *s, const char *ls_name,
                  const struct eth_addr *addr, struct tsn_json *json)
{
    const struct ovc_ls *ls = ovc_ls_find(s, ls_name);
    const struct ovc_mac *mac = ls ? ovc_mac_find(s, ls, addr, false) : NULL;

    if (mac && mac->object.wanted) {
        ovc_put_state(s, &mac->object, json);
    } else {
        tsn_json_string(json, "state", NULL);
        tsn_json_string(json, "reason", NULL);
    }
}

void
ovc_session_status(const struct ovc_session *s, const char *remote,
                   struct tsn_json *json)
{
    char *since = xastrftime_msec("%Y-%m-%dT%H:%M:%SZ", s->since_wall_ms,
                                  true);

    tsn_json_object_begin(json, "ovsdb");
    tsn_json_string(json, "remote", remote ? remote : s->remote);
    tsn_json_bool(json, "connected", s->up);
    tsn_json_string(json, "since", since);
    tsn_json_string(json, "reason", s->up ? NULL : s->reason);
    tsn_json_string(json, "lacks", s->lack);
    tsn_json_string(json, "schema", s->guard.schema);
    tsn_json_string(json, "profile", s->profile->name);
    tsn_json_uint(json, "transactions", s->n_transactions);
    tsn_json_uint(json, "refused", s->n_refused);
    tsn_json_uint(json, "bad_rows", s->n_bad_rows + s->db.n_bad_values);
    tsn_json_uint(json, "bad_messages", s->guard.n_bad);
    tsn_json_string(json, "last_error", s->last_error);
    tsn_json_string(json, "mode", ovc_mode_name(s->mode));
    tsn_json_uint(json, "forced_deletes", s->n_forced);
    tsn_json_uint(json, "reply_ms", s->reply_ms);
    if (s->guard.session && ovc_db_is_connected(&s->db)) {
        tsn_json_uint(json, "silence_ms",
                      ovc_guard_silence_ms(&s->guard, s->now_ms));
    } else {
        tsn_json_string(json, "silence_ms", NULL);
    }
    ovc_history_status(s, json);
    tsn_json_array_begin(json, "without");
    if (s->read) {
        ovc_db_put_missing(&s->db, json);
    }
    tsn_json_array_end(json);
    tsn_json_object_end(json);

    tsn_json_object_begin(json, "rows");
    tsn_json_uint(json, "wanted", (s->n_state[OVC_WRITTEN]
                                   + s->n_state[OVC_WAITING]
                                   + s->n_state[OVC_HELD]));
    tsn_json_uint(json, "written", s->n_state[OVC_WRITTEN]);
    tsn_json_uint(json, "waiting", (s->n_state[OVC_WAITING]
                                    + s->n_state[OVC_HELD]));
    tsn_json_uint(json, "against_profile", s->n_against_profile);
    tsn_json_uint(json, "stale", s->n_state[OVC_STALE]);
    tsn_json_uint(json, "removing", s->n_state[OVC_REMOVING]);
    tsn_json_object_end(json);
    free(since);
}

void
ovc_session_macs(const struct ovc_session *s, struct tsn_json *json)
{
    const struct ovc_mac *mac;

    tsn_json_array_begin(json, "macs");
    HMAP_FOR_EACH (mac, node, &s->macs) {
        if (is_shown(&mac->object)) {
            tsn_json_object_begin(json, NULL);
            tsn_json_string(json, "network", mac->ls->name);
            tsn_json_mac(json, "mac", &mac->mac);
            tsn_json_ip(json, "vtep", &mac->vtep);
            ovc_put_state(s, &mac->object, json);
            tsn_json_object_end(json);
        }
    }
    tsn_json_array_end(json);
}

/* The network of a binding, which is one of ours or else what is there. */
static const char *
bound_to(const struct ovc_binding *b)
{
    const struct ovc_ls *ls = b->ls ? b->ls : b->bound;

    return ls ? ls->name : NULL;
}

/* The VNI that is wanted or else there. */
static uint32_t
shown_vni(const struct ovc_ls *ls)
{
    if (ls->object.wanted || ovs_list_is_empty(&ls->rows)) {
        return ls->vni;
    }
    return CONTAINER_OF(ovs_list_front(&ls->rows), struct ovc_ls_row,
                        node)->vni;
}

static void
put_network(const struct ovc_session *s, const struct ovc_ls *ls,
            struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "name", ls->name);
    tsn_json_uint(json, "vni", shown_vni(ls));
    ovc_put_state(s, &ls->object, json);
    if (is_shown(&ls->flood.object)) {
        tsn_json_object_begin(json, "flood");
        tsn_json_array_begin(json, "vteps");
        size_t n;
        const struct in6_addr *vteps = ovc_flood_vteps(s, &ls->flood, &n);
        for (size_t i = 0; i < n; i++) {
            tsn_json_ip(json, NULL, &vteps[i]);
        }
        tsn_json_array_end(json);
        ovc_put_state(s, &ls->flood.object, json);
        tsn_json_object_end(json);
    }
    tsn_json_object_end(json);
}

void
ovc_session_networks(const struct ovc_session *s, struct tsn_json *json)
{
    const struct ovc_binding *b;
    const struct ovc_ls *ls;
    const struct ovc_port *port;

    tsn_json_array_begin(json, "networks");
    HMAP_FOR_EACH (ls, node, &s->lss) {
        if (is_shown(&ls->object)) {
            put_network(s, ls, json);
        }
    }
    tsn_json_array_end(json);

    tsn_json_array_begin(json, "bindings");
    HMAP_FOR_EACH (port, node, &s->ports) {
        HMAP_FOR_EACH (b, node, &port->bindings) {
            if (is_shown(&b->object)) {
                tsn_json_object_begin(json, NULL);
                tsn_json_string(json, "switch", port->sw->name);
                tsn_json_string(json, "port", port->name);
                tsn_json_uint(json, "vlan", b->vlan);
                tsn_json_string(json, "network", bound_to(b));
                ovc_put_state(s, &b->object, json);
                tsn_json_object_end(json);
            }
        }
    }
    tsn_json_array_end(json);
}
