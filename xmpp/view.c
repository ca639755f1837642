/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/view-private.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/vlog.h"

VLOG_DEFINE_THIS_MODULE(xmpp_view);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* Objects and bags. */

static void
retire(struct xmpp_viewer *v, struct view_object *object)
{
    if (object) {
        /* One that came since the last view is in a list. */
        if (!object->in_view) {
            ovs_list_remove(&object->list_node);
        }
        ovs_list_push_back(&v->retired, &object->list_node);
        object->retired = true;
        object->node = NULL;
        v->n_bad -= object->n_bad;
        v->n_subnet_items -= object->n_subnet_items;
    }
}

void
view_set_object(struct xmpp_viewer *v, struct xmpp_gnode *node,
                struct view_object *object, const struct xmpp_stamp *stamp)
{
    retire(v, node->object);
    node->object = object;
    node->stamp = *stamp;
    if (object) {
        object->node = node;
        ovs_list_push_back(&v->added[object->kind], &object->list_node);
        v->n_bad += object->n_bad;
        v->n_subnet_items += object->n_subnet_items;
    }
}

static void
destroy_objects(struct ovs_list *objects)
{
    struct view_object *object;

    LIST_FOR_EACH_POP (object, list_node, objects) {
        object->destroy(object);
    }
}

static struct view_bag *
bag_create(void)
{
    struct view_bag *bag = xzalloc(sizeof *bag);

    ovs_refcount_init(&bag->refs);
    ovs_list_init(&bag->objects);
    return bag;
}

static void
bag_unref(struct view_bag *bag)
{
    while (bag && ovs_refcount_unref(&bag->refs) == 1) {
        struct view_bag *next = bag->next;

        destroy_objects(&bag->objects);
        free(bag);
        bag = next;
    }
}

/* Puts what has retired where it stays until no view needs it. */
static void
bag_retired(struct xmpp_viewer *v)
{
    struct view_object *object;

    if (v->bag) {
        LIST_FOR_EACH_POP (object, list_node, &v->retired) {
            ovs_list_push_back(&v->bag->objects, &object->list_node);
        }
    } else {
        destroy_objects(&v->retired);
    }
}

/* Viewers. */

/* Called by the graph. */
static void
forget(struct xmpp_viewer *v, struct xmpp_gnode *node)
{
    view_set_object(v, node, NULL, &(struct xmpp_stamp) { .at = 0 });
}

struct xmpp_viewer *
xmpp_viewer_create(struct xmpp_graph *graph, const char *virtual_router)
{
    static const char *const names[] = {
#define VIEW_NAME(NAME, STRING) [VIEW_##NAME] = STRING,
        VIEW_NAMES
#undef VIEW_NAME
    };
    struct xmpp_viewer *v = xzalloc(sizeof *v);
    struct xmpp_gnode *node;

    ovs_assert(!graph->viewer);
    v->graph = graph;
    v->virtual_router = xstrdup(virtual_router);
    for (size_t i = 0; i < VIEW_N_NAMES; i++) {
        v->names[i] = xmpp_names_get(&graph->names, names[i]);
    }
    for (size_t i = 0; i < VIEW_N_KINDS; i++) {
        ovs_list_init(&v->added[i]);
        ovs_list_init(&v->dirty[i]);
    }
    ovs_list_init(&v->dirty_pis);
    ovs_list_init(&v->retired);

    graph->viewer = v;
    graph->forget = forget;
    HMAP_FOR_EACH (node, hmap_node, &graph->nodes) {
        xmpp_gnode_touch(graph, node,
                         XMPP_TOUCHED_PROPS | XMPP_TOUCHED_LINKS);
    }
    return v;
}

