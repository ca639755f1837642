/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/alarm.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "tsn/json.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tsn_alarm);

/* A switch that flaps raises and clears; the status shows what counts. */
static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(60, 120);

/* All alarms of a name, "port-missing". */
struct kind {
    const char *name;
    size_t n_kept;
    /* This time: */
    size_t n_stated;            /* Of the kept ones. */
    size_t n_over;              /* Not kept, and of these ... */
    enum tsn_severity severity; /* ... the worst, ... */
    uint32_t delay_ms;          /* ... and the first to be told. */
};

struct alarm {
    struct hmap_node node;      /* In 'by_key'. */
    struct ovs_list order;      /* In 'all', the oldest first. */
    size_t kind;                /* Of 'kinds'. */
    char *object;
    char *text;
    enum tsn_severity severity;
    uint64_t begin_ms;
    int64_t begin_wall_ms;
    bool stated;                /* Between begin and end. */
    bool raised;
};

struct tsn_alarms {
    char *owner;                /* Or NULL. */
    struct hmap by_key;         /* struct alarm, by kind and object. */
    struct ovs_list all;
    struct kind *kinds;         /* All that were ever stated: a handful. */
    size_t n_kinds, allocated_kinds;
    size_t n_raised, n_critical;
    uint64_t now_ms;
    int64_t wall_ms;
};

struct tsn_alarms *
tsn_alarms_create(const char *owner)
{
    struct tsn_alarms *set = xzalloc(sizeof *set);

    set->owner = nullable_xstrdup(owner);
    hmap_init(&set->by_key);
    ovs_list_init(&set->all);
    return set;
}

static uint32_t
hash_key(const char *kind, const char *object)
{
    return hash_string(object, hash_string(kind, 0));
}

static size_t
find_kind(struct tsn_alarms *set, const char *name)
{
    for (size_t i = 0; i < set->n_kinds; i++) {
        if (!strcmp(set->kinds[i].name, name)) {
            return i;
        }
    }
    if (set->n_kinds == set->allocated_kinds) {
        set->kinds = x2nrealloc(set->kinds, &set->allocated_kinds,
                                sizeof *set->kinds);
    }
    set->kinds[set->n_kinds] = (struct kind) { .name = name };
    return set->n_kinds++;
}

static struct alarm *
find(const struct tsn_alarms *set, size_t kind, const char *object)
{
    const char *name = set->kinds[kind].name;
    struct alarm *a;

    HMAP_FOR_EACH_WITH_HASH (a, node, hash_key(name, object), &set->by_key) {
        if (a->kind == kind && !strcmp(a->object, object)) {
            return a;
        }
    }
    return NULL;
}

static void
count(struct tsn_alarms *set, const struct alarm *a, int n)
{
    if (a->raised) {
        set->n_raised += n;
        set->n_critical += a->severity == TSN_CRITICAL ? n : 0;
    }
}

static void
forget(struct tsn_alarms *set, struct alarm *a)
{
    count(set, a, -1);
    set->kinds[a->kind].n_kept--;
    hmap_remove(&set->by_key, &a->node);
    ovs_list_remove(&a->order);
    free(a->object);
    free(a->text);
    free(a);
}

void
tsn_alarms_destroy(struct tsn_alarms *set)
{
    struct alarm *a;

    if (!set) {
        return;
    }
    LIST_FOR_EACH_SAFE (a, order, &set->all) {
        forget(set, a);
    }
    hmap_destroy(&set->by_key);
    free(set->kinds);
    free(set->owner);
    free(set);
}

void
tsn_alarms_begin(struct tsn_alarms *set, uint64_t now_ms, int64_t wall_ms)
{
    struct alarm *a;

    set->now_ms = now_ms;
    set->wall_ms = wall_ms;
    for (size_t i = 0; i < set->n_kinds; i++) {
        set->kinds[i].n_stated = set->kinds[i].n_over = 0;
    }
    LIST_FOR_EACH (a, order, &set->all) {
        a->stated = false;
    }
}

static struct alarm *
add(struct tsn_alarms *set, size_t kind, const char *object)
{
    struct alarm *a = xzalloc(sizeof *a);
    uint32_t hash = hash_key(set->kinds[kind].name, object);

    a->kind = kind;
    a->object = xstrdup(object);
    a->begin_ms = set->now_ms;
    a->begin_wall_ms = set->wall_ms;
    hmap_insert(&set->by_key, &a->node, hash);
    ovs_list_push_back(&set->all, &a->order);
    set->kinds[kind].n_kept++;
    return a;
}

