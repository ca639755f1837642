/* SPDX-License-Identifier: Apache-2.0 */
/* The members of the multicast trees: clients that join and leave, and what
 * they are told of it. */
#include <config.h>
#include "controller/rib-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "util.h"
#include "xmpp/stanza.h"

VLOG_DEFINE_THIS_MODULE(ctrl_rib_tree);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

static void
queue(struct rib_member *member)
{
    if (member->sub->instance->known
        && ovs_list_is_empty(&member->untold_node)) {
        ovs_list_push_back(&member->sub->instance->untold,
                           &member->untold_node);
        member->sub->client->n_untold++;
    }
}

static void
unqueue(struct rib_member *member)
{
    if (!ovs_list_is_empty(&member->untold_node)) {
        ovs_list_remove(&member->untold_node);
        ovs_list_init(&member->untold_node);
        member->sub->client->n_untold--;
    }
}

static void
queue_all(struct rib_instance *instance)
{
    struct rib_member *member;

    LIST_FOR_EACH (member, m.node, &instance->tree.members) {
        queue(member);
    }
    rib_instance_set_dirty(instance);
}

/* Whatever changes in a tree, all of its links and labels change. */
static void
break_tree(struct rib_instance *instance)
{
    if (ctrl_tree_break(&instance->tree)) {
        queue_all(instance);
    }
}

static void
forget_sent(struct rib_member *member)
{
    if (member->announced) {
        member->announced = false;
        xmpp_mcast_fini(&member->sent);
        free(member->sent_id);
    }
}

static void
take_out(struct rib_member *member)
{
    break_tree(member->sub->instance);
    ctrl_tree_remove(&member->sub->instance->tree, &member->m);
    ctrl_label_block_unref(member->m.block);
    member->m.block = NULL;
    member->sub->client->n_members--;
}

/* Of one that is not in the tree. */
static void
member_free(struct rib_member *member)
{
    unqueue(member);
    forget_sent(member);
    member->sub->member = NULL;
    free(member);
}

/* Takes over 'block'. */
static void
put_in(struct rib_member *member, const struct xmpp_mcast *route,
       struct ctrl_label_block *block)
{
    struct rib_sub *sub = member->sub;
    struct ctrl_rib_client *client = sub->client;

    member->leaving = false;
    member->m.rd_ip = tsn_ip_is_v4(&client->ip) ? client->ip
                                                : route->next_hop;
    member->m.rd_id = sub->instance_id;
    member->m.next_hop = route->next_hop;
    member->m.name = client->name;
    member->m.encaps = route->encaps;
    member->m.block = block;
    client->n_members++;
    break_tree(sub->instance);
    ctrl_tree_add(&sub->instance->tree, &member->m);
    queue(member);
    rib_instance_set_dirty(sub->instance);
}

static bool
is_unchanged(const struct rib_member *member, const struct xmpp_mcast *route)
{
    const struct ctrl_tree_member *m = &member->m;

    return !member->leaving
           && tsn_ip_equals(&m->next_hop, &route->next_hop)
           && m->encaps == route->encaps
           && m->block->first == route->label_first
           && m->block->last == route->label_last;
}

static void
leave(struct rib_member *member)
{
    if (member->leaving) {
        return;
    }
    take_out(member);
    if (member->announced) {
        /* It is to hear of it: the flush frees it. */
        member->leaving = true;
        queue(member);
    } else {
        member_free(member);
    }
}

void
ctrl_rib_client_set_address(struct ctrl_rib_client *client,
                            const struct in6_addr *ip)
{
    client->ip = *ip;
}

int
ctrl_rib_join(struct ctrl_rib_client *client, const char *instance,
              const struct xmpp_mcast *route)
{
    int error = ctrl_rib_may_publish(client, instance);

    if (error) {
        return error;
    }
    if (!tsn_ip_is_v4(&route->next_hop) || !tsn_ip_is_host(&route->next_hop)
        || !route->label_first) {
        return -EBADMSG;
    }
    struct rib_sub *sub = shash_find_data(&client->subs, instance);
    if (!route->encaps || sub->no_ribout) {
        /* Nobody can send to it, or it does not want to know its label. */
        return ctrl_rib_leave(client, instance);
    }
    struct rib_member *member = sub->member;
    if (member && is_unchanged(member, route)) {
        return 0;
    }
    struct ctrl_label_block *block = ctrl_label_block_ref(&client->labels,
                                                          route->label_first,
                                                          route->label_last);
    if (!member) {
        member = xzalloc(sizeof *member);
        member->sub = sub;
        ovs_list_init(&member->untold_node);
        sub->member = member;
    } else if (!member->leaving) {
        take_out(member);
    }
    put_in(member, route, block);
    return 0;
}

