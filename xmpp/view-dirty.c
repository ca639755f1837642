/* SPDX-License-Identifier: Apache-2.0 */
/* From what was touched in the graph to what must be looked at in the view,
 * so that a change costs what depends on it and not the whole.
 *
 * A node with very many links, as an IPAM or a project, is touched with each
 * of them; its other neighbours are none the wiser.  So only a change of its
 * properties goes on to them, while that of a link is seen from the other
 * end. */
#include <config.h>
#include "xmpp/view-private.h"

#include <string.h>

#define ANY (XMPP_TOUCHED_PROPS | XMPP_TOUCHED_LINKS)
#define PROPS XMPP_TOUCHED_PROPS

/* Nodes that have an object, or are the way to one. */
static const struct {
    enum view_name type;
    enum view_kind kind;
} kinds[] = {
    { VIEW_VMI, VIEW_VMIS },
    { VIEW_LI, VIEW_GROUPS },
    { VIEW_VN, VIEW_NETWORKS },
    { VIEW_PR, VIEW_SWITCHES },
    { VIEW_IPAM, VIEW_IPAMS },
    { VIEW_VDNS, VIEW_VIRTUAL_DNS },
};

/* Nodes that go into the objects of their neighbours, or that hide others from
 * them: the first of several counts. */
static const struct {
    enum view_name type;
    uint8_t touched;
    enum view_name link, dependent;
} rules[] = {
    { VIEW_IIP, PROPS, VIEW_IIP_VMI, VIEW_VMI },
    { VIEW_SG, PROPS, VIEW_VMI_SG, VIEW_VMI },
    { VIEW_SUBNET, PROPS, VIEW_SUBNET_VMI, VIEW_VMI },
    { VIEW_VN, PROPS, VIEW_VMI_VN, VIEW_VMI },
    { VIEW_PR, PROPS, VIEW_PR_PI, VIEW_PI },
    { VIEW_PR, PROPS, VIEW_PR_LI, VIEW_LI },
    { VIEW_RI, PROPS, VIEW_VN_RI, VIEW_VN },
    { VIEW_VN_IPAM, ANY, VIEW_VN_IPAM, VIEW_VN },
    { VIEW_IPAM, PROPS, VIEW_VN_IPAM, VIEW_VN_IPAM },
    { VIEW_LR_VN, ANY, VIEW_LR_VN, VIEW_VN },
    { VIEW_LR, PROPS, VIEW_LR_VN, VIEW_LR_VN },
    { VIEW_VDNS, PROPS, VIEW_IPAM_VDNS, VIEW_IPAM },
    { VIEW_VDNS_RECORD, PROPS, VIEW_VDNS_VDNS_RECORD, VIEW_VDNS },
    { VIEW_VR, PROPS, VIEW_PR_VR, VIEW_PR },
};

void
view_mark_dirty(struct xmpp_viewer *v, struct xmpp_gnode *node)
{
    const char *type = node->type->name;

    if (node->dirty) {
        return;
    }
    if (type == v->names[VIEW_PI]) {
        node->dirty = true;
        ovs_list_push_back(&v->dirty_pis, &node->dirty_node);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (type == v->names[kinds[i].type]) {
            node->dirty = true;
            ovs_list_push_back(&v->dirty[kinds[i].kind], &node->dirty_node);
            return;
        }
    }
}

/* Marks what depends on 'node'.  A dependent that has no object passes it
 * on, once. */
static void
spread(struct xmpp_viewer *v, struct xmpp_gnode *node, uint8_t touched)
{
    const struct xmpp_glink_end *end;

    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        if (node->type->name != v->names[rules[i].type]
            || !(touched & rules[i].touched)) {
            continue;
        }
        VIEW_FOR_EACH_END (end, node) {
            struct xmpp_gnode *other = view_end(v, end, rules[i].link,
                                                rules[i].dependent);
            if (!other) {
                continue;
            }
            view_mark_dirty(v, other);
            if (!other->dirty && other->mark != v->build) {
                other->mark = v->build;
                spread(v, other, ANY);
            }
        }
    }
}