static const char *
blank_before(const char *object)
{
    return *object ? " " : "";
}

static void
log_alarm(const struct tsn_alarms *set, const struct alarm *a,
          const char *what)
{
    VLOG_RL(&rl, a->raised ? VLL_WARN : VLL_INFO,
            "alarm %s: %s alarm=%s severity=%s%s%s%s%s", what, a->text,
            set->kinds[a->kind].name,
            a->severity == TSN_CRITICAL ? "critical" : "warning",
            set->owner ? " tor=" : "", set->owner ? set->owner : "",
            blank_before(a->object), a->object);
}

static void
count_over(struct kind *kind, enum tsn_severity severity, uint32_t delay_ms)
{
    bool first = !kind->n_over++;

    kind->severity = first ? severity : MAX(kind->severity, severity);
    kind->delay_ms = first ? delay_ms : MIN(kind->delay_ms, delay_ms);
}

void
tsn_alarms_state(struct tsn_alarms *set, const char *name,
                 enum tsn_severity severity, uint32_t delay_ms,
                 const char *object, const char *text)
{
    size_t kind = find_kind(set, name);
    struct alarm *a = find(set, kind, object);

    if (!a) {
        if (set->kinds[kind].n_kept >= TSN_ALARMS_MAX) {
            count_over(&set->kinds[kind], severity, delay_ms);
            return;
        }
        a = add(set, kind, object);
    }
    set->kinds[kind].n_stated += !a->stated;
    a->stated = true;
    count(set, a, -1);
    a->severity = severity;
    count(set, a, 1);
    if (!a->text || strcmp(a->text, text)) {
        free(a->text);
        a->text = xstrdup(text);
    }
    if (!a->raised && set->now_ms - a->begin_ms >= delay_ms) {
        a->raised = true;
        count(set, a, 1);
        log_alarm(set, a, "raised");
    }
}

/* How many there are too many of a kind.  Of those that are not kept some would
 * have had room if those before them, which were not stated any more, had gone
 * first, and will have it the next time. */
static size_t
count_too_many(const struct kind *kind)
{
    size_t n = kind->n_stated + kind->n_over;

    return n > TSN_ALARMS_MAX ? n - TSN_ALARMS_MAX : 0;
}

static void
state_over(struct tsn_alarms *set)
{
    for (size_t i = 0; i < set->n_kinds; i++) {
        const struct kind kind = set->kinds[i];
        size_t n = count_too_many(&kind);

        if (n) {
            char *object = xasprintf("alarm=%s", kind.name);
            char *text = xasprintf("and %"PRIuSIZE" more that are not shown",
                                   n);

            tsn_alarms_state(set, "more-alarms", kind.severity, kind.delay_ms,
                             object, text);
            free(object);
            free(text);
        }
    }
}

void
tsn_alarms_end(struct tsn_alarms *set)
{
    struct alarm *a;

    state_over(set);
    LIST_FOR_EACH_SAFE (a, order, &set->all) {
        if (!a->stated) {
            if (a->raised) {
                count(set, a, -1);
                a->raised = false;
                log_alarm(set, a, "cleared");
            }
            forget(set, a);
        }
    }
}

size_t
tsn_alarms_count(const struct tsn_alarms *set)
{
    return set->n_raised;
}

size_t
tsn_alarms_count_critical(const struct tsn_alarms *set)
{
    return set->n_critical;
}

void
tsn_alarms_show(const struct tsn_alarms *set, struct tsn_json *json)
{
    const struct alarm *a;

    LIST_FOR_EACH (a, order, &set->all) {
        if (!a->raised) {
            continue;
        }
        char *since = xastrftime_msec("%Y-%m-%dT%H:%M:%SZ", a->begin_wall_ms,
                                      true);
        tsn_json_object_begin(json, NULL);
        tsn_json_string(json, "tor", set->owner);
        tsn_json_string(json, "alarm", set->kinds[a->kind].name);
        tsn_json_string(json, "severity",
                        a->severity == TSN_CRITICAL ? "critical" : "warning");
        tsn_json_string(json, "since", since);
        tsn_json_string(json, "object", *a->object ? a->object : NULL);
        tsn_json_string(json, "text", a->text);
        tsn_json_object_end(json);
        free(since);
    }
}
