/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a client whose session is gone, for it to come back
 * (spec/xmpp-protocol.md 2.3): its subscriptions and routes stay, stale, until
 * they are renewed or swept.  Others notice nothing. */
#include <config.h>
#include "controller/rib-private.h"

#include <errno.h>
#include <stdlib.h>

#include "util.h"

/* The next session is told everything anew. */
static void
forget_told(struct rib_bum *bum)
{
    if (bum->announced) {
        xmpp_evpn_fini(&bum->sent);
        bum->announced = false;
    }
}

static void
sub_keep(struct rib_sub *sub)
{
    struct rib_bum *bum;

    rib_sub_stop(sub);
    rib_tree_end(sub);
    sub->stale = true;
    LIST_FOR_EACH_SAFE (bum, sub_node, &sub->bums) {
        if (bum->withdrawn) {
            rib_bum_free(bum);
        } else {
            forget_told(bum);
        }
    }
    rib_sub_mark_stale(sub);
}

void
ctrl_rib_client_end_unknown(struct ctrl_rib_client *client)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &client->subs) {
        struct rib_sub *sub = node->data;

        if (!sub->instance->known) {
            rib_sub_destroy(sub);
        }
    }
}

void
ctrl_rib_client_keep(struct ctrl_rib_client *client)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &client->subs) {
        sub_keep(node->data);
    }
    client->ops = NULL;
    client->aux = NULL;
}

void
ctrl_rib_client_resume(struct ctrl_rib_client *client,
                       const struct ctrl_rib_ops *ops, void *aux)
{
    client->ops = ops;
    client->aux = aux;
}

int
rib_sub_renew(struct rib_sub *sub, int64_t instance_id, bool no_ribout)
{
    if (!sub->stale) {
        return -EALREADY;
    }
    sub->stale = false;
    sub->instance_id = instance_id;
    sub->no_ribout = no_ribout;
    rib_sub_start(sub);
    rib_instance_set_dirty(sub->instance);
    return 0;
}

size_t
ctrl_rib_client_sweep(struct ctrl_rib_client *client)
{
    struct shash_node *node;
    size_t n = 0;

    SHASH_FOR_EACH_SAFE (node, &client->subs) {
        struct rib_sub *sub = node->data;

        n += rib_sub_sweep(sub);
        if (sub->stale) {
            rib_sub_destroy(sub);
        }
    }
    return n;
}

static size_t
count_stale(const struct rib_sub *sub)
{
    const struct rib_bum *bum;
    size_t n = sub->n_stale;

    LIST_FOR_EACH (bum, sub_node, &sub->bums) {
        n += bum->stale;
    }
    return n;
}

size_t
ctrl_rib_client_n_stale(const struct ctrl_rib_client *client)
{
    struct shash_node *node;
    size_t n = 0;

    SHASH_FOR_EACH (node, &client->subs) {
        n += count_stale(node->data);
    }
    return n;
}
