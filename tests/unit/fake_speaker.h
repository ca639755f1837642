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
#include "tsn/model.h"
#include "xmpp/route.h"
#include "xmpp/speaker.h"

struct xmpp_speaker {
    struct ds log;              /* What was asked for. */
    struct shash ids;           /* Of subscriptions. */
    const char *routes_of;      /* Instance that has one learnt route. */
    struct xmpp_evpn *route;
};

static inline void
fake_speaker_init(struct xmpp_speaker *sp)
{
    ds_init(&sp->log);
    shash_init(&sp->ids);
    sp->routes_of = NULL;
}

static inline void
fake_speaker_fini(struct xmpp_speaker *sp)
{
    ds_destroy(&sp->log);
    shash_destroy(&sp->ids);
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
    assert_int_equal(route->next_hops[0].label, route->tag);
    assert_int_equal(route->next_hops[0].encaps, TSN_ENCAP_VXLAN);
    char name[TSN_IP_STRLEN];
    ds_put_format(&sp->log, "publish %s %u %s\n", instance, route->tag,
                  tsn_ip_format(&route->next_hops[0].ip, name));
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

#endif /* tests/unit/fake_speaker.h */
