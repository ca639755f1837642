/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a profile, for those who write rows.  Part of private.h. */
#ifndef OVSDB_CLIENT_PROFILE_PRIVATE_H
#define OVSDB_CLIENT_PROFILE_PRIVATE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ovsdb-client/profile.h"

struct ovc_profile {
    const char *name;
    const char *devices;

    /* The switch watches the locators of an "unknown-dst" row and uses one
     * that is alive.  Otherwise the row has one, and we move it. */
    bool several_locators;
    /* Logical_Switch.replication_mode where the schema has it; NULL: left
     * alone, which by the schema means service_node. */
    const char *replication_mode;
    /* Rows of a transaction are applied one by one: a VNI must be free before
     * the transaction in which another network takes it. */
    bool free_vni_first;

    uint16_t vlan_max;
    uint16_t reserved_vlans[4];         /* 0 ends them. */
    bool mixed_tagging;                 /* VLAN 0 and others on one port. */
    bool digit_names;                   /* Logical_Switch names "123". */

    bool upper_macs;                    /* "AA:BB:...", in new rows. */
    bool bfd;                           /* Tunnel rows with bfd_params. */
    uint16_t max_txn_ops;               /* Row operations. */
};

#endif /* ovsdb-client/profile-private.h */