void
xmpp_viewer_destroy(struct xmpp_viewer *v)
{
    if (v) {
        struct xmpp_graph *graph = v->graph;
        struct xmpp_gnode *node;

        HMAP_FOR_EACH (node, hmap_node, &graph->nodes) {
            forget(v, node);
            node->parent = NULL;
            node->mark = 0;
            node->touched = 0;
        }
        ovs_list_init(&graph->touched);
        graph->viewer = NULL;

        bag_retired(v);
        bag_unref(v->bag);
        for (size_t i = 0; i < VIEW_N_KINDS; i++) {
            free(v->arrays[i].items);
        }
        free(v->networks.items);
        for (size_t i = 0; i < VIEW_N_NAMES; i++) {
            xmpp_names_put(&graph->names, v->names[i]);
        }
        free(v->virtual_router);
        free(v);
    }
}

/* Shows one network for an instance.  What changes for those who refer to a
 * network is marked. */
static void
show_networks(struct xmpp_viewer *v)
{
    const struct view_array *all = &v->arrays[VIEW_NETWORKS];
    const struct xmpp_network *last = NULL;

    free(v->networks.items);
    v->networks.items = xmalloc(all->n * sizeof *all->items);
    v->networks.n = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct xmpp_network *network = all->items[i];
        struct view_object *object = &CONTAINER_OF(
            CONST_CAST(struct xmpp_network *, network), struct view_network,
            network)->object;
        bool show = !last || strcmp(network->instance, last->instance);

        if (show) {
            v->networks.items[v->networks.n++] = network;
            last = network;
        } else {
            VLOG_WARN_RL(&rl, "left out a network whose routing instance is "
                         "another's network=%s instance=%s", network->name,
                         network->instance);
        }
        if (show != object->shown) {
            const struct xmpp_glink_end *end;

            object->shown = show;
            VIEW_FOR_EACH_END (end, object->node) {
                struct xmpp_gnode *vmi = view_end(v, end, VIEW_VMI_VN,
                                                  VIEW_VMI);
                if (vmi) {
                    view_mark_dirty(v, vmi);
                }
            }
        }
    }
}

void
view_finish_networks(struct xmpp_viewer *v)
{
    if (view_update_array(v, VIEW_NETWORKS)) {
        show_networks(v);
    }
}

/* What the arrays still show is not freed before the view is there. */
static struct view_bag *
next_bag(struct xmpp_viewer *v)
{
    struct view_bag *bag = bag_create();

    bag_retired(v);
    if (v->bag) {
        ovs_refcount_ref(&bag->refs);
        v->bag->next = bag;
        bag_unref(v->bag);
    }
    v->bag = bag;
    ovs_refcount_ref(&bag->refs);
    return bag;
}

static void *
copy_array(const struct view_array *array, size_t *n)
{
    *n = array->n;
    return array->n ? xmemdup(array->items, array->n * sizeof *array->items)
                    : NULL;
}

struct xmpp_view *
xmpp_viewer_build(struct xmpp_viewer *v)
{
    struct xmpp_view *view = xzalloc(sizeof *view);

    v->build++;
    view_read_globals(v, view);
    if (view->globals.vni_is_configured != v->vni_is_configured) {
        size_t n;
        struct xmpp_gnode **vns = xmpp_gtype_sorted(
            v->graph, v->names[VIEW_VN], &n);

        v->vni_is_configured = view->globals.vni_is_configured;
        v->mode_at = v->graph->seqno;
        for (size_t i = 0; i < n; i++) {
            if (vns[i]) {
                view_mark_dirty(v, vns[i]);
            }
        }
    }
    view_take_touched(v);
    view_update_objects(v);
    for (size_t i = 0; i < VIEW_N_KINDS; i++) {
        if (i != VIEW_NETWORKS) {
            view_update_array(v, i);
        }
    }

    view->networks = copy_array(&v->networks, &view->n_networks);
    view->vmis = copy_array(&v->arrays[VIEW_VMIS], &view->n_vmis);
    view->switches = copy_array(&v->arrays[VIEW_SWITCHES],
                                &view->n_switches);
    view->ports = copy_array(&v->arrays[VIEW_GROUPS], &view->n_ports);
    view->ipams = copy_array(&v->arrays[VIEW_IPAMS], &view->n_ipams);
    view->virtual_dns = copy_array(&v->arrays[VIEW_VIRTUAL_DNS],
                                   &view->n_virtual_dns);
    view->n_bad += v->n_bad;
    view->bag = next_bag(v);
    return view;
}

