/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator does to a session. */
#include <config.h>
#include "ovsdb-client/operator.h"
#include "ovsdb-client/private.h"

#include <errno.h>

#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_operate);

const char *
ovc_mode_name(enum ovc_mode mode)
{
    switch (mode) {
    case OVC_MODE_WRITE:
        return "write";
    case OVC_MODE_FREEZE:
        return "freeze";
    case OVC_MODE_DRY_RUN:
        return "dry-run";
    case OVC_N_MODES:
    default:
        OVS_NOT_REACHED();
    }
}

enum ovc_mode
ovc_session_mode(const struct ovc_session *s)
{
    return s->mode;
}

static void
queue_withheld(struct ovc_session *s, struct ovc_object *object,
               void *aux OVS_UNUSED)
{
    if (object->why == OVC_WHY_MODE) {
        ovc_object_queue(s, object);
    }
}

void
ovc_session_set_mode(struct ovc_session *s, enum ovc_mode mode)
{
    if (mode != s->mode) {
        VLOG_INFO("mode changed tor=%s mode=%s was=%s", s->name,
                  ovc_mode_name(mode), ovc_mode_name(s->mode));
        s->mode = mode;
        ovc_for_each_object(s, queue_withheld, NULL);
        /* What waits for those waits for a Logical_Switch. */
        struct ovc_ls *ls;
        HMAP_FOR_EACH (ls, node, &s->lss) {
            ovc_ls_queue_dependents(s, ls);
        }
    }
}

void
ovc_session_resync(struct ovc_session *s)
{
    VLOG_INFO("comparing all rows anew tor=%s", s->name);
    s->rescan = true;
    ovc_objects_retry(s);
    s->brake_ms = 0;
    s->n_refused_now = 0;
}

void
ovc_session_reconnect(struct ovc_session *s)
{
    VLOG_INFO("ending the session, to begin another tor=%s", s->name);
    ovc_db_reconnect(&s->db);
}

static void
purge(struct ovc_session *s, struct ovc_object *object, void *n_)
{
    int *n = n_;

    if (object->state == OVC_STALE && !object->wanted) {
        object->ours = true;
        ovc_object_queue(s, object);
        ++*n;
    }
}

int
ovc_session_purge_stale(struct ovc_session *s)
{
    int n = 0;

    if (!s->complete) {
        return -EBUSY;
    }
    ovc_for_each_object(s, purge, &n);
    VLOG_INFO("purging stale rows tor=%s rows=%d", s->name, n);
    return n;
}

void
ovc_session_set_probe(struct ovc_session *s, uint32_t probe_ms)
{
    ovc_db_set_probe(&s->db, probe_ms);
}

void
ovc_session_set_max_backoff(struct ovc_session *s, uint32_t ms)
{
    ovc_guard_set_max_backoff(&s->guard, ms ? ms : OVC_MAX_BACKOFF_MS);
}

void
ovc_session_set_stale_hold(struct ovc_session *s, uint32_t ms)
{
    s->stale_hold_ms = ms;
}

/* Of networks that are being waited for, the old time holds. */
void
ovc_session_set_cleanup_wait(struct ovc_session *s, uint32_t ms)
{
    s->cleanup_ms = ms;
}
