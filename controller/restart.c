/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/restart.h"

#include <inttypes.h>
#include <stdlib.h>

#include "controller/config.h"
#include "controller/rib.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "tsn/model.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ctrl_restart);

/* Some hundred agents may go at once. */
static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(60, 600);

struct restart {
    struct in6_addr peer_ip;
    struct ctrl_rib_client *client;     /* Ours while it is away. */
    bool away;
    size_t n_routes;            /* Of one that is away. */
    bool told_long;             /* It was logged. */
    uint64_t first_down_ms;     /* What is stale may be that old. */
    uint64_t down_ms, up_ms;
};

struct ctrl_restarts {
    struct shash clients;       /* struct restart, by name. */
    size_t n_away, n_away_routes;
    struct ctrl_graceful_restart conf;
};

struct ctrl_restarts *
ctrl_restarts_create(void)
{
    struct ctrl_restarts *set = xzalloc(sizeof *set);

    shash_init(&set->clients);
    return set;
}

static void
set_away(struct ctrl_restarts *set, struct restart *r, bool away)
{
    struct ctrl_rib_client_stats stats;

    if (away) {
        ctrl_rib_client_stats(r->client, &stats);
        r->n_routes = stats.n_routes + stats.n_subscriptions;
        set->n_away++;
        set->n_away_routes += r->n_routes;
    } else {
        set->n_away--;
        set->n_away_routes -= r->n_routes;
    }
    r->away = away;
}

/* The record goes; of one that is away all goes with it. */
static void
drop(struct ctrl_restarts *set, struct shash_node *node)
{
    struct restart *r = node->data;

    if (r->away) {
        set_away(set, r, false);
        ctrl_rib_client_destroy(r->client);
    }
    free(r);
    shash_delete(&set->clients, node);
}

void
ctrl_restarts_destroy(struct ctrl_restarts *set)
{
    if (set) {
        struct shash_node *node;

        SHASH_FOR_EACH_SAFE (node, &set->clients) {
            drop(set, node);
        }
        shash_destroy(&set->clients);
        free(set);
    }
}

static bool
is_on(const struct ctrl_restarts *set)
{
    return set->conf.enable && set->conf.xmpp_helper;
}

static uint64_t
restart_ms(const struct ctrl_restarts *set)
{
    return (uint64_t) set->conf.restart_s * 1000;
}

/* Both times together. */
static uint64_t
longest_ms(const struct ctrl_restarts *set)
{
    return restart_ms(set) + (uint64_t) set->conf.long_lived_s * 1000;
}

/* When what is stale goes.  One that is back has the time that ran when it
 * came, but no longer than end-of-rib-timeout. */
static uint64_t
deadline(const struct ctrl_restarts *set, const struct restart *r)
{
    if (r->away) {
        return r->down_ms + longest_ms(set);
    }

    uint64_t end = r->down_ms + restart_ms(set);
    if (r->up_ms >= end) {
        end = r->down_ms + longest_ms(set);
    }
    /* A client that flaps for ever does not keep its routes for ever. */
    end = MIN(end, r->first_down_ms + longest_ms(set));
    end = MAX(end, r->up_ms + CTRL_SWEEP_MIN_MS);
    return MIN(end, r->up_ms + (uint64_t) set->conf.end_of_rib_s * 1000);
}

/* The client is back; what it has not renewed goes. */
static void
sweep(struct ctrl_restarts *set, struct shash_node *node, const char *why)
{
    struct restart *r = node->data;
    size_t n = ctrl_rib_client_sweep(r->client);

    VLOG_INFO_RL(&rl, "client has restarted, %s session=%s "
                 "routes_removed=%"PRIuSIZE, why, node->name, n);
    drop(set, node);
}

void
ctrl_restarts_configure(struct ctrl_restarts *set,
                        const struct ctrl_graceful_restart *conf)
{
    struct shash_node *node;

    set->conf = *conf;
    if (is_on(set)) {
        return;
    }
    SHASH_FOR_EACH_SAFE (node, &set->clients) {
        const struct restart *r = node->data;

        if (r->away) {
            drop(set, node);
        } else {
            sweep(set, node, "the helper is switched off");
        }
    }
}

static bool
is_kept(const struct ctrl_restarts *set, const char *name,
        struct ctrl_rib_client *client)
{
    struct ctrl_rib_client_stats stats;

    ctrl_rib_client_end_unknown(client);
    ctrl_rib_client_stats(client, &stats);
    if (!is_on(set) || !stats.n_subscriptions) {
        return false;
    }
    if (set->n_away >= CTRL_MAX_AWAY
        || stats.n_routes + stats.n_subscriptions
           > CTRL_MAX_AWAY_ROUTES - set->n_away_routes) {
        VLOG_WARN_RL(&rl, "not keeping the routes of a client that is away, "
                     "too much is kept already session=%s clients=%"PRIuSIZE
                     " routes=%"PRIuSIZE, name, set->n_away,
                     set->n_away_routes);
        return false;
    }
    return true;
}