void
view_take_touched(struct xmpp_viewer *v)
{
    struct xmpp_gnode *node;

    LIST_FOR_EACH_POP (node, touched_node, &v->graph->touched) {
        uint8_t touched = node->touched;

        node->touched = 0;
        view_mark_dirty(v, node);
        spread(v, node, touched);
    }
}

static void
mark_neighbours(struct xmpp_viewer *v, struct xmpp_gnode *node,
                enum view_name link, enum view_name type)
{
    const struct xmpp_glink_end *end;

    VIEW_FOR_EACH_END (end, node) {
        struct xmpp_gnode *other = view_end(v, end, link, type);

        if (other) {
            view_mark_dirty(v, other);
        }
    }
}

static void
clear_object(struct xmpp_viewer *v, struct xmpp_gnode *node)
{
    view_set_object(v, node, NULL, &(struct xmpp_stamp) { .at = 0 });
}

/* Brings the object of a dirty node up to date.  Returns whether it is another
 * one. */
static bool
update_object(struct xmpp_viewer *v, struct xmpp_gnode *node,
              void (*fn)(struct xmpp_viewer *, struct xmpp_gnode *),
              bool wanted)
{
    const struct view_object *old = node->object;

    if (node->props && wanted) {
        fn(v, node);
    } else {
        clear_object(v, node);
    }
    return node->object != old;
}

#define POP(V, KIND, NODE)                                              \
    LIST_FOR_EACH_POP (NODE, dirty_node, &(V)->dirty[KIND])             \
        if ((NODE)->dirty = false, true)

static void
update_networks(struct xmpp_viewer *v)
{
    struct xmpp_gnode *vn;

    POP (v, VIEW_NETWORKS, vn) {
        if (update_object(v, vn, view_network, true)) {
            mark_neighbours(v, vn, VIEW_VMI_VN, VIEW_VMI);
        }
    }
    view_finish_networks(v);
}

static bool
is_ours(const struct xmpp_viewer *v, const struct xmpp_gnode *pr)
{
    const struct xmpp_glink_end *end;

    VIEW_FOR_EACH_END (end, pr) {
        const struct xmpp_gnode *vr = view_end(v, end, VIEW_PR_VR, VIEW_VR);

        if (vr && !strcmp(vr->name, v->virtual_router)) {
            return true;
        }
    }
    return false;
}

/* What is under a switch has its names. */
static void
update_switches(struct xmpp_viewer *v)
{
    const struct xmpp_glink_end *end;
    struct xmpp_gnode *pr;

    POP (v, VIEW_SWITCHES, pr) {
        if (!update_object(v, pr, view_switch, is_ours(v, pr))) {
            continue;
        }
        mark_neighbours(v, pr, VIEW_PR_LI, VIEW_LI);
        VIEW_FOR_EACH_END (end, pr) {
            struct xmpp_gnode *pi = view_end(v, end, VIEW_PR_PI, VIEW_PI);

            if (pi) {
                pi->stamp = (struct xmpp_stamp) { .at = 0 };
                view_mark_dirty(v, pi);
            }
        }
    }
}

/* What 'node' hangs under by the given link: the first of several. */
static const struct xmpp_gnode *
find_parent(const struct xmpp_viewer *v, const struct xmpp_gnode *node,
            enum view_name link, enum view_name type,
            struct xmpp_stamp *stamp)
{
    const struct xmpp_gnode *parent = NULL;
    const struct xmpp_glink_end *end;

    VIEW_FOR_EACH_END (end, node) {
        const struct xmpp_gnode *other = view_end(v, end, link, type);

        if (other) {
            view_stamp(stamp, end->link->added_at);
            view_stamp(stamp, other->props_at);
            if (!parent || strcmp(other->name, parent->name) < 0) {
                parent = other;
            }
        }
    }
    return parent;
}

/* Physical interfaces have no object; it is noted once for all on them what
 * they are on. */
