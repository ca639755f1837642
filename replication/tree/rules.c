/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/tree/rules.h"

#include <stdlib.h>
#include <string.h>

#include "tsn/model.h"
#include "util.h"
#include "xmpp/view.h"

/* VXLAN for a cloud that says nothing: it is the only one that switches have.
 * Among those of MPLS it is GRE then, which all nodes take (A.7). */
static const struct {
    enum fwd_encap fwd;
    enum tsn_encap bit;
} encaps[REPL_N_ENCAPS] = {
    { FWD_VXLAN, TSN_ENCAP_VXLAN },
    { FWD_MPLS_GRE, TSN_ENCAP_MPLS_GRE },
    { FWD_MPLS_UDP, TSN_ENCAP_MPLS_UDP },
};

static enum tsn_encap
bit_of(enum fwd_encap encap)
{
    for (int i = 0; i < REPL_N_ENCAPS; i++) {
        if (encaps[i].fwd == encap) {
            return encaps[i].bit;
        }
    }
    OVS_NOT_REACHED();
}

static void
put_encap(struct repl_rules *rules, size_t *n, enum fwd_encap encap)
{
    for (size_t i = 0; i < *n; i++) {
        if (rules->encaps[i] == encap) {
            return;
        }
    }
    rules->encaps[(*n)++] = encap;
}

static void
set_encaps(struct repl_rules *rules, const enum tsn_encap *wanted,
           size_t n_wanted)
{
    size_t n = 0;

    for (size_t i = 0; i < n_wanted; i++) {
        for (int j = 0; j < REPL_N_ENCAPS; j++) {
            if (encaps[j].bit == wanted[i]) {
                put_encap(rules, &n, encaps[j].fwd);
            }
        }
    }
    for (int j = 0; j < REPL_N_ENCAPS; j++) {
        put_encap(rules, &n, encaps[j].fwd);
    }
    rules->mpls = rules->encaps[0] != FWD_VXLAN;
}

void
repl_rules_init(struct repl_rules *rules, bool no_forwarding)
{
    *rules = (struct repl_rules) { .no_forwarding = no_forwarding };
    set_encaps(rules, NULL, 0);
}

void
repl_rules_fini(struct repl_rules *rules)
{
    free(rules->vteps);
}

static int
compare_ips(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct in6_addr));
}

/* Switches of the view are those of physical routers that name us. */
static bool
set_vteps(struct repl_rules *rules, const struct xmpp_view *view)
{
    struct in6_addr *vteps = xmalloc(view->n_switches * sizeof *vteps);
    size_t n = 0;

    for (size_t i = 0; i < view->n_switches; i++) {
        if (tsn_ip_is_set(&view->switches[i]->vtep)) {
            vteps[n++] = view->switches[i]->vtep;
        }
    }
    if (n) {
        qsort(vteps, n, sizeof *vteps, compare_ips);
    }
    bool changed = n != rules->n_vteps
                   || (n && memcmp(vteps, rules->vteps, n * sizeof *vteps));
    free(rules->vteps);
    rules->vteps = vteps;
    rules->n_vteps = n;
    return changed;
}

bool
repl_rules_set_view(struct repl_rules *rules, const struct xmpp_view *view)
{
    enum fwd_encap old[REPL_N_ENCAPS];
    bool changed = false;

    memcpy(old, rules->encaps, sizeof old);
    set_encaps(rules, view->globals.encaps, view->globals.n_encaps);
    changed |= memcmp(old, rules->encaps, sizeof old) != 0;
    if (rules->no_forwarding) {
        changed |= set_vteps(rules, view);
    }
    return changed;
}

bool
repl_rules_choose(const struct repl_rules *rules, uint8_t available,
                  enum fwd_encap *encap)
{
    for (int i = 0; i < REPL_N_ENCAPS; i++) {
        if (available & bit_of(rules->encaps[i])) {
            *encap = rules->encaps[i];
            return true;
        }
    }
    return false;
}

unsigned int
repl_rules_rank(const struct repl_rules *rules, enum fwd_encap encap)
{
    unsigned int i = 0;

    while (i < REPL_N_ENCAPS && rules->encaps[i] != encap) {
        i++;
    }
    return i;
}

bool
repl_rules_serves(const struct repl_rules *rules, const struct in6_addr *ip)
{
    return !rules->no_forwarding
           || (rules->master && rules->n_vteps
               && bsearch(ip, rules->vteps, rules->n_vteps, sizeof *ip,
                          compare_ips));
}
