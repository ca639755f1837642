/* SPDX-License-Identifier: Apache-2.0 */
/* What a switch could not take is held back, and nothing else with it: a
 * switch may give up on all that comes together with a row that it refuses. */
#include <config.h>
#include "ovsdb-client/private.h"

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_profile);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(20, 20);

static enum ovc_why
check_vlan(const struct ovc_profile *profile, uint16_t vlan)
{
    if (vlan > profile->vlan_max) {
        return OVC_WHY_VLAN_RANGE;
    }
    for (size_t i = 0; i < ARRAY_SIZE(profile->reserved_vlans); i++) {
        if (vlan && vlan == profile->reserved_vlans[i]) {
            return OVC_WHY_VLAN_RESERVED;
        }
    }
    return OVC_WHY_NONE;
}

/* Whether 'other', of the same port, comes before 'b': what the switch has
 * comes first, then what was wanted first. */
static bool
is_before(const struct ovc_binding *other, const struct ovc_binding *b)
{
    return (other->bound
            || (other->object.wanted && other->claim < b->claim
                && other->object.state != OVC_HELD));
}

static enum ovc_why
check_tagging(const struct ovc_binding *b)
{
    const struct ovc_binding *other;

    if (b->vlan) {
        other = ovc_binding_find(b->port, 0);
        return other && is_before(other, b) ? OVC_WHY_TAGGED : OVC_WHY_NONE;
    }
    HMAP_FOR_EACH (other, node, &b->port->bindings) {
        if (other->vlan && is_before(other, b)) {
            return OVC_WHY_UNTAGGED;
        }
    }
    return OVC_WHY_NONE;
}

enum ovc_why
ovc_check_binding(const struct ovc_session *s, const struct ovc_binding *b)
{
    enum ovc_why why = check_vlan(s->profile, b->vlan);

    if (why == OVC_WHY_NONE && !s->profile->mixed_tagging && !b->bound) {
        why = check_tagging(b);
    }
    return why;
}

void
ovc_hold_by_profile(struct ovc_session *s, struct ovc_object *object,
                    enum ovc_why why)
{
    bool told = object->state == OVC_HELD && object->why == why;

    ovc_object_set(s, object, OVC_HELD, why);
    if (!told) {
        struct ds what = DS_EMPTY_INITIALIZER;
        struct ds reason = DS_EMPTY_INITIALIZER;
        ovc_object_format(object, &what);
        ovc_object_reason(s, object, &reason);
        VLOG_WARN_RL(&rl, "a row is not written, the switch could not take "
                     "it: %s tor=%s %s", ds_cstr(&reason), s->name,
                     ds_cstr(&what));
        ds_destroy(&what);
        ds_destroy(&reason);
    }
}

void
ovc_check_binding_gone(struct ovc_session *s, const struct ovc_binding *b)
{
    struct ovc_binding *other;

    if (s->profile->mixed_tagging) {
        return;
    }
    if (b->vlan) {
        other = ovc_binding_find(b->port, 0);
        if (other && other->object.why == OVC_WHY_UNTAGGED) {
            ovc_object_queue(s, &other->object);
        }
        return;
    }
    HMAP_FOR_EACH (other, node, &b->port->bindings) {
        if (other->object.why == OVC_WHY_TAGGED) {
            ovc_object_queue(s, &other->object);
        }
    }
}
