/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tor-agent/reload.h"

#include <string.h>

#include "tsn/config.h"
#include "util.h"

const struct tsn_config_tor *
tor_config_find(const struct tsn_config *config, const char *name)
{
    for (size_t i = 0; i < config->n_tors; i++) {
        if (!strcmp(config->tors[i].name, name)) {
            return &config->tors[i];
        }
    }
    return NULL;
}

static bool
same_files(const struct tsn_tls_files *a, const struct tsn_tls_files *b)
{
    return nullable_string_is_equal(a->certificate, b->certificate)
           && nullable_string_is_equal(a->private_key, b->private_key)
           && nullable_string_is_equal(a->ca, b->ca);
}

bool
tor_config_same_tls(const struct tsn_config *a, const struct tsn_config *b)
{
    return a->controllers_tls == b->controllers_tls
           && (!a->controllers_tls || same_files(&a->tls, &b->tls));
}

/* Keys for all ToRs that their sessions with control nodes depend on.  Returns
 * the first that differs, or NULL. */
static const char *
compare_sessions(const struct tsn_config *a, const struct tsn_config *b)
{
    if (a->n_controllers != b->n_controllers
        || memcmp(a->controllers, b->controllers,
                  a->n_controllers * sizeof *a->controllers)) {
        return "controllers";
    } else if (strcmp(a->subcluster, b->subcluster)) {
        return "subcluster";
    } else if (a->controllers_tls != b->controllers_tls) {
        return "controllers-tls";
    } else if (!tor_config_same_tls(a, b)) {
        return "tls";
    }
    return NULL;
}

static bool
same_switches(const struct tsn_config_tor *a, const struct tsn_config_tor *b)
{
    if (a->n_switches != b->n_switches) {
        return false;
    }
    for (size_t i = 0; i < a->n_switches; i++) {
        if (strcmp(a->switches[i], b->switches[i])) {
            return false;
        }
    }
    return true;
}

/* Likewise, of the ToR alone, for its session with the switch. */
static const char *
compare_switch(const struct tsn_config_tor *a, const struct tsn_config_tor *b)
{
    if (!nullable_string_is_equal(a->ovsdb, b->ovsdb)) {
        return "ovsdb";
    } else if (!nullable_string_is_equal(a->certificate, b->certificate)) {
        return "certificate";
    } else if (!tsn_ip_equals(&a->address, &b->address)) {
        return "address";
    } else if (!same_switches(a, b)) {
        return "switches";
    }
    return NULL;
}

bool
tor_config_same_switch(const struct tsn_config_tor *a,
                       const struct tsn_config_tor *b)
{
    return !compare_switch(a, b);
}

const struct tsn_config_listener *
tor_config_find_listener(const struct tsn_config *config,
                         const struct tsn_config_listener *l)
{
    for (size_t i = 0; i < config->n_listeners; i++) {
        const struct tsn_config_listener *other = &config->listeners[i];

        if (!strcmp(l->name, other->name) && l->tls == other->tls
            && l->proxy_protocol == other->proxy_protocol
            && l->n_proxies == other->n_proxies
            && (!l->n_proxies
                || !memcmp(l->proxies, other->proxies,
                           l->n_proxies * sizeof *l->proxies))) {
            return other;
        }
    }
    return NULL;
}

bool
tor_config_same_switch_tls(const struct tsn_config *a,
                           const struct tsn_config *b)
{
    return a->has_switch_tls == b->has_switch_tls
           && (!a->has_switch_tls
               || same_files(&a->switch_tls, &b->switch_tls));
}

/* What can be changed under a running session. */
static const char *
compare_tunables(const struct tsn_config *a, const struct tsn_config *b)
{
    if (a->hold_s != b->hold_s) {
        return "hold-time";
    } else if (a->stale_hold_s != b->stale_hold_s) {
        return "stale-hold";
    } else if (a->frozen_hold_s != b->frozen_hold_s) {
        return "frozen-hold";
    } else if (a->bridge.ipaddr != b->bridge.ipaddr) {
        return "mac-ip";
    } else if (a->bridge.move_limit != b->bridge.move_limit
               || a->bridge.move_window_ms != b->bridge.move_window_ms
               || a->bridge.freeze_ms != b->bridge.freeze_ms) {
        return "mac-move-limit, -window or mac-freeze";
    } else if (a->bridge.copy_hold_ms != b->bridge.copy_hold_ms) {
        return "copy-hold";
    }
    return NULL;
}

static const char *
compare_own_tunables(const struct tsn_config_tor *a,
                     const struct tsn_config_tor *b)
{
    return a->probe_ms != b->probe_ms ? "probe-interval"
           : a->max_backoff_ms != b->max_backoff_ms ? "max-backoff"
           : a->cleanup_ms != b->cleanup_ms ? "cleanup-wait"
           : a->n_tsns != b->n_tsns
             || memcmp(a->tsns, b->tsns, sizeof a->tsns) ? "tsns"
           : strcmp(a->profile, b->profile) ? "profile"
           : a->bfd_min_rx_ms != b->bfd_min_rx_ms
             || a->bfd_min_tx_ms != b->bfd_min_tx_ms ? "bfd"
           : NULL;
}

enum tor_change
tor_config_compare(const struct tsn_config *old,
                   const struct tsn_config *config,
                   const struct tsn_config_tor *now, const char **why)
{
    const struct tsn_config_tor *was = tor_config_find(old, now->name);

    *why = NULL;
    if (!was) {
        return TOR_ADDED;
    }
    if ((*why = strcmp(was->agent_name, now->agent_name) ? "agent-name"
                                                         : NULL)
        || (*why = compare_switch(was, now))
        || (*why = was->shared != now->shared ? "ownership" : NULL)
        || (*why = compare_sessions(old, config))) {
        return TOR_REPLACED;
    }
    if ((*why = compare_own_tunables(was, now))
        || (*why = compare_tunables(old, config))) {
        return TOR_TUNED;
    }
    return TOR_SAME;
}
