/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of a replicator, with a speaker that only remembers. */
#ifndef TESTS_REPL_RIG_H
#define TESTS_REPL_RIG_H 1

#include <stdlib.h>

#include "fake_speaker.h"
#include "packets.h"
#include "replication/forwarder/table.h"
#include "replication/tree/networks.h"
#include "util.h"
#include "xmpp/view.h"

struct rig {
    struct xmpp_speaker sp;
    struct repl_networks *rn;
    struct fwd_table *table;    /* The last published. */
    int n_published;
    uint64_t now_ms;
    enum tsn_encap encap;       /* The cloud's priority; 0: none. */
};

static struct rig *the_rig;

static inline void
publish(struct fwd *fwd OVS_UNUSED, struct fwd_table *table)
{
    fwd_table_destroy(the_rig->table);
    the_rig->table = table;
    the_rig->n_published++;
}

static inline int
rig_setup_with(void **state, struct repl_identity self)
{
    const struct eth_addr service = { { { 0, 0, 0x5e, 0, 1, 0 } } };
    struct rig *rig = xzalloc(sizeof *rig);

    self.service_mac = service;
    assert_int_equal(tsn_ip_parse("10.0.0.11", &self.address), 0);
    fake_speaker_init(&rig->sp);
    rig->rn = repl_networks_create(&self, &rig->sp, NULL, publish);
    the_rig = *state = rig;
    return 0;
}

/* Without labels, so without trees. */
static inline int
rig_setup(void **state)
{
    return rig_setup_with(state, (struct repl_identity) { .seed = 1 });
}

static inline int
rig_teardown(void **state)
{
    struct rig *rig = *state;

    repl_networks_destroy(rig->rn);
    fwd_table_destroy(rig->table);
    fake_speaker_fini(&rig->sp);
    free(rig);
    return 0;
}

static inline void
run(struct rig *rig)
{
    /* More than one turn only on a host that is busy. */
    do {
        repl_networks_run(rig->rn, rig->now_ms);
    } while (repl_networks_is_pending(rig->rn));
}

static inline struct xmpp_network
net(const char *instance, uint32_t id, uint32_t vni)
{
    return (struct xmpp_network) {
        .instance = CONST_CAST(char *, instance),
        .name = CONST_CAST(char *, instance), .id = id, .vni = vni,
    };
}

static inline void
set_view(struct rig *rig, struct xmpp_network *networks, size_t n)
{
    const struct xmpp_network **pointers = xcalloc(n, sizeof *pointers);
    struct xmpp_view view = {
        .networks = pointers, .n_networks = n,
        .globals = { .encaps = { rig->encap }, .n_encaps = rig->encap != 0 },
    };

    for (size_t i = 0; i < n; i++) {
        pointers[i] = &networks[i];
    }
    repl_networks_set_view(rig->rn, &view);
    run(rig);
    free(pointers);
}

static inline void
expect(struct rig *rig, const char *log)
{
    assert_string_equal(ds_cstr(&rig->sp.log), log);
    ds_clear(&rig->sp.log);
}

static inline const struct fwd_network *
forwarded(const struct rig *rig, uint32_t vni)
{
    const struct fwd_net *found = fwd_find_net(rig->table, vni);

    return found ? fwd_network_of(found) : NULL;
}

#endif /* tests/unit/repl_rig.h */
