/* SPDX-License-Identifier: Apache-2.0 */
/* Facts that are worth an alarm (spec J.28). */
#include <config.h>
#include "ovsdb-client/operator.h"
#include "ovsdb-client/private.h"

#include "openvswitch/dynamic-string.h"
#include "util.h"

const char *
ovc_alarm_name(enum ovc_alarm alarm)
{
    switch (alarm) {
    case OVC_ALARM_SWITCH_MISSING:
        return "switch-missing";
    case OVC_ALARM_PORT_MISSING:
        return "port-missing";
    case OVC_ALARM_VNI_CONFLICT:
        return "vni-conflict";
    case OVC_ALARM_REFUSED:
        return "refused";
    case OVC_ALARM_FIGHT:
        return "fight";
    case OVC_ALARM_FORCED_DELETE:
        return "forced-delete";
    case OVC_ALARM_SWITCH_FAULT:
        return "switch-fault";
    case OVC_ALARM_PORT_FAULT:
        return "port-fault";
    case OVC_N_ALARMS:
    default:
        OVS_NOT_REACHED();
    }
}

struct tell {
    const struct ovc_session *s;
    ovc_alarm_fn *fn;
    void *aux;
    size_t n[OVC_N_ALARMS];
    size_t n_more;
    struct ds object, text;
};

/* Tells what is in 'object' and 'text', and clears them. */
static void
tell(struct tell *t, enum ovc_alarm alarm)
{
    if (t->n[alarm]++ < OVC_MAX_ALARMS) {
        t->fn(alarm, ds_cstr(&t->object), ds_cstr(&t->text), t->aux);
    } else {
        t->n_more++;
    }
    ds_clear(&t->object);
    ds_clear(&t->text);
}

static void
tell_object(struct tell *t, enum ovc_alarm alarm,
            const struct ovc_object *object)
{
    ovc_object_format(object, &t->object);
    ovc_object_reason(t->s, object, &t->text);
    tell(t, alarm);
}

static void
put_faults(struct ds *ds, const struct vtep_strings *faults)
{
    for (size_t i = 0; i < faults->n; i++) {
        ds_put_format(ds, "%s%.64s", i ? ", " : "", faults->elems[i]);
    }
}

static void
tell_switches(struct tell *t)
{
    const struct ovc_session *s = t->s;
    const struct ovc_switch *sw;

    HMAP_FOR_EACH (sw, node, &s->switches) {
        const struct vtep_switch *row
            = sw->there ? ovc_db_find(&s->db, OVC_T_SWITCH, &sw->uuid) : NULL;
        if (!s->read) {
            continue;           /* The session is not up: nobody knows. */
        }
        if (!row) {
            ds_put_format(&t->object, "switch=%s", sw->name);
            ds_put_cstr(&t->text, s->lack ? s->lack : "");
            tell(t, OVC_ALARM_SWITCH_MISSING);
        } else if (row->faults.n) {
            ds_put_format(&t->object, "switch=%s", sw->name);
            put_faults(&t->text, &row->faults);
            tell(t, OVC_ALARM_SWITCH_FAULT);
        }
    }
}

static void
tell_ports(struct tell *t)
{
    const struct ovc_session *s = t->s;
    const struct ovc_port *port;

    HMAP_FOR_EACH (port, node, &s->ports) {
        const struct vtep_port *row
            = port->there ? ovc_db_find(&s->db, OVC_T_PORT, &port->uuid)
                          : NULL;
        if (row && row->faults.n) {
            ds_put_format(&t->object, "switch=%s port=%s", port->sw->name,
                          port->name);
            put_faults(&t->text, &row->faults);
            tell(t, OVC_ALARM_PORT_FAULT);
        } else if (s->up && port->sw->there && !port->there
                   && port->missing_ms
                   && s->now_ms - port->missing_ms >= OVC_PORT_ALARM_MS) {
            ds_put_format(&t->object, "switch=%s port=%s", port->sw->name,
                          port->name);
            ds_put_cstr(&t->text, "the switch has no such port");
            tell(t, OVC_ALARM_PORT_MISSING);
        }
    }
}

static void
tell_networks(struct tell *t)
{
    const struct ovc_ls *ls;

    HMAP_FOR_EACH (ls, node, &t->s->lss) {
        if (ls->object.why == OVC_WHY_VNI_WANTED
            || ls->object.why == OVC_WHY_VNI_HELD) {
            tell_object(t, OVC_ALARM_VNI_CONFLICT, &ls->object);
        }
        if (ls->forced) {
            ovc_object_format(&ls->object, &t->object);
            ds_put_format(&t->text, "the switch has not removed what it "
                          "learnt, %"PRIuSIZE" MACs left", ls->n_local_macs);
            tell(t, OVC_ALARM_FORCED_DELETE);
        }
    }
}

/* Whether somebody else keeps changing it, and did not long ago. */
static bool
is_fought_over(const struct ovc_session *s, const struct ovc_object *object)
{
    return (object->why == OVC_WHY_FIGHT
            || (object->rewrites >= OVC_FIGHT_WRITES
                && s->now_ms - object->written_ms < OVC_FIGHT_MS));
}

static void
tell_trouble(struct tell *t, const struct ovc_object *object)
{
    enum ovc_alarm alarm;

    if (object->failures) {
        alarm = OVC_ALARM_REFUSED;
        ds_put_cstr(&t->text, object->error ? object->error : "refused");
    } else if (is_fought_over(t->s, object)) {
        alarm = OVC_ALARM_FIGHT;
        ds_put_cstr(&t->text, ovc_why_text(OVC_WHY_FIGHT));
    } else {
        return;
    }
    ovc_object_format(object, &t->object);
    tell(t, alarm);
}

/* What was refused, or is fought over, waits for its time; or it is being
 * tried again, and the last word of the switch still is that it was refused;
 * or it was put right a moment ago.  So nothing flaps with each attempt. */
static void
tell_waiting(struct tell *t)
{
    const struct ovc_object *object;
    const struct ovc_group *group;

    HEAP_FOR_EACH (object, timer, &t->s->timers) {
        tell_trouble(t, object);
    }
    LIST_FOR_EACH (group, node, &t->s->groups) {
        LIST_FOR_EACH (object, queue_node, &group->objects) {
            if (!object->timed) {
                tell_trouble(t, object);
            }
        }
    }
    for (size_t i = 0; i < t->s->n_flights; i++) {
        for (size_t j = 0; j < t->s->flights[i].n_members; j++) {
            object = t->s->flights[i].members[j];
            if (!object->timed && ovs_list_is_empty(&object->queue_node)) {
                tell_trouble(t, object);
            }
        }
    }
}

void
ovc_session_for_each_alarm(const struct ovc_session *s, ovc_alarm_fn *fn,
                           void *aux, size_t *n_more)
{
    struct tell t = {
        .s = s, .fn = fn, .aux = aux,
        .object = DS_EMPTY_INITIALIZER, .text = DS_EMPTY_INITIALIZER,
    };

    tell_switches(&t);
    tell_ports(&t);
    tell_networks(&t);
    tell_waiting(&t);
    *n_more = t.n_more;
    ds_destroy(&t.object);
    ds_destroy(&t.text);
}
