/* SPDX-License-Identifier: Apache-2.0 */
/* The sorted arrays of a view.  Few of their elements change at a time, so
 * what has changed is looked up in them, and the rest is copied in pieces. */
#include <config.h>
#include "xmpp/view-private.h"

#include <stdlib.h>
#include <string.h>

/* What is equal in all that is shown is ordered by where it is, so that each
 * element has its one place. */
#define COMPARE_POINTERS(A, B) ((A) < (B) ? -1 : (A) > (B))

static int
compare_networks(const void *a_, const void *b_)
{
    const struct xmpp_network *a = *(const struct xmpp_network *const *) a_;
    const struct xmpp_network *b = *(const struct xmpp_network *const *) b_;
    int cmp = strcmp(a->instance, b->instance);

    if (!cmp) {
        cmp = strcmp(a->name, b->name);
    }
    return cmp ? cmp : COMPARE_POINTERS(a, b);
}

int
view_compare_switches(const void *a_, const void *b_)
{
    const struct xmpp_switch *const *a = a_, *const *b = b_;
    int cmp = strcmp((*a)->name, (*b)->name);

    return cmp ? cmp : strcmp((*a)->fq_name, (*b)->fq_name);
}

int
view_compare_ports(const void *a_, const void *b_)
{
    const struct xmpp_port *a = *(const struct xmpp_port *const *) a_;
    const struct xmpp_port *b = *(const struct xmpp_port *const *) b_;
    int cmp = strcmp(a->switch_name, b->switch_name);

    if (!cmp) {
        cmp = strcmp(a->port, b->port);
    }
    if (!cmp) {
        cmp = (int) a->vlan - (int) b->vlan;
    }
    return cmp ? cmp : strcmp(a->vmi->name, b->vmi->name);
}

static int
compare_switches(const void *a_, const void *b_)
{
    const struct xmpp_switch *const *a = a_, *const *b = b_;
    int cmp = view_compare_switches(a, b);

    return cmp ? cmp : COMPARE_POINTERS(*a, *b);
}

static int
compare_ports(const void *a_, const void *b_)
{
    const struct xmpp_port *const *a = a_, *const *b = b_;
    int cmp = view_compare_ports(a, b);

    if (!cmp) {
        cmp = (int) (*a)->is_l3 - (int) (*b)->is_l3;
    }
    return cmp ? cmp : COMPARE_POINTERS(*a, *b);
}

/* For what begins with its name. */
static int
compare_names(const void *a_, const void *b_)
{
    const char *const *a = *(const char *const *const *) a_;
    const char *const *b = *(const char *const *const *) b_;
    int cmp = strcmp(*a, *b);

    return cmp ? cmp : COMPARE_POINTERS(a, b);
}

BUILD_ASSERT_DECL(offsetof(struct xmpp_vmi, name) == 0);
BUILD_ASSERT_DECL(offsetof(struct xmpp_ipam, name) == 0);
BUILD_ASSERT_DECL(offsetof(struct xmpp_virtual_dns, name) == 0);

typedef int compare_fn(const void *, const void *);

static compare_fn *const compare_by_kind[] = {
    [VIEW_NETWORKS] = compare_networks,
    [VIEW_VMIS] = compare_names,
    [VIEW_SWITCHES] = compare_switches,
    [VIEW_GROUPS] = compare_ports,
    [VIEW_IPAMS] = compare_names,
    [VIEW_VIRTUAL_DNS] = compare_names,
};

static void
push(struct view_array *array, const void *item)
{
    VIEW_GROW(array->items, array->n);
    array->items[array->n++] = item;
}

static void
push_object(struct view_array *array, const struct view_object *object)
{
    if (object->kind == VIEW_GROUPS) {
        const struct view_group *g = CONTAINER_OF(object, struct view_group,
                                                  object);

        for (size_t i = 0; i < g->n_ports; i++) {
            push(array, &g->ports[i]);
        }
    } else {
        push(array, object->data);
    }
}

/* The first element from 'low' on that is not before 'item'. */
static size_t
lower_bound(const struct view_array *array, size_t low, const void *item,
            compare_fn *compare)
{
    size_t high = array->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (compare(&array->items[mid], &item) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static void
sort(struct view_array *array, compare_fn *compare)
{
    if (array->n > 1) {
        qsort(array->items, array->n, sizeof *array->items, compare);
    }
}

/* Copies the elements from 'start' on before 'end'.  Returns the end of the
 * copy. */
static const void **
copy(const void **p, const struct view_array *array, size_t start, size_t end)
{
    if (start < end) {
        memcpy(p, array->items + start, (end - start) * sizeof *p);
    }
    return p + (end - start);
}

/* Takes out and puts in what the sorted arrays have. */
static void
merge(struct view_array *array, const struct view_array *gone,
      const struct view_array *new, compare_fn *compare)
{
    size_t n = array->n - gone->n + new->n;
    const void **items = xmalloc(n * sizeof *items), **p = items;
    size_t done = 0, i = 0, j = 0;

    while (i < gone->n || j < new->n) {
        bool take_out = j == new->n
            || (i < gone->n && compare(&gone->items[i], &new->items[j]) < 0);
        const void *item = take_out ? gone->items[i++] : new->items[j++];
        size_t at = lower_bound(array, done, item, compare);

        p = copy(p, array, done, at);
        done = at;
        if (take_out) {
            ovs_assert(done < array->n && array->items[done] == item);
            done++;
        } else {
            *p++ = item;
        }
    }
    copy(p, array, done, array->n);
    free(array->items);
    array->items = items;
    array->n = n;
}

bool
view_update_array(struct xmpp_viewer *v, enum view_kind kind)
{
    struct view_array gone = { .n = 0 }, new = { .n = 0 };
    struct view_object *object;

    LIST_FOR_EACH (object, list_node, &v->retired) {
        if (object->kind == kind && object->in_view) {
            object->in_view = false;
            push_object(&gone, object);
        }
    }
    LIST_FOR_EACH_POP (object, list_node, &v->added[kind]) {
        object->in_view = true;
        push_object(&new, object);
    }

    bool changed = gone.n || new.n;
    if (changed) {
        sort(&gone, compare_by_kind[kind]);
        sort(&new, compare_by_kind[kind]);
        merge(&v->arrays[kind], &gone, &new, compare_by_kind[kind]);
    }
    free(gone.items);
    free(new.items);
    return changed;
}
