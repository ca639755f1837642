/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/nexthop.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/hmap.h"
#include "openvswitch/vlog.h"
#include "replication/forwarder/ip-text.h"
#include "replication/forwarder/rtnl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_nexthop);

/* How often to ask for neighbours that do not answer. */
#define TICK_MS 1000
/* Ticks after which a neighbour that answered is asked again. */
#define REFRESH_TICKS 15
/* Ticks without an answer that are worth telling, and in which the way before
 * is used. */
#define PATIENCE_TICKS 3
/* Routes change in bursts, so wait for more of one ... */
#define SETTLE_MS 20
/* ... and then look up so many endpoints in one turn of the loop. */
#define REFRESH_BUDGET 256
/* To the next turn: libuv may run a timer of 0 again in this one. */
#define NEXT_TURN_MS 1

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 20);

/* The way to one endpoint. */
struct way {
    struct hmap_node node;      /* In 'ways', by 'dst'. */
    struct fwd_ip dst;
    unsigned int refs;
    struct fwd_ip via;          /* The neighbour, if routed. */
    bool fixed;                 /* It was not learnt: not to be asked. */
    bool has_others;            /* The route has other paths, too ... */
    bool is_other;              /* ... and this is one, for as long as the
                                 * neighbour of the first one is silent. */
    unsigned int kept;          /* Ticks, and one, since when the kernel has
                                 * another, whose neighbour is silent; 0: it
                                 * has this. */
    unsigned int silent;        /* Ticks that it did not answer. */
    uint32_t generation;        /* Of the routes that it was looked up in. */
    bool due;                   /* To be looked up anew anyway ... */
    bool ask;                   /* ... and neighbours to be asked for. */
    struct fwd_nexthop nh;
};

struct fwd_nexthops {
    struct fwd_ip sources[2];   /* IPv4, and IPv6 or zero. */
    const struct fwd_nexthop_ops *ops;
    void *aux;
    bool changed;               /* Not settled yet. */
    struct fwd_rtnl *rtnl;
    struct hmap ways;
    int ifindexes[FWD_NEXTHOP_MAX_INTERFACES];  /* Of paths. */
    unsigned int n_ifindexes;
    int source_ifindexes[2];
    uint32_t generation;        /* Rises when routes or links change. */
    unsigned int ticks;

    /* Freed when closed, so later than this. */
    uv_poll_t *poll;
    uv_timer_t *tick;
    uv_timer_t *refresh;        /* Active while ways are due, or of an older
                                 * generation.  It goes round: */
    struct hmap_position next;  /* From here on ... */
    bool passed;                /* ... and once more, as some of those before
                                 * may be due again. */
};

static uint32_t
hash_ip(const struct fwd_ip *ip, uint32_t basis)
{
    return hash_bytes(ip->b, sizeof ip->b, basis);
}

static struct way *
find_way(const struct fwd_nexthops *nhs, const struct fwd_ip *dst)
{
    struct way *way;

    HMAP_FOR_EACH_WITH_HASH (way, node, hash_ip(dst, 0), &nhs->ways) {
        if (fwd_ip_equals(&way->dst, dst)) {
            return way;
        }
    }
    return NULL;
}

/* The place in 'route' of the path for 'dst': the one whose hash with it is
 * the highest.  A path has as many tries as its weight. */
static unsigned int
choose_path(const struct fwd_route *route, const struct fwd_ip *dst)
{
    unsigned int best = 0;
    uint32_t best_score = 0;

    for (unsigned int i = 0; i < route->n_paths; i++) {
        const struct fwd_path *path = &route->paths[i];
        uint32_t basis = hash_ip(&path->via, path->ifindex);

        for (uint32_t k = 0; k < path->weight; k++) {
            uint32_t score = hash_ip(dst, hash_add(basis, k));

            if (score >= best_score) {
                best = i;
                best_score = score;
            }
        }
    }
    return best;
}

static void
ask_neighbour(struct fwd_nexthops *nhs, int ifindex, const struct fwd_ip *ip)
{
    int error = fwd_rtnl_solicit(nhs->rtnl, ifindex, ip);

    if (error) {
        VLOG_WARN_RL(&rl, "cannot ask for a neighbour ip=%s ifindex=%d: %s",
                     fwd_ip_text(ip).s, ifindex, ovs_strerror(-error));
    }
}

static const struct fwd_ip *
source_for(const struct fwd_nexthops *nhs, const struct fwd_ip *dst)
{
    const struct fwd_ip *source = &nhs->sources[!fwd_ip_is_v4(dst)];

    return fwd_ip_is_zero(source) ? NULL : source;
}

