/* SPDX-License-Identifier: Apache-2.0 */
/* What the switches say of their service nodes, and which node is the best for
 * a flood row that can have only one. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "smap.h"
#include "timeval.h"
#include "tsn/json.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_bfd);

/* A session that never was up: for so long it may just be starting. */
#define START_MS 5000

/* A node that failed has to be up for so long until floods come back to it, so
 * that a link that flaps does not move them each time.  If nothing is heard of
 * it, as the switch has ended its session, it is tried after that time when
 * there is no better one. */
#define RECOVER_MS 10000

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(20, 20);

static const char *
state_name(enum ovc_bfd_state state)
{
    switch (state) {
    case OVC_BFD_UNSUPPORTED:
        return "unsupported";
    case OVC_BFD_ADMIN_DOWN:
        return "admin_down";
    case OVC_BFD_DOWN:
        return "down";
    case OVC_BFD_INIT:
        return "init";
    case OVC_BFD_UP:
        return "up";
    case OVC_BFD_NONE:
    default:
        return "none";
    }
}

/* "forwarding" is false while the other side is up but says that what is
 * behind it is not (concatenated path down). */
static enum ovc_bfd_state
parse_status(const struct smap *status)
{
    const char *state = smap_get_def(status, "state", "");

    if (!smap_get_bool(status, "enabled", true)) {
        return OVC_BFD_UNSUPPORTED;
    } else if (!strcasecmp(state, "admin_down")) {
        return OVC_BFD_ADMIN_DOWN;
    } else if (!strcasecmp(state, "down")) {
        return OVC_BFD_DOWN;
    } else if (!strcasecmp(state, "init")) {
        return OVC_BFD_INIT;
    } else if (!strcasecmp(state, "up")) {
        return smap_get_bool(status, "forwarding", true) ? OVC_BFD_UP
                                                         : OVC_BFD_DOWN;
    }
    return OVC_BFD_NONE;
}

/* "No Diagnostic" is what a session says that has nothing to say. */
static const char *
parse_diagnostic(const struct smap *status)
{
    const char *text = smap_get(status, "diagnostic");

    return text && *text && strcasecmp(text, "No Diagnostic") ? text : NULL;
}

static void
log_state(const struct ovc_session *s, const struct ovc_tunnel *t)
{
    char node[TSN_IP_STRLEN];

    VLOG_RL(&rl, t->failed && t->bfd != OVC_BFD_UP ? VLL_WARN : VLL_INFO,
            "BFD of the switch with a service node is %s%s%s tor=%s switch=%s "
            "node=%s", state_name(t->bfd), t->diagnostic ? ": " : "",
            t->diagnostic ? t->diagnostic : "", s->name, t->sw->name,
            tsn_ip_format(&t->remote, node));
}

void
ovc_bfd_read(struct ovc_session *s, struct ovc_tunnel *t,
             const struct vtep_tunnel *row)
{
    const struct smap *status = row ? &row->bfd_status : NULL;
    enum ovc_bfd_state state = status ? parse_status(status) : OVC_BFD_NONE;
    const char *text = status ? parse_diagnostic(status) : NULL;

    if (!nullable_string_is_equal(text, t->diagnostic)) {
        free(t->diagnostic);
        t->diagnostic = nullable_xstrdup(text);
    }
    if (state == t->bfd) {
        return;
    }
    if (t->bfd == OVC_BFD_UP
        && (state == OVC_BFD_DOWN || state == OVC_BFD_INIT)) {
        t->failed = true;
    } else if (state == OVC_BFD_ADMIN_DOWN || state == OVC_BFD_UNSUPPORTED) {
        t->failed = false;              /* BFD was ended, it did not fail. */
    }
    /* Down and initializing is one and the same trouble. */
    if ((state == OVC_BFD_UP) != (t->bfd == OVC_BFD_UP)
        || (state < OVC_BFD_DOWN) != (t->bfd < OVC_BFD_DOWN)) {
        t->bfd_ms = s->now_ms;
        t->bfd_wall_ms = time_wall_msec();
    }
    t->bfd = state;
    log_state(s, t);
    ovc_object_queue(s, &t->object);
}

