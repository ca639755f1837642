/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/names.h"

#include <string.h>

#include "hash.h"
#include "util.h"

struct name {
    struct hmap_node hmap_node;
    size_t n_refs;
    char s[];
};

void
xmpp_names_init(struct xmpp_names *pool)
{
    hmap_init(&pool->names);
    pool->n_bytes = 0;
}

void
xmpp_names_fini(struct xmpp_names *pool)
{
    ovs_assert(hmap_is_empty(&pool->names));
    hmap_destroy(&pool->names);
}

const char *
xmpp_names_get(struct xmpp_names *pool, const char *s)
{
    size_t length = strlen(s);
    uint32_t hash = hash_bytes(s, length, 0);
    struct name *name;

    HMAP_FOR_EACH_WITH_HASH (name, hmap_node, hash, &pool->names) {
        if (!strcmp(name->s, s)) {
            name->n_refs++;
            return name->s;
        }
    }
    name = xmalloc(sizeof *name + length + 1);
    name->n_refs = 1;
    memcpy(name->s, s, length + 1);
    pool->n_bytes += sizeof *name + length + 1;
    hmap_insert(&pool->names, &name->hmap_node, hash);
    return name->s;
}

void
xmpp_names_put(struct xmpp_names *pool, const char *s)
{
    struct name *name = CONTAINER_OF(s, struct name, s);

    if (!--name->n_refs) {
        pool->n_bytes -= sizeof *name + strlen(s) + 1;
        hmap_remove(&pool->names, &name->hmap_node);
        free(name);
    }
}
