/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about kinds of switches.  All of them speak hardware_vtep, but
 * no two take the same of it: a profile says how rows are written for one
 * kind, and what is not written at all because the switch would refuse it, or
 * worse, take it and fail later.
 *
 * A fact that is not known of a vendor has the value that every switch is
 * known to take, and "generic", the default, has nothing but such values.  The
 * table in profile.c says where each fact is from.
 *
 * Profiles are constants: any thread, no ownership. */
#ifndef OVSDB_CLIENT_PROFILE_H
#define OVSDB_CLIENT_PROFILE_H 1

#include <stddef.h>

struct ovc_profile;
struct tsn_json;

/* Returns the profile of that name, or NULL if there is none. */
const struct ovc_profile *ovc_profile_find(const char *name);

/* "generic". */
const struct ovc_profile *ovc_profile_default(void);

/* The 'i'th profile, or NULL after the last one; the default is the first. */
const struct ovc_profile *ovc_profile_at(size_t i);

const char *ovc_profile_name(const struct ovc_profile *);

/* Writes the facts into the object that is open: name, devices, flood_row
 * ("all service nodes" or "one service node"), replication_mode (null: not
 * written), vni_handover ("one transaction" or "free first"), vlan_max,
 * reserved_vlans [], tagged_and_untagged, digit_names, bfd, mac_case,
 * max_transaction (row operations). */
void ovc_profile_show(const struct ovc_profile *, struct tsn_json *);

#endif /* ovsdb-client/profile.h */
