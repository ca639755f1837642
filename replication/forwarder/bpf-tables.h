/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the forwarding tables into the maps: what has changed since the table
 * before, and each network at once.
 *
 * One thread, the one of the loop. */
#ifndef FWD_BPF_TABLES_H
#define FWD_BPF_TABLES_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replication/forwarder/counters.h"
#include "replication/forwarder/forwarder.h"

struct fwd_bpf_endpoints;
struct fwd_bpf_floods;
struct fwd_bpf_grace;
struct fwd_bpf_maps;
struct fwd_bpf_tables;
struct fwd_host;
struct fwd_ip;
struct fwd_table;

/* All of these stay the caller's, and stay. */
struct fwd_bpf_parts {
    const struct fwd_host *host;
    struct fwd_bpf_maps *maps;
    struct fwd_bpf_grace *grace;
    struct fwd_bpf_endpoints *endpoints;
    struct fwd_bpf_floods *floods;
};

struct fwd_bpf_tables *fwd_bpf_tables_create(const struct fwd_bpf_parts *);
void fwd_bpf_tables_destroy(struct fwd_bpf_tables *);   /* NULL is fine. */

/* Has the programs forward by 'table' from now on; references what it keeps
 * of it.  Returns after how many milliseconds to call fwd_bpf_tables_rewrite(),
 * as there was no room for all of it, or 0. */
uint32_t fwd_bpf_tables_publish(struct fwd_bpf_tables *,
                                const struct fwd_table *table);

/* Endpoints have moved: the networks that flood to them are due. */
void fwd_bpf_tables_moved(struct fwd_bpf_tables *);
/* Writes some of the networks anew that are due.  Returns after how many
 * milliseconds to call it again, as there are more or there was no room, or 0.
 * 'budget' is of members; one network is tried at least. */
uint32_t fwd_bpf_tables_rewrite(struct fwd_bpf_tables *, size_t budget);

/* Whether all networks have been written since their endpoints moved, but for
 * those that there is no room for. */
bool fwd_bpf_tables_have_followed(const struct fwd_bpf_tables *);

/* How many networks are due. */
size_t fwd_bpf_tables_n_due(const struct fwd_bpf_tables *);

/* Brings the counters of all networks up to date, and '*totals'. */
void fwd_bpf_tables_count(struct fwd_bpf_tables *,
                          struct fwd_counters *totals);

/* Of networks, as fwd_for_each_problem(). */
void fwd_bpf_tables_for_each_problem(const struct fwd_bpf_tables *,
                                     fwd_problem_fn *fn, void *aux);

#endif /* replication/forwarder/bpf-tables.h */