static bool
has_interface(const struct fwd_nexthops *nhs, int ifindex)
{
    for (unsigned int i = 0; i < nhs->n_ifindexes; i++) {
        if (nhs->ifindexes[i] == ifindex) {
            return true;
        }
    }
    return false;
}

static void
note_interface(struct fwd_nexthops *nhs, int ifindex)
{
    if (nhs->n_ifindexes < FWD_NEXTHOP_MAX_INTERFACES
        && !has_interface(nhs, ifindex)) {
        nhs->ifindexes[nhs->n_ifindexes++] = ifindex;
        nhs->ops->interface(ifindex, nhs->aux);
    }
}

static void
forget_interfaces(struct fwd_nexthops *nhs)
{
    struct fwd_link link;

    for (unsigned int i = nhs->n_ifindexes; i-- > 0; ) {
        if (fwd_rtnl_get_link(nhs->rtnl, nhs->ifindexes[i], &link)) {
            nhs->ifindexes[i] = nhs->ifindexes[--nhs->n_ifindexes];
        }
    }
}

/* How packets leave by a path, and what to ask for. */
struct hop {
    struct fwd_nexthop nh;
    struct fwd_ip via;
    bool fixed;
};

static struct hop
follow_path(struct fwd_nexthops *nhs, const struct fwd_path *path,
            uint32_t route_mtu)
{
    struct hop hop = {
        .nh.state = FWD_NEXTHOP_UNROUTED, .via = path->via,
    };
    struct fwd_link link;

    if (fwd_rtnl_get_link(nhs->rtnl, path->ifindex, &link) || !link.up) {
        return hop;
    }
    hop.nh.ifindex = path->ifindex;
    hop.nh.mtu = route_mtu && route_mtu < link.mtu ? route_mtu : link.mtu;
    memcpy(hop.nh.src_mac, link.mac, 6);
    hop.nh.state = fwd_rtnl_get_neighbour(nhs->rtnl, hop.nh.ifindex, &hop.via,
                                          hop.nh.dst_mac, &hop.fixed)
                   ? FWD_NEXTHOP_UNRESOLVED : FWD_NEXTHOP_READY;
    return hop;
}

/* Takes the best path of 'route' whose neighbour is known, or else the best
 * one.  The neighbours that are not known are left in '*silent'. */
static struct hop
follow_route(struct fwd_nexthops *nhs, const struct way *way,
             struct fwd_route *route, struct fwd_route *silent)
{
    struct hop best = {
        .nh.state = FWD_NEXTHOP_UNROUTED, .via = way->via,
    };

    for (unsigned int i = 0; i < route->n_paths; i++) {
        note_interface(nhs, route->paths[i].ifindex);
    }
    while (route->n_paths) {
        unsigned int i = choose_path(route, &way->dst);
        struct hop hop = follow_path(nhs, &route->paths[i], route->mtu);

        if (hop.nh.state == FWD_NEXTHOP_UNRESOLVED) {
            silent->paths[silent->n_paths++] = route->paths[i];
        }
        if (hop.nh.state > best.nh.state) {
            best = hop;
        }
        if (hop.nh.state == FWD_NEXTHOP_READY) {
            break;
        }
        route->paths[i] = route->paths[--route->n_paths];
    }
    return best;
}

/* Looks up 'way' in the kernel. */
static struct hop
look_up(struct fwd_nexthops *nhs, struct way *way, struct fwd_route *silent)
{
    const struct hop none = {
        .nh.state = FWD_NEXTHOP_UNROUTED, .via = way->via,
    };
    struct fwd_route route;

    silent->n_paths = 0;
    int error = fwd_rtnl_get_route(nhs->rtnl, &way->dst,
                                   source_for(nhs, &way->dst), &route);
    if (error) {
        if (error != -ENETUNREACH) {
            VLOG_WARN_RL(&rl, "cannot look up a route vtep=%s: %s",
                         fwd_ip_text(&way->dst).s, ovs_strerror(-error));
        }
        way->has_others = way->is_other = false;
        return none;
    }
    way->has_others = route.n_paths > 1;
    struct hop hop = follow_route(nhs, way, &route, silent);
    way->is_other = hop.nh.state == FWD_NEXTHOP_READY && silent->n_paths;
    return hop;
}

