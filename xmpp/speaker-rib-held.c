/* SPDX-License-Identifier: Apache-2.0 */
/* Replication lists of earlier sessions, which count until those of this one
 * are whole. */
#include <config.h>
#include "xmpp/speaker-private.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/rib-path.h"

static size_t
held_size(const char *id)
{
    return sizeof(struct rib_held) + strlen(id) + 1;
}

void
rib_free_held(struct xmpp_speaker *sp, struct rib_instance *inst,
              struct rib_held *held)
{
    hmap_remove(&inst->held, &held->node);
    sp->rib_bytes -= held_size(held->id);
    rib_free_path(sp, held->path);
    free(held->id);
    free(held);
}

struct rib_held *
rib_find_held(const struct rib_instance *inst, unsigned int slot,
              const char *id)
{
    struct rib_held *held;

    HMAP_FOR_EACH_WITH_HASH (held, node, hash_string(id, slot),
                             &inst->held) {
        if (held->slot == slot && !strcmp(held->id, id)) {
            return held;
        }
    }
    return NULL;
}

/* Adds those of 'src' to '*dst' that it has not, as far as a list goes. */
static void
merge_list(struct tunnel_dst **dst, size_t *n, const struct tunnel_dst *src,
           size_t n_src)
{
    size_t n_dst = *n;

    *dst = xrealloc(*dst, (n_dst + n_src) * sizeof **dst);
    for (size_t i = 0; i < n_src && *n < XMPP_MAX_NEXT_HOPS; i++) {
        size_t j = 0;

        while (j < n_dst && !tsn_ip_equals(&(*dst)[j].ip, &src[i].ip)) {
            j++;
        }
        if (j == n_dst) {
            (*dst)[(*n)++] = src[i];
        }
    }
}

/* Of two sessions, neither of which was whole after the other. */
static void
merge_held(struct xmpp_speaker *sp, struct rib_held *held,
           const struct xmpp_evpn *newer)
{
    const struct xmpp_evpn *older = held->path;
    struct xmpp_evpn both;

    xmpp_evpn_copy(&both, newer);
    merge_list(&both.olist, &both.n_olist, older->olist, older->n_olist);
    merge_list(&both.leaf_olist, &both.n_leaf_olist, older->leaf_olist,
               older->n_leaf_olist);
    sp->rib_bytes -= sp->rib_paths.n_bytes;
    held->path = rib_path_get_copy(&sp->rib_paths, &both);
    sp->rib_bytes += sp->rib_paths.n_bytes;
    xmpp_evpn_fini(&both);
    rib_free_path(sp, older);
    rib_free_path(sp, newer);
}

void
rib_hold_path(struct peer *peer, struct rib_instance *inst, const char *id,
              const struct xmpp_evpn *path)
{
    struct rib_held *held = rib_find_held(inst, peer->slot, id);

    if (held) {
        merge_held(peer->speaker, held, path);
        return;
    }
    held = xmalloc(sizeof *held);
    *held = (struct rib_held) {
        .slot = peer->slot, .id = xstrdup(id), .path = path,
    };
    hmap_insert(&inst->held, &held->node, hash_string(id, peer->slot));
    peer->speaker->rib_bytes += held_size(id);
}