int
ctrl_rib_leave(struct ctrl_rib_client *client, const char *instance)
{
    int error = ctrl_rib_may_publish(client, instance);

    if (!error) {
        struct rib_sub *sub = shash_find_data(&client->subs, instance);

        if (sub->member) {
            leave(sub->member);
        }
    }
    return error;
}

void
rib_tree_end(struct rib_sub *sub)
{
    struct rib_member *member = sub->member;

    if (member) {
        if (!member->leaving) {
            take_out(member);
        }
        member_free(member);
    }
}

void
rib_tree_learn(struct rib_instance *instance)
{
    if (instance->tree.n_members) {
        ctrl_tree_break(&instance->tree);
        queue_all(instance);
    }
}

void
rib_tree_forget(struct rib_instance *instance)
{
    struct rib_member *member;

    /* Those that leave are in no other list. */
    LIST_FOR_EACH_SAFE (member, untold_node, &instance->untold) {
        if (member->leaving) {
            member_free(member);
        } else {
            unqueue(member);
        }
    }
    LIST_FOR_EACH (member, m.node, &instance->tree.members) {
        forget_sent(member);
    }
    ctrl_tree_break(&instance->tree);
}

/* Telling. */

static const char *
format_id(const struct ctrl_tree_member *m, char buf[XMPP_ID_STRLEN])
{
    const struct xmpp_mcast_id id = {
        .agent = m->rd_ip, .instance_id = m->rd_id,
    };

    return xmpp_mcast_item_id(&id, buf);
}

static void
put_begin(struct ds *out, const struct rib_member *member)
{
    xmpp_put_event_begin(out, member->sub->client->name, XMPP_FAMILY_MCAST,
                         member->sub->instance->name);
}

static void
send_event(struct ds *out, const struct rib_member *member)
{
    struct ctrl_rib_client *client = member->sub->client;

    xmpp_put_event_end(out);
    client->ops->send(client->aux, out->string, out->length);
    ds_destroy(out);
}

static void
send_retract(struct rib_member *member)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    put_begin(&out, member);
    xmpp_put_retract(&out, member->sent_id);
    send_event(&out, member);
    member->sub->client->n_retracts++;
    forget_sent(member);
}

static void
send_item(struct rib_member *member, const char *id,
          const struct xmpp_mcast *route)
{
    struct ds entry = DS_EMPTY_INITIALIZER, out = DS_EMPTY_INITIALIZER;

    xmpp_mcast_encode_notify(&entry, route);
    put_begin(&out, member);
    xmpp_put_item(&out, id, ds_cstr(&entry));
    send_event(&out, member);
    member->sub->client->n_items++;
    ds_destroy(&entry);
}

static bool
same_place(const struct xmpp_mcast *a, const struct xmpp_mcast *b)
{
    if (a->source_label != b->source_label || a->n_olist != b->n_olist) {
        return false;
    }
    for (size_t i = 0; i < a->n_olist; i++) {
        if (!tsn_ip_equals(&a->olist[i].ip, &b->olist[i].ip)
            || a->olist[i].label != b->olist[i].label
            || a->olist[i].encaps != b->olist[i].encaps) {
            return false;
        }
    }
    return true;
}

/* A member's place in the built tree. */
static void
send_place(struct rib_member *member)
{
    const struct ctrl_tree_member *m = &member->m;
    struct tunnel_dst olist[CTRL_TREE_MAX_NEIGHBOURS];
    struct xmpp_mcast route = {
        .source_label = m->label, .olist = olist, .n_olist = m->n_neighbours,
    };
    char id[XMPP_ID_STRLEN];

    format_id(m, id);
    for (size_t i = 0; i < m->n_neighbours; i++) {
        olist[i] = (struct tunnel_dst) {
            .ip = m->neighbours[i]->next_hop,
            .label = m->neighbours[i]->label,
            .encaps = m->neighbours[i]->encaps,
        };
    }
    if (member->announced && strcmp(member->sent_id, id)) {
        send_retract(member);
    }
    if (member->announced && same_place(&member->sent, &route)) {
        return;
    }
    send_item(member, id, &route);
    forget_sent(member);
    xmpp_mcast_copy(&member->sent, &route);
    member->sent_id = xstrdup(id);
    member->announced = true;
}

