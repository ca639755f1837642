/* SPDX-License-Identifier: Apache-2.0 */
/* The facts, and where they are from.
 *
 * several_locators, bfd
 *     QFX5100, EOS, OS10 and EXOS expect several service nodes in one
 *     "unknown-dst" row, and watch them by BFD inside VXLAN: the vendors'
 *     manuals (field.md 0.4).  Some switches take one locator only (MidoNet
 *     9d0cc78f9e).  ovs-vtep runs BFD as Tunnel.bfd_params say, but floods to
 *     an arbitrary locator and looks at no BFD state (its source; measured).
 *     The first releases of QFX lacked the Tunnel table (spec A.8): it is
 *     written where the schema has it.
 * replication_mode
 *     By the schema an absent one means service_node; others may have written
 *     source_node, so that it is written (spec B.4).
 * free_vni_first
 *     Junos fails to commit two Logical_Switches with one VNI (Launchpad
 *     1466731).  ovs-vtep reads the whole database at once (its source).
 * vlan_max, reserved_vlans
 *     The API server takes 0..4094, but on products that begin with "qfx" not
 *     1, 2 and 4094, which Junos refuses (Launchpad 1463268).
 * mixed_tagging
 *     Not on QFX (Baremetal-Support.md).  ovs-vtep has flows of one priority
 *     for the port and for its VLANs (its source).
 * digit_names
 *     Refused by QFX (Launchpad 1411795).  ovs-vtep only passes them on.
 * upper_macs
 *     Lower case is what the reference wrote.  Some switches write upper case:
 *     rows are compared without regard to it (Launchpad 1420255).
 * max_txn_ops
 *     OVC_MAX_TXN_OPS; the reference had up to 25 transactions of 4 MACs
 *     under way with QFX (spec A.6). */
#include <config.h>
#include "ovsdb-client/profile-private.h"

#include <string.h>

#include "ovsdb-client/session.h"
#include "tsn/json.h"
#include "util.h"

#define VLAN_MAX_SCHEMA 4095
#define VLAN_MAX_API 4094

#define QFX_VLANS { 1, 2, 4094 }

static const struct ovc_profile profiles[] = {
    {
        .name = "generic",
        .devices = "any switch: only what every switch is known to take",
        .replication_mode = "service_node",
        .free_vni_first = true,
        .vlan_max = VLAN_MAX_API,
        .reserved_vlans = QFX_VLANS,
        .max_txn_ops = OVC_MAX_TXN_OPS,
    }, {
        .name = "qfx5k",
        .devices = "Juniper QFX5100 and its successors",
        .several_locators = true,
        .replication_mode = "service_node",
        .free_vni_first = true,
        .vlan_max = VLAN_MAX_API,
        .reserved_vlans = QFX_VLANS,
        .bfd = true,
        .max_txn_ops = OVC_MAX_TXN_OPS,
    }, {
        .name = "arista",
        .devices = "Arista EOS, alone or behind CVX",
        .several_locators = true,
        .replication_mode = "service_node",
        .free_vni_first = true,
        .vlan_max = VLAN_MAX_API,
        .bfd = true,
        .max_txn_ops = OVC_MAX_TXN_OPS,
    }, {
        .name = "cumulus",
        .devices = "Cumulus Linux with ovs-vtepd",
        .replication_mode = "service_node",
        .free_vni_first = true,
        .vlan_max = VLAN_MAX_API,
        .max_txn_ops = OVC_MAX_TXN_OPS,
    }, {
        .name = "os10",
        .devices = "Dell OS10",
        .several_locators = true,
        .replication_mode = "service_node",
        .free_vni_first = true,
        .vlan_max = VLAN_MAX_API,
        .bfd = true,
        .max_txn_ops = OVC_MAX_TXN_OPS,
    }, {
        .name = "extreme",
        .devices = "Extreme EXOS",
        .several_locators = true,
        .replication_mode = "service_node",
        .free_vni_first = true,
        .vlan_max = VLAN_MAX_API,
        .bfd = true,
        .max_txn_ops = OVC_MAX_TXN_OPS,
    }, {
        .name = "ovs-vtep",
        .devices = "the emulator that comes with Open vSwitch",
        .replication_mode = "service_node",
        .vlan_max = VLAN_MAX_API,
        .digit_names = true,
        .bfd = true,
        .max_txn_ops = OVC_MAX_TXN_OPS,
    }, {
        .name = "schema",
        .devices = "a database that takes all that its schema allows",
        .several_locators = true,
        .replication_mode = "service_node",
        .vlan_max = VLAN_MAX_SCHEMA,
        .mixed_tagging = true,
        .digit_names = true,
        .bfd = true,
        .max_txn_ops = OVC_MAX_TXN_OPS,
    },
};

const struct ovc_profile *
ovc_profile_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
        if (!strcmp(profiles[i].name, name)) {
            return &profiles[i];
        }
    }
    return NULL;
}

const struct ovc_profile *
ovc_profile_default(void)
{
    return &profiles[0];
}

const struct ovc_profile *
ovc_profile_at(size_t i)
{
    return i < ARRAY_SIZE(profiles) ? &profiles[i] : NULL;
}

const char *
ovc_profile_name(const struct ovc_profile *profile)
{
    return profile->name;
}

void
ovc_profile_show(const struct ovc_profile *p, struct tsn_json *json)
{
    tsn_json_string(json, "name", p->name);
    tsn_json_string(json, "devices", p->devices);
    tsn_json_string(json, "flood_row",
                    p->several_locators ? "all service nodes"
                    : "one service node");
    tsn_json_string(json, "replication_mode", p->replication_mode);
    tsn_json_string(json, "vni_handover",
                    p->free_vni_first ? "free first" : "one transaction");
    tsn_json_uint(json, "vlan_max", p->vlan_max);
    tsn_json_array_begin(json, "reserved_vlans");
    for (size_t i = 0; i < ARRAY_SIZE(p->reserved_vlans); i++) {
        if (p->reserved_vlans[i]) {
            tsn_json_uint(json, NULL, p->reserved_vlans[i]);
        }
    }
    tsn_json_array_end(json);
    tsn_json_bool(json, "tagged_and_untagged", p->mixed_tagging);
    tsn_json_bool(json, "digit_names", p->digit_names);
    tsn_json_bool(json, "bfd", p->bfd);
    tsn_json_string(json, "mac_case", p->upper_macs ? "upper" : "lower");
    tsn_json_uint(json, "max_transaction", p->max_txn_ops);
}