/* Whether what leaves as before still arrives, as far as we can tell. */
static bool
still_works(struct fwd_nexthops *nhs, const struct way *way)
{
    struct fwd_link link;
    uint8_t mac[6];
    bool fixed;

    return way->nh.state == FWD_NEXTHOP_READY
           && !fwd_rtnl_get_link(nhs->rtnl, way->nh.ifindex, &link)
           && link.up && link.carrier
           && !fwd_rtnl_get_neighbour(nhs->rtnl, way->nh.ifindex, &way->via,
                                      mac, &fixed)
           && !memcmp(mac, way->nh.dst_mac, 6);
}

/* Whether to go on as before for now: what the kernel has cannot be used. */
static bool
keep_way(struct fwd_nexthops *nhs, struct way *way,
         const struct fwd_nexthop *wanted)
{
    if (wanted->state != FWD_NEXTHOP_UNRESOLVED
        || way->kept > PATIENCE_TICKS || !still_works(nhs, way)) {
        way->kept = 0;
        return false;
    }
    way->ask = way->ask || !way->kept;
    way->kept = MAX(way->kept, 1);
    return true;
}

/* Looks up 'way', and asks for neighbours if that changes something or is
 * wanted.  Returns true if it changes how packets leave. */
static bool
refresh_way(struct fwd_nexthops *nhs, struct way *way)
{
    struct fwd_route silent;
    struct hop hop = look_up(nhs, way, &silent);
    bool changed = !keep_way(nhs, way, &hop.nh)
                   && memcmp(&hop.nh, &way->nh, sizeof hop.nh);
    bool ask = way->ask || changed;

    way->generation = nhs->generation;
    way->due = way->ask = false;
    for (unsigned int i = 0; ask && i < silent.n_paths; i++) {
        ask_neighbour(nhs, silent.paths[i].ifindex, &silent.paths[i].via);
    }
    if (!way->kept) {
        way->via = hop.via;
        way->fixed = hop.fixed;
    }
    if (!changed) {
        return false;
    }
    way->nh = hop.nh;
    if (hop.nh.state != FWD_NEXTHOP_UNRESOLVED) {
        way->silent = 0;
    }
    return true;
}

static void
tell(struct fwd_nexthops *nhs, const struct way *way)
{
    nhs->changed = true;
    nhs->ops->changed(&way->dst, &way->nh, nhs->aux);
}

/* Looks up what is due from where it was left to the end.  Begun from the start
 * each time, the last ones would wait for as long as routes change.  Returns
 * false if the budget did not suffice. */
static bool
refresh_some(struct fwd_nexthops *nhs)
{
    int budget = REFRESH_BUDGET;
    struct hmap_node *node;

    while ((node = hmap_at_position(&nhs->ways, &nhs->next))) {
        struct way *way = CONTAINER_OF(node, struct way, node);

        if (way->generation == nhs->generation && !way->due) {
            continue;
        }
        if (refresh_way(nhs, way)) {
            tell(nhs, way);
        }
        if (!--budget) {
            return false;
        }
    }
    return true;
}

static void
refresh_cb(uv_timer_t *timer)
{
    struct fwd_nexthops *nhs = timer->data;

    if (!nhs->next.bucket && !nhs->next.offset) {
        nhs->passed = false;
    }
    bool done = refresh_some(nhs);
    if (!done || nhs->passed) {
        uv_timer_start(nhs->refresh, refresh_cb, NEXT_TURN_MS, 0);
    }
    if (done && nhs->changed) {
        nhs->changed = false;
        nhs->ops->settled(nhs->aux);
    }
}

static void
start_refresh(struct fwd_nexthops *nhs, uint64_t ms)
{
    nhs->passed = true;
    if (!uv_is_active((uv_handle_t *) nhs->refresh)) {
        uv_timer_start(nhs->refresh, refresh_cb, ms, 0);
    }
}

/* Has 'way' looked up: thousands may be behind the same gateway, so not at
 * once. */
static void
refresh_soon(struct fwd_nexthops *nhs, struct way *way, bool ask)
{
    way->due = true;
    way->ask = way->ask || ask;
    start_refresh(nhs, NEXT_TURN_MS);
}

static void
find_sources(struct fwd_nexthops *nhs)
{
    for (int i = 0; i < 2; i++) {
        int ifindex = fwd_ip_is_zero(&nhs->sources[i]) ? 0
                      : fwd_rtnl_find_address(nhs->rtnl, &nhs->sources[i]);

        if (ifindex < 0) {
            VLOG_WARN_RL(&rl, "cannot look up the addresses of this host: %s",
                         ovs_strerror(-ifindex));
        } else {
            nhs->source_ifindexes[i] = ifindex;
        }
    }
}