void
ctrl_restarts_leave(struct ctrl_restarts *set, const char *name,
                    const struct in6_addr *peer_ip,
                    struct ctrl_rib_client *client, uint64_t now_ms)
{
    struct shash_node *node = shash_find(&set->clients, name);

    if (!is_kept(set, name, client)) {
        if (node) {
            drop(set, node);
        }
        ctrl_rib_client_destroy(client);
        return;
    }
    struct restart *r = node ? node->data : NULL;
    if (!r) {
        r = xzalloc(sizeof *r);
        r->first_down_ms = now_ms;
        shash_add(&set->clients, name, r);
    } else if (now_ms >= r->first_down_ms + longest_ms(set)) {
        ctrl_rib_client_sweep(client);
        r->first_down_ms = now_ms;
    }
    r->peer_ip = *peer_ip;
    r->client = client;
    set_away(set, r, true);
    r->told_long = false;
    r->down_ms = now_ms;
    ctrl_rib_client_keep(client);
    VLOG_INFO_RL(&rl, "keeping the routes of a client that is away session=%s "
                 "routes=%"PRIuSIZE" seconds=%"PRIu64, name,
                 ctrl_rib_client_n_stale(client), longest_ms(set) / 1000);
}

struct ctrl_rib_client *
ctrl_restarts_return(struct ctrl_restarts *set, const char *name,
                     const struct ctrl_rib_ops *ops, void *aux,
                     uint64_t now_ms)
{
    struct restart *r = shash_find_data(&set->clients, name);

    if (!r || !r->away) {
        return NULL;
    }
    set_away(set, r, false);
    r->up_ms = now_ms;
    ctrl_rib_client_resume(r->client, ops, aux);
    VLOG_INFO_RL(&rl, "client is back, its routes are to be renewed "
                 "session=%s away_s=%"PRIu64" seconds=%"PRIu64, name,
                 (now_ms - r->down_ms) / 1000,
                 (deadline(set, r) - now_ms) / 1000);
    return r->client;
}

void
ctrl_restarts_forget(struct ctrl_restarts *set, const char *name)
{
    struct shash_node *node = shash_find(&set->clients, name);

    if (node) {
        drop(set, node);
    }
}

void
ctrl_restarts_end_of_rib(struct ctrl_restarts *set, const char *name)
{
    struct shash_node *node = shash_find(&set->clients, name);

    if (node) {
        sweep(set, node, "it has told all");
    }
}

/* Returns when there is more to do. */
static uint64_t
run_one(struct ctrl_restarts *set, struct shash_node *node, uint64_t now_ms)
{
    struct restart *r = node->data;
    uint64_t end = deadline(set, r);

    if (now_ms >= end) {
        if (r->away) {
            VLOG_WARN_RL(&rl, "client did not come back, its routes go "
                         "session=%s away_s=%"PRIu64, node->name,
                         (now_ms - r->down_ms) / 1000);
            drop(set, node);
        } else {
            sweep(set, node, "its time is over");
        }
        return UINT64_MAX;
    }

    uint64_t restart_end = r->down_ms + restart_ms(set);
    if (r->away && !r->told_long) {
        if (now_ms < restart_end) {
            return MIN(end, restart_end);
        }
        r->told_long = true;
        VLOG_WARN_RL(&rl, "client is away for longer than its restart time, "
                     "its routes stay session=%s seconds=%"PRIu64, node->name,
                     (end - now_ms) / 1000);
    }
    return end;
}

uint64_t
ctrl_restarts_run(struct ctrl_restarts *set, uint64_t now_ms)
{
    uint64_t next = UINT64_MAX;
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &set->clients) {
        uint64_t due = run_one(set, node, now_ms);

        next = MIN(next, due);
    }
    return next;
}

bool
ctrl_restarts_admits(const struct ctrl_restarts *set, const char *name,
                     const struct in6_addr *peer_ip)
{
    const struct restart *r = shash_find_data(&set->clients, name);

    return !r || !r->away || tsn_ip_equals(&r->peer_ip, peer_ip);
}

void
ctrl_restarts_for_each(const struct ctrl_restarts *set, uint64_t now_ms,
                       ctrl_restart_fn *fn, void *aux)
{
    const struct shash_node *node;

    SHASH_FOR_EACH (node, &set->clients) {
        const struct restart *r = node->data;
        struct ctrl_restart_info info = {
            .name = node->name,
            .peer_ip = &r->peer_ip,
            .state = !r->away ? CTRL_RESTART_BACK
                     : now_ms < r->down_ms + restart_ms(set)
                     ? CTRL_RESTART_AWAY : CTRL_RESTART_LONG_AWAY,
            .since_ms = r->down_ms,
            .until_ms = deadline(set, r),
            .n_stale = ctrl_rib_client_n_stale(r->client),
        };

        fn(&info, aux);
    }
}