static enum ovc_node_rank
rank_tunnel(const struct ovc_session *s, struct ovc_tunnel *t,
            long long *next_ms)
{
    *next_ms = 0;
    if (t->bfd == OVC_BFD_UP) {
        if (t->failed && s->now_ms < t->bfd_ms + RECOVER_MS) {
            *next_ms = t->bfd_ms + RECOVER_MS;
            return OVC_NODE_RECOVERING;
        }
        t->failed = false;
        return OVC_NODE_UP;
    } else if (t->bfd == OVC_BFD_DOWN || t->bfd == OVC_BFD_INIT) {
        t->failed = t->failed || s->now_ms >= t->bfd_ms + START_MS;
        if (t->failed) {
            return OVC_NODE_DOWN;
        }
        *next_ms = t->bfd_ms + START_MS;
    } else if (t->failed) {
        if (s->now_ms >= t->bfd_ms + RECOVER_MS) {
            return OVC_NODE_RECOVERING;
        }
        *next_ms = t->bfd_ms + RECOVER_MS;
        return OVC_NODE_DOWN;
    }
    return OVC_NODE_UNKNOWN;
}

/* A network's flood row is the same for all switches of a database: the worst
 * of what they say counts. */
static enum ovc_node_rank
rank_node(const struct ovc_session *s, const struct in6_addr *ip)
{
    enum ovc_node_rank rank = OVC_NODE_UP;
    const struct ovc_tunnel *t;
    bool known = false;

    LIST_FOR_EACH (t, node, &s->tunnels) {
        if (t->object.wanted && t->sw->there
            && tsn_ip_equals(&t->remote, ip)) {
            known = true;
            rank = MIN(rank, t->rank);
        }
    }
    return known ? rank : OVC_NODE_UNKNOWN;
}

long long
ovc_bfd_judge(struct ovc_session *s, struct ovc_tunnel *t)
{
    long long next_ms;
    bool changed = false;

    t->rank = rank_tunnel(s, t, &next_ms);
    for (size_t i = 0; i < s->n_nodes; i++) {
        struct ovc_node *node = &s->nodes[i];
        enum ovc_node_rank rank = rank_node(s, &node->ip);
        changed = changed || rank != node->rank;
        node->rank = rank;
    }
    if (changed && !s->profile->several_locators) {
        ovc_floods_queue(s);
    }
    return next_ms;
}

enum ovc_node_rank
ovc_node_rank(const struct ovc_session *s, const struct in6_addr *ip)
{
    for (size_t i = 0; i < s->n_nodes; i++) {
        if (tsn_ip_equals(&s->nodes[i].ip, ip)) {
            return s->nodes[i].rank;
        }
    }
    return OVC_NODE_UNKNOWN;
}

enum ovc_bfd_state
ovc_session_bfd_state(const struct ovc_session *s, const struct in6_addr *ip)
{
    enum ovc_bfd_state worst = OVC_BFD_UP;
    const struct ovc_tunnel *t;
    bool known = false;

    LIST_FOR_EACH (t, node, &s->tunnels) {
        if (t->object.wanted && tsn_ip_equals(&t->remote, ip)) {
            known = true;
            worst = MIN(worst, t->bfd);
        }
    }
    return known ? worst : OVC_BFD_NONE;
}

size_t
ovc_session_n_bfd_failed(const struct ovc_session *s)
{
    const struct ovc_tunnel *t;
    size_t n = 0;

    LIST_FOR_EACH (t, node, &s->tunnels) {
        n += t->object.wanted && t->failed && t->bfd != OVC_BFD_UP;
    }
    return n;
}

/* Status. */

static void
put_tunnel(const struct ovc_session *s, const struct ovc_tunnel *t,
           struct tsn_json *json)
{
    char *since = (t->bfd_wall_ms
                   ? xastrftime_msec("%Y-%m-%dT%H:%M:%SZ", t->bfd_wall_ms,
                                     true)
                   : NULL);

    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "switch", t->sw->name);
    tsn_json_ip(json, "node", &t->remote);
    ovc_put_state(s, &t->object, json);
    tsn_json_string(json, "bfd", state_name(t->bfd));
    tsn_json_string(json, "diagnostic", t->diagnostic);
    tsn_json_string(json, "since", since);
    tsn_json_object_end(json);
    free(since);
}

void
ovc_session_tunnels(const struct ovc_session *s, struct tsn_json *json)
{
    const struct ovc_tunnel *t;

    tsn_json_array_begin(json, "tunnels");
    LIST_FOR_EACH (t, node, &s->tunnels) {
        if (t->object.wanted) {
            put_tunnel(s, t, json);
        }
    }
    tsn_json_array_end(json);
}