static void
refresh_all(struct fwd_nexthops *nhs)
{
    nhs->generation++;
    find_sources(nhs);
    forget_interfaces(nhs);
    start_refresh(nhs, SETTLE_MS);
}

/* What leaves by an interface that is down is lost, so at once then. */
static void
link_changed(struct fwd_nexthops *nhs, int ifindex)
{
    bool used = has_interface(nhs, ifindex);

    refresh_all(nhs);
    if (used) {
        uv_timer_start(nhs->refresh, refresh_cb, NEXT_TURN_MS, 0);
    }
}

static void
neighbour_changed(struct fwd_nexthops *nhs,
                  const struct fwd_rtnl_change *change)
{
    bool used = false;
    struct way *way;

    HMAP_FOR_EACH (way, node, &nhs->ways) {
        if (way->nh.ifindex == change->ifindex
            && fwd_ip_equals(&way->via, &change->ip)) {
            used = true;
            refresh_soon(nhs, way, false);
        } else if (way->kept && change->has_mac) {
            refresh_soon(nhs, way, false);
        }
    }
    if (used && change->stale) {
        ask_neighbour(nhs, change->ifindex, &change->ip);
    }
}

static void
changed_cb(const struct fwd_rtnl_change *change, void *nhs_)
{
    struct fwd_nexthops *nhs = nhs_;

    switch (change->kind) {
    case FWD_RTNL_NEIGHBOUR:
        neighbour_changed(nhs, change);
        break;
    case FWD_RTNL_LOST:
        VLOG_INFO_RL(&rl, "missed changes of routes and neighbours, looking "
                     "all up anew");
        refresh_all(nhs);
        break;
    case FWD_RTNL_LINK:
        link_changed(nhs, change->ifindex);
        break;
    case FWD_RTNL_ROUTES:
        refresh_all(nhs);
        break;
    }
}

static void
poll_cb(uv_poll_t *poll, int status OVS_UNUSED, int events OVS_UNUSED)
{
    struct fwd_nexthops *nhs = poll->data;

    fwd_rtnl_run(nhs->rtnl, changed_cb, nhs);
}

/* Asks for what is not known, or not for sure. */
static void
ask_again(struct fwd_nexthops *nhs, struct way *way)
{
    bool ready = way->nh.state == FWD_NEXTHOP_READY;

    way->kept += !!way->kept;
    if (way->is_other || way->kept || (!ready && way->has_others)) {
        refresh_soon(nhs, way, true);
    } else if (way->nh.state == FWD_NEXTHOP_UNRESOLVED) {
        ask_neighbour(nhs, way->nh.ifindex, &way->via);
    }
    if (ready && !way->fixed
        && !((nhs->ticks + way->node.hash) % REFRESH_TICKS)) {
        ask_neighbour(nhs, way->nh.ifindex, &way->via);
    }
}

static void
tick_way(struct fwd_nexthops *nhs, struct way *way)
{
    ask_again(nhs, way);
    if (way->nh.state != FWD_NEXTHOP_READY
        && ++way->silent == PATIENCE_TICKS) {
        VLOG_WARN_RL(&rl, "nothing can be sent to a tunnel endpoint vtep=%s "
                     "via=%s ifindex=%d: %s", fwd_ip_text(&way->dst).s,
                     fwd_ip_text(&way->via).s, way->nh.ifindex,
                     way->nh.state == FWD_NEXTHOP_UNROUTED
                     ? "no route" : "the neighbour does not answer");
    }
}

static void
tick_cb(uv_timer_t *timer)
{
    struct fwd_nexthops *nhs = timer->data;
    struct way *way;

    nhs->ticks++;
    HMAP_FOR_EACH (way, node, &nhs->ways) {
        tick_way(nhs, way);
    }
}

static void
free_handle(uv_handle_t *handle)
{
    free(handle);
}

static uv_timer_t *
create_timer(struct fwd_nexthops *nhs, uv_loop_t *loop)
{
    uv_timer_t *timer = xzalloc(sizeof *timer);

    uv_timer_init(loop, timer);
    timer->data = nhs;
    return timer;
}

int
fwd_nexthops_create(uv_loop_t *loop, const struct fwd_host *host,
                    const struct fwd_nexthop_ops *ops, void *aux,
                    struct fwd_nexthops **nhsp, struct tsn_err *err)
{
    struct fwd_rtnl *rtnl;

