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

struct alarm {
    struct hmap_node node;      /* In 'by_key'. */
    struct ovs_list order;      /* In 'all', the oldest first. */
    const char *kind;
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
    size_t n_raised, n_critical;
    size_t n_over;              /* Stated, and not kept, this time. */
    bool told_over;
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

static struct alarm *
find(const struct tsn_alarms *set, const char *kind, const char *object)
{
    struct alarm *a;

    HMAP_FOR_EACH_WITH_HASH (a, node, hash_key(kind, object), &set->by_key) {
        if (!strcmp(a->kind, kind) && !strcmp(a->object, object)) {
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
    free(set->owner);
    free(set);
}

void
tsn_alarms_begin(struct tsn_alarms *set, uint64_t now_ms, int64_t wall_ms)
{
    struct alarm *a;

    set->now_ms = now_ms;
    set->wall_ms = wall_ms;
    set->n_over = 0;
    LIST_FOR_EACH (a, order, &set->all) {
        a->stated = false;
    }
}

static struct alarm *
add(struct tsn_alarms *set, const char *kind, const char *object)
{
    struct alarm *a = xzalloc(sizeof *a);

    a->kind = kind;
    a->object = xstrdup(object);
    a->begin_ms = set->now_ms;
    a->begin_wall_ms = set->wall_ms;
    hmap_insert(&set->by_key, &a->node, hash_key(kind, object));
    ovs_list_push_back(&set->all, &a->order);
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
            a->kind, a->severity == TSN_CRITICAL ? "critical" : "warning",
            set->owner ? " tor=" : "", set->owner ? set->owner : "",
            blank_before(a->object), a->object);
}

void
tsn_alarms_state(struct tsn_alarms *set, const char *kind,
                 enum tsn_severity severity, uint32_t delay_ms,
                 const char *object, const char *text)
{
    struct alarm *a = find(set, kind, object);

    if (!a) {
        if (hmap_count(&set->by_key) >= TSN_ALARMS_MAX) {
            set->n_over++;
            return;
        }
        a = add(set, kind, object);
    }
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

void
tsn_alarms_end(struct tsn_alarms *set)
{
    struct alarm *a;

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
    if (set->n_over && !set->told_over) {
        VLOG_WARN_RL(&rl, "more alarms than are kept, some are not shown "
                     "kept=%d%s%s", TSN_ALARMS_MAX,
                     set->owner ? " tor=" : "", set->owner ? set->owner : "");
    }
    set->told_over = set->n_over > 0;
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
        tsn_json_string(json, "alarm", a->kind);
        tsn_json_string(json, "severity",
                        a->severity == TSN_CRITICAL ? "critical" : "warning");
        tsn_json_string(json, "since", since);
        tsn_json_string(json, "object", *a->object ? a->object : NULL);
        tsn_json_string(json, "text", a->text);
        tsn_json_object_end(json);
        free(since);
    }
}
