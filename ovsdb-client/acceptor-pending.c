/* SPDX-License-Identifier: Apache-2.0 */
/* The limits on connections that are not identified: all together, and of one
 * source; and those that are, and wait. */
#include <config.h>
#include "ovsdb-client/acceptor-private.h"

#include <stdlib.h>

#include "hash.h"
#include "tsn/model.h"
#include "util.h"

static struct acc_source *
find_source(const struct ovc_acceptor *a, const struct in6_addr *ip)
{
    struct acc_source *s;

    HMAP_FOR_EACH_WITH_HASH (s, node, hash_bytes(ip, sizeof *ip, 0),
                             &a->sources) {
        if (tsn_ip_equals(&s->ip, ip)) {
            return s;
        }
    }
    return NULL;
}

static void
leave_source(struct acc_conn *c)
{
    struct acc_source *s = c->source;

    if (s && !--s->n_pending) {
        hmap_remove(&c->acceptor->sources, &s->node);
        free(s);
    }
    c->source = NULL;
}

static void
push_out_oldest(struct ovc_acceptor *a, const struct acc_source *source,
                const struct acc_conn *except)
{
    struct acc_conn *c;

    LIST_FOR_EACH (c, node, &a->pending) {
        if (c->source == source && c != except) {
            acc_conn_close(c, ACC_PUSHED_OUT, NULL);
            return;
        }
    }
}

static const struct acc_source *
largest_source(const struct ovc_acceptor *a)
{
    const struct acc_source *s, *largest = NULL;

    HMAP_FOR_EACH (s, node, &a->sources) {
        if (!largest || s->n_pending > largest->n_pending) {
            largest = s;
        }
    }
    return largest;
}

void
acc_make_room(struct ovc_acceptor *a, const struct acc_conn *except)
{
    push_out_oldest(a, largest_source(a), except);
}

void
acc_set_source(struct acc_conn *c, const struct in6_addr *ip)
{
    struct ovc_acceptor *a = c->acceptor;
    struct acc_source *s = find_source(a, ip);

    if (!s) {
        s = xzalloc(sizeof *s);
        s->ip = *ip;
        hmap_insert(&a->sources, &s->node, hash_bytes(ip, sizeof *ip, 0));
    }
    s->n_pending++;
    leave_source(c);
    c->source = s;
    if (s->n_pending > OVC_ACCEPTOR_MAX_PENDING_SOURCE) {
        push_out_oldest(a, s, c);
    }
}

void
acc_add_pending(struct acc_conn *c)
{
    struct ovc_acceptor *a = c->acceptor;

    c->is_pending = true;
    ovs_list_push_back(&a->pending, &c->node);
    a->n_pending++;
    c->listener->n_pending++;
    acc_set_source(c, &c->ip);
    if (a->n_pending > OVC_ACCEPTOR_MAX_PENDING) {
        acc_make_room(a, c);
    }
}

void
acc_remove_pending(struct acc_conn *c)
{
    if (c->is_pending) {
        c->is_pending = false;
        ovs_list_remove(&c->node);
        c->acceptor->n_pending--;
        c->listener->n_pending--;
        leave_source(c);
    } else if (c->is_waiting) {
        c->is_waiting = false;
        ovs_list_remove(&c->node);
        c->tor->n_waiting--;
    }
}

void
acc_set_waiting(struct acc_conn *c)
{
    if (c->is_pending && c->tor->n_waiting < OVC_ACCEPTOR_MAX_WAITING) {
        acc_remove_pending(c);
        c->is_waiting = true;
        ovs_list_push_back(&c->acceptor->waiting, &c->node);
        c->tor->n_waiting++;
    }
}