    int error = fwd_rtnl_create(&rtnl, err);
    if (error) {
        return error;
    }
    struct fwd_nexthops *nhs = xzalloc(sizeof *nhs);
    nhs->sources[0] = host->ip4;
    nhs->sources[1] = host->ip6;
    nhs->ops = ops;
    nhs->aux = aux;
    nhs->rtnl = rtnl;
    hmap_init(&nhs->ways);
    find_sources(nhs);

    nhs->poll = xzalloc(sizeof *nhs->poll);
    uv_poll_init(loop, nhs->poll, fwd_rtnl_fd(rtnl));
    nhs->poll->data = nhs;
    uv_poll_start(nhs->poll, UV_READABLE, poll_cb);
    nhs->tick = create_timer(nhs, loop);
    uv_timer_start(nhs->tick, tick_cb, TICK_MS, TICK_MS);
    nhs->refresh = create_timer(nhs, loop);
    *nhsp = nhs;
    return 0;
}

void
fwd_nexthops_destroy(struct fwd_nexthops *nhs)
{
    struct way *way;

    if (!nhs) {
        return;
    }
    HMAP_FOR_EACH_POP (way, node, &nhs->ways) {
        free(way);
    }
    hmap_destroy(&nhs->ways);
    uv_close((uv_handle_t *) nhs->poll, free_handle);
    uv_close((uv_handle_t *) nhs->tick, free_handle);
    uv_close((uv_handle_t *) nhs->refresh, free_handle);
    fwd_rtnl_destroy(nhs->rtnl);
    free(nhs);
}

const struct fwd_nexthop *
fwd_nexthops_add(struct fwd_nexthops *nhs, const struct fwd_ip *dst)
{
    struct way *way = find_way(nhs, dst);

    if (!way) {
        way = xzalloc(sizeof *way);
        way->dst = way->via = *dst;
        hmap_insert(&nhs->ways, &way->node, hash_ip(dst, 0));
        nhs->passed = true;     /* Others may have moved. */
        way->ask = true;
        refresh_way(nhs, way);
    }
    way->refs++;
    return &way->nh;
}

const struct fwd_nexthop *
fwd_nexthops_find(const struct fwd_nexthops *nhs, const struct fwd_ip *dst)
{
    const struct way *way = find_way(nhs, dst);

    return way ? &way->nh : NULL;
}

void
fwd_nexthops_remove(struct fwd_nexthops *nhs, const struct fwd_ip *dst)
{
    struct way *way = find_way(nhs, dst);

    if (way && !--way->refs) {
        hmap_remove(&nhs->ways, &way->node);
        free(way);
        nhs->passed = true;     /* Likewise. */
    }
}

int
fwd_nexthops_ifindex(const struct fwd_nexthops *nhs, unsigned int i)
{
    return i < nhs->n_ifindexes ? nhs->ifindexes[i] : 0;
}

size_t
fwd_nexthops_n_pending(const struct fwd_nexthops *nhs)
{
    const struct way *way;
    size_t n = 0;

    HMAP_FOR_EACH (way, node, &nhs->ways) {
        n += way->nh.state != FWD_NEXTHOP_READY;
    }
    return n;
}

bool
fwd_nexthops_explain(const struct fwd_nexthops *nhs, const struct fwd_ip *dst,
                     char *why, size_t size)
{
    const struct way *way = find_way(nhs, dst);
    char name[IF_NAMESIZE];

    if (!way || way->nh.state == FWD_NEXTHOP_READY) {
        return false;
    } else if (way->nh.state == FWD_NEXTHOP_UNROUTED) {
        snprintf(why, size, "there is no route to it, or by a link that is "
                 "down");
    } else {
        snprintf(why, size, "%s does not answer on %s",
                 fwd_ip_text(&way->via).s,
                 if_indextoname(way->nh.ifindex, name) ? name : "?");
    }
    return true;
}

int
fwd_nexthops_source_ifindex(const struct fwd_nexthops *nhs, bool ipv6)
{
    return nhs->source_ifindexes[ipv6];
}

const char *
fwd_nexthop_state_name(enum fwd_nexthop_state state)
{
    switch (state) {
    case FWD_NEXTHOP_UNROUTED: return "unrouted";
    case FWD_NEXTHOP_UNRESOLVED: return "unresolved";
    case FWD_NEXTHOP_READY: return "ready";
    }
    OVS_NOT_REACHED();
}