struct xmpp_view *
xmpp_view_build(struct xmpp_graph *graph, const char *virtual_router)
{
    struct xmpp_viewer *v = xmpp_viewer_create(graph, virtual_router);
    struct xmpp_view *view = xmpp_viewer_build(v);

    xmpp_viewer_destroy(v);
    return view;
}

void
xmpp_view_destroy(struct xmpp_view *view)
{
    if (view) {
        bag_unref(view->bag);
        free(view->networks);
        free(view->vmis);
        free(view->switches);
        free(view->ports);
        free(view->ipams);
        free(view->virtual_dns);
        free(view);
    }
}

/* Look-ups. */

#define DEFINE_FIND(FUNCTION, TYPE, ARRAY, KEY)                         \
    static int                                                          \
    FUNCTION##_compare(const void *key, const void *object_)            \
    {                                                                   \
        const struct TYPE *const *object = object_;                     \
                                                                        \
        return strcmp(key, (*object)->KEY);                             \
    }                                                                   \
                                                                        \
    const struct TYPE *                                                 \
    FUNCTION(const struct xmpp_view *view, const char *key)             \
    {                                                                   \
        const struct TYPE **found                                       \
            = view->n_##ARRAY                                           \
              ? bsearch(key, view->ARRAY, view->n_##ARRAY,              \
                        sizeof *view->ARRAY, FUNCTION##_compare)        \
              : NULL;                                                   \
                                                                        \
        return found ? *found : NULL;                                   \
    }

DEFINE_FIND(xmpp_view_network, xmpp_network, networks, instance)
DEFINE_FIND(xmpp_view_ipam, xmpp_ipam, ipams, name)
DEFINE_FIND(xmpp_view_virtual_dns, xmpp_virtual_dns, virtual_dns, name)

/* Differences. */

/* By place alone: what is equal has changed in place. */

static int
compare_network_names(const void *a_, const void *b_)
{
    const struct xmpp_network *const *a = a_, *const *b = b_;

    return strcmp((*a)->instance, (*b)->instance);
}

static int
compare_vmi_names(const void *a_, const void *b_)
{
    const struct xmpp_vmi *const *a = a_, *const *b = b_;

    return strcmp((*a)->name, (*b)->name);
}

#define DIFF(TYPE, ARRAY, COMPARE)                                      \
    for (size_t i = 0, j = 0;                                           \
         ops->TYPE##_changed && (i < old->n_##ARRAY                     \
                                 || j < new->n_##ARRAY); ) {            \
        int cmp = i == old->n_##ARRAY ? 1                               \
                  : j == new->n_##ARRAY ? -1                            \
                  : old->ARRAY[i] == new->ARRAY[j] ? 0                  \
                  : COMPARE(&old->ARRAY[i], &new->ARRAY[j]);            \
        const struct xmpp_##TYPE *a = cmp <= 0 ? old->ARRAY[i++] : NULL; \
        const struct xmpp_##TYPE *b = cmp >= 0 ? new->ARRAY[j++] : NULL; \
                                                                        \
        if (a != b) {                                                   \
            ops->TYPE##_changed(aux, a, b);                             \
        }                                                               \
    }

void
xmpp_view_diff(const struct xmpp_view *old, const struct xmpp_view *new,
               const struct xmpp_view_diff_ops *ops, void *aux)
{
    DIFF(network, networks, compare_network_names);
    DIFF(vmi, vmis, compare_vmi_names);
    DIFF(switch, switches, view_compare_switches);
    DIFF(port, ports, view_compare_ports);
}
