/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/tree/members.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "replication/tree/builder.h"
#include "replication/tree/rules.h"
#include "tsn/model.h"
#include "util.h"

struct member {
    struct hmap_node node;      /* By address. */
    struct fwd_member m;
    bool stale;
};

void
repl_members_init(struct repl_members *members,
                  const struct repl_rules *rules,
                  const struct repl_identity *self)
{
    *members = (struct repl_members) { .rules = rules, .self = self };
    hmap_init(&members->all);
}

static uint32_t
hash_ip(const struct fwd_ip *ip)
{
    return hash_bytes(ip, sizeof *ip, 0);
}

static struct member *
find(const struct repl_members *members, const struct fwd_ip *ip,
     enum fwd_class class)
{
    struct member *member;

    HMAP_FOR_EACH_WITH_HASH (member, node, hash_ip(ip), &members->all) {
        if (member->m.class == class && fwd_ip_equals(&member->m.ip, ip)) {
            return member;
        }
    }
    return NULL;
}

/* Negative if 'a' is the one that counts. */
static int
compare(const struct repl_members *members, const struct member *a,
        const struct member *b)
{
    if (a->stale != b->stale) {
        return a->stale - b->stale;
    }
    int cmp = (int) repl_rules_rank(members->rules, a->m.encap)
              - (int) repl_rules_rank(members->rules, b->m.encap);
    return cmp ? cmp : a->m.label < b->m.label ? -1 : a->m.label > b->m.label;
}

static void
insert(struct repl_members *members, const struct member *new)
{
    struct member *member = find(members, &new->m.ip, new->m.class);

    if (!member) {
        member = xmalloc(sizeof *member);
        member->m = new->m;
        member->stale = new->stale;
        hmap_insert(&members->all, &member->node, hash_ip(&new->m.ip));
    } else if (compare(members, new, member) < 0) {
        member->m = new->m;
        member->stale = new->stale;
    }
}

/* What endpoints of 'class' are sent. */
static uint8_t
encaps_for(enum fwd_class class)
{
    switch (class) {
    case FWD_TOR:
        return TSN_ENCAP_VXLAN;
    case FWD_TREE:
        return TSN_ENCAP_MPLS_UDP | TSN_ENCAP_MPLS_GRE;
    case FWD_EVPN:
    case FWD_STRANGER:
    default:
        return UINT8_MAX;
    }
}

static bool
is_label(uint32_t label, enum fwd_encap encap)
{
    return encap == FWD_VXLAN
           ? label && label <= TSN_VNI_MAX
           : label >= TSN_MPLS_LABEL_MIN && label <= TSN_MPLS_LABEL_MAX;
}

bool
repl_is_self(const struct repl_identity *self, const struct in6_addr *ip)
{
    return tsn_ip_equals(ip, &self->address)
           || (tsn_ip_is_set(ip) && tsn_ip_equals(ip, &self->address6));
}

bool
repl_reaches(const struct repl_identity *self, const struct in6_addr *ip)
{
    return tsn_ip_is_host(ip)
           && (tsn_ip_is_v4(ip)
               || (tsn_ip_is_set(&self->address6)
                   && !IN6_IS_ADDR_LINKLOCAL(ip)
                   && !IN6_IS_ADDR_LOOPBACK(ip)));
}

void
repl_members_add(struct repl_members *members, const struct tunnel_dst *dst,
                 enum fwd_class class, bool stale)
{
    struct member new = {
        .m = { .label = dst->label, .class = class }, .stale = stale,
    };

    if (repl_is_self(members->self, &dst->ip)
        || (class == FWD_EVPN
            && !repl_rules_serves(members->rules, &dst->ip))) {
        return;
    }
    if (!repl_reaches(members->self, &dst->ip)
        || (class == FWD_TOR && !tsn_ip_is_v4(&dst->ip))
        || !repl_rules_choose(members->rules, dst->encaps & encaps_for(class),
                              &new.m.encap)
        || !is_label(dst->label, new.m.encap)) {
        members->n_unreachable++;
        return;
    }
    memcpy(&new.m.ip, &dst->ip, sizeof new.m.ip);
    insert(members, &new);
}

void
repl_members_add_from(struct repl_members *members,
                      const struct fwd_network *network, enum fwd_class class)
{
    for (size_t i = 0; i < network->n_members[class]; i++) {
        const struct fwd_member *m
            = &network->members[network->first[class] + i];
        struct in6_addr ip;

        memcpy(&ip, &m->ip, sizeof ip);
        if (class != FWD_EVPN || repl_rules_serves(members->rules, &ip)) {
            insert(members, &(struct member) { .m = *m, .stale = true });
        }
    }
}

static bool
is_second(const struct repl_members *members, const struct member *member)
{
    return member->m.class == FWD_EVPN
           && (find(members, &member->m.ip, FWD_TOR)
               || find(members, &member->m.ip, FWD_TREE));
}

struct fwd_member *
repl_members_take(struct repl_members *members, size_t *n)
{
    struct fwd_member *array
        = xmalloc(hmap_count(&members->all) * sizeof *array);
    struct member *member;

    *n = 0;
    HMAP_FOR_EACH (member, node, &members->all) {
        if (!is_second(members, member)) {
            array[(*n)++] = member->m;
        }
    }
    HMAP_FOR_EACH_POP (member, node, &members->all) {
        free(member);
    }
    hmap_destroy(&members->all);
    return array;
}
