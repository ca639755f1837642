/* SPDX-License-Identifier: Apache-2.0 */
/* A speaker that only remembers what it was asked for; it takes the place of
 * the real one when a test is linked. */
#ifndef TESTS_FAKE_SPEAKER_H
#define TESTS_FAKE_SPEAKER_H 1

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/shash.h"
#include "sset.h"
#include "tsn/model.h"
#include "xmpp/route.h"
#include "xmpp/speaker.h"

struct xmpp_speaker {
    struct ds log;              /* What was asked for. */
    struct shash ids;           /* Of subscriptions. */
    const char *routes_of;      /* Instance that has one learnt route. */
    struct xmpp_evpn *route;
    bool whole;
    struct sset joined;         /* Instances. */
    const char *tree_of;        /* That which has a place in its tree. */
    struct xmpp_tree tree;
};

static inline void
fake_speaker_init(struct xmpp_speaker *sp)
{
    ds_init(&sp->log);
    shash_init(&sp->ids);
    sset_init(&sp->joined);
    sp->whole = true;
    sp->routes_of = NULL;
    sp->tree_of = NULL;
}

static inline void
fake_speaker_fini(struct xmpp_speaker *sp)
{
    ds_destroy(&sp->log);
    shash_destroy(&sp->ids);
    sset_destroy(&sp->joined);
}

void
xmpp_speaker_subscribe(struct xmpp_speaker *sp, const char *instance,
                       uint32_t id)
{
    void *old = shash_find_data(&sp->ids, instance);

    if (old != (void *) (uintptr_t) id) {
        shash_find_and_delete(&sp->ids, instance);
        shash_add(&sp->ids, instance, (void *) (uintptr_t) id);
        ds_put_format(&sp->log, "subscribe %s %u\n", instance, id);
    }
}

void
xmpp_speaker_unsubscribe(struct xmpp_speaker *sp, const char *instance)
{
    shash_find_and_delete_assert(&sp->ids, instance);
    sset_find_and_delete(&sp->joined, instance);
    ds_put_format(&sp->log, "unsubscribe %s\n", instance);
}

int
xmpp_speaker_publish(struct xmpp_speaker *sp, const char *instance,
                     const struct xmpp_evpn *route)
{
    if (!shash_find(&sp->ids, instance)) {
        return -ENOENT;
    }
    assert_true(xmpp_evpn_is_broadcast(route));
    assert_true(route->assisted_replication_supported);
    assert_false(tsn_ip_is_set(&route->ip));
    assert_int_equal(route->local_pref, 100);
    assert_int_equal(route->n_next_hops, 1);
    const struct tunnel_dst *nh = &route->next_hops[0];
    char name[TSN_IP_STRLEN];
    ds_put_format(&sp->log, "publish %s %u %s", instance, route->tag,
                  tsn_ip_format(&nh->ip, name));
    if (nh->encaps == TSN_ENCAP_VXLAN) {
        assert_int_equal(nh->label, route->tag);
    } else {
        /* Spec A.3.1, P2. */
        assert_int_equal(nh->encaps, TSN_ENCAP_MPLS_GRE | TSN_ENCAP_MPLS_UDP);
        assert_int_equal(route->tag, 0);
        ds_put_format(&sp->log, " mpls %u", nh->label);
    }
    ds_put_char(&sp->log, '\n');
    return 0;
}

void
xmpp_speaker_withdraw(struct xmpp_speaker *sp, const char *instance,
                      const struct xmpp_evpn *key)
{
    ds_put_format(&sp->log, "withdraw %s %u\n", instance, key->tag);
}

void
xmpp_speaker_for_each_route(const struct xmpp_speaker *sp,
                            const char *instance, xmpp_route_fn *fn,
                            void *aux)
{
    if (sp->routes_of && !strcmp(sp->routes_of, instance)) {
        fn("item", sp->route, false, aux);
    }
}

bool
xmpp_speaker_is_whole(const struct xmpp_speaker *sp)
{
    return sp->whole;
}

int
xmpp_speaker_join_tree(struct xmpp_speaker *sp, const char *instance,
                       const struct xmpp_tree_offer *offer)
{
    if (!shash_find(&sp->ids, instance)) {
        return -ENOENT;
    }
    if (sset_add(&sp->joined, instance)) {
        ds_put_format(&sp->log, "join %s %u-%u %u-%u\n", instance,
                      offer->labels[0].first, offer->labels[0].last,
                      offer->labels[1].first, offer->labels[1].last);
    }
    return 0;
}

bool
xmpp_speaker_get_tree(const struct xmpp_speaker *sp, const char *instance,
                      struct xmpp_tree *tree)
{
    if (!sset_contains(&sp->joined, instance)) {
        return false;
    }
    *tree = sp->tree_of && !strcmp(sp->tree_of, instance)
            ? sp->tree : (struct xmpp_tree) { .label = 0 };
    return true;
}

void
xmpp_speaker_for_each_tree(const struct xmpp_speaker *sp, xmpp_tree_fn *fn,
                           void *aux)
{
    const char *instance;

    SSET_FOR_EACH (instance, &sp->joined) {
        struct xmpp_tree tree;

        xmpp_speaker_get_tree(sp, instance, &tree);
        fn(instance, &tree, aux);
    }
}

#endif /* tests/unit/fake_speaker.h */
