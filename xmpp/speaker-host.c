/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts of the underlay: our own address, announced in an instance, and those
 * that control nodes tell us there (spec/tsn-dataplane.md A.8). */
#include <config.h>
#include "xmpp/speaker-private.h"

#include <errno.h>
#include <stdlib.h>

#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "xmpp/inet.h"
#include "xmpp/stanza.h"

/* One that a control node has told. */
struct host {
    struct hmap_node node;      /* In the speaker's 'hosts', by address. */
    struct in6_addr ip;
    unsigned int slot;
    bool stale;                 /* Of an earlier session. */
};

/* More than one cloud has nodes. */
#define MAX_HOSTS 65536

static uint32_t
hash_ip(const struct in6_addr *ip)
{
    return hash_bytes(ip, sizeof *ip, 0);
}

static struct host *
find_host(const struct peer *peer, const struct in6_addr *ip)
{
    struct host *host;

    HMAP_FOR_EACH_WITH_HASH (host, node, hash_ip(ip), &peer->speaker->hosts) {
        if (host->slot == peer->slot && tsn_ip_equals(&host->ip, ip)) {
            return host;
        }
    }
    return NULL;
}

static void
free_host(struct xmpp_speaker *sp, struct host *host)
{
    hmap_remove(&sp->hosts, &host->node);
    free(host);
}

bool
host_is_wanted(const struct xmpp_speaker *sp, const char *instance)
{
    const struct want_instance *inst = shash_find_data(&sp->wanted, instance);

    return inst && inst->wanted && tsn_ip_is_set(&inst->host);
}

bool
host_learn(struct peer *peer, const struct in6_addr *ip)
{
    struct xmpp_speaker *sp = peer->speaker;
    struct host *host = find_host(peer, ip);

    if (!host) {
        if (hmap_count(&sp->hosts) >= MAX_HOSTS) {
            return false;
        }
        host = xzalloc(sizeof *host);
        host->ip = *ip;
        host->slot = peer->slot;
        hmap_insert(&sp->hosts, &host->node, hash_ip(ip));
    }
    host->stale = false;
    return true;
}

void
host_forget(struct peer *peer, const struct in6_addr *ip)
{
    struct host *host = find_host(peer, ip);

    if (host) {
        free_host(peer->speaker, host);
    }
}

void
host_peer_down(struct peer *peer)
{
    struct host *host;

    HMAP_FOR_EACH (host, node, &peer->speaker->hosts) {
        if (host->slot == peer->slot) {
            host->stale = true;
        }
    }
}

void
host_sweep(struct peer *peer)
{
    struct host *host;

    HMAP_FOR_EACH_SAFE (host, node, &peer->speaker->hosts) {
        if (host->slot == peer->slot && host->stale) {
            free_host(peer->speaker, host);
        }
    }
}

static void
put_host(struct peer *peer, const struct want_instance *inst,
         const struct in6_addr *ip, bool associate, struct ds *out)
{
    struct ds entry = DS_EMPTY_INITIALIZER;
    char node_id[XMPP_ID_STRLEN];

    xmpp_inet_encode_host(&entry, ip, inst->host_label);
    want_put_publish(peer, inst, "",
                     xmpp_inet_host_node_id(inst->name, ip, node_id),
                     ds_cstr(&entry), associate, out);
    ds_destroy(&entry);
}

bool
host_flush(struct peer *peer, struct want_instance *inst, int *budget,
           struct ds *out)
{
    struct in6_addr *told = &inst->host_told[peer->slot];
    bool wanted = inst->wanted && inst->subscribed[peer->slot]
                  && !inst->ending[peer->slot];
    struct in6_addr host = wanted ? inst->host : in6addr_any;

    if (tsn_ip_equals(told, &host)) {
        return true;
    }
    if (*budget <= 0) {
        return false;
    }
    *budget -= 2;
    if (tsn_ip_is_set(told)) {
        put_host(peer, inst, told, false, out);
    }
    if (tsn_ip_is_set(&host)) {
        put_host(peer, inst, &host, true, out);
    }
    *told = host;
    return true;
}

void
host_init(struct xmpp_speaker *sp)
{
    hmap_init(&sp->hosts);
}

void
host_fini(struct xmpp_speaker *sp)
{
    struct host *host;

    HMAP_FOR_EACH_POP (host, node, &sp->hosts) {
        free(host);
    }
    hmap_destroy(&sp->hosts);
}

int
xmpp_speaker_announce_host(struct xmpp_speaker *sp, const char *instance,
                           const struct in6_addr *ip, uint32_t label)
{
    struct want_instance *inst = shash_find_data(&sp->wanted, instance);

    if (!inst || !inst->wanted) {
        return -ENOENT;
    }
    if (!tsn_ip_is_v4(ip) || !tsn_ip_is_host(ip) || !label
        || label > TSN_MPLS_LABEL_MAX) {
        return -EINVAL;
    }
    inst->host = *ip;
    inst->host_label = label;
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        want_mark_instance(inst, &sp->peers[i]);
    }
    return 0;
}

bool
xmpp_speaker_has_host(const struct xmpp_speaker *sp,
                      const struct in6_addr *ip)
{
    struct host *host;

    HMAP_FOR_EACH_WITH_HASH (host, node, hash_ip(ip), &sp->hosts) {
        if (tsn_ip_equals(&host->ip, ip)) {
            return true;
        }
    }
    return false;
}
