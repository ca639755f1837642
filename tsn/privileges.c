/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <sys/prctl.h>

#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tsn_privileges);

#define EFFECTIVE_AND_PERMITTED (CAPNG_EFFECTIVE | CAPNG_PERMITTED)

static const int none[] = { -1 };

/* What tsn_privileges_raise() has put into effect. */
static __thread uint64_t raised;

/* The idle ones that there are. */
static uint64_t
find_idle(const int *idle)
{
    uint64_t found = 0;

    for (const int *cap = idle; *cap >= 0; cap++) {
        if (capng_have_capability(CAPNG_PERMITTED, *cap)) {
            found |= UINT64_C(1) << *cap;
        }
    }
    return found;
}

void
tsn_privileges_drop(const int *keep)
{
    tsn_privileges_drop_but(keep, none);
}

void
tsn_privileges_drop_but(const int *keep, const int *idle)
{
    /* No program started from here gets more than we have. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
        VLOG_WARN("cannot set no_new_privs: %s", ovs_strerror(errno));
    }

    capng_clear(CAPNG_SELECT_ALL);
    if (capng_get_caps_process()) {
        VLOG_WARN("cannot read the capabilities of this process");
        return;
    }
    /* The bounding set can be lowered only with CAP_SETPCAP. */
    bool setpcap = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
    bool had_any = capng_have_capabilities(CAPNG_SELECT_CAPS) > CAPNG_NONE;

    uint64_t kept = 0, kept_idle = find_idle(idle ? idle : none);
    for (const int *cap = keep ? keep : none; *cap >= 0; cap++) {
        if (capng_have_capability(CAPNG_PERMITTED, *cap)) {
            kept |= UINT64_C(1) << *cap;
        } else {
            VLOG_WARN("this process lacks a capability it works with "
                      "capability=%s", capng_capability_to_name(*cap));
        }
    }
    if (!had_any) {
        return;
    }

    capng_clear(setpcap ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS);
    for (int cap = 0; cap < 64; cap++) {
        if (kept & UINT64_C(1) << cap) {
            capng_update(CAPNG_ADD, EFFECTIVE_AND_PERMITTED, cap);
        } else if (kept_idle & UINT64_C(1) << cap) {
            capng_update(CAPNG_ADD, CAPNG_PERMITTED, cap);
        }
    }
    int error = capng_apply(setpcap ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS);
    if (error) {
        VLOG_WARN("cannot give up capabilities error=%d", error);
    }
}

/* Returns 0 or -EPERM. */
static int
set_effective(capng_act_t act, int capability)
{
    return capng_update(act, CAPNG_EFFECTIVE, capability)
           || capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
}

int
tsn_privileges_raise(int capability)
{
    if (capng_get_caps_process()) {
        return -EPERM;
    } else if (capng_have_capability(CAPNG_EFFECTIVE, capability)) {
        return 0;
    } else if (!capng_have_capability(CAPNG_PERMITTED, capability)) {
        return -EPERM;
    }
    int error = set_effective(CAPNG_ADD, capability);
    if (!error) {
        raised |= UINT64_C(1) << capability;
    }
    return error;
}

void
tsn_privileges_lower(int capability)
{
    if (raised & UINT64_C(1) << capability) {
        raised &= ~(UINT64_C(1) << capability);
        if (capng_get_caps_process()
            || set_effective(CAPNG_DROP, capability)) {
            VLOG_WARN("a capability stays in effect capability=%s",
                      capng_capability_to_name(capability));
        }
    }
}