static void
update_pis(struct xmpp_viewer *v)
{
    struct xmpp_gnode *pi;

    LIST_FOR_EACH_POP (pi, dirty_node, &v->dirty_pis) {
        struct xmpp_stamp stamp = { .at = 0 };

        pi->dirty = false;
        view_stamp(&stamp, pi->props_at);
        pi->parent = find_parent(v, pi, VIEW_PR_PI, VIEW_PR, &stamp);
        if (!view_stamp_equals(&stamp, &pi->stamp)) {
            pi->stamp = stamp;
            mark_neighbours(v, pi, VIEW_PI_LI, VIEW_LI);
        }
    }
}

/* Where a logical interface is. */
struct place {
    const struct xmpp_gnode *pi, *pr;
    struct xmpp_stamp stamp;    /* Of the interface and these. */
};

/* Returns false unless the interface is on a switch of ours. */
static bool
find_place(const struct xmpp_viewer *v, const struct xmpp_gnode *li,
           struct place *place)
{
    const struct xmpp_glink_end *end;

    *place = (struct place) { .pi = NULL };
    view_stamp(&place->stamp, li->props_at);
    place->pi = find_parent(v, li, VIEW_PI_LI, VIEW_PI, &place->stamp);

    /* All that may count is in the stamp, whatever does: one that leaves out
     * what does not count now could be the same for two things. */
    VIEW_FOR_EACH_END (end, li) {
        const struct xmpp_gnode *pi = view_end(v, end, VIEW_PI_LI, VIEW_PI);

        if (pi) {
            place->stamp.at = MAX(place->stamp.at, pi->stamp.at);
            place->stamp.n += pi->stamp.n;
        }
    }
    const struct xmpp_gnode *direct = find_parent(v, li, VIEW_PR_LI, VIEW_PR,
                                                  &place->stamp);
    if (!li->props || !place->pi) {
        return false;
    }
    place->pr = place->pi->parent ? place->pi->parent : direct;
    return place->pr && place->pr->object;
}

/* A logical interface on a switch of ours has that as its parent. */
static void
place_lis(struct xmpp_viewer *v)
{
    struct xmpp_gnode *li;

    LIST_FOR_EACH (li, dirty_node, &v->dirty[VIEW_GROUPS]) {
        struct place place;
        bool was_placed = li->parent != NULL;

        li->parent = find_place(v, li, &place) ? place.pr : NULL;
        if (was_placed != (li->parent != NULL)) {
            mark_neighbours(v, li, VIEW_LI_VMI, VIEW_VMI);
        }
    }
}

/* Whether an interface is behind a port of our switches. */
static bool
is_behind(const struct xmpp_viewer *v, const struct xmpp_gnode *vmi)
{
    const struct xmpp_glink_end *end;

    VIEW_FOR_EACH_END (end, vmi) {
        const struct xmpp_gnode *li = view_end(v, end, VIEW_LI_VMI, VIEW_LI);

        if (li && li->parent) {
            return true;
        }
    }
    return false;
}

static void
update_vmis(struct xmpp_viewer *v)
{
    struct xmpp_gnode *vmi;

    POP (v, VIEW_VMIS, vmi) {
        if (update_object(v, vmi, view_vmi, is_behind(v, vmi))) {
            mark_neighbours(v, vmi, VIEW_LI_VMI, VIEW_LI);
        }
    }
}

static void
update_ports(struct xmpp_viewer *v)
{
    struct xmpp_gnode *li;

    POP (v, VIEW_GROUPS, li) {
        struct place place;

        if (find_place(v, li, &place)) {
            view_group(v, li, place.pi, place.pr, place.stamp);
        } else {
            clear_object(v, li);
        }
    }
}

void
view_update_objects(struct xmpp_viewer *v)
{
    struct xmpp_gnode *node;

    /* In this order one feeds the next. */
    update_networks(v);
    update_switches(v);
    update_pis(v);
    place_lis(v);
    update_vmis(v);
    update_ports(v);
    POP (v, VIEW_IPAMS, node) {
        update_object(v, node, view_ipam, true);
    }
    POP (v, VIEW_VIRTUAL_DNS, node) {
        update_object(v, node, view_virtual_dns, true);
    }
}