static void
tell(struct rib_member *member)
{
    if (!member->leaving && member->m.label) {
        send_place(member);
    } else if (member->announced) {
        send_retract(member);
    }
    if (member->leaving) {
        member_free(member);
    }
}

static void
build(struct rib_instance *instance)
{
    struct rib_member *member;

    ctrl_tree_build(&instance->tree);
    LIST_FOR_EACH (member, m.node, &instance->tree.members) {
        if (!member->m.label) {
            struct ctrl_rib_client *client = member->sub->client;

            if (ovs_list_is_empty(&client->starving_node)) {
                ovs_list_push_back(&instance->rib->starving,
                                   &client->starving_node);
            }
            VLOG_WARN_RL(&rl, "no label left, the client is not in the tree "
                         "session=%s network=%s labels=%"PRIu32"-%"PRIu32,
                         member->m.name, instance->name,
                         member->m.block->first, member->m.block->last);
        }
    }
}

enum ctrl_rib_work
rib_tree_flush(struct rib_instance *instance, size_t *budget)
{
    enum ctrl_rib_work work = CTRL_RIB_IDLE;
    struct rib_member *member;

    if (instance->tree.broken && instance->tree.n_members) {
        if (!*budget) {
            return CTRL_RIB_BUSY;
        }
        *budget -= MIN(*budget, instance->tree.n_members);
        build(instance);
    }
    LIST_FOR_EACH_SAFE (member, untold_node, &instance->untold) {
        struct ctrl_rib_client *client = member->sub->client;

        if (!client->ops->is_ready(client->aux)) {
            work = CTRL_RIB_BLOCKED;
            continue;
        }
        if (!*budget) {
            return CTRL_RIB_BUSY;
        }
        --*budget;
        unqueue(member);
        tell(member);
    }
    return work;
}

/* Moves those that there is a label for now to 'fed'.  Returns false, with
 * more to do, if the budget is used up. */
static bool
find_labels(struct ctrl_labels *labels, struct ovs_list *fed, size_t *budget)
{
    struct ctrl_label_block *block;

    while ((block = ctrl_label_retry(labels)) != NULL) {
        if (!*budget) {
            return false;
        }
        --*budget;
        uint32_t label = ctrl_label_next_free(block, 0);
        while (label && !ovs_list_is_empty(&block->starved)) {
            if (!*budget) {
                return false;
            }
            --*budget;
            struct ovs_list *node = ovs_list_front(&block->starved);
            ctrl_label_unstarve(block, node);
            ovs_list_push_back(fed, node);
            label = ctrl_label_next_free(block, label);
        }
        ctrl_label_retried(block);
    }
    return true;
}

enum ctrl_rib_work
rib_tree_feed(struct ctrl_rib *rib, size_t *budget)
{
    struct ovs_list fed = OVS_LIST_INITIALIZER(&fed);
    enum ctrl_rib_work work = CTRL_RIB_IDLE;
    struct ctrl_rib_client *client;

    if (!*budget) {
        return ovs_list_is_empty(&rib->starving) ? CTRL_RIB_IDLE
                                                 : CTRL_RIB_BUSY;
    }
    LIST_FOR_EACH_SAFE (client, starving_node, &rib->starving) {
        if (!find_labels(&client->labels, &fed, budget)) {
            work = CTRL_RIB_BUSY;
            break;
        }
        if (ovs_list_is_empty(&client->labels.exhausted)) {
            ovs_list_remove(&client->starving_node);
            ovs_list_init(&client->starving_node);
        }
    }
    /* Only now, as this lets go of labels that are not free for good. */
    while (!ovs_list_is_empty(&fed)) {
        const struct rib_member *member
            = CONTAINER_OF(ovs_list_front(&fed), struct rib_member,
                           m.starved_node);

        break_tree(member->sub->instance);
        work = CTRL_RIB_BUSY;
    }
    return work;
}
